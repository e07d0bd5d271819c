"""Runs with a ledger that are killed, or whose ledger does not belong to the state.

A trial has four nights. In the second night a cell of every order changes, and in the third it changes back. If the tap
wrongly relied on a digest of the first night, it would send no order in the third, and the target would keep the wrong
cells.
"""

from __future__ import annotations

import csv
import io
import random
import shutil
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from environment import Ground, cells
from interrupt_sweep import LINES, SIGNALS
from matrix import AT_ONCE
from pipe import Point, through_pipe
from runs import KEY
from verifier import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from runs import Run

    from tap_exports.sandbox import Sandbox

CHANGING = "Customer First Name"
DAY = timedelta(days=1)
SETTINGS = {
    "window_days": 6,
    "max_window_days": 6,
    "lookback_days": 3,
    "refresh_days": 0.5,  # all of the history each night
}
SMALL_FILES = 30_000
"""Bytes of the largest file where the disk is full: more than an export has, less than a ledger."""


class Warehouse:
    """A target that upserts by key, and the state that it returned."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.state: dict[str, Any] | None = None

    def take(self, messages: Iterable[Mapping[str, Any]]) -> int:
        """Store some messages; return the number of records."""
        count = 0
        for message in messages:
            if message["type"] == "RECORD":
                self.rows[message["record"][KEY]] = cells(message["record"])
                count += 1
            elif message["type"] == "STATE":
                self.state = message["value"]
        return count


@dataclass
class LedgerTrial:
    """The result of one trial."""

    name: str
    came: bool
    """Whether the second night was interrupted at all."""
    finding: Finding = field(default_factory=Finding)
    withheld: int = 0
    """Records that the ledger saved in the third and fourth night."""
    log: str = ""

    def __str__(self) -> str:
        return f"ledger, {self.name}: {self.finding.lost} lost, {self.withheld} withheld"


class Nights:
    """A store, a ledger, and a warehouse."""

    def __init__(self, ground: Ground, store: Sandbox, folder: Path) -> None:
        self.ground, self.store, self.folder = ground, store, folder
        self.ledger = folder / "ledger.db"
        self.warehouse = Warehouse()
        self.runs: list[Run] = []
        self._csv = store.renderer.csv

    def change(self, text: str) -> None:
        """Begin the next night, in which a cell of every order has this text."""

        def changed(export: Any) -> bytes:
            rows = list(csv.reader(io.StringIO(self._csv(export).decode(), newline="")))
            at = rows[0].index(CHANGING)
            out = io.StringIO(newline="")
            csv.writer(out).writerows([rows[0], *([*row[:at], text, *row[at + 1 :]] for row in rows[1:])])
            return out.getvalue().encode()

        self.store.renderer.csv = changed  # type: ignore[method-assign]
        self.store.advance(DAY)

    def run(self, point: Point | None = None, ledger: str = "ledger.db", **more: Any) -> Run:
        """A run from the warehouse's state; the warehouse has not received its messages."""
        config = {"ledger": str(self.folder / ledger)} if ledger else {}
        # A short log, because it is a file too, which must fit where the disk is full.
        more.setdefault("environment", {"LOGLEVEL": "WARNING"})
        found = through_pipe(self.ground, self.store, point, state=self.warehouse.state, config=config, **more).run
        self.runs.append(found)
        return found

    def whole(self, **more: Any) -> int:
        """A run to its end, whose messages the warehouse receives; return the number of records."""
        found = self.run(**more)
        if found.code:
            raise RuntimeError(f"a run without an interruption failed: {' '.join(found.errors)}")
        return self.warehouse.take(found.messages)


def attempt(ground: Ground, name: str, second: Callable[[Nights], bool], *, third_is_full: bool = False) -> LedgerTrial:
    """Run the nights with an event in the second one, and count the rows that are lost after the third."""
    found = LedgerTrial(name, came=False)
    with ground.store() as store, tempfile.TemporaryDirectory() as folder:
        nights = Nights(ground, store, Path(folder))
        nights.change("A")
        nights.whole()
        nights.change("B")
        found.came = second(nights)
        nights.change("A")
        sent = nights.whole(**({"file_limit": SMALL_FILES} if third_is_full else {}))
        state, nights.warehouse.state = nights.warehouse.state, None
        expected = {record[KEY]: cells(record) for record in nights.run(ledger="").records}
        nights.warehouse.state = state
        held = nights.warehouse.rows
        wrong = sorted(key for key, row in expected.items() if held.get(key) != row)
        found.finding.lost = len(wrong)
        if wrong:
            found.finding.say(f"{len(wrong)} of {len(expected)} rows are missing or old, such as {wrong[0]}")
        store.advance(DAY)
        found.withheld = max(0, 2 * len(expected) - sent - nights.whole())
        if any(run.tracebacks for run in nights.runs):
            found.finding.say("a traceback was shown")
        found.log = "\n".join(run.log for run in nights.runs) if found.finding.violations else ""
    return found


def killed(point: Point, seed: int) -> Callable[[Nights], bool]:
    """The second night is interrupted; in half of the trials, the target loses a part of what it read."""

    def second(nights: Nights) -> bool:
        chance = random.Random(seed)  # noqa: S311
        found = nights.run(point)
        reached = len(found.messages)
        nights.warehouse.take(found.messages[: chance.randrange(reached + 1) if chance.random() < 0.5 else reached])  # noqa: PLR2004
        return found.code != 0

    return second


def _after(change: Callable[[Nights, dict[str, Any] | None], object]) -> Callable[[Nights], bool]:
    """The second night succeeds; then `change` changes the ledger or the state. It receives the first night's state."""

    def second(nights: Nights) -> bool:
        first = nights.warehouse.state
        shutil.copy(nights.ledger, nights.folder / "first.db")
        nights.whole()
        change(nights, first)
        return True

    return second


def _damage(nights: Nights, change: Callable[[bytearray], object]) -> None:
    content = bytearray(nights.ledger.read_bytes())
    change(content)
    nights.ledger.write_bytes(content)


def _flip(content: bytearray) -> None:
    chance = random.Random(len(content))  # noqa: S311
    for _ in range(20):
        content[chance.randrange(100, len(content))] ^= 1 << chance.randrange(8)  # behind the header


def _other(nights: Nights, _: object) -> None:
    """The ledger of another pipeline of the same store."""
    state, nights.warehouse.state = nights.warehouse.state, None
    nights.change("A")
    nights.run(ledger="other.db")
    nights.warehouse.state = state
    shutil.copy(nights.folder / "other.db", nights.ledger)


def _unrecorded(nights: Nights) -> bool:
    nights.whole(ledger="")
    return True


def _on_full_disk(nights: Nights) -> bool:
    nights.whole(file_limit=SMALL_FILES)
    return True


def _nothing(_: Nights) -> bool:
    return True


EVENTS: dict[str, Callable[[Nights], bool]] = {
    "nothing": _after(lambda *_: None),
    "state older": _after(lambda nights, first: setattr(nights.warehouse, "state", first)),
    "state lost": _after(lambda nights, _: setattr(nights.warehouse, "state", None)),
    "ledger missing": _after(lambda nights, _: nights.ledger.unlink()),
    "ledger behind": _after(lambda nights, _: shutil.copy(nights.folder / "first.db", nights.ledger)),
    "ledger foreign": _after(_other),
    "ledger no database": _after(lambda nights, _: nights.ledger.write_text("no database" * 999)),
    "ledger emptied": _after(lambda nights, _: nights.ledger.write_bytes(b"")),
    "ledger cut": _after(lambda nights, _: _damage(nights, lambda content: content.__delitem__(slice(20_000, None)))),
    "ledger overwritten": _after(
        lambda nights, _: _damage(nights, lambda c: c.__setitem__(slice(9000, 14000), b"\xa5" * 5000))
    ),
    "ledger bits": _after(lambda nights, _: _damage(nights, _flip)),
    "run without it": _unrecorded,
    "disk full, night 2": _on_full_disk,
    "disk full, night 3": _nothing,
}


def trials_of(ground: Ground, step: int = 1) -> list[tuple[str, Callable[[Nights], bool]]]:
    """All trials: every n-th request and line of a second night, by both signals, and all events."""
    with ground.store() as store, tempfile.TemporaryDirectory() as folder:
        nights = Nights(ground, store, Path(folder))
        nights.change("A")
        nights.whole()
        nights.change("B")
        before = store.count()
        lines = len(nights.run().messages)
        requests = store.count() - before
    places = [("request", before + n) for n in range(1, requests + 1)] + [("lines", n) for n in range(1, lines, LINES)]
    points = [Point(*place, number) for place in places[::step] for number in SIGNALS]
    return [(str(point), killed(point, seed)) for seed, point in enumerate(points)] + list(EVENTS.items())


def run_all(step: int = 1, report: Callable[[LedgerTrial], None] = lambda _: None) -> list[LedgerTrial]:
    """Run all trials."""
    ground = ground_of_nights()

    def one(trial: tuple[str, Callable[[Nights], bool]]) -> LedgerTrial:
        found = attempt(ground, *trial, third_is_full=trial[0] == "disk full, night 3")
        report(found)
        return found

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(one, trials_of(ground, step)))
    ground.close()
    return found


def ground_of_nights() -> Ground:
    """The environment of these trials: a store whose clock moves only from night to night."""
    return Ground(SETTINGS, orders_per_day=6, frozen=True, ready_seconds=0)


def show(found: list[LedgerTrial]) -> None:
    """Print a line for each kind of trial, and what was not as promised."""
    kinds: Counter[str] = Counter()
    for one in found:
        kind = one.name if one.name in EVENTS else " ".join(one.name.split()[:-1])
        kinds[f"{kind}: tried"] += 1
        kinds[f"{kind}: withheld"] += one.withheld
        kinds[f"{kind}: lost"] += one.finding.lost
    print(f"{'with a ledger':32}{'tried':>8}{'records withheld':>18}{'lost':>6}")
    for kind in dict.fromkeys(name.rsplit(":", 1)[0] for name in kinds):
        tried, withheld, lost = (kinds[f"{kind}: {what}"] for what in ("tried", "withheld", "lost"))
        print(f"{kind:32}{tried:8}{withheld:18}{lost:6}")
    for one in found:
        for violation in one.finding.violations:
            print(f"  ledger, {one.name}: {violation}")
