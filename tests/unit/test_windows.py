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
    own_boundary,
    refresh_ranges,
    rfc3339,
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


# The newest range


def test_a_stream_without_a_bookmark_starts_at_the_start():
    assert newest_range(at(1), at(8), None, DAY) == Window(at(1), at(8))


def test_a_bookmark_minus_the_look_back_is_where_a_sync_starts():
    assert newest_range(at(1), own(11), own(10), 2 * DAY) == Window(own(8), own(11))
    assert newest_range(at(1), own(11), at(10), 2 * DAY) == Window(at(7, 23, 59, 37), own(11))


@pytest.mark.parametrize("bookmark", [at(10), at(9), at(2)])
def test_the_look_back_never_goes_before_the_start(bookmark):
    assert newest_range(at(9), at(11), bookmark, 2 * DAY) == Window(at(9), at(11))


@pytest.mark.parametrize("bookmark", [own(11), at(12), at(31)])
def test_a_bookmark_at_the_end_leaves_no_range(bookmark):
    assert newest_range(at(1), own(11), bookmark, timedelta(0)) is None
    assert newest_range(at(12), own(11), None, DAY) is None


# The refresh

HISTORY = Window(at(1), own(31))
"""Thirty days and 37 seconds."""


def refreshed(elapsed, position=None, refresh=30 * DAY):
    return refresh_ranges(HISTORY, position=position, elapsed=elapsed, refresh=refresh)


def test_a_night_refreshes_its_share_of_the_history():
    (night,) = refreshed(DAY)
    assert (night.start, night.end) == (at(1), own(3))


def test_the_refresh_continues_where_it_stopped():
    (nights,) = refreshed(3 * DAY, own(10))
    assert (nights.start, nights.end) == (own(10), own(16) + MINUTE)


def test_the_position_wraps_around():
    first, second = refreshed(DAY, own(30))
    assert first == Window(own(30), own(31))
    assert (second.start, second.end) == (at(1), own(2))


@pytest.mark.parametrize("elapsed", [30 * DAY, 365 * DAY])
def test_the_refresh_covers_the_history_once_at_most(elapsed):
    first, second = refreshed(elapsed, own(10))
    assert (first, second) == (Window(own(10), own(31)), Window(at(1), own(10)))
    assert refreshed(elapsed) == [HISTORY]


@pytest.mark.parametrize("position", [own(31), datetime(2024, 1, 1, tzinfo=timezone.utc)])
def test_a_refresh_position_outside_the_history_is_its_start(position):
    assert refreshed(DAY, position)[0].start == at(1)


def test_a_refresh_that_is_not_due_is_empty():
    assert refreshed(timedelta(0)) == refreshed(-DAY) == refreshed(DAY, refresh=timedelta(0)) == []


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


# Boundaries


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


@pytest.mark.parametrize(
    ("instant", "boundary"),
    [(own(1), own(1)), (own(1) - SECOND, own(1) - MINUTE), (own(1) + 59 * SECOND, own(1)), (at(1), own(1) - MINUTE)],
)
def test_a_boundary_of_the_taps_own_is_at_its_second(instant, boundary):
    assert own_boundary(instant) == boundary


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (at(1, 12), "2025-01-01T12:00:00Z"),
        (at(1) + timedelta(microseconds=120), "2025-01-01T00:00:00.000120Z"),
        (datetime(2025, 1, 1, 1, tzinfo=timezone(HOUR)), "2025-01-01T00:00:00Z"),
        (datetime(9, 1, 1, tzinfo=timezone.utc), "0009-01-01T00:00:00Z"),
    ],
)
def test_instants_are_written_in_utc_with_a_z(instant, text):
    assert rfc3339(instant) == text
