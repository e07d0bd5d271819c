"""Targets with keys and types, and a mapper before one without; `make targets` tries more."""

from __future__ import annotations

import re

import plumbing
import pytest
from targets.feeding import attempt
from targets.listed import DUCKDB, MAPPED, SQLITE
from targets.recording import record

# All of these tests share the environments and the recording of one worker.
pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("targets")]


@pytest.fixture(scope="module")
def syncs(tmp_path_factory):
    return record(tmp_path_factory.mktemp("recorded"))


@pytest.mark.parametrize("target", [DUCKDB, SQLITE], ids=lambda target: target.package)
def test_each_target_has_each_object_once_with_every_cell(syncs, tmp_path, target):
    first, second = attempt(target, syncs, tmp_path / "out")
    for finding in (first, second):
        assert finding.differences == {"number"} == target.quirks, finding
        assert finding.wrong["number"][0] == 1
        assert finding.tables == (13, 13)
    assert second.filled[0] > 0


def test_a_mapper_changes_the_mapped_cells_only(syncs, tmp_path):
    folder = tmp_path / "out"
    for finding in attempt(MAPPED, syncs, folder):
        assert finding.differences == set(), finding
    tables = MAPPED.read(folder, folder, "")
    assert all("email" not in row and len(row["email_hash"]) == 32 for row in tables["customer_list"])


def test_the_document_has_the_counts_of_rows_and_cells(syncs, tmp_path):
    text = (plumbing.ROOT / "docs" / "targets.md").read_text()
    counts = [int(n) for n in re.findall(r"\*\*(\d+)\*\* (?:rows|cells)", text)]
    first, second = attempt(DUCKDB, syncs, tmp_path / "out")
    loaded, appended = (sum(map(len, sync.rows.values())) for sync in syncs)
    assert counts == [loaded, first.cells, appended, second.rows[1], loaded + appended, second.cells]
