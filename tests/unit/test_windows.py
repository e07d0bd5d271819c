from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_exports.errors import SettingsError, TooManyRows
from tap_exports.window import SECOND, Window, plan, rfc3339, step_of, whole_second

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def at(day, hour=0, minute=0, second=0):
    return datetime(2025, 1, day, hour, minute, second, tzinfo=timezone.utc)


def window(start, end):
    return Window(at(start), at(end))


instants = st.integers(0, 730 * 86_400_000).map(
    lambda n: datetime(2024, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=n)
)
seconds = instants.map(whole_second)
steps = st.integers(3600, 90 * 86400).map(lambda n: SECOND * n)
lookbacks = st.integers(0, 90 * 86400).map(lambda n: SECOND * n)


def test_steps_go_from_the_start_to_the_end():
    """A stream without a bookmark is asked for in whole steps, and what is left over."""
    assert plan(start=at(1), end=at(8), step=3 * DAY) == [window(1, 4), window(4, 7), window(7, 8)]


def test_a_bookmark_less_the_look_back_is_where_a_sync_starts():
    """Two days before the bookmark, because old objects change."""
    assert plan(start=at(1), end=at(11), step=30 * DAY, bookmark=at(10), lookback=2 * DAY) == [window(8, 11)]


def test_the_look_back_never_goes_before_the_start():
    """The start date is a promise, too."""
    assert plan(start=at(9), end=at(11), step=30 * DAY, bookmark=at(10), lookback=2 * DAY) == [window(9, 11)]


def test_a_bookmark_before_the_start_counts_for_nothing():
    """Who moves the start date on does not want what is older."""
    assert plan(start=at(9), end=at(11), step=30 * DAY, bookmark=at(2)) == [window(9, 11)]


@pytest.mark.parametrize("bookmark", [at(11), at(12), at(31)])
def test_nothing_to_do_is_no_window(bookmark):
    """A bookmark at the end or past it is a normal end."""
    assert plan(start=at(1), end=at(11), step=DAY, bookmark=bookmark) == []


def test_a_start_at_the_end_is_no_window():
    """There is no window of no length."""
    assert plan(start=at(3), end=at(3), step=DAY) == []
    assert plan(start=at(4), end=at(3), step=DAY) == []


def test_windows_are_in_utc_and_whole_seconds():
    """Whatever zone and fractions the settings have."""
    east = timezone(timedelta(hours=2))
    start = datetime(2025, 1, 1, 2, 0, 0, 900_000, tzinfo=east)
    end = datetime(2025, 1, 1, 5, 0, 0, 100_000, tzinfo=east)
    (only,) = plan(start=start, end=end, step=DAY)
    assert str(only) == "2025-01-01T00:00:00Z to 2025-01-01T03:00:00Z"


def test_a_look_back_of_a_fraction_of_a_second_leaves_whole_seconds():
    """`lookback_days` may be any fraction; a window's borders may not."""
    (only,) = plan(start=at(1), end=at(11), step=30 * DAY, bookmark=at(10), lookback=timedelta(microseconds=5))
    assert only.start == at(9, 23, 59, 59)


def test_the_ends_of_the_calendar_are_no_reason_to_fail():
    """Neither a broken bookmark of year 2 nor an end in year 9999 overflows."""
    early, late = datetime(1, 1, 1, tzinfo=timezone.utc), datetime(9999, 12, 31, tzinfo=timezone.utc)
    century = timedelta(days=36_525)
    assert plan(start=early, end=late, step=century, bookmark=early + DAY, lookback=century)[0].start == early
    assert plan(start=early, end=late, step=century)[-1].end == late


def test_an_export_that_begins_where_a_window_would_is_taken_with_its_own_end():
    """The newest window of an interrupted run ended at another second."""
    known = [Window(at(4), at(6, 12))]
    windows = plan(start=at(1), end=at(8), step=3 * DAY, reusable=known)
    assert windows == [window(1, 4), Window(at(4), at(6, 12)), Window(at(6, 12), at(8))]


def test_of_two_exports_that_begin_together_the_shorter_one_is_taken():
    """The longer one was made smaller for a reason."""
    known = [window(1, 4), window(1, 2), window(2, 4)]
    assert plan(start=at(1), end=at(4), step=3 * DAY, reusable=known) == [window(1, 2), window(2, 4)]


def test_an_export_that_goes_past_the_end_is_not_taken():
    """A bounded backfill stays bounded."""
    assert plan(start=at(1), end=at(3), step=DAY, reusable=[window(1, 5)]) == [window(1, 2), window(2, 3)]


def test_a_window_ends_where_an_export_that_was_asked_for_begins():
    """The second half of a window was never asked for, what comes after it was: that is found all the same."""
    known = [window(1, 3), window(5, 9), window(9, 13)]
    windows = plan(start=at(1), end=at(15), step=4 * DAY, reusable=known)
    assert windows == [window(1, 3), window(3, 5), window(5, 9), window(9, 13), window(13, 15)]


def test_the_look_back_is_asked_for_anew():
    """An export of what lies before the bookmark is not aimed at: what changed since then would be missing."""
    known = [window(5, 10), window(10, 11)]
    windows = plan(start=at(1), end=at(12), step=30 * DAY, bookmark=at(10), lookback=7 * DAY, reusable=known)
    assert windows == [window(3, 10), window(10, 11), window(11, 12)]


def test_a_plan_may_stop_early_with_an_export_that_is_there():
    """A run that is started again at once makes no export of the minutes between."""
    known, end = [window(4, 6)], at(6, 0, 50)
    assert plan(start=at(4), end=end, step=3 * DAY, reusable=known, slack=HOUR) == known
    assert plan(start=at(4), end=end, step=3 * DAY, reusable=known) == [*known, Window(at(6), end)]
    assert plan(start=at(4), end=end, step=3 * DAY, slack=HOUR) == [Window(at(4), end)]


def test_a_plan_never_stops_early_with_an_export_that_is_still_to_be_made():
    """However little is left: nothing but that export would reach the end."""
    end = at(7, 0, 50)
    assert plan(start=at(1), end=end, step=3 * DAY, slack=HOUR) == [window(1, 4), window(4, 7), Window(at(7), end)]


def test_a_bounded_backfill_that_is_run_again_finds_its_last_export_too():
    """It ends where the first run did, to the second."""
    known = [window(1, 4), window(4, 6)]
    assert plan(start=at(1), end=at(6), step=4 * DAY, reusable=known) == known


def test_an_empty_window_at_the_store_does_not_hold_the_plan_up():
    """An export from an instant to the same instant moves nothing on."""
    assert plan(start=at(1), end=at(2), step=DAY, reusable=[window(1, 1)]) == [window(1, 2)]


def test_more_than_a_hundred_thousand_windows_is_a_mistake():
    """It names the setting."""
    with pytest.raises(SettingsError, match="window_days makes more than 100,000 windows"):
        plan(start=at(1), end=at(3), step=SECOND)


@given(start=instants, end=instants, step=steps, bookmark=st.none() | instants, lookback=lookbacks, slack=lookbacks)
def test_a_plan_covers_its_span_once(start, end, step, bookmark, lookback, slack):  # noqa: PLR0913, PLR0917
    """No gap, no overlap, shared boundaries, no window longer than a step, nothing before the start."""
    windows = plan(start=start, end=end, step=step, bookmark=bookmark, lookback=lookback, slack=slack)
    begin = whole_second(start)
    if bookmark is not None:
        begin = max(begin, whole_second(bookmark) - lookback)
    if begin >= whole_second(end):
        assert windows == []
        return
    assert (windows[0].start, windows[-1].end) == (begin, whole_second(end))
    assert all(a.end == b.start for a, b in pairwise(windows))
    assert all(SECOND <= w.end - w.start <= step for w in windows)
    assert all(w.end - w.start == step for w in windows[:-1])


@given(start=seconds, end=seconds, step=steps, lengths=st.lists(st.tuples(seconds, steps), max_size=8), data=st.data())
def test_a_plan_with_any_exports_at_the_store_still_covers_its_span(start, end, step, lengths, data):
    """Whatever is in the store's list, no instant falls between two windows."""
    known = [Window(begin, begin + length) for begin, length in lengths]
    bookmark = data.draw(st.none() | seconds)
    windows = plan(start=start, end=end, step=step, bookmark=bookmark, lookback=DAY, reusable=known)
    assert all(a.end == b.start for a, b in pairwise(windows))
    assert all(w in known or w.end - w.start <= step for w in windows)
    if windows:
        assert windows[0].start >= start
        assert windows[-1].end == end


@given(
    start=seconds,
    windows=st.integers(1, 8),
    step=steps,
    rest=st.integers(1, 3599),
    later=st.just(0) | st.integers(0, 10 * 86400),
    lookback=lookbacks,
    data=st.data(),
)
def test_a_second_run_finds_the_exports_of_one_that_was_interrupted(  # noqa: PLR0913, PLR0917
    start, windows, step, rest, later, lookback, data
):
    """From any of its bookmarks, with any look-back, although windows were made smaller and not all were asked for."""
    end = start + step * windows + SECOND * rest
    first = []
    for one in plan(start=start, end=end, step=step):
        first += data.draw(st.sampled_from([[one], one.cut(2), one.cut(3)]))
    asked_for = [one for one in first if data.draw(st.booleans())]
    bookmark = data.draw(st.sampled_from([None, *(one.end for one in first)]))
    second = plan(
        start=start, end=end + SECOND * later, step=step, bookmark=bookmark, lookback=lookback, reusable=asked_for
    )
    assert {one for one in asked_for if bookmark is None or one.start >= bookmark} <= set(second)


def test_a_half_shares_its_boundary_with_the_other():
    """An odd second goes to the second half."""
    whole = Window(at(1), at(1, 0, 0, 5))
    assert whole.halve() == (Window(at(1), at(1, 0, 0, 2)), Window(at(1, 0, 0, 2), at(1, 0, 0, 5)))


@given(start=seconds, length=st.integers(2, 10**8))
def test_halving_again_and_again_ends_at_one_second(start, length):
    """Both halves cover the whole, and the way down to a second is as long as the logarithm says."""
    one, halvings = Window(start, start + SECOND * length), 0
    while one.end - one.start > SECOND:
        first, second = one.halve()
        assert (first.start, first.end, second.end) == (one.start, second.start, one.end)
        one, halvings = first, halvings + 1
    assert halvings <= length.bit_length()


def test_a_window_of_a_second_cannot_be_halved():
    """The error says what it means and names the setting."""
    with pytest.raises(TooManyRows, match=r"one second still holds as many rows as an export can.*max_export_rows"):
        Window(at(1), at(1, 0, 0, 1)).halve()


@given(start=seconds, length=st.integers(1, 10**7), pieces=st.integers(1, 200))
def test_a_cut_window_is_its_first_part_and_the_rest(start, length, pieces):
    """As long as one of so many equal parts, to a second, but no shorter than a second."""
    window = Window(start, start + SECOND * length)
    first, *rest = window.cut(pieces)
    assert (first.end - first.start) // SECOND == max(1, length // pieces)
    assert first.start == start
    assert rest == ([Window(first.end, window.end)] if pieces > 1 and length > 1 else [])


@pytest.mark.parametrize(
    ("days", "step"),
    [(30, 30 * DAY), (0.5, 12 * HOUR), (1 / 86400, SECOND), (1e-9, SECOND), (1.000001, DAY)],
)
def test_a_step_is_whole_seconds(days, step):
    """At least one."""
    assert step_of(days) == step


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
    """As the API and Singer take them."""
    assert rfc3339(instant) == text
