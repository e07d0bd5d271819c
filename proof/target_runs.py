"""The interruption sweep into real targets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from interrupt_sweep import SIGNALS, places_of_a_run
from loaders import JsonLines, Postgres, places
from matrix import AT_ONCE
from pipe import Point
from target_run import Landing, land

if TYPE_CHECKING:
    from collections.abc import Callable

TARGET_LINES = 17
"""The target receives a signal after every so many lines. A batch has a few more, so all parts of one are hit."""


def points_of(places: list[tuple[str, int]], lines: int, step: int = 1) -> list[tuple[str, Point]]:
    """The interruptions, each with its target, and only every `step`-th of them.

    Places of the tap are assigned to the targets in turns. After some lines of a run the target receives the signal,
    alone or with the tap.
    """
    found = []
    for start, name in enumerate((Postgres.name, JsonLines.name)):
        points = [Point(*place, number) for place in places[start :: 2 * step] for number in SIGNALS]
        for n in range(TARGET_LINES, lines, TARGET_LINES * step):
            points += [Point("lines", n, number, whom) for whom in ("target", "both") for number in SIGNALS]
        found += [(name, point) for point in points]
    return found


def landings(step: int = 1, report: Callable[[Landing], None] = lambda _: None) -> list[Landing]:
    """The whole sweep."""
    ground, where = places_of_a_run()
    with places(Path(ground.place.name)) as made, ThreadPoolExecutor(max(1, AT_ONCE // 2)) as pool:

        def one(trial: tuple[str, Point]) -> Landing:
            name, point = trial
            found = land(ground, made.new(name), point)
            report(found)
            return found

        found = list(pool.map(one, points_of(where, ground.lines, step)))
    ground.close()
    return found


def show(found: list[Landing]) -> None:
    """Print the sweep's results: a line for each target and each receiver of the signals."""
    counts = ("came", "cut", "resumed")
    rows = ("lost", "doubled", "wrong", "cells")
    heads = ("into", "signals to", "tried", "hit", "half a line", "from a state", *rows)
    print(("{:16} {:10}" + "{:>13}" * 8).format(*heads))
    for name in dict.fromkeys(one.target for one in found):
        for whom in ("tap", "target", "both"):
            some = [one for one in found if (one.target, one.point.whom) == (name, whom)]
            counted = [sum(getattr(one, what) for one in some) for what in counts]
            counted += [sum(getattr(one.table, what) for one in some) for what in rows]
            print(("{:16} {:10}" + "{:13}" * 8).format(name, whom, len(some), *counted))
    for one in found:
        for violation in one.finding.violations:
            print(f"  {one.target}, {one.point}: {violation}")


def totals(found: list[Landing]) -> dict[str, int]:
    """The figures. Where rows are appended, a row may be repeated: the promise is at least once."""
    counts = dict.fromkeys(("lost", "wrong", "doubled", "appended again, as they may be"), 0)
    for one in found:
        counts["lost"] += one.table.lost
        counts["wrong"] += one.table.wrong
        counts["doubled" if one.upserts else "appended again, as they may be"] += one.table.doubled
    return counts
