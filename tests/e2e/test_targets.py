"""A target that knows keys and types, and a mapper before one that does not; `make targets` tries more."""

from __future__ import annotations

import pytest
import try_targets

# One worker makes the environments and the recording, and both tests use them.
pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("targets")]


@pytest.fixture(scope="module")
def syncs(tmp_path_factory):
    return try_targets.record(tmp_path_factory.mktemp("recorded"))


def test_duckdb_has_each_object_once_and_every_cell_but_decimals_beyond_a_double(syncs, tmp_path):
    first, second = try_targets.attempt(try_targets.DUCKDB, syncs, tmp_path / "out")
    for finding in (first, second):
        assert finding.wrong.pop("number")[0] == 1
        assert finding.perfect, finding
        assert finding.tables == (13, 13)
    assert second.filled[0] > 0


def test_behind_a_mapper_all_cells_are_the_same_but_for_what_it_maps(syncs, tmp_path):
    folder = tmp_path / "out"
    for finding in try_targets.attempt(try_targets.MAPPED, syncs, folder):
        assert finding.perfect, finding
    tables = try_targets.MAPPED.read(folder, folder, "")
    assert all("email" not in row and len(row["email_hash"]) == 32 for row in tables["customer_list"])
