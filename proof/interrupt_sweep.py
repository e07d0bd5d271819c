"""The interruption sweep: runs are stopped at every request and after lines, and run again from the last state."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from environment import Ground
from matrix import AT_ONCE
from pipe import Point, through_pipe
from verifier import Finding, stopped_well

if TYPE_CHECKING:
    from collections.abc import Callable

ALLOWED = 4
"""The API's limit of requests per second."""
LINES = 8
"""The sweep stops after every so many lines."""
SIGNALS = (signal.SIGKILL, signal.SIGTERM)


@dataclass
class Stop:
    """The result of one interruption."""

    point: Point
    came: bool
    """Whether the run was interrupted; at the last points it may have ended before."""
    finding: Finding
    log: str = ""

    def __str__(self) -> str:
        return f"{self.point}: {'interrupted' if self.came else 'had ended before'}"


def _stop(ground: Ground, point: Point) -> Stop:
    finding = Finding()
    with ground.store() as store:
        began = store.now
        first = through_pipe(ground, store, point)
        finding.emitted(ground, first.run)
        for wrong in stopped_well(first, point):
            finding.say(wrong)
        second = ground.run(store, state=first.run.state)
        finding.emitted(ground, second)
        if second.code or second.errors:
            finding.say(f"the second run failed: {' '.join(second.errors)}")
        # Where it reused the newest export, its bookmark is that of the first run.
        finding.arrived(ground, store, began, second)
        finding.exports(store)
        finding.secrets(store, first.run, second)
    log = f"{first.run.log}\n{second.log}" if finding.violations else ""
    return Stop(point, first.run.code != 0, finding, log)


def places_of_a_run() -> tuple[Ground, list[tuple[str, int]]]:
    """The environment of interrupted runs, and the places of interruption."""
    ground = Ground({"window_days": 4, "max_window_days": 4, "lookback_days": 1}, orders_per_day=6)
    with ground.store() as store:
        ground.run(store)
        requests = store.count()
    places = [("request", n) for n in range(1, requests + 1)]
    return ground, places + [("lines", n) for n in range(1, ground.lines + 1, LINES)]


def sweep(step: int = 1, report: Callable[[Stop], None] = lambda _: None) -> list[Stop]:
    """Stop a run at every n-th request, and at every n-th of the places between lines, by both signals."""
    ground, places = places_of_a_run()

    def one(point: Point) -> Stop:
        found = _stop(ground, point)
        report(found)
        return found

    with ThreadPoolExecutor(AT_ONCE) as pool:
        stops = list(pool.map(one, [Point(*place, number) for place in places[::step] for number in SIGNALS]))
    ground.close()
    return stops


def show(stops: list[Stop]) -> None:
    """Print the sweep's results."""
    for where in ("request", "lines"):
        for number in SIGNALS:
            some = [stop for stop in stops if (stop.point.where, stop.point.signal) == (where, number)]
            at = [stop.point.at for stop in some if stop.came]
            wrong = [stop for stop in some if stop.finding.violations]
            words = "at request" if where == "request" else "after line"
            print(
                f"{signal.Signals(number).name} {words} {min(at, default=0)} to {max(at, default=0)}:"
                f" {len(some)} tried, {len(at)} interrupted, {len(wrong)} not as promised"
            )
            for stop in wrong:
                for violation in stop.finding.violations:
                    print(f"  {stop.point}: {violation}")


def pace() -> tuple[int, int]:
    """The most requests in any second of a run with the tap's own timings, and how many were throttled."""
    ground = Ground()
    with ground.store(rate_limit=ALLOWED, ready_seconds=1.0) as store:
        ground.run(store, config={"window_days": 2, "max_window_days": 2}, timings={})
        found = store.peak_requests_per_second(), store.count(status=429)
    ground.close()
    return found
