"""Windows of many streams are exported ahead of the reader: in order, bounded, and never blocked."""

from __future__ import annotations

import contextlib
import gc
import random
import threading
import time

import pytest

from tap_exports.clock import Clock
from tap_exports.errors import LocalTrouble, StoreRefused
from tap_exports.sandbox import Fault

from .conftest import open_temp_files, peak_pending

pytestmark = pytest.mark.timeout(60)  # a run that blocks fails, with all stacks

CODES = ("order_list", "customer_list", "transaction_list")


def at_random(most):
    """Random durations of exports, up to so many seconds, the same in each run."""
    dice = random.Random(29)
    return lambda _: dice.uniform(0, most)


def eventually(condition):
    """Wait for an effect of the workers."""
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.001)


def workers():
    """The threads that make exports."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("export-")]


def assert_all_ended():
    """Assert that all workers have ended."""
    for thread in workers():
        thread.join(10)
    assert not workers()


def test_replacements_of_reused_exports_count_as_pending(live):
    bench = live(ready_seconds=lambda e: 0.0 if e.id < 45 else 0.4, parallel_exports=10)
    for n in range(3):
        window = bench.window(n * 5, 5)
        assert bench.store.make_export("order_list", window.start, window.end).id < 45
    bench.store.add_fault(Fault("file", "body", body="A,B\r\n1\r\n", times=6))
    scheduler = bench.scheduler("order_list", step=5, max_pending=2)
    bench.read_whole(scheduler, "order_list")
    assert len(bench.made()) == 3 + 8
    assert peak_pending(bench.made()) == 2


def test_few_files_are_on_disk_however_slow_the_reader_is(live, empty_temp):
    scheduler = live().scheduler(*CODES[:2], days=30, step=1, max_pending=2)
    files = scheduler.files(CODES[0])
    next(files)
    eventually(lambda: len(open_temp_files(empty_temp)) > 2)
    time.sleep(0.5)  # so that one too many would be seen
    assert len(open_temp_files(empty_temp)) <= 2 * 2 + 2 + 1
    files.close()


def test_streams_that_are_not_ahead_wait_for_their_reader(live):
    bench = live()
    scheduler = bench.scheduler("order_list")
    scheduler.add(bench.queue("customer_list", ahead=False))
    bench.read(scheduler, "order_list")
    assert {e.type for e in bench.made()} == {"order_list"}
    bench.read(scheduler, "customer_list")
    assert len(bench.made("customer_list")) == 4


def test_a_stream_that_is_planned_late_is_not_starved(live):
    bench = live()
    bench.store.add_fault(Fault("list", "slow", seconds=0.5, export_type="order_list"))
    scheduler = bench.scheduler(*CODES[:2], days=20, step=1, max_pending=2)
    bench.read_whole(scheduler, *CODES[:2], days=20)


@pytest.mark.parametrize("most", [1, 5])
def test_a_mixture_of_faults_never_blocks_the_run(live, most):
    """The streams without lasting faults are complete."""
    dice = random.Random(most)
    bench = live(ready_seconds=at_random(0.02), parallel_exports=5, orders_per_day=4, row_cap=15, max_rows=15, days=40)
    for place, kinds in (
        ("create", ["lost", "refuse", "reset", "html"]),
        ("list", ["refuse", "html"]),
        ("poll", ["reset", "empty"]),
        ("link", ["cut", "expire"]),
        ("file", ["cut", "reset", "wrong_length"]),
    ):
        for kind in kinds:
            bench.store.add_fault(Fault(place, kind, times=2, after=dice.randrange(30)))
    bench.store.add_fault(Fault("file", "html", after=dice.randrange(20), export_type="order_list"))
    bench.store.add_fault(Fault("file", "body", body="A,B\r\n1\r\n", times=None, after=3, export_type="customer_list"))
    # two of its four windows may be created by calls whose responses are lost, which do not count here
    bench.store.add_fault(Fault("create", "status", status=400, times=None, after=1, export_type="dispute_list"))
    codes = ("customer_list", "order_list", "dispute_list", "transaction_list")
    scheduler = bench.scheduler(*codes, days=20, step=5, max_pending=most)
    arrived, errors = bench.read(scheduler, *codes)
    assert set(errors) == {"customer_list", "dispute_list"}
    for code in ("order_list", "transaction_list"):
        bench.assert_whole(arrived, code, days=20)
    assert peak_pending(bench.made()) <= most
    scheduler.close()
    assert_all_ended()


def test_a_busy_run_is_never_throttled(make_bench):
    bench = make_bench(clock=Clock(), frozen=False, rate_limit=4, reuse=0)
    scheduler = bench.scheduler("order_list", "customer_list", days=40, step=20)
    bench.read(scheduler, "order_list", "customer_list")
    assert len(bench.store.log) > 8
    assert bench.store.count(status=429) == 0
    assert bench.store.peak_requests_per_second() <= 4


def test_windows_before_a_failed_one_are_delivered_and_the_other_streams_are_whole(live):
    bench = live(ready_seconds=0.02, parallel_exports=8)
    bench.store.add_fault(Fault("file", "body", body="A,B\r\n1\r\n", times=None, after=2, export_type="order_list"))
    arrived, errors = bench.read(bench.scheduler(*CODES, max_pending=1), *CODES)
    assert set(errors) == {"order_list"}
    windows = [bench.window(day) for day in (0, 10, 20, 30)]
    failed = next(window for window in windows if f"window {window}" in str(errors["order_list"]))
    assert [window for window, _, _ in arrived["order_list"]] == windows[: windows.index(failed)]
    assert failed > windows[0]
    for code in CODES[1:]:
        bench.assert_whole(arrived, code)


def test_without_the_list_no_export_is_made(live):
    """An export may exist already."""
    bench = live()
    bench.store.add_fault(Fault("list", "status", status=400, times=None))
    scheduler = bench.scheduler(*CODES)
    _, errors = bench.read(scheduler, *CODES)
    assert all(isinstance(errors[code], StoreRefused) and f"stream {code}" in str(errors[code]) for code in CODES)
    assert bench.made() == []
    assert bench.store.count("list") == 1


def test_closing_a_stream_or_the_run_early_releases_its_files_and_workers(live, empty_temp):
    bench = live(ready_seconds=0.02, parallel_exports=8)
    scheduler = bench.scheduler(*CODES, step=2, max_pending=3)
    files = scheduler.files("order_list")
    next(files)
    files.close()
    bench.read_whole(scheduler, CODES[1])
    assert len(bench.made("order_list")) <= 10
    files = scheduler.files(CODES[2])
    next(files)
    eventually(lambda: len(open_temp_files(empty_temp)) > 1)
    scheduler.close()
    assert_all_ended()
    gc.collect()
    assert open_temp_files(empty_temp) == []
    files.close()


@pytest.mark.parametrize("place", ["list", "create", "poll", "link", "file"])
def test_close_does_not_wait_for_requests_without_a_response(live, empty_temp, place):
    bench = live()
    bench.store.add_fault(Fault(place, "hang", times=None))
    scheduler = bench.scheduler(*CODES, max_pending=3)

    def read():
        with contextlib.suppress(BaseException):  # the test is about other effects
            list(scheduler.files("order_list"))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    eventually(lambda: bench.store.count(place))
    scheduler.close()
    reader.join(10)
    assert not reader.is_alive()
    assert open_temp_files(empty_temp) == []


@pytest.mark.parametrize("most", [0, 1])
def test_the_threads_that_can_be_started_do_the_work(live, monkeypatch, caplog, most):
    started = []
    real = threading.Thread.start

    def start(thread):
        if thread.name.startswith("export-"):
            if len(started) == most:
                raise RuntimeError("can't start new thread")
            started.append(thread)
        real(thread)

    bench = live()
    scheduler = bench.scheduler("order_list")
    monkeypatch.setattr(threading.Thread, "start", start)
    if most:
        bench.read_whole(scheduler, "order_list")
        assert "Only 1 of 6 threads could be started: can't start new thread" in caplog.text
    else:
        with pytest.raises(LocalTrouble, match="no thread can be started: can't start new thread"):
            next(scheduler.files("order_list"))
    scheduler.close()
