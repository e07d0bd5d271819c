"""What can be said of a trial without believing the tap."""

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
"""How long a run may take to end after SIGTERM on a machine with much else to do; it promises two."""
PLANTED = "planted-in-a-redirect"
WEBHOOK_SECRET = "the-secret-of-the-webhook"  # noqa: S105 - made up
_PLACES = (f"stream {CODE}", "exports/", "store/", "metadata/", "webhooks/", "webhook_", "standard output")
_HINT = re.compile(r"[.] [A-Z][^.]*[.]?")


@dataclass
class Finding:
    """What is wrong with a trial; nothing, where all counts are 0 and nothing is said."""

    faults: list[str] = field(default_factory=list)
    lost: int = 0
    bad: int = 0
    """Records that are not what the store has."""
    doubled: int = 0
    leaked: int = 0
    went_without: bool = False
    """Whether the records are those of a token that may not know it all."""

    def say(self, fault: str) -> None:
        """One more thing is wrong."""
        self.faults.append(fault)

    def emitted(self, ground: Ground, run: Run, *, without: str = "") -> None:
        """Every record is what the store has, and no state is ahead of the records before it.

        Args:
            ground: What the records are held against.
            run: What wrote them.
            without: A scope that the run may have done without, from its first record on.
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
            self.say(f"{self.bad} records are not what the store has")

    def arrived(self, ground: Ground, store: Sandbox, began: datetime, run: Run) -> None:
        """After this run the bookmark is where the store was when it began, less the settling, and all is there."""
        until, least = bookmark(run.state), began - SETTLE - timedelta(seconds=3)
        # Two clocks that differ by less than two seconds agree: the tap's own is used then.
        if until is None or not least <= until <= store.now - SETTLE + timedelta(seconds=2):
            self.say(f"the bookmark is {until} where it should be {began - SETTLE}")
        # What the bookmark has passed and no run has written will never be asked for again.
        missing = (ground.numbers(min(until, store.now)) - self._before) if until else set()
        self.lost += len(missing)
        if missing:
            self.say(f"{len(missing)} records are missing")

    def exports(self, store: Sandbox, stuck: frozenset[int] = frozenset()) -> None:
        """No export was asked for again while the first one could still be used.

        Two that begin together are the same one twice, wherever they end: nothing is halved here, and the newest
        window of a second run ends later than that of the first.
        """
        made = Counter((e.type, e.date_from) for e in store.exports if e.id not in stuck)
        twice = sum(times - 1 for times in made.values())
        self.doubled += twice
        if twice:
            self.say(f"{twice} exports were made twice")

    def secrets(self, store: Sandbox, *runs: Run) -> None:
        """Neither of the outputs holds a secret, and the file host has not seen the token."""
        known = (store.token, WEBHOOK_SECRET, PLANTED, "Signature=")
        found = [secret for run in runs for secret in known if secret in run.out or secret in run.log]
        told = [r for r in store.log if r.host == "file" and store.token in str(r.headers)]
        self.leaked += len(found) + len(told)
        if found or told:
            self.say("a secret was told: " + ", ".join("the token" if s == store.token else s for s in found))

    def __post_init__(self) -> None:
        self._before: set[str] = set()


def _unlike(run: Run, lawful: Records, ground: Ground) -> int:
    """How many records are not what they should be."""
    found = 0
    for record in run.records:
        known = lawful.get(str(record.get(KEY)))
        # One that has come since the clean run, while the program goes on, is in the store at least.
        found += known != cells(record) if known else record.get(KEY) not in ground.numbers(None)
    return found


def stopped_well(first: Interrupted, point: Point) -> list[str]:
    """What is wrong with how an interrupted run ends."""
    wrong = ["a traceback was shown"] if first.run.tracebacks else []
    if first.run.hung:
        wrong.append("it hung")
    lawful = {"tap": {0, 128 + signal.SIGTERM}, "target": {0, 1}, "both": {0, 1, 128 + signal.SIGTERM}}[point.whom]
    if point.signal == signal.SIGKILL and point.whom != "target":
        return wrong
    # A process that has done its work and is about to end has put its handlers away.
    over = first.run.finished and first.run.code == -signal.SIGTERM
    if first.run.code not in lawful and not over:
        wrong.append(f"the exit code is {first.run.code}")
    if point.whom == "tap":
        if first.seconds > GRACE_SECONDS:
            wrong.append(f"it took {first.seconds:.1f} s to end")
        if first.cut:
            wrong.append("it ended in the midst of a line")
    return wrong


def ended_well(run: Run) -> list[str]:
    """What is wrong with how a failed run tells it: one line that says what, where and what to do."""
    if run.code != 1:
        return [f"the exit code is {run.code}"]
    if len(run.errors) != 1:
        return [f"{len(run.errors)} lines tell the error"]
    line, wrong = run.errors[0], []
    if not any(where in line for where in _PLACES):
        wrong.append(f"no place is told: {line}")
    if not _HINT.search(line):
        wrong.append(f"nothing to do is told: {line}")
    return wrong
