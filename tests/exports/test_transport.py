"""Rate, retries and clocks of requests."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from heapq import heappop, heappush
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_exports.clock import Clock, Timings
from tap_exports.errors import Stopped, StoreTrouble
from tap_exports.sandbox import Fault
from tap_exports.store.http import pauses
from tap_exports.store.rate_limit import RateLimiter
from tap_exports.store.session import ServerClock

from .conftest import FakeClock


class WorldClock(FakeClock):
    """A clock at which responses arrive while it sleeps."""

    def __init__(self):
        super().__init__()
        self.due = []

    def sleep(self, seconds):
        until = self.monotonic() + seconds
        while self.due and self.due[0][0] <= until:
            at, _, request = heappop(self.due)
            super().sleep(max(0.0, at - self.monotonic()))
            request.close()
        super().sleep(max(0.0, until - self.monotonic()))


DELAYS = st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 2.0), st.floats(0.0, 3.0))


@given(st.lists(DELAYS, min_size=5, max_size=40))
def test_no_five_requests_reach_the_store_in_a_second_whatever_their_ways_take(delays):
    """A way may take more than a second if the response arrives within two."""
    clock = WorldClock()
    limiter, arrived = RateLimiter(clock), []
    for n, (idle, way, answer_takes) in enumerate(delays):
        clock.sleep(max(0.0, idle - 0.5))
        request = ExitStack()
        request.enter_context(limiter.take())
        arrived.append(clock.monotonic() + way)
        answered = arrived[-1] + (answer_takes if way <= 1.0 else min(answer_takes, 2.0 - way))
        heappush(clock.due, (answered, n, request))
    arrived.sort()
    assert all(b - a > 1.0 for a, b in zip(arrived, arrived[4:], strict=False))


def test_requests_that_are_answered_at_once_are_four_a_second():
    clock = FakeClock()
    limiter, began = RateLimiter(clock), clock.monotonic()
    for _ in range(41):
        with limiter.take():
            pass
    assert clock.monotonic() - began == pytest.approx(10 * clock.timings.rate_seconds)


@pytest.mark.parametrize(("age", "wait"), [(0.2, 0.82), (1.5, 0.0)])
def test_the_first_request_follows_a_second_after_the_start_of_the_process(age, wait):
    """A process that has just ended may have sent four requests."""
    clock = FakeClock()
    clock.process_seconds = lambda: age
    with RateLimiter(clock).take():
        assert clock.waited == pytest.approx(wait)


@pytest.mark.timeout(10)
def test_a_stopped_run_releases_a_thread_that_waits_for_its_turn():
    clock = Clock()
    limiter = RateLimiter(clock)
    limiter.hold(60)
    threading.Timer(0.01, clock.stop).start()
    with pytest.raises(Stopped), limiter.take():
        pass


def test_a_429_delays_the_requests_of_all_threads(bench):
    bench.clock.timings = replace(bench.clock.timings, tries=1)
    bench.store.add_fault(Fault("types", "status", status=429, headers={"Retry-After": "20"}))
    with pytest.raises(StoreTrouble):
        bench.client.types()
    assert bench.clock.waited == 0
    bench.client.timezone()
    assert bench.clock.waited >= 20


def test_retry_pauses_grow_to_about_two_minutes_in_all():
    many = [list(pauses(Timings())) for _ in range(400)]
    average = [sum(column) / len(column) for column in zip(*many, strict=True)]
    assert all(a < b for a, b in pairwise(average[:6]))
    assert 90 < sum(average) < 150
    assert 0 < min(map(min, many)) < max(map(max, many)) <= Timings().longest_pause + 0.1


@pytest.mark.parametrize(("ahead", "used"), [(3600, 3600), (-60, -60), (-1.5, 0)])
def test_the_stores_clock_is_used_where_it_differs_by_more_than_two_seconds(ahead, used):
    """A jump of this machine's clock has no effect afterwards."""
    clock = FakeClock()
    time, began = ServerClock(clock), clock.now()
    time.update(format_datetime(began + timedelta(seconds=ahead), usegmt=True))
    time.update("rubbish")
    time.update(None)
    clock.now = lambda: began + timedelta(days=1)
    clock.sleep(10)
    assert abs(time.now() - began - timedelta(seconds=used + 10)) <= timedelta(seconds=1)
