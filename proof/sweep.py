"""The interruption sweep: stopped at every request and after every so many lines, and run again from the last state."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ground import Ground
from judge import Finding
from matrix import AT_ONCE
from runs import Run, whole_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_exports.sandbox import Sandbox

ALLOWED = 4
"""Requests in a second: the API's limit."""
LINES = 8
"""Every how many lines the sweep stops."""
GRACE_SECONDS = 4.0
"""How long a run may take to end after SIGTERM on a machine with much else to do; it promises two."""
_SMALL_PIPE = 4096
_SIGNALS = (signal.SIGKILL, signal.SIGTERM)


@dataclass
class Stop:
    """One interruption, tried."""

    where: str
    at: int
    signal: int
    came: bool
    """Whether the run was interrupted at all: the last ones are over before."""
    finding: Finding
    log: str = ""


def _interrupted(ground: Ground, store: Sandbox, number: int, *, request: int = 0, lines: int = 0) -> tuple[Run, float]:
    """A run that gets a signal at its n-th request, or when its reader has seen so many lines."""
    pipe = Path(ground.place.name) / f"{threading.get_ident()}.pipe"
    if not pipe.exists():
        os.mkfifo(pipe)
    job = ground.job(store, stdout=pipe)
    nursery = ground.nursery
    heard: list[bytes] = []
    news = threading.Event()
    ended = threading.Event()

    def read() -> None:
        with pipe.open("rb") as out:
            # A small pipe holds the writer near to where its reader is.
            fcntl.fcntl(out, getattr(fcntl, "F_SETPIPE_SZ", 1031), _SMALL_PIPE)
            for line in out:
                heard.append(line)
                if lines and len(heard) == lines:
                    news.set()
                    sent.wait()
        ended.set()

    sent = threading.Event()
    reader = threading.Thread(target=read)
    reader.start()
    nursery.begin(job)
    while not (store.count() >= request if request else news.is_set()) and not ended.is_set():
        time.sleep(0.0005)
    began = time.monotonic()
    nursery.signal(number)
    sent.set()
    watchdog = threading.Timer(30.0, nursery.signal, [signal.SIGKILL])
    watchdog.start()
    code = nursery.end()
    watchdog.cancel()
    took = time.monotonic() - began
    reader.join()
    text = b"".join(heard).decode()
    return Run(whole_lines(text), code, job.stderr.read_text(errors="replace"), text), took


def _stop(ground: Ground, where: str, at: int, number: int) -> Stop:
    finding = Finding()
    with ground.store() as store:
        began = store.now
        first, took = _interrupted(ground, store, number, **{where: at})
        finding.emitted(ground, first)
        if first.tracebacks:
            finding.say("a traceback was shown")
        if number == signal.SIGTERM:
            if first.code not in {0, 128 + signal.SIGTERM}:
                finding.say(f"the exit code is {first.code}")
            if took > GRACE_SECONDS:
                finding.say(f"it took {took:.1f} s to end")
            if first.out and not first.out.endswith("\n"):
                finding.say("it ended in the midst of a line")
        second = ground.run(store, state=first.state)
        finding.emitted(ground, second)
        if second.code or second.errors:
            finding.say(f"the second run failed: {' '.join(second.errors)}")
        # Where it took the newest export over, it is as far as the first run would have come.
        finding.arrived(ground, store, began, second)
        finding.exports(store)
        finding.secrets(store, first, second)
    return Stop(where, at, number, first.code != 0, finding, f"{first.log}\n{second.log}" if finding.faults else "")


def sweep(step: int = 1, heard: Callable[[Stop], None] = lambda _: None) -> list[Stop]:
    """Stop a run at every n-th request, and after every so many lines, by both signals."""
    ground = Ground(orders_per_day=6)
    with ground.store() as store:
        ground.run(store)
        requests = store.count()
    points = [("request", n) for n in range(1, requests + 1, step)]
    points += [("lines", n) for n in range(1, ground.lines + 1, LINES * step)]

    def one(point: tuple[str, int, int]) -> Stop:
        found = _stop(ground, *point)
        heard(found)
        return found

    with ThreadPoolExecutor(AT_ONCE) as pool:
        stops = list(pool.map(one, [(*point, number) for point in points for number in _SIGNALS]))
    ground.close()
    return stops


def show(stops: list[Stop]) -> None:
    """Print what the sweep has found."""
    for where in ("request", "lines"):
        for number in _SIGNALS:
            some = [stop for stop in stops if (stop.where, stop.signal) == (where, number)]
            at = [stop.at for stop in some if stop.came]
            wrong = [stop for stop in some if stop.finding.faults]
            words = "at request" if where == "request" else "after line"
            print(
                f"{signal.Signals(number).name} {words} {min(at, default=0)} to {max(at, default=0)}:"
                f" {len(some)} tried, {len(at)} interrupted, {len(wrong)} not as promised"
            )
            for stop in wrong:
                for fault in stop.finding.faults:
                    print(f"  {words} {stop.at}: {fault}")


def pace() -> tuple[int, int]:
    """The most requests in any second of a run at the tap's own pace, and how many were throttled."""
    ground = Ground()
    with ground.store(rate_limit=ALLOWED, ready_seconds=1.0) as store:
        ground.run(store, config={"window_days": 2}, constants={})
        found = store.peak_requests_per_second(), store.count(status=429)
    ground.close()
    return found
