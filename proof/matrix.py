"""The fault matrix: every fault at every place, once, three times, forever, and forever from the third request on."""

from __future__ import annotations

import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scenarios import TIMES, Trial, settings_of, trials
from verifier import Finding, ended_well

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from environment import Ground
    from runs import Run

AT_ONCE = int(os.environ.get("PROOF_AT_ONCE", "0")) or 3 * (os.cpu_count() or 1)


OUTCOMES = {
    "recovered": "recovered",
    "without": "continued without, as allowed",
    "ended": "ended with one line",
    "hung": "hung",
    "FAILED": "not as promised",
}
"""Outcomes of a cell: the word in the table, and the one in the totals."""


@dataclass
class Cell:
    """The result of one cell."""

    trial: Trial
    column: str
    outcome: str
    """One of `OUTCOMES`."""
    finding: Finding
    seconds: float
    line: str = ""
    log: str = ""

    def __str__(self) -> str:
        return f"{self.trial.place}:{self.trial.name}:{self.column} {self.outcome} {self.seconds:.1f} s {self.line}"


def attempt(ground: Ground, trial: Trial, column: str) -> Cell:
    """Try one cell: a run with the fault and, where that ended in an error, one without it."""
    start = time.monotonic()
    finding = Finding()
    with ground.store() as store:
        config = settings_of(trial)
        suffered = trial.arm(store, column)
        began = store.now
        run = ground.run(store, config=config, bare=trial.bare, **suffered)
        finding.emitted(ground, run, without=trial.without)
        if run.tracebacks:
            finding.say("a traceback was shown")
        runs = [run]
        if run.hung:
            outcome = "hung"
            finding.say("it hung")
        elif run.code == 0:
            outcome = "without" if finding.went_without else "recovered"
            if run.errors:
                finding.say("it succeeded, but logged an error")
            finding.arrived(ground, store, began, run)
        else:
            outcome = "ended"
            for wrong in ended_well(run):
                finding.say(wrong)
            store.clear_faults()
            again = ground.run(store, config=settings_of(trial), bare=trial.bare, state=run.state)
            runs.append(again)
            finding.emitted(ground, again)
            if again.code or again.errors:
                finding.say(f"the second run failed too: {' '.join(again.errors)}")
            # Where it reused the newest export, its bookmark is that of the first run.
            finding.arrived(ground, store, began, again)
        stuck = frozenset(e.id for e in store.exports if trial.wastes and e.status(store.now) == "pending")
        finding.exports(store, stuck, suspect=trial.suspect)
        finding.secrets(store, *runs)
    hit = [request.fault for request in store.log] + [delivery.fault for delivery in store.deliveries]
    if trial.fault is not None and not any(hit):
        finding.say("the fault never occurred")
    if finding.violations and outcome != "hung":
        outcome = "FAILED"
    log = "\n".join(_shown_log(one) for one in runs) if finding.violations else ""
    return Cell(trial, column, outcome, finding, time.monotonic() - start, " ".join(run.errors), log)


def _shown_log(run: Run) -> str:
    return "\n".join(
        line for line in run.log.splitlines() if "Selection metadata" not in line and "Skipping" not in line
    )


def cells_of(rows: Iterable[Trial]) -> list[tuple[Trial, str]]:
    """The cells of some rows; the longest first."""
    found = [(trial, column) for trial in rows for column in trial.columns]
    return sorted(found, key=lambda cell: (cell[0].name != "hang", TIMES[cell[1]][0] is not None))


def try_all(
    ground: Ground, cells: Iterable[tuple[Trial, str]], report: Callable[[Cell], None] = lambda _: None
) -> list[Cell]:
    """Try cells, several at a time."""

    def one(cell: tuple[Trial, str]) -> Cell:
        found = attempt(ground, *cell)
        report(found)
        return found

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, cells))


def show(cells: list[Cell]) -> None:
    """Print the matrix and the failures."""
    tried = {(c.trial.place, c.trial.name, c.column): c for c in cells}
    print(f"{'place':9} {'fault':18}" + "".join(f"{column:>11}" for column in TIMES))
    place = ""
    for trial in trials():
        row = [tried.get((trial.place, trial.name, column)) for column in TIMES]
        if not any(row):
            continue
        print(f"{trial.place if trial.place != place else '':9} {trial.name:18}", end="")
        place = trial.place
        print("".join(f"{cell.outcome if cell else '-':>11}" for cell in row))
    for cell in cells:
        for violation in cell.finding.violations:
            print(f"  {cell.trial.place}, {cell.trial.name}, {cell.column}: {violation}")


def totals(cells: list[Cell]) -> Counter[str]:
    """The number of cells by outcome."""
    return Counter(cell.outcome for cell in cells)
