"""`make targets`: one sync of a practice store into one Singer target after another, compared cell by cell.

The tap runs twice, and what it prints is kept: a first load, with a few hostile rows among the customers, and an
incremental one, with a look-back, in the middle of which the merchant adds a column. Each target, in a virtual
environment of its own, then reads the one and the other. What it wrote is compared with the store. What is
found is told in docs/targets.md, and this ends with exit code 1 where a target does otherwise than `targets/listed.py`
says.
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
    """What the tap prints, recorded once for each set of its settings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made: dict[str, list[Sync]] = {}

    def of(self, target: Target) -> list[Sync]:
        """What this target is to read."""
        mark = json.dumps(target.tap)
        if mark not in self._made:
            place = self.folder / f"recording-{len(self._made)}"
            place.mkdir()
            self._made[mark] = record(place, target.tap)
        return self._made[mark]


def tell(name: str, one: Finding) -> None:
    """Print how one load came out."""
    state = "given back" if one.state else "not given back"
    print(f"  {name}: exit {one.ended}, state {state}, rows {one.rows[0]} of {one.rows[1]}, "
          f"tables {one.tables[0]} of {one.tables[1]}, {one.cells} cells compared, "
          f"new column filled {one.filled[0]} of {one.filled[1]}")  # fmt: skip
    for kind, (number, example) in one.wrong.items():
        print(f"    {number} differ, {kind}: {example}")


def is_as_told(target: Target, recordings: Recordings, folder: Path) -> bool | None:
    """Try one target, print what came out, and whether that is what is known of it; None where it cannot be tried."""
    print(f"\n{target.title}", flush=True)
    differences: set[str] = set()
    try:
        for number, finding in enumerate(attempt(target, recordings.of(target), folder)):
            tell(("first load", "second load")[number], finding)
            differences |= finding.differences
    except NotInstalled as error:
        print(f"  {error}")
        differences.add("install")
    except NoInterpreter as error:
        print(f"  not tried: {error}")
        return None
    if differences != target.quirks:
        print(f"  NOT as told: found {sorted(differences)}, told {sorted(target.quirks)}")
    return differences == target.quirks


def main() -> None:
    """Try all, or those that are named."""
    chosen = [one for one in TARGETS if not sys.argv[1:] or any(word in one.title for word in sys.argv[1:])]
    folder = Path(tempfile.mkdtemp(prefix="tap-exports-targets-"))
    try:
        recordings = Recordings(folder)
        told = [is_as_told(target, recordings, folder / str(number)) for number, target in enumerate(chosen)]
    finally:
        shutil.rmtree(folder)
    counts = [told.count(answer) for answer in (True, False, None)]
    print("\n{} as docs/targets.md tells, {} otherwise, {} not tried".format(*counts))
    sys.exit(False in told)


if __name__ == "__main__":
    main()
