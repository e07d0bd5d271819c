"""docs/targets.md agrees with `targets/listed.py`, which `make targets` uses."""

from __future__ import annotations

import re
from pathlib import Path

import plumbing
from targets.listed import MAPPER, TARGETS

ROOT = Path(__file__).parent.parent
DOCUMENT = (ROOT / "docs" / "targets.md").read_text()


def table(text, head):
    """The cells of the rows below this head, without backticks."""
    (lines,) = re.findall(rf"^\| {re.escape(head)} \|\n\|[- |]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    return [[cell.strip().replace("`", "") for cell in line.strip("|\n").split("|")] for line in lines.splitlines()]


def test_the_document_lists_every_target_tried():
    rows = table(DOCUMENT, "target | version | how | what differs")
    listed = [(target.package, target.version, target.how, ", ".join(sorted(target.quirks))) for target in TARGETS]
    assert [(*row[:3], row[3].replace("nothing", "")) for row in rows] == listed


def test_the_versions_of_the_proof_are_those_of_the_project():
    text = (ROOT / "docs" / "proof.md").read_text()
    for loader in ("target-postgres", "target-jsonl"):
        assert f"{loader} {plumbing.pins(loader)[0].split('==')[1]}" in " ".join(text.split())


def test_every_version_in_the_document_was_tried():
    tried = {pin for target in TARGETS for pin in target.requirements} | set(MAPPER)
    named = set(re.findall(r"[\w-]+==[\w.]+\w", DOCUMENT))
    assert "duckdb==1.2.2" in named
    assert named <= tried
