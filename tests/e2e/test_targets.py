"""A mapper before a target, and the counts in docs/targets.md; `make targets` tries all targets."""

from __future__ import annotations

import re

import plumbing
import pytest
from targets.feeding import attempt
from targets.listed import DUCKDB, MAPPED
from targets.recording import record

# All of these tests share the environments and the recording of one worker.
pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("targets")]


@pytest.fixture(scope="module")
def syncs(tmp_path_factory):
    return record(tmp_path_factory.mktemp("recorded"))


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
