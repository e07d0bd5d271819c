"""Verifies a trial independently of the tap."""

from __future__ import annotations

import re
import signal
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from environment import cells
from runs import CODE, KEY, Run, bookmark

if TYPE_CHECKING:
    from environment import Ground, Records
    from pipe import Interrupted, Point

    from tap_exports.sandbox import Sandbox

SETTLE = timedelta(minutes=5)
GRACE_SECONDS = 4.0
"""Seconds in which a run must end after SIGTERM on a busy machine; the promise is two."""
PLANTED = "planted-in-a-redirect"
WEBHOOK_SECRET = "the-secret-of-the-webhook"  # noqa: S105 - made up
_PLACES = (f"stream {CODE}", "exports/", "store/", "metadata/", "webhooks/", "webhook_", "Standard output")
_HINT = re.compile(r"[.] [A-Z][^.]*[.]?")


@dataclass
class Finding:
    """How a trial violated the promise; not at all if all counts are 0 and `violations` is empty."""

    violations: list[str] = field(default_factory=list)
    lost: int = 0
    bad: int = 0
    """Records that differ from the store."""
    doubled: int = 0
    leaked: int = 0
    went_without: bool = False
    """Whether the records are those of a token that lacks a scope."""

    def say(self, violation: str) -> None:
        """Add a violation."""
        self.violations.append(violation)

    def emitted(self, ground: Ground, run: Run, *, without: str = "") -> None:
        """Check that every record equals the store's row, and that no state is ahead of the records before it.

        `without` is a scope that the run may have lacked from its first record on.
        """
        bad = _unlike(run, ground.clean, ground)
        if bad and without:
            self.went_without = True
            bad = _unlike(run, ground.without(without), ground)
        self.bad += bad
        written: set[str] = set()
        for message in run.messages:
            if message["type"] == "RECORD":
                written.add(str(message["record"].get(KEY)))
            elif message["type"] == "STATE":
                until = bookmark(message["value"])
                ahead = (ground.numbers(until) - written - self._before) if until else set()
                if ahead:
                    self.say(f"a state of {until} is ahead of {len(ahead)} records")
        self._before |= written
        if self.bad:
            self.say(f"{self.bad} records differ from the store")

    def arrived(self, ground: Ground, store: Sandbox, began: datetime, run: Run) -> None:
        """Check that the bookmark is near the start minus the settling time, and that nothing is missing."""
        # The newest window ends at a boundary of the tap's own, of which there is one per minute; and the tap ignores a
        # difference of the clocks below two seconds.
        until, least = bookmark(run.state), began - SETTLE - timedelta(seconds=63)
        if until is None or not least <= until <= store.now - SETTLE + timedelta(seconds=2):
            self.say(f"the bookmark is {until} where it should be {began - SETTLE}")
        # What the bookmark has passed and no run has written is lost.
        missing = (ground.numbers(min(until, store.now)) - self._before) if until else set()
        self.lost += len(missing)
        if missing:
            self.say(f"{len(missing)} records are missing")

    def exports(self, store: Sandbox, stuck: frozenset[int] = frozenset(), *, suspect: bool = False) -> None:
        """Check that no export was requested again while the first one could be used.

        Two with the same start are the same window: no file reaches the cap here, and the newest window of a second run
        ends later than that of the first. With `suspect`, a window whose file had the fault may have one more.
        """
        made = Counter((e.type, e.date_from) for e in store.exports if e.id not in stuck)
        if suspect:
            files = [request.path for request in store.log if request.host == "file" and request.fault]
            made -= Counter(
                {(e.type, e.date_from) for e in store.exports if any(f"/{e.id}/" in path for path in files)}
            )
        twice = sum(times - 1 for times in made.values())
        self.doubled += twice
        if twice:
            self.say(f"{twice} exports were created twice")

    def secrets(self, store: Sandbox, *runs: Run) -> None:
        """Check that no output contains a secret, and that the file host did not receive the token."""
        known = (store.token, WEBHOOK_SECRET, PLANTED, "Signature=")
        found = [secret for run in runs for secret in known if secret in run.out or secret in run.log]
        received = [r for r in store.log if r.host == "file" and store.token in str(r.headers)]
        self.leaked += len(found) + len(received)
        if found or received:
            self.say("a secret was revealed: " + ", ".join("the token" if s == store.token else s for s in found))

    def __post_init__(self) -> None:
        self._before: set[str] = set()


def _unlike(run: Run, expected: Records, ground: Ground) -> int:
    """The number of records that differ from the expected ones."""
    found = 0
    for record in run.records:
        known = expected.get(str(record.get(KEY)))
        # A record that is newer than the clean run is in the store.
        found += known != cells(record) if known else record.get(KEY) not in ground.numbers(None)
    return found


def stopped_well(first: Interrupted, point: Point) -> list[str]:
    """What is wrong with the end of an interrupted run."""
    wrong = ["a traceback was shown"] if first.run.tracebacks else []
    if first.run.hung:
        wrong.append("it hung")
    expected = {"tap": {0, 128 + signal.SIGTERM}, "target": {0, 1}, "both": {0, 1, 128 + signal.SIGTERM}}[point.whom]
    if point.signal == signal.SIGKILL and point.whom != "target":
        return wrong
    # At the end of its work, a process removes its signal handlers.
    over = first.run.finished and first.run.code == -signal.SIGTERM
    if first.run.code not in expected and not over:
        wrong.append(f"the exit code is {first.run.code}")
    if point.whom == "tap":
        if first.seconds > GRACE_SECONDS:
            wrong.append(f"it took {first.seconds:.1f} s to end")
        if first.cut:
            wrong.append("it ended within a line")
    return wrong


def ended_well(run: Run) -> list[str]:
    """What is wrong with the end of a failed run: it must log one line with what, where and what to do."""
    if run.code != 1:
        return [f"the exit code is {run.code}"]
    if len(run.errors) != 1:
        return [f"{len(run.errors)} lines report the error"]
    line, wrong = run.errors[0], []
    if not any(where in line for where in _PLACES):
        wrong.append(f"no place is named: {line}")
    if not _HINT.search(line):
        wrong.append(f"no action is named: {line}")
    return wrong
