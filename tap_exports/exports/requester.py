"""Which export of a window: one to take over, or a new one, and never two for one."""

from __future__ import annotations

import logging
import random
import threading
from copy import copy
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tap_exports.errors import StoreRefused, StoreTrouble, TapExportsError
from tap_exports.store.client import AnswerLost, Client
from tap_exports.store.models import Export, ExportStatus

if TYPE_CHECKING:
    from datetime import datetime

    from tap_exports.clock import Clock
    from tap_exports.exports.stream_exports import StreamExports
    from tap_exports.window import Window

_DAY = timedelta(days=1)
_JUST_NOW = timedelta(minutes=2)
"""How much older than a lost create call its export may say that it is."""
_APART = timedelta(seconds=30)
"""How far the store's time by its answers and by its exports may be apart."""
_LOOKS = 6
"""At the list in that time, each after twice the pause before."""
_CALLS = 7
"""How often one export is asked for."""


@dataclass(frozen=True)
class Patience:
    """How long to wait, and for what."""

    poll_seconds: float
    """The longest pause between two looks at one export."""
    timeout_seconds: float
    """How long to wait for one export."""
    reuse: timedelta
    """How recently an export has to have been made to be taken over; zero switches that off."""
    settle: timedelta
    """How far ahead of its making the window of such an export has to end."""
    given: frozenset[datetime] = frozenset()
    """The boundaries that the user has chosen: start_date and end_date."""


class ExportRequester:
    """Creates exports, and finds those to reuse. For several threads.

    Args:
        client: The API.
        clock: To wait with.
        patience: Which exports may be reused.
    """

    def __init__(self, client: Client, clock: Clock, patience: Patience) -> None:
        self._client = client
        self._clock = clock
        self._patience = patience
        self._logger = logging.getLogger("tap-exports")
        self._listing = threading.Lock()
        self._listed: list[Export] | TapExportsError | None = None

    def look_up(self, source: StreamExports) -> None:
        """Find a stream's exports that may be reused. The store's list is read once, for all streams.

        Raises:
            TapExportsError: If it cannot be read.
        """
        now = self._client.time.now()
        with self._listing:
            if self._listed is None:
                # The list filters by day, of a zone that is not documented: one day more is read.
                try:
                    self._listed = list(self._client.exports(None, (now - self._patience.reuse - _DAY).date()))
                except TapExportsError as error:
                    self._listed = error
            if isinstance(self._listed, TapExportsError):
                raise copy(self._listed)
        for export in self._listed:
            if export.type == source.code:
                source.seen.add(export.id)
                if self._usable(export, now):
                    source.recent.append(export)

    def _usable(self, export: Export, now: datetime) -> bool:
        """Whether an export is the tap's own, recent, has all of its window, and is not stuck already."""
        made, window, patience = export.created_at, export.window, self._patience
        if made is None or window is None or not patience.reuse or made < now - patience.reuse:
            return False
        if not window.is_own(patience.given):
            return False
        if made < window.end + max(timedelta(0), patience.settle - _APART):
            return False
        return export.status is ExportStatus.AVAILABLE or (now - made).total_seconds() < patience.timeout_seconds

    def create(self, source: StreamExports, window: Window) -> Export:
        """Ask for an export; where the answer is lost, the list decides before anything is sent again.

        Args:
            source: The stream's exports.
            window: What of.

        Raises:
            StoreTrouble: If no answer arrives, and no export turns up in the list either.
        """
        trouble = ""
        asked_at = self._client.time.now()
        for _ in range(_CALLS):
            try:
                export = self._client.create(source.code, window)
            except AnswerLost as lost:
                trouble, asked = str(lost), lost.retry_after
            else:
                source.seen.add(export.id)
                return self._covering(export, window)
            told = "%s: the answer to a create call was lost (%s); for up to %.0f s the list is asked for its export"
            self._logger.warning(told, source.code, trouble, self._clock.timings.lost_create_seconds)
            for look in range(_LOOKS):
                pause = self._clock.timings.lost_create_seconds / 2 ** (_LOOKS - look) * random.uniform(1.0, 1.2)  # noqa: S311 - spreads looks
                self._clock.sleep(max(pause, asked))
                asked = 0.0
                if found := self._made_since(source, window, asked_at):
                    return found
        raise StoreTrouble(f"no export could be asked for: {trouble}", "Run again: what was made is taken over.")

    def _made_since(self, source: StreamExports, window: Window, asked_at: datetime) -> Export | None:
        """The newest export of a window that may be the answer to a lost create call."""
        day = (asked_at - timedelta(days=1)).date()
        found = [
            export
            for export in self._client.exports(source.code, day)
            if export.type == source.code
            and export.window == window
            and export.id not in source.seen
            and (export.created_at is None or export.created_at >= asked_at - _JUST_NOW)
        ]
        if not found:
            return None
        export = max(found, key=lambda e: e.id)
        source.seen.add(export.id)
        return export

    def _covering(self, export: Export, window: Window) -> Export:
        """Refuse an export that the store has made of less than was asked for."""
        made = export.window
        if made and (made.start > window.start or made.end < window.end):
            raise StoreRefused(
                f"the store made export {export.id} of {made} where {window} was asked for",
                "Tell the maintainers: this store rounds windows.",
            )
        return export
