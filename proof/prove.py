"""The promise in figures: faults of every kind in every place, and interrupted runs.

Each trial runs the tap as a process against its own practice store, with short pauses and timeouts, and compares the
records with the store's rows. The sweep interrupts runs at every request and after every few lines. The same points,
half of them each, are tried with target-postgres and target-jsonl, whose rows are compared with the store; there, the
target is interrupted too, alone or together with the tap. The last part runs the tap unchanged and counts requests per
second.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

import interrupt_sweep as sweep
import ledger_trials
import matrix
import target_runs as landings
from environment import Ground
from scenarios import trials

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_run import Landing

SWEEPS = ("sweep", "landings", "ledger", "pace")


def main() -> int:
    """Print the figures; the exit code is 1 if the promise was not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    only = f"one place's cells, or one row's; or one of {', '.join(SWEEPS)}"
    parser.add_argument("--only", default="", metavar="PLACE[:FAULT]", help=only)
    parser.add_argument("--step", type=int, default=1, help="of the interruption sweeps")
    parser.add_argument("--verbose", action="store_true", help="how each trial went, and the log of those that failed")
    options = parser.parse_args()
    began = time.monotonic()
    report = _Reporter(verbose=options.verbose)
    cells = try_matrix(options.only, report) if options.only not in SWEEPS else []
    stops = sweep.sweep(options.step, report) if options.only in {"", "sweep"} else []
    if stops:
        sweep.show(stops)
    landed = landings.landings(options.step, report) if options.only in {"", "landings"} else []
    landings.show(landed)
    nights = ledger_trials.run_all(options.step, report) if options.only in {"", "ledger"} else []
    if nights:
        ledger_trials.show(nights)
    peak = sweep.pace() if options.only in {"", "pace"} else (0, 0)
    for what, number in figures(cells, stops, landed, nights, peak):
        print(f"{what:36}{number:6}")
    print(f"in {time.monotonic() - began:.0f} s")
    every: list[Any] = [*cells, *stops, *landed, *nights]
    wrong = any(one.finding.violations for one in every)
    return int(wrong or peak[0] > sweep.ALLOWED or peak[1] > 0)


class _Reporter:
    """Shows the progress, or prints everything."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose

    def __call__(self, one: Any) -> None:
        if self._verbose:
            print(one)
            if one.log:
                print(*one.finding.violations, one.log, sep="\n")
        elif sys.stderr.isatty():
            print(".", end="", file=sys.stderr, flush=True)


def try_matrix(only: str, report: _Reporter) -> list[matrix.Cell]:
    """Try the cells, and print them as a table."""
    place, _, name = only.partition(":")
    ground = Ground()
    rows = [t for t in trials() if place in {"", t.place} and name in {"", t.name}]
    cells = matrix.try_all(ground, matrix.cells_of(rows), report)
    ground.close()
    if sys.stderr.isatty():
        print(file=sys.stderr)
    matrix.show(cells)
    print()
    return cells


def figures(
    cells: list[matrix.Cell],
    stops: list[sweep.Stop],
    landed: list[Landing],
    nights: list[ledger_trials.LedgerTrial],
    peak: tuple[int, int],
) -> Iterator[tuple[str, int]]:
    """The counts."""
    every: list[Any] = [*cells, *stops, *landed, *nights]
    if cells:
        outcomes = matrix.totals(cells)
        yield "faults tried", len(cells)
        yield from ((f"  {words}", outcomes[word]) for word, words in matrix.OUTCOMES.items())
    if stops:
        yield "interruptions", len(stops)
        yield "  not as promised", sum(bool(stop.finding.violations) for stop in stops)
    if landed:
        yield "interruptions into real targets", len(landed)
        yield "  not as promised", sum(bool(one.finding.violations) for one in landed)
        yield from ((f"  rows {words}", number) for words, number in landings.totals(landed).items())
    if nights:
        yield "trials with a ledger", len(nights)
        yield "  not as promised", sum(bool(one.finding.violations) for one in nights)
    if every:
        yield "records lost", sum(one.finding.lost for one in every)
        yield "records that are wrong", sum(one.finding.bad for one in every)
        yield "exports made twice", sum(one.finding.doubled for one in every)
        yield "secrets leaked", sum(one.finding.leaked for one in every)
    if peak[0]:
        yield "peak requests a second", peak[0]
        yield "requests throttled", peak[1]


if __name__ == "__main__":
    sys.exit(main())
