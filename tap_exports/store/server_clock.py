"""The store's time."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tap_exports.store.http import http_date

if TYPE_CHECKING:
    from tap_exports.clock import Clock


class ServerClock:
    """The store's time, from the `Date` header of its answers. Windows end by it, not by this machine's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: tuple[datetime, float] | None = None
        self._warned = False

    def update(self, date_header: str | None) -> None:
        """Learn the store's time from an answer's `Date` header, whole seconds in UTC."""
        moment = http_date(date_header)
        if moment is None:
            return
        here = self._clock.now()
        ahead = abs(moment - here)
        # Dates are whole seconds, and a response takes time, so clocks within two seconds agree. Between responses
        # only monotonic time counts, so that a change of this machine's clock does not move a window's end.
        self._known = (moment if ahead > timedelta(seconds=2) else here, self._clock.monotonic())
        if ahead > timedelta(minutes=5) and not self._warned:
            self._warned = True
            logging.getLogger("tap-exports").warning(
                "This machine's clock and the store's differ by %s; the store's is used", ahead
            )

    def now(self) -> datetime:
        """The store's time, in UTC."""
        if self._known is None:
            return self._clock.now()
        moment, at = self._known
        return moment + timedelta(seconds=self._clock.monotonic() - at)
