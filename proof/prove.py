"""The promise as figures: faults of every kind at every place, and runs that are killed at every request.

Each trial is the tap as a process of its own against a practice store of its own, its pauses and time-outs made
short. What arrived is held against the store's rows. The last part, without any change, counts requests a second.
"""

from __future__ import annotations

import argparse
import sys
import time

import matrix
import sweep
from ground import Ground
from trials import trials


def main() -> int:
    """Print the figures; the exit code is 1 where the promise was not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="PLACE[:FAULT]", help="one place's cells, or one row's")
    parser.add_argument("--step", type=int, default=1, help="of the interruption sweep")
    parser.add_argument("--verbose", action="store_true", help="how each cell went, and the log of those that failed")
    options = parser.parse_args()
    began = time.monotonic()
    ground = Ground()

    def heard(cell: matrix.Cell) -> None:
        if options.verbose:
            print(f"{cell.trial.place}:{cell.trial.name}:{cell.column} {cell.outcome} {cell.seconds:.1f} s {cell.line}")
            if cell.log:
                print(*cell.finding.faults, cell.log, sep="\n")
        elif sys.stderr.isatty():
            print(".", end="", file=sys.stderr, flush=True)

    place, _, name = options.only.partition(":")
    rows = [t for t in trials() if place in {"", t.place} and name in {"", t.name}]
    cells = matrix.try_all(ground, matrix.cells_of(rows), heard)
    ground.close()
    if sys.stderr.isatty():
        print(file=sys.stderr)
    matrix.show(cells)
    found = matrix.totals(cells)
    print()
    stops, peak = [], (0, 0)
    if not options.only:
        stops = sweep.sweep(options.step)
        sweep.show(stops)
        peak = sweep.pace()
    figures = {
        "cells tried": len(cells),
        "recovered": found["recovered"],
        "went on without": found["without"],
        "ended in one line": found["ended"],
        "hung": found["hung"],
        "not as promised": found["FAILED"],
        "interruptions": len(stops),
        "records lost": found["lost"] + sum(stop.finding.lost for stop in stops),
        "records that are wrong": found["bad"] + sum(stop.finding.bad for stop in stops),
        "exports made twice": found["doubled"] + sum(stop.finding.doubled for stop in stops),
        "secrets leaked": found["leaked"] + sum(stop.finding.leaked for stop in stops),
        "peak requests a second": peak[0],
        "requests throttled": peak[1],
    }
    for what, number in figures.items():
        print(f"{what:24}{number:6}")
    print(f"in {time.monotonic() - began:.0f} s")
    wrong = any(cell.finding.faults for cell in cells) or any(stop.finding.faults for stop in stops)
    return int(wrong or peak[0] > sweep.ALLOWED or peak[1] > 0)


if __name__ == "__main__":
    sys.exit(main())
