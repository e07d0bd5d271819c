"""The length of a stream's next window. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tap_exports.errors import TooManyRows
from tap_exports.window import SECOND

if TYPE_CHECKING:
    from tap_exports.window import WindowLimits

_KEPT = 0.7
"""The weight of earlier windows beside the newest one."""
_DAY = 86_400.0
_MOST_KEPT = 2
"""How many times longer than any earlier window a run's first window may be."""


@dataclass(frozen=True)
class StreamMemory:
    """What a stream's state entry keeps for the next run, beside the bookmark."""

    rows_per_day: float | None = None
    longest_days: float | None = None
    """The longest window that worked."""
    growth: float | None = None
    """How many times longer than that the next window may be."""
    refresh: datetime | None = None
    """Where the last refresh stopped."""
    refresh_start: datetime | None = None
    """The start_date at that time."""
    refreshed_until: datetime | None = None
    """The end of the newest windows of the last run that completed its refresh."""


class WindowSize:
    """The length of a stream's next window.

    The first window is `window_days` long. After that, a window is expected to have half the cap's rows, at the rows
    per second of the latest windows. It is at most `max_window_days` long, and grows only so far that the store is
    expected to make its export within half the timeout. A file at the cap halves the window; if the next file is also
    at the cap, its window is divided by four, then by eight.
    """

    def __init__(self, limits: WindowLimits, memory: StreamMemory, cap: int, timeout_seconds: float) -> None:
        self._most = limits.longest.total_seconds()
        self._cap = cap
        self._half_timeout = timeout_seconds / 2
        self._rows = memory.rows_per_day or 0.0
        self._seconds = 0.0 if memory.rows_per_day is None else _DAY
        longest = limits.first.total_seconds() if memory.longest_days is None else memory.longest_days * _DAY
        self._longest = min(self._most, longest)
        self._growth = memory.growth or 1.0
        self._capped_in_a_row = 0
        self._upper_limit = math.inf

    @property
    def is_known(self) -> bool:
        """Whether rows per second were measured, in this run or an earlier one, and no file was at the cap since."""
        return self._seconds > 0 and not self._capped_in_a_row

    def is_growth(self, length: timedelta) -> bool:
        """Whether a length is much longer than that of any window that worked."""
        return length.total_seconds() > 2 * self._longest

    def length(self) -> timedelta:
        """The longest that the next window may be."""
        seconds = min(self._most, self._longest * self._growth, self._upper_limit)
        if self._rows:
            seconds = min(seconds, self._cap / 2 * self._seconds / self._rows)
        return max(SECOND, timedelta(seconds=seconds))

    def learn(self, length: timedelta, rows: int, made_in: float | None) -> None:
        """Record a window whose file was below the cap, and the seconds in which the store made it, if known."""
        seconds = length.total_seconds()
        self._rows = _KEPT * self._rows + rows
        self._seconds = _KEPT * self._seconds + seconds
        self._capped_in_a_row, self._upper_limit = 0, math.inf
        if 2 * seconds > self._longest:  # not a short rest
            self._longest = max(self._longest, seconds)
            if made_in is not None:
                times = self._half_timeout / made_in * seconds / self._longest if made_in > 0 else math.inf
                self._growth = max(1.0, times)

    def shrink(self, length: timedelta) -> None:
        """Record a window whose file was at the cap; one of a second is TooManyRows."""
        if length <= SECOND:
            raise TooManyRows(
                "a window of one second still has as many rows as an export can hold",
                "Raise max_export_rows if the store allows more; otherwise these rows cannot be exported completely.",
            )
        seconds = length.total_seconds()
        if self._rows * seconds < self._cap * self._seconds or not self._seconds:  # more rows per second than known
            self._rows, self._seconds = self._cap, seconds
        self._capped_in_a_row += 1
        self._upper_limit = seconds / 2**self._capped_in_a_row

    def reduce_after_timeout(self, length: timedelta) -> None:
        """Record a window whose export was not ready in time; the next run requests half of it."""
        self._longest, self._growth = length.total_seconds() / 2, 1.0

    def state(self) -> dict[str, float]:
        """The values for the state, by the names of StreamMemory."""
        kept = {"longest_days": round(self._longest / _DAY, 6), "growth": math.floor(min(_MOST_KEPT, self._growth))}
        if self._seconds:
            kept["rows_per_day"] = round(self._rows / self._seconds * _DAY, 3)
        return kept
