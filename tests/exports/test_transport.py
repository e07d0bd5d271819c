"""Rate, retries and clocks of requests."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import timedelta
from email.utils import format_datetime
from heapq import heappop, heappush
from itertools import pairwise

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from tap_exports.clock import Clock, Timings
from tap_exports.errors import Stopped
from tap_exports.sandbox import Fault
from tap_exports.store.http import pauses, retry_after
from tap_exports.store.rate_limit import RateLimiter
from tap_exports.store.server_clock import ServerClock

from .conftest import NOW, FakeClock


def answer(**headers):
    response = requests.Response()
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return response


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


DELAYS = st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 3.0))


@given(st.lists(DELAYS, min_size=5, max_size=40))
def test_no_five_requests_reach_the_store_in_a_second_whatever_their_ways_take(delays):
    clock = WorldClock()
    limiter, arrived = RateLimiter(clock), []
    for n, (idle, way, answer_takes) in enumerate(delays):
        clock.sleep(max(0.0, idle - 0.5))
        request = ExitStack()
        request.enter_context(limiter.take())
        arrived.append(clock.monotonic() + way)
        heappush(clock.due, (arrived[-1] + answer_takes, n, request))
    arrived.sort()
    assert all(b - a > 1.0 for a, b in zip(arrived, arrived[4:], strict=False))


def test_requests_that_are_answered_at_once_are_four_a_second():
    clock = FakeClock()
    limiter, began = RateLimiter(clock), clock.monotonic()
    for _ in range(41):
        with limiter.take():
            pass
    assert clock.monotonic() - began == pytest.approx(10 * clock.timings.rate_seconds)


def test_a_stopped_clock_releases_all_threads_that_wait_for_a_turn():
    clock = Clock()
    rate_limiter = RateLimiter(clock)
    rate_limiter.hold(60)
    ended = []

    def one():
        with pytest.raises(Stopped), rate_limiter.take():
            pass
        ended.append(1)

    threads = [threading.Thread(target=one) for _ in range(20)]
    for thread in threads:
        thread.start()
    clock.stop()
    for thread in threads:
        thread.join(2)
    assert len(ended) == 20


def test_retry_pauses_grow_to_about_two_minutes_in_all():
    many = [list(pauses(Timings())) for _ in range(400)]
    assert {len(one) for one in many} == {Timings().tries - 1}
    average = [sum(column) / len(column) for column in zip(*many, strict=True)]
    assert all(a < b for a, b in pairwise(average[:6]))
    assert 90 < sum(average) < 150
    assert max(max(one) for one in many) <= Timings().longest_pause + 0.1
    assert min(min(one) for one in many) > 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("86400", 300.0),
        ("Tue, 04 Mar 2025 15:30:30 GMT", 30.0),
        ("Tue, 04 Mar 2025 15:29:30 GMT", 0.0),
        ("Tue, 04 Mar 2035 15:30:30 GMT", 300.0),
        ("", None),
        ("soon", None),
        ("1.5", None),
        ("-3", None),
        ("٣", None),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text, seconds):
    assert retry_after(answer(Retry_After=text), NOW, 300.0) == seconds


def test_the_stores_clock_is_used_where_the_machines_differs():
    clock = FakeClock()
    time = ServerClock(clock)
    ahead = clock.now() + timedelta(hours=1)
    for _ in range(2):
        time.update(ahead.strftime("%a, %d %b %Y %H:%M:%S GMT"))
    assert abs(time.now() - ahead) <= timedelta(seconds=1)


def test_a_difference_of_a_second_or_two_is_ignored(caplog):
    clock = FakeClock()
    time = ServerClock(clock)
    time.update((clock.now() - timedelta(seconds=1.5)).strftime("%a, %d %b %Y %H:%M:%S GMT"))
    time.update("rubbish")
    time.update(None)
    assert time.now() == clock.now()
    assert not caplog.records


def test_a_429_delays_the_requests_of_all_threads(bench, monkeypatch):
    bench.store.add_fault(Fault("types", "status", status=429, headers={"Retry-After": "20"}))
    real, others = bench.clock.sleep, []

    def sleep(seconds):
        if bench.store.count() == 1 and seconds >= 20 and not others:
            others.append(threading.Thread(target=bench.client.timezone))
            others[0].start()  # while the first one begins its pause
            others[0].join(10)
        real(seconds)

    monkeypatch.setattr(bench.clock, "sleep", sleep)
    bench.client.types()
    assert [(r.place, r.status) for r in bench.store.log] == [("types", 429), ("store", 200), ("types", 200)]
    first, other, _ = bench.store.log
    assert other.time - first.time >= timedelta(seconds=20)


def test_a_jump_of_the_machines_clock_has_no_effect():
    clock = FakeClock()
    time = ServerClock(clock)
    time.update(format_datetime(clock.now(), usegmt=True))
    before = time.now()
    jumped = clock.now() + timedelta(days=1)
    clock.now = lambda: jumped
    clock.sleep(10)
    assert timedelta(seconds=10) <= time.now() - before <= timedelta(seconds=11)
