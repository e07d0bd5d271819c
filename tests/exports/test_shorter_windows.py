"""A file at the store's cap is never used: its window is made smaller, and its neighbours learn from it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from tap_exports.errors import TooManyRows
from tap_exports.exports.stream_exports import StreamExports
from tap_exports.exports.stream_queue import StreamQueue, WindowTask
from tap_exports.schema.layout import Knowledge
from tap_exports.schema.stream_layout import StreamLayout
from tap_exports.store.models import Export, ExportStatus
from tap_exports.window import Window

from .conftest import in_time, peak_pending

START = datetime(2025, 1, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def hours(first, last):
    return Window(START + first * HOUR, START + last * HOUR)


def queue(*windows, rows=0.0, seconds=0.0):
    """A stream whose columns are known, with windows to come."""
    made = StreamQueue(
        StreamExports("order_list", StreamLayout("order_list", Knowledge())), bookmark=None, rows=rows, seconds=seconds
    )
    made.todo.extend(windows)
    return made


def claimed(some, cap):
    task = some.next_task(cap)
    task.claimed = True
    return task


def test_everything_arrives_although_the_store_cuts(live):
    """With a cap of a tenth of a window's rows all rows arrive, in order, from files below the cap."""
    bench = live(orders_per_day=4, row_cap=16, max_rows=16)
    scheduler = bench.scheduler("order_list", days=60, step=30, max_pending=2)
    arrived, errors = in_time(lambda: bench.read(scheduler, "order_list"))
    assert not errors
    bench.assert_whole(arrived, "order_list", days=60)
    assert all(len(rows) < 16 for _, _, rows in arrived["order_list"])


def test_the_number_of_exports_is_close_to_the_fewest_possible(live):
    """Splitting and guessing cost less than as many exports again as the rows need."""
    bench = live(orders_per_day=8, row_cap=30, max_rows=30)
    scheduler = bench.scheduler("order_list", days=60, step=30, max_pending=2)
    arrived, errors = in_time(lambda: bench.read(scheduler, "order_list"))
    assert not errors
    bench.assert_whole(arrived, "order_list", days=60)
    fewest = sum(len(rows) for _, _, rows in arrived["order_list"]) / 29
    assert len(arrived["order_list"]) < fewest * 1.5
    assert len(bench.made()) < fewest * 2  # those at the cap are the price of not knowing


def test_no_more_are_pending_while_windows_are_halved(live):
    """Halves wait for their turn like all others."""
    bench = live(ready_seconds=0.03, parallel_exports=9, orders_per_day=4, row_cap=20, max_rows=20)
    scheduler = bench.scheduler("order_list", "customer_list", days=40, step=20, max_pending=2)
    in_time(lambda: bench.read(scheduler, "order_list", "customer_list"))
    assert len(bench.made()) > 8
    assert peak_pending(bench.made()) <= 2


def test_one_second_at_the_cap_is_an_error_that_says_so(live):
    """What cannot be halved any more cannot be had whole; what came before it was delivered."""
    bench = live(row_cap=3, max_rows=1)
    scheduler = bench.scheduler("order_list", days=1, step=1, max_pending=1)
    arrived, errors = in_time(lambda: bench.read(scheduler, "order_list"))
    assert isinstance(errors["order_list"], TooManyRows)
    assert "a window of one second still holds as many rows as an export can" in str(errors["order_list"])
    assert "max_export_rows" in str(errors["order_list"])
    assert all(not rows for _, _, rows in arrived["order_list"])


def test_halves_of_an_earlier_run_are_taken_over(live):
    """A run that was interrupted in the midst of halving, and is run again, makes none of its exports twice."""
    options = {"orders_per_day": 4, "row_cap": 16, "max_rows": 16}
    first = live(**options)
    scheduler = first.scheduler("order_list", days=30, step=30, max_pending=1)
    in_time(lambda: first.read(scheduler, "order_list"))
    scheduler.close()
    made = len(first.made())
    second = live(store=first.store, max_rows=16)
    scheduler = second.scheduler("order_list", days=30, step=30, max_pending=1)
    arrived, errors = in_time(lambda: second.read(scheduler, "order_list"))
    assert not errors
    second.assert_whole(arrived, "order_list", days=30)
    assert len(second.made()) == made


# The queue alone


def exports_for(bursts, *, cap, days):
    """How many exports a lone worker asks for; each burst is its first second, its last, and rows a second."""
    some = queue(Window(START, START + timedelta(days=days)))
    exports = 0
    while some.tasks or some.todo:
        task = claimed(some, cap)
        while True:
            exports += 1
            first, last = ((edge - START).total_seconds() for edge in (task.window.start, task.window.end))
            rows = int(sum(max(0, min(last, b) - max(first, a)) * density for a, b, density in bursts))
            if rows < cap:
                break
            some.shrink(task, cap)
        assert len(some.tasks) < 40  # what halving has left until the next one is wanted
        task.done = True
        some.learn(task.window, rows)
        some.tasks.remove(task)
        some.read += 1
    return exports


@pytest.mark.parametrize("days", [1, 30, 365])
@pytest.mark.parametrize("at", [10, 50_000])
def test_a_burst_within_seconds_does_not_cut_all_that_follows(days, at):
    """After a bulk import of three seconds, windows grow back within a few; none is kept in memory before its turn."""
    quiet = (0, days * 86400, 0.001)
    assert exports_for([quiet, (at, at + 3, 80_000)], cap=100_000, days=days) < 60


def test_rows_that_come_by_day_alone_cost_three_times_the_fewest_exports_at_most():
    """At dawn windows are too long each day, and have to be made smaller again."""
    days = [(n * 86400 + 28_800, n * 86400 + 72_000, 1.0) for n in range(30)]
    rows, cap = 30 * 43_200, 10_000
    assert exports_for(days, cap=cap, days=30) < 3 * rows / cap


def test_a_window_at_the_cap_becomes_its_halves_in_order():
    """The first half stays with whoever works at it, the second is next."""
    some = queue(hours(0, 8), hours(8, 16))
    task = claimed(some, 100)
    some.shrink(task, 100)
    assert [s.window for s in some.tasks] == [hours(0, 4), hours(4, 8)]
    assert task is some.tasks[0]
    assert some.windows == 3
    assert some.next_task(100) is None  # until it is known how small windows have to be
    task.done = True
    some.learn(task.window, 70)
    assert claimed(some, 100).window == hours(4, 8)


def test_halving_goes_on_down_to_a_second():
    """And ends there with an error."""
    some = queue(Window(START, START + timedelta(seconds=5)))
    task = claimed(some, 100)
    for _ in range(10):
        if task.window.end - task.window.start == timedelta(seconds=1):
            break
        some.shrink(task, 100)
    with pytest.raises(TooManyRows):
        some.shrink(task, 100)
    assert task.window.end - task.window.start == timedelta(seconds=1)


def test_neighbours_start_smaller_and_grow_back():
    """Windows to come are cut to what fits below the cap, and no more once files stay far below it."""
    some = queue(hours(0, 8), hours(8, 16), hours(16, 24), hours(24, 32))
    task = claimed(some, 100)
    some.shrink(task, 100)  # at least 100 rows in 8 hours
    task.done = True
    some.learn(hours(0, 4), 90)  # and 90 in 4
    claimed(some, 100)
    third = claimed(some, 100)
    assert third.window.start == START + 8 * HOUR
    assert third.window.end - third.window.start < 8 * HOUR
    for _ in range(8):
        some.learn(hours(0, 4), 5)
    while (following := claimed(some, 100)).window.start < START + 24 * HOUR:
        pass
    assert following.window == hours(24, 32)


def test_a_half_that_is_sure_to_be_too_full_is_not_asked_for():
    """What was learned from its sister is used before the second half is claimed."""
    some = queue(hours(0, 8))
    task = claimed(some, 100)
    for _ in range(3):
        some.shrink(task, 100)
    assert task.window == hours(0, 1)
    task.done = True
    some.learn(task.window, 90)
    seen = []
    while (following := some.next_task(100)) is not None:
        following.claimed = True
        seen.append(following.window)
    assert seen[0].start == START + HOUR
    assert seen[-1].end == START + 8 * HOUR
    assert max(w.end - w.start for w in seen) < 2 * HOUR  # two hours held at least 100 rows


def test_a_window_that_can_be_taken_over_is_left_as_it_is():
    """Its file is there already, so nothing is saved by requester for less."""
    some = queue(hours(0, 8), rows=1000.0, seconds=1000.0)
    some.source.recent.append(Export(7, "order_list", ExportStatus.AVAILABLE, START, hours(0, 8)))
    assert some.next_task(100).window == hours(0, 8)


def test_what_a_failed_stream_gives_up():
    """All that is behind the failure, also what was begun: what stands before it is still wanted."""
    some = queue(*(hours(n, n + 1) for n in range(6)))
    first, second, third = (claimed(some, 100) for _ in range(3))
    some.tasks.insert(2, WindowTask(hours(1, 2)))
    assert third in some.give_up(second)
    assert list(some.tasks) == [first, second]
    assert some.next_task(100) is None
