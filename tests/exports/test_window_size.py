"""The length of windows: a file at the cap is never used, and the row count decides the length of the next window."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest

from tap_exports.exports.requester import StreamExports
from tap_exports.exports.stream_queue import StreamQueue, SyncRange
from tap_exports.exports.window_size import StreamMemory
from tap_exports.schema.layout import Knowledge, standard_layout
from tap_exports.schema.stream_layout import StreamLayout
from tap_exports.store.models import Export
from tap_exports.window import MINUTE, SECOND, Window, WindowLimits

START = datetime(2025, 1, 1, 0, 0, 37, tzinfo=timezone.utc)
DAY = timedelta(days=1)


def planned(days=30.0, *, memory=StreamMemory(), cap=100, first=None, longest=None, exports=(), **more):  # noqa: B008
    """A stream's queue, planned over some days; without limits its first window has all of them."""
    whole = timedelta(days=days)
    limits = WindowLimits(first or whole, longest or whole, timedelta(0), timedelta(0))
    layout = StreamLayout("order_list", Knowledge())
    layout.adopt(standard_layout("order_list", Knowledge()))
    source = StreamExports("order_list", layout, reusable=list(exports))
    made = StreamQueue(source, **{"bookmark": None, "memory": memory, **more})
    made.plan(SyncRange(START, START + whole, timedelta(0), lambda _: limits), cap, timeout_seconds=3600)
    return made


def claimed(queue, parent=None):
    task = queue.next_task(parent)
    task.claimed = True
    return task


def finish(queue, task, rows, made_in=0.0):
    task.done = True
    queue.learn(task, rows, made_in)


def windows(queue, rows_of, cap=100):
    """The windows that one worker exports, and the number of exports."""
    found, exports = [], 0
    while queue.tasks:
        task = claimed(queue)
        exports += 1
        while (rows := rows_of(task.window)) >= cap:
            queue.shrink(task)
            exports += 1
        assert len(queue.tasks) < 40  # the rest is one range or a few
        finish(queue, task, rows)
        queue.tasks.popleft()
        found.append(task.window)
    assert found[0].start == START
    assert all(a.end == b.start for a, b in pairwise(found))
    return found, exports


def bursts(*parts):
    """Rows of a window, where each part is its first second, its last, and rows a second."""

    def rows_of(window):
        first, last = ((edge - START).total_seconds() for edge in (window.start, window.end))
        return int(sum(max(0, min(last, b) - max(first, a)) * density for a, b, density in parts))

    return rows_of


def test_one_second_at_the_cap_is_an_error(live):
    bench = live(row_cap=3, max_rows=1)
    scheduler = bench.scheduler("order_list", days=1, step=1, max_pending=1)
    arrived, errors = bench.read(scheduler, "order_list")
    assert re.search("one second still has as many rows as an export can.* max_export_rows", str(errors["order_list"]))
    assert all(not rows for _, _, rows in arrived["order_list"])


def test_halved_windows_of_an_earlier_run_are_reused(live):
    bench = live(orders_per_day=4, row_cap=16, max_rows=16)
    made = []
    for _ in range(2):
        scheduler = bench.scheduler("order_list", days=30, step=30, max_pending=1)
        bench.read_whole(scheduler, "order_list", days=30)
        scheduler.close()
        made.append(len(bench.made()))
        bench = live(store=bench.store, max_rows=16)
    assert made[0] == made[1]


@pytest.mark.parametrize(("days", "at"), [(1, 10), (365, 50_000)])
def test_windows_grow_back_after_a_burst(days, at):
    rows_of = bursts((0, days * 86400, 0.001), (at, at + 3, 80_000))
    _, exports = windows(planned(days, cap=100_000), rows_of, 100_000)
    assert exports < 60


@pytest.mark.parametrize(
    ("a_day", "fewest", "most"), [(0, 3, 4), (10, 3, 4), (1_000, 11, 27), (10_000, 110, 270), (100_000, 1096, 2700)]
)
def test_three_years_need_about_as_many_exports_as_their_rows(a_day, fewest, most):
    queue = planned(1096, cap=100_000, first=30 * DAY, longest=366 * DAY)
    found, exports = windows(queue, bursts((0, 1096 * 86400, a_day / 86400)), 100_000)
    assert fewest <= exports <= most
    assert max(window.length for window in found) <= 366 * DAY + MINUTE


def test_the_second_window_waits_for_the_rows_of_the_first():
    queue = planned(100, cap=100, first=10 * DAY)
    first = claimed(queue)
    assert first.window.length == pytest.approx(10 * DAY, abs=MINUTE)
    assert queue.next_task() is None
    finish(queue, first, 50)
    assert [claimed(queue).window.length / DAY for _ in range(9)] == pytest.approx([10] * 9, abs=0.01)
    assert queue.next_task() is None


def test_rows_per_day_of_an_earlier_run_are_used():
    queue = planned(40, memory=StreamMemory(rows_per_day=5, longest_days=30), cap=100)
    assert [claimed(queue).window.length / DAY for _ in range(4)] == pytest.approx([10] * 4, abs=0.01)
    assert queue.size.state() == {"rows_per_day": 5, "longest_days": 30, "growth": 1}


@pytest.mark.parametrize(("made_in", "lengths"), [(5.0, [8]), (3000.0, [4, 4])], ids=["quick", "slow"])
def test_the_next_run_may_begin_with_a_longer_window_where_the_store_was_quick(made_in, lengths):
    earlier = planned(7, first=7 * DAY, longest=90 * DAY)
    finish(earlier, claimed(earlier), rows=30, made_in=made_in)
    queue = planned(8, memory=StreamMemory(**earlier.size.state()), first=7 * DAY, longest=90 * DAY)
    assert [window.length / DAY for window in windows(queue, lambda _: 30)[0]] == lengths


def test_a_window_much_longer_than_any_before_is_exported_alone():
    queue = planned(100, first=1 * DAY, longest=30 * DAY)
    finish(queue, claimed(queue), 0)
    assert claimed(queue).window.length > 20 * DAY
    assert queue.next_task() is None


def test_a_window_at_the_cap_is_divided():
    """Each further window at the cap is divided by twice as much."""
    queue = planned(8)
    task = claimed(queue)
    lengths = []
    for _ in range(3):
        queue.shrink(task)
        lengths.append(task.window.length / DAY)
    assert lengths == pytest.approx([4, 1, 0.125], abs=0.001)
    assert [one.window.end for one in queue.tasks] == [task.window.end, START + 8 * DAY]
    assert queue.next_task() is None  # until the first part's row count is known


def test_growth_stops_where_making_an_export_took_half_of_the_timeout():
    for made_in, longest in ((1800, 10), (3000, 10), (600, 30), (0, 300), (None, 10)):  # None: it was reused
        queue = planned(310, first=10 * DAY)
        finish(queue, claimed(queue), 0, made_in)
        assert claimed(queue).window.length / DAY == pytest.approx(longest, rel=0.01)


def test_the_longest_own_export_that_begins_with_a_window_is_reused():
    spans = [Window(START + a * DAY, START + b * DAY) for a, b in ((0, 2), (0, 4), (10, 20), (25, 40))]
    exports = [Export(n, "order_list", START, span, available=True) for n, span in enumerate(spans)]
    queue = planned(30, exports=exports)
    ends = []
    while queue.tasks:
        task = claimed(queue)
        finish(queue, task, 5)
        queue.tasks.popleft()
        ends.append((task.window.end - START) / DAY)
    assert ends == pytest.approx([4, 10, 20, 25, 30])


def test_the_shorter_export_is_reused_where_the_longer_one_is_at_the_cap():
    exports = [Export(n, "order_list", START, Window(START, START + n * DAY)) for n in (3, 8)]
    queue = planned(8, exports=exports)
    task = claimed(queue)
    assert queue.source.take(task.window).id == 8
    queue.shrink(task)
    assert queue.source.take(task.window).id == 3


def test_a_line_item_window_is_no_longer_than_its_parents():
    """The cap may count parents."""
    parent = planned(100, cap=100, first=10 * DAY)
    lines = planned(100, cap=1000, first=10 * DAY)
    finish(lines, claimed(lines), 0)
    task = claimed(parent)
    assert lines.next_task(parent) is None  # until the parent's window there is known
    finish(parent, task, 50)
    assert lines.next_task(parent) is None
    finish(parent, claimed(parent), 50)
    assert claimed(lines, parent).window.length / DAY == pytest.approx(10, abs=0.01)


def test_a_line_item_window_beside_short_windows_of_its_parents_ends_at_a_whole_second():
    parent = planned(1, memory=StreamMemory(rows_per_day=70_000, longest_days=1))  # cap / 2 rows in 61.7 s
    lines = planned(1, cap=1000, reading=True)
    assert claimed(lines, parent).window.length == 61 * SECOND


def test_a_line_item_stream_that_is_read_first_does_not_wait():
    parent = planned(100, cap=100, first=10 * DAY)
    lines = planned(100, cap=1000, first=20 * DAY)
    task = claimed(parent)
    assert lines.next_task(parent) is None
    lines.reading = True
    assert lines.next_task(parent).window.length / DAY == pytest.approx(10, abs=0.01)
    lines = planned(100, cap=1000, first=20 * DAY)
    parent.abandon(task)
    assert lines.next_task(parent).window.length / DAY == pytest.approx(20, abs=0.01)
