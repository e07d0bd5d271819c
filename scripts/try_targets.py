"""`make targets`: sync a practice store into one Singer target after another, and compare cell by cell.

The tap's output is recorded for two runs: a first load, with difficult values in some customers, and an incremental
one with a look-back, during which the merchant adds a column. Each target, in its own virtual environment, reads both.
Its tables are compared with the store. docs/targets.md has the results. The exit code is 1 if a result differs from
`targets/listed.py`.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from targets.environments import NoInterpreter, NotInstalled
from targets.feeding import attempt
from targets.listed import TARGETS
from targets.recording import Sync, record

if TYPE_CHECKING:
    from targets.comparing import Finding
    from targets.listed import Target


class Recordings:
    """The tap's output, recorded once for each set of its settings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made: dict[str, list[Sync]] = {}

    def of(self, target: Target) -> list[Sync]:
        """The recorded runs for a target."""
        mark = json.dumps(target.tap)
        if mark not in self._made:
            place = self.folder / f"recording-{len(self._made)}"
            place.mkdir()
            self._made[mark] = record(place, target.tap)
        return self._made[mark]


def show(name: str, one: Finding) -> None:
    """Print the result of one load."""
    state = "returned" if one.state else "not returned"
    print(f"  {name}: exit {one.ended}, state {state}, rows {one.rows[0]} of {one.rows[1]}, "
          f"tables {one.tables[0]} of {one.tables[1]}, {one.cells} cells compared, "
          f"new column filled {one.filled[0]} of {one.filled[1]}")  # fmt: skip
    for kind, (number, example) in one.wrong.items():
        print(f"    {number} differ, {kind}: {example}")


def matches_document(target: Target, recordings: Recordings, folder: Path) -> bool | None:
    """Test one target, and print the result; whether it is as expected, or None if it cannot be tested."""
    print(f"\n{target.title}", flush=True)
    found: set[str] = set()
    try:
        for number, finding in enumerate(attempt(target, recordings.of(target), folder)):
            show(("first load", "second load")[number], finding)
            found |= finding.differences
    except NotInstalled as error:
        print(f"  {error}")
        found.add("install")
    except NoInterpreter as error:
        print(f"  not tested: {error}")
        return None
    if found != target.quirks:
        print(f"  UNEXPECTED: found {sorted(found)}, expected {sorted(target.quirks)}")
    return found == target.quirks


def main() -> None:
    """Test all targets, or those on the command line."""
    chosen = [one for one in TARGETS if not sys.argv[1:] or any(word in one.title for word in sys.argv[1:])]
    folder = Path(tempfile.mkdtemp(prefix="tap-exports-targets-"))
    try:
        recordings = Recordings(folder)
        results = [matches_document(target, recordings, folder / str(number)) for number, target in enumerate(chosen)]
    finally:
        shutil.rmtree(folder)
    counts = [results.count(answer) for answer in (True, False, None)]
    print("\n{} as in docs/targets.md, {} different, {} not tested".format(*counts))
    sys.exit(False in results)


if __name__ == "__main__":
    main()
