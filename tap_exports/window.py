"""Windows: the ranges of time that exports are made of. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
OWN_SECOND = 37
"""The second of the minute of every boundary that the tap chooses. People choose whole minutes, so an export made in
the dashboard, which may be filtered, is not mistaken for the tap's own: the API has no field that says so."""


def whole_second(instant: datetime) -> datetime:
    """The whole second in UTC that an aware instant lies in."""
    return instant.astimezone(timezone.utc).replace(microsecond=0)


def end_of_second(instant: datetime) -> datetime:
    """The first whole second in UTC that is not before an aware instant."""
    second = whole_second(instant)
    return second if second == instant else second + SECOND


def own_boundary(instant: datetime) -> datetime:
    """The last instant, at or before an aware one, whose second is OWN_SECOND: a boundary that the tap chooses."""
    second = whole_second(instant)
    return second - (second.second - OWN_SECOND) % 60 * SECOND


def rfc3339(instant: datetime) -> str:
    """An aware instant as the API and Singer write it: `2025-04-01T12:00:00Z`, with microseconds if not zero."""
    return instant.astimezone(timezone.utc).replace(tzinfo=None).isoformat() + "Z"


@dataclass(frozen=True)
class WindowLimits:
    """The settings of one stream that are given in days."""

    first: timedelta
    longest: timedelta
    lookback: timedelta
    refresh: timedelta


@dataclass(frozen=True, order=True)
class Window:
    """A range of time: whole seconds in UTC, `start` before `end`.

    One window's `end` is the next one's `start`, because it is not documented whether an export includes
    `date_to`: an object on the boundary arrives once or twice, but is never missing.
    """

    start: datetime
    end: datetime

    def __str__(self) -> str:
        """The text for log lines."""
        return f"{rfc3339(self.start)} to {rfc3339(self.end)}"

    @property
    def length(self) -> timedelta:
        """From start to end."""
        return self.end - self.start

    def is_own(self, given: Collection[datetime]) -> bool:
        """Whether the tap chose at least one boundary, and the other is its own too or one of the given instants."""
        others = [end for end in (self.start, self.end) if end.second != OWN_SECOND]
        return len(others) < 2 and all(end in given for end in others)  # noqa: PLR2004

    def parts(self, length: timedelta) -> int:
        """The number of equal parts of at most a length.

        A part may be a minute longer, at most a sixtieth, because boundaries are moved by up to a minute.
        """
        return max(1, math.ceil((self.length - min(MINUTE, length / 60)) / length))

    def cut(self, length: timedelta, *, equal: bool = True) -> tuple[Window, Window | None]:
        """The first part of at most a length, and the rest, if any; no part is shorter than a second."""
        parts = self.parts(length)
        if parts == 1:
            return self, None
        mark = self.start + max(SECOND, (self.length / parts if equal else length) // SECOND * SECOND)
        if mark - self.start > 2 * MINUTE:
            mark = own_boundary(mark)
        return self.split(mark)

    def split(self, mark: datetime) -> tuple[Window, Window | None]:
        """The parts before and after an instant, which is later than the start; the second may be None."""
        return (self, None) if mark >= self.end else (Window(self.start, mark), Window(mark, self.end))


def newest_range(start: datetime, end: datetime, bookmark: datetime | None, lookback: timedelta) -> Window | None:
    """What a sync exports before any refresh: from the bookmark minus the look-back, or `start`, to `end`."""
    if bookmark is not None and bookmark - start > lookback:
        start = max(start, own_boundary(bookmark - lookback))
    return Window(start, end) if start < end else None


def refresh_ranges(
    history: Window, *, position: datetime | None, elapsed: timedelta, refresh: timedelta
) -> list[Window]:
    """The part of the older history to export again, in order: one range, or two where the position wraps around.

    Its length is elapsed ÷ refresh of the history, plus `elapsed`, by which the history has grown meanwhile.

    Args:
        history: From `start_date` to where the newest windows start.
        position: Where the last refresh stopped.
        elapsed: How much later the newest windows end than at the last refresh.
        refresh: The time in which all of the history is exported again; zero for never.
    """
    if elapsed <= timedelta(0) or not refresh:
        return []
    if position is None or not history.start <= position < history.end:
        position = history.start
    share = elapsed / refresh
    due = history.length if share >= 1 else min(history.length, history.length * share + elapsed)
    rest = due - (history.end - position)
    if rest <= timedelta(0):
        return [Window(position, min(history.end, own_boundary(position + due + 59 * SECOND)))]
    ranges = [Window(position, history.end)]
    mark = min(position, own_boundary(history.start + rest + 59 * SECOND))
    return [*ranges, Window(history.start, mark)] if mark > history.start else ranges
