"""The export for a window: one to reuse, or a new one, and never two."""

from __future__ import annotations

import logging
import random
import threading
from copy import copy
from dataclasses import dataclass, field
from datetime import timedelta, timezone
from typing import TYPE_CHECKING

from tap_exports.errors import StoreRefused, StoreTrouble, TapExportsError
from tap_exports.store.session import AnswerLost

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from tap_exports.schema.stream_layout import StreamLayout
    from tap_exports.store.client import Client
    from tap_exports.store.models import Export
    from tap_exports.window import Window

_DAY = timedelta(days=1)
"""How much earlier a list begins, because it filters by day, in a zone that is not documented."""
_JUST_NOW = timedelta(minutes=2)
"""How much earlier than a lost create call its export's `created_at` may be."""
_APART = timedelta(seconds=30)
"""How much the `Date` header and `created_at` may differ."""
_SEARCHES = 6
"""How often the list is searched after a lost create call; each pause is twice the one before."""
_CALLS = 7
"""How often an export is requested if each create call is lost."""


@dataclass(frozen=True)
class ExportOptions:
    """The settings that all exports share."""

    poll_seconds: float
    """The longest pause between two polls of one export."""
    timeout_seconds: float
    """How long to wait for one export."""
    reuse: timedelta
    """The maximum age of an export to reuse; zero turns reuse off."""
    settle: timedelta
    """How long before its creation the window of an export to reuse must end."""
    given: frozenset[datetime] = frozenset()
    """The boundaries from the settings: start_date and end_date."""
    cap: int = 100_000
    """A file with so many rows is treated as truncated."""
    encoding: str = "utf-8"
    zone: tzinfo = timezone.utc


@dataclass
class StreamExports:
    """A stream's layout, and its exports that this run knows. It may be used from several threads."""

    code: str
    layout: StreamLayout
    reusable: list[Export] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    """Ids that cannot be the result of a lost create call."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def windows(self) -> list[Window]:
        """The windows of the exports that may be reused."""
        with self.lock:
            return [export.window for export in self.reusable if export.window]

    def spans(self, window: Window) -> bool:
        """Whether an export to reuse begins before a window and ends after its start, and none begins at its start."""
        return any(w.start < window.start < w.end for w in self.windows()) and self.longest(window) is None

    def longest(self, within: Window) -> Window | None:
        """The longest window of an export to reuse that begins at a range's start and ends within it."""
        return max((w for w in self.windows() if w.start == within.start and w.end <= within.end), default=None)

    def take(self, window: Window) -> Export | None:
        """Remove and return an export to reuse of exactly this window; None if there is no such export."""
        with self.lock:
            found = [export for export in self.reusable if export.window == window]
            best = max(found, key=lambda export: (export.available, export.id), default=None)
            if best is not None:
                self.reusable.remove(best)
            return best


class ExportRequester:
    """Creates exports, and finds those to reuse. It may be used from several threads."""

    def __init__(self, client: Client, options: ExportOptions) -> None:
        self._client = client
        self._clock = client.clock
        self._options = options
        self._logger = logging.getLogger("tap-exports")
        self._listing = threading.Lock()
        self._listed: list[Export] | TapExportsError | None = None

    def read_list(self) -> list[Export] | TapExportsError:
        """The store's list of recent exports, or the error of reading it; it is read once for all streams."""
        with self._listing:
            if self._listed is None:
                since = self._client.time.now() - self._options.reuse - _DAY
                try:
                    self._listed = list(self._client.exports(None, since.date()))
                except TapExportsError as error:
                    self._listed = error
            return self._listed

    def look_up(self, source: StreamExports) -> None:
        """Find a stream's exports that may be reused."""
        listed, now = self.read_list(), self._client.time.now()
        if isinstance(listed, TapExportsError):
            raise copy(listed)
        own = [export for export in listed if export.type == source.code]
        source.seen.update(export.id for export in own)
        source.reusable += [export for export in own if self._usable(export, now)]

    def _usable(self, export: Export, now: datetime) -> bool:
        """Whether an export is the tap's own, recent, complete for its window, and not stuck."""
        made, window, options = export.created_at, export.window, self._options
        if made is None or window is None or not options.reuse or made < now - options.reuse:
            return False
        if not window.is_own(options.given) or made < window.end + max(timedelta(0), options.settle - _APART):
            return False
        return export.available or (now - made).total_seconds() < options.timeout_seconds

    def create(self, source: StreamExports, window: Window) -> Export:
        """Create an export. If the response is lost, the list is searched for it before another call."""
        requested_at = self._client.time.now()
        longest = self._clock.timings.lost_create_seconds
        for _ in range(_CALLS):
            try:
                export = self._client.create(source.code, window)
            except AnswerLost as lost:
                reason, retry_after = str(lost), lost.retry_after
            else:
                source.seen.add(export.id)
                made = export.window
                if made and (made.start > window.start or made.end < window.end):
                    raise StoreRefused(
                        f"export {export.id} covers {made}, but {window} was requested",
                        "Report it to the maintainers: this store rounds windows.",
                    )
                return export
            self._logger.warning(
                "%s: the response to a create call was lost (%s); searching the list for its export for up to %.0f s",
                source.code, reason, longest,
            )  # fmt: skip
            for search in range(_SEARCHES):
                pause = longest / 2 ** (_SEARCHES - search) * random.uniform(1.0, 1.2)  # noqa: S311 - spreads requests
                self._clock.sleep(max(pause, retry_after))
                retry_after = 0.0
                if found := self._created_since(source, window, requested_at):
                    return found
        raise StoreTrouble(f"no export could be created: {reason}", "Run again: exports that were created are reused.")

    def _created_since(self, source: StreamExports, window: Window, requested_at: datetime) -> Export | None:
        """The newest export of a window that may be the result of a lost create call."""
        found = [
            export
            for export in self._client.exports(source.code, (requested_at - _DAY).date())
            if (export.type, export.window) == (source.code, window)
            and export.id not in source.seen
            and (export.created_at is None or export.created_at >= requested_at - _JUST_NOW)
        ]
        newest = max(found, key=lambda export: export.id, default=None)
        if newest is not None:
            source.seen.add(newest.id)
        return newest
