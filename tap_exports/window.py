"""Windows: the ranges of time that exports are made of. Pure."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from tap_exports.errors import SettingsError, TooManyRows

if TYPE_CHECKING:
    from collections.abc import Iterable

SECOND = timedelta(seconds=1)
MOST_WINDOWS = 100_000


def whole_second(instant: datetime) -> datetime:
    """The whole second in UTC that an aware instant lies in.

    Args:
        instant: An aware time in any zone.

    Returns:
        The time in UTC without fractions of a second.
    """
    return instant.astimezone(timezone.utc).replace(microsecond=0)


def rfc3339(instant: datetime) -> str:
    """An instant as the API and Singer take it: RFC 3339 in UTC, with `Z`.

    Args:
        instant: An aware time in any zone.

    Returns:
        For instance `2025-04-01T12:00:00Z`; microseconds only where there are any.
    """
    return instant.astimezone(timezone.utc).replace(tzinfo=None).isoformat() + "Z"


@dataclass(frozen=True, order=True)
class Window:
    """A range of time: whole seconds in UTC, `start` before `end`.

    One window's `end` is the next one's `start`, because nobody has published whether `date_to` is
    included in an export: an object on the boundary then comes once or twice, but never not at all.
    """

    start: datetime
    end: datetime

    def __str__(self) -> str:
        """As it reads in a log line."""
        return f"{rfc3339(self.start)} to {rfc3339(self.end)}"

    def halve(self) -> tuple[Window, Window]:
        """The two halves, in order.

        Returns:
            Two windows that share their boundary and cover this one.

        Raises:
            TooManyRows: If the window is one second long.
        """
        first, *rest = self.cut(2)
        if not rest:
            raise TooManyRows(
                "a window of one second still holds as many rows as an export can",
                "Raise max_export_rows if the store allows more; otherwise these rows cannot be exported whole.",
            )
        return first, rest[0]

    def cut(self, pieces: int) -> list[Window]:
        """The first of so many equal parts, and all the others as one.

        Args:
            pieces: How many are wanted, one or more; no part is shorter than a second.

        Returns:
            One window or two, which share their boundary then.
        """
        seconds = int((self.end - self.start).total_seconds())
        mark = self.start + SECOND * max(1, seconds // pieces)
        return [self] if mark >= self.end else [Window(self.start, mark), Window(mark, self.end)]


def step_of(days: float) -> timedelta:
    """A number of days as a step between windows: whole seconds, at least one.

    Args:
        days: Days, fractions allowed.

    Returns:
        The step.
    """
    return max(SECOND, SECOND * round(days * 86400))


def plan(  # noqa: PLR0913 - the six things that a plan depends on, each by its name
    *,
    start: datetime,
    end: datetime,
    step: timedelta,
    bookmark: datetime | None = None,
    lookback: timedelta = timedelta(0),
    reusable: Iterable[Window] = (),
    slack: timedelta = timedelta(0),
) -> list[Window]:
    """The windows of one stream's sync, in order and without a gap.

    They go from the bookmark less the look-back (never before `start`) to `end`, in steps of `step`. Where
    an export that an earlier run asked for begins just where a window would, the window becomes that
    export's own; and from the bookmark on, a window ends where such an export begins. So a run that was
    interrupted, and is run again, finds its exports, although its newest window ended at another second,
    the look-back moved the steps, and some of its windows had been halved, the one half asked for and the
    other not yet. Before the bookmark nothing is aimed at: what is asked for again there may have changed.

    Args:
        start: Where a stream without a bookmark starts.
        end: Where to stop.
        step: Length of a window.
        bookmark: The `date_to` up to which the stream is known, if it is.
        lookback: How far before the bookmark to start over.
        reusable: Windows of recent exports of this type.
        slack: How much earlier than `end` the plan may stop, if what it stops with is a reusable window.

    Returns:
        No window at all where there is nothing to do.

    Raises:
        SettingsError: If there would be more than a hundred thousand windows.
    """
    start, end = whole_second(start), whole_second(end)
    at = start
    if bookmark is not None:
        bookmark = whole_second(bookmark)
        at = start if bookmark - start <= lookback else whole_second(bookmark - lookback)
    if (end - at) / step > MOST_WINDOWS:
        raise SettingsError(
            f"window_days makes more than {MOST_WINDOWS:,} windows between {rfc3339(at)} and {rfc3339(end)}",
            "Raise window_days, or start later.",
        )
    # Of two that start together the shorter one is taken: the longer one was halved for a reason.
    known = {w.start: w for w in sorted(reusable, reverse=True) if w.start < w.end <= end}
    aims = sorted(s for s in known if bookmark is None or s >= bookmark)
    windows: list[Window] = []
    while at < end:
        window = known.get(at)
        if window is None:
            stop = at + step if end - at > step else end
            aim = bisect_right(aims, at)
            window = Window(at, min([stop, *aims[aim : aim + 1]]))
        windows.append(window)
        at = window.end
        if window.start in known and end - at <= slack:
            break
    return windows
