from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_exports.window import (
    MINUTE,
    OWN_SECOND,
    SECOND,
    Window,
    newest_range,
    refresh_ranges,
    whole_second,
)

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def at(day, hour=0, minute=0, second=0):
    return datetime(2025, 1, day, hour, minute, second, tzinfo=timezone.utc)


def own(day, hour=0):
    return at(day, hour, 0, OWN_SECOND)


instants = st.integers(0, 730 * 86_400_000).map(
    lambda n: datetime(2024, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=n)
)
seconds = instants.map(whole_second)
lengths = st.integers(1, 400 * 86400).map(lambda n: SECOND * n)


@pytest.mark.parametrize(
    ("start", "end", "bookmark", "lookback", "found"),
    [
        (at(1), at(8), None, DAY, Window(at(1), at(8))),
        (at(1), own(11), own(10), 2 * DAY, Window(own(8), own(11))),
        (at(1), own(11), at(10), 2 * DAY, Window(at(7, 23, 59, 37), own(11))),
        *((at(9), at(11), bookmark, 2 * DAY, Window(at(9), at(11))) for bookmark in (at(10), at(9), at(2))),
        *((at(1), own(11), bookmark, 0 * DAY, None) for bookmark in (own(11), at(12), at(31))),
        (at(12), own(11), None, DAY, None),
    ],
)
def test_a_sync_starts_at_the_bookmark_minus_the_look_back_or_at_the_start(start, end, bookmark, lookback, found):
    """A bookmark at the end leaves no range."""
    assert newest_range(start, end, bookmark, lookback) == found


HISTORY = Window(at(1), own(31))
"""Thirty days and 37 seconds."""


@pytest.mark.parametrize(
    ("elapsed", "position", "ranges"),
    [
        (DAY, None, [Window(at(1), own(3))]),
        (3 * DAY, own(10), [Window(own(10), own(16) + MINUTE)]),
        (DAY, own(30), [Window(own(30), own(31)), Window(at(1), own(2))]),
        *((days * DAY, own(10), [Window(own(10), own(31)), Window(at(1), own(10))]) for days in (30, 365)),
        *((days * DAY, None, [HISTORY]) for days in (30, 365)),
        *((DAY, position, [Window(at(1), own(3))]) for position in (own(31), at(1) - 365 * DAY)),
        (0 * DAY, None, []),
        (-DAY, None, []),
    ],
)
def test_a_refresh_of_30_days_covers_its_share_of_the_history_from_its_position_on(elapsed, position, ranges):
    """All of it at most; the position wraps around, and one outside the history is its start."""
    assert refresh_ranges(HISTORY, position=position, elapsed=elapsed, refresh=30 * DAY) == ranges
    assert refresh_ranges(HISTORY, position=position, elapsed=elapsed, refresh=0 * DAY) == []


@given(
    nights=st.lists(st.integers(1, 5 * 24 * 60), min_size=1, max_size=60),
    history=st.integers(60, 2000 * 24 * 60),
    refresh=st.integers(1, 60),
)
def test_every_instant_is_refreshed_within_refresh_days(nights, history, refresh):
    start = datetime(2020, 1, 1, 0, 0, OWN_SECOND, tzinfo=timezone.utc)
    end = start + history * MINUTE
    position, last = start, dict.fromkeys((0, 1, history // 2, history - 2), end)
    for night in nights:
        end += night * MINUTE
        ranges = refresh_ranges(Window(start, end), position=position, elapsed=night * MINUTE, refresh=refresh * DAY)
        for minute in last:
            if any(r.start <= start + minute * MINUTE < r.end for r in ranges):
                last[minute] = end
            assert end - last[minute] <= refresh * DAY + max(nights) * MINUTE
        position = ranges[-1].end


@given(start=seconds, length=lengths, most=lengths)
def test_a_cut_window_is_its_first_part_and_the_rest(start, length, most):
    """No longer than a length, or a minute more; at a boundary of the tap's own, where it is not very short."""
    window = Window(start, start + length)
    first, rest = window.cut(most)
    assert first.start == start
    assert first.length <= most + min(MINUTE, most / 60) + SECOND
    if rest is None:
        assert first == window
        return
    assert (first.end, rest.end) == (rest.start, window.end)
    assert first.end.second == OWN_SECOND or first.length <= 2 * MINUTE


@given(start=seconds, length=lengths, most=st.integers(1, 400).map(lambda n: n * DAY))
def test_a_range_is_cut_into_the_fewest_windows(start, length, most):
    rest, parts = Window(start, start + length), 0
    while rest is not None and parts < 100:
        _, rest = rest.cut(most)
        parts += 1
    assert parts <= max(1, -(-length // most)) or parts == 100
