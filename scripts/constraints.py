"""Write `constraints.txt`: the exact version of every package that `make` installs.

    make constraints PYTHONS="python3.10 python3.11 python3.12 python3.13"

pip resolves the packages with each interpreter. Versions that differ get an environment marker; those of the newest
interpreter also apply to later Pythons.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import plumbing

ROOT = plumbing.ROOT
# Further packages: pip, the build backend (in pip's isolated builds), and the loader that meltano.yml pins.
FURTHER = ["pip>=25.1", "hatchling>=1.27", "editables", plumbing.pins("target-postgres")[0]]
HEADER = """\
# Written by `make constraints`: what `make` installs, exactly. Not by hand.
"""


def resolve(python: str, scratch: Path) -> tuple[tuple[int, int], dict[str, str]]:
    """The interpreter's (major, minor), and what pip would install with it: name → version."""
    venv = scratch / Path(python).name.replace(".", "-")
    run(python, "-m", "venv", "--clear", str(venv))
    inside = str(venv / "bin" / "python")
    run(inside, "-m", "pip", "install", "--quiet", "--upgrade", "pip")
    report = scratch / "report.json"
    wanted = ("-e", ".[sandbox,webhook]", "--group", "dev", *FURTHER)
    options = ("--quiet", "--dry-run", "--ignore-installed", "--report", str(report))
    run(inside, "-m", "pip", "install", *options, *wanted)
    answer = json.loads(report.read_text())
    installed = {
        item["metadata"]["name"].lower().replace("_", "-"): item["metadata"]["version"]
        for item in answer["install"]
        if not item["download_info"].get("dir_info")
    }
    major, minor = answer["environment"]["python_version"].split(".")
    return (int(major), int(minor)), installed


def run(*command: str) -> None:
    """Run a command in the repository's root."""
    subprocess.run(command, cwd=ROOT, check=True)


def merge(found: dict[tuple[int, int], dict[str, str]]) -> list[str]:
    """One line for each package and version, with a marker if it is not for every Python."""
    pythons = sorted(found)
    lines = []
    for name in sorted({name for versions in found.values() for name in versions}):
        start = 0
        while start < len(pythons):
            version = found[pythons[start]].get(name)
            end = start
            while end + 1 < len(pythons) and found[pythons[end + 1]].get(name) == version:
                end += 1
            if version is not None:
                bounds = []
                if start > 0:
                    bounds.append(f'python_version >= "{dotted(pythons[start])}"')
                if end + 1 < len(pythons):
                    bounds.append(f'python_version < "{dotted(pythons[end + 1])}"')
                lines.append(f"{name}=={version}" + (f" ; {' and '.join(bounds)}" if bounds else ""))
            start = end + 1
    return lines


def dotted(python: tuple[int, int]) -> str:
    """(3, 10) → 3.10."""
    return ".".join(map(str, python))


def main() -> None:
    """Resolve on every interpreter named on the command line, and write the file."""
    if not sys.argv[1:]:
        sys.exit('name the interpreters: make constraints PYTHONS="python3.10 python3.11 …"')
    with tempfile.TemporaryDirectory() as scratch:
        found = dict(resolve(python, Path(scratch)) for python in sys.argv[1:])
    (ROOT / "constraints.txt").write_text(HEADER + "\n".join(merge(found)) + "\n")


if __name__ == "__main__":
    main()
