"""WindowSize: how long a stream's next window is. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tap_exports.errors import TooManyRows
from tap_exports.window import SECOND

if TYPE_CHECKING:
    from tap_exports.window import Window, WindowLimits

_KEPT = 0.7
"""The weight of earlier windows beside the newest one."""
_DAY = 86_400.0


@dataclass(frozen=True)
class StreamMemory:
    """What a stream's state entry keeps for the next run, beside the bookmark."""

    rows_per_day: float | None = None
    longest_days: float | None = None
    refresh: datetime | None = None
    """Where the last refresh stopped."""
    refresh_start: datetime | None = None
    """The start_date at that time."""
    refreshed_until: datetime | None = None
    """The end of the newest windows of the last run whose refresh is complete."""


class WindowSize:
    """How long a stream's next window is.

    The first window is `window_days` long. After that, a window is as long as half the cap lasts at the rows per
    second of the latest windows, but at most `max_window_days`, and only so much longer than the longest one that
    worked that making it should take no more than half the timeout. A file at the cap halves the window; each further
    one in a row divides it by twice as much as the one before.
    """

    def __init__(self, limits: WindowLimits, memory: StreamMemory, cap: int, timeout_seconds: float) -> None:
        self._most = limits.longest.total_seconds()
        self._cap = cap
        self._half_timeout = timeout_seconds / 2
        self._rows = memory.rows_per_day or 0.0
        self._seconds = 0.0 if memory.rows_per_day is None else _DAY
        longest = limits.first.total_seconds() if memory.longest_days is None else memory.longest_days * _DAY
        self._longest = min(self._most, longest)
        self._growth = 1.0
        self._full = 0
        self._below = math.inf

    @property
    def has_rows(self) -> bool:
        """Whether there is a file, or an earlier run, that the length follows; else it is the first window's."""
        return self._seconds > 0

    @property
    def is_known(self) -> bool:
        """Whether the rows per second are known: no file was at the cap since they were."""
        return self._seconds > 0 and not self._full

    def is_growth(self, length: timedelta) -> bool:
        """Whether windows of a length are much longer than any that worked."""
        return length.total_seconds() > 2 * self._longest

    def length(self) -> timedelta:
        """How long the next window is at most."""
        seconds = min(self._most, self._longest * self._growth, self._below)
        if self._rows:
            seconds = min(seconds, self._cap / 2 * self._seconds / self._rows)
        return max(SECOND, timedelta(seconds=seconds))

    def learn(self, window: Window, rows: int, made_in: float) -> None:
        """Take notice of a file below the cap, and of the seconds in which the store made it."""
        seconds = window.length.total_seconds()
        self._rows = _KEPT * self._rows + rows
        self._seconds = _KEPT * self._seconds + seconds
        self._full, self._below = 0, math.inf
        if 2 * seconds > self._longest:  # as each of equal parts is
            self._longest = max(self._longest, seconds)
            times = self._half_timeout / made_in * seconds / self._longest if made_in > 0 else math.inf
            self._growth = max(1.0, times)

    def shrink(self, window: Window) -> None:
        """Take notice of a file at the cap.

        Raises:
            TooManyRows: If the window is one second long.
        """
        if window.length <= SECOND:
            raise TooManyRows(
                "a window of one second still has as many rows as an export can hold",
                "Raise max_export_rows if the store allows more; otherwise these rows cannot be exported completely.",
            )
        seconds = window.length.total_seconds()
        if self._rows * seconds < self._cap * self._seconds or not self._seconds:  # it is fuller than was known
            self._rows, self._seconds = self._cap, seconds
        self._full += 1
        self._below = seconds / 2**self._full

    def halve(self, window: Window) -> None:
        """Take notice of a window whose export was not ready in time: the next run requests half of it."""
        self._longest, self._growth = window.length.total_seconds() / 2, 1.0

    def state(self) -> dict[str, float]:
        """What the state keeps, by the names of StreamMemory."""
        kept = {"longest_days": round(self._longest / _DAY, 6)}
        if self._seconds:
            kept["rows_per_day"] = round(self._rows / self._seconds * _DAY, 3)
        return kept
