"""Which export of a window: one to take over, or a new one, and never two for one."""

from __future__ import annotations

import logging
import random
from datetime import timedelta
from typing import TYPE_CHECKING

from tap_exports.errors import StoreRefused, StoreTrouble
from tap_exports.store.client import AnswerLost, Client
from tap_exports.store.models import Export, ExportStatus

if TYPE_CHECKING:
    from datetime import datetime

    from tap_exports.clock import Clock
    from tap_exports.exports.stream_exports import StreamExports
    from tap_exports.window import Window

_JUST_NOW = timedelta(minutes=2)
"""How much older than a lost create call its export may say that it is."""
_APART = timedelta(seconds=30)
"""How far the store's time by its answers and by its exports may be apart."""
_LOOKS = 6
"""At the list in that time, each after twice the pause before."""
_CALLS = 7
"""How often one export is asked for."""


class ExportRequester:
    """Asks the store for exports, and for its list of those that are there. For several threads.

    Args:
        client: The API.
        clock: To wait with.
        reuse: How recently an export has to have been made to be taken over; zero switches that off.
        settle: How long objects may take to be in exports: of one that was made sooner after its window, some may lack.
        timeout_seconds: How long an export is waited for: one that is pending for longer is not taken over.
    """

    def __init__(
        self, client: Client, clock: Clock, reuse: timedelta, settle: timedelta, timeout_seconds: float
    ) -> None:
        self._client = client
        self._clock = clock
        self._reuse = reuse
        self._settle = settle
        self._timeout_seconds = timeout_seconds
        self._logger = logging.getLogger("tap-exports")

    def look_up(self, source: StreamExports) -> list[Window]:
        """Ask the store's list, once for a stream, for exports that may be taken over.

        Args:
            source: The stream's exports.

        Returns:
            Their windows.
        """
        if not self._reuse:
            return []
        now = self._client.time.now()
        oldest = now - self._reuse
        # The list filters by day, of a zone that nobody has published: one more is asked for.
        for export in self._client.exports(source.code, (oldest - timedelta(days=1)).date()):
            source.seen.add(export.id)
            if export.type == source.code and self._usable(export, now, oldest):
                source.recent.append(export)
        return [e.window for e in source.recent if e.window]

    def _usable(self, export: Export, now: datetime, oldest: datetime) -> bool:
        """Whether an export is recent, has all of its window, and is not stuck already."""
        made, window = export.created_at, export.window
        if made is None or window is None or made < oldest:
            return False
        if made < window.end + max(timedelta(0), self._settle - _APART):
            return False
        return export.status is ExportStatus.AVAILABLE or (now - made).total_seconds() < self._timeout_seconds

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
