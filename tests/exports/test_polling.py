"""Two hundred exports pending at once: within the rate, and each found in time."""

from __future__ import annotations

import heapq

import pytest

from tap_exports.exports.polling import PollSchedule
from tap_exports.store.rate_limit import RateLimiter

from .conftest import FakeClock, in_time, peak_pending
from .test_scheduler import in_rounds


@pytest.mark.parametrize("takes", [5, 300, 3000])
def test_two_hundred_pending_exports_stay_within_the_rate(takes):
    """By a clock that never waits: looks leave room in the rate, and none comes long after it is due."""
    clock = FakeClock()
    rate_limiter = RateLimiter(clock)
    pace = PollSchedule(poll_seconds=120, first_look=1.0, looks_a_second=3.0)
    pace.pending = 200
    due: list[tuple[float, int]] = []
    made = {}
    seen_pending: dict[int, float] = {}
    for n in range(200):
        rate_limiter.take()
        made[n] = clock.monotonic()
        heapq.heappush(due, (clock.monotonic() + pace.pause(0), n))
    late, looks, found = [], [], {}
    while due:
        at, n = heapq.heappop(due)
        clock.sleep(at - clock.monotonic())
        rate_limiter.take()
        looks.append(clock.monotonic())
        late.append(clock.monotonic() - at)
        waited = clock.monotonic() - made[n]
        if waited >= takes:
            found[n] = waited - takes
            pace.learn(seen_pending.get(n, 0.0), waited)
            pace.pending -= 1
        else:
            seen_pending[n] = waited
            heapq.heappush(due, (clock.monotonic() + pace.pause(waited), n))
    assert all(b - a > 1.0 for a, b in zip(looks, looks[4:], strict=False))
    assert len(found) == 200
    assert max(found.values()) <= 122
    assert max(late) < 15


def test_sixty_pending_exports_over_http(live):
    """The same with real threads and requests, as many pending as the setting allows, and each window whole."""
    bench = live(ready_seconds=1.0, parallel_exports=100, days=60, frozen=True)
    scheduler = bench.scheduler("order_list", days=60, step=1, max_pending=60)
    ready = in_rounds(bench, 60)
    arrived, errors = in_time(lambda: bench.read(scheduler, "order_list"))
    assert not errors
    bench.assert_whole(arrived, "order_list", days=60)
    assert peak_pending(bench.made()) == 60
    looked_at = {r.path for r in bench.store.log if r.place == "look"}
    assert len(looked_at) == 60
    late = [
        min(r.at for r in bench.store.log if r.place == "link" and f"/{e.id}/" in r.path) - ready[0]
        for e in bench.made()
    ]
    assert max(late) < 10
