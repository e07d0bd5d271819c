"""The file of the ledger: its lock, and when it is missing, damaged, foreign, an older copy, or on a full disk."""

from __future__ import annotations

import random
import resource
import shutil
import sqlite3
import stat
from contextlib import closing

import pytest

from tap_exports.errors import SettingsError
from tap_exports.ledger import Ledger
from tests.ledger.conftest import LineStore, Pipeline, Store, key_of
from tests.ledger.processes import lines_of_child, wait_for

DOUBT = "is not the one of the state"


def test_the_file_is_private_and_the_only_one_after_a_run(pipeline):
    pipeline.sync()
    assert stat.S_IMODE(pipeline.path.stat().st_mode) == 0o600
    assert [path.name for path in pipeline.path.parent.iterdir()] == [pipeline.path.name]


@pytest.mark.parametrize("place", ["", "missing/ledger.db"])
def test_a_path_that_cannot_be_a_file_is_an_error(tmp_path, place):
    with pytest.raises(SettingsError, match="cannot be opened"):
        Ledger(tmp_path / place)


def test_another_programs_database_is_an_error_and_stays_as_it_is(path):
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE t (x)")
    before = path.read_bytes()
    with pytest.raises(SettingsError, match="another program's database"):
        Ledger(path)
    assert path.read_bytes() == before


def test_a_newer_format_is_an_error(pipeline):
    pipeline.sync()
    with closing(sqlite3.connect(pipeline.path)) as other:
        other.execute("PRAGMA user_version = 2")
    with pytest.raises(SettingsError, match="has the format 2"):
        Ledger(pipeline.path)


@pytest.mark.parametrize("what", ["missing", "another", "older"])
def test_a_ledger_that_is_not_the_states_means_that_everything_is_sent(store, pipeline, tmp_path, caplog, what):
    other = Pipeline(store, tmp_path / "other.db")
    store.put(0, a=1)
    pipeline.sync()
    if what == "older":
        shutil.copy(pipeline.path, other.path)
    other.sync()
    store.put(0, a=2)
    pipeline.sync()
    if what == "missing":
        pipeline.path.unlink()
    else:
        shutil.copy(other.path, pipeline.path)
    store.put(0, a=1)
    assert pipeline.sync() == ["a"]
    assert caplog.text.count(DOUBT) == 1
    assert pipeline.totals == {"a": 1}
    assert pipeline.sync() == []


def test_an_older_copy_is_noticed_after_another_pipeline_has_used_it(store, pipeline, tmp_path):
    other = Pipeline(store, pipeline.path)
    store.put(0, a=1)
    other.sync()
    shutil.copy(pipeline.path, tmp_path / "copy")
    store.put(0, a=2)
    pipeline.sync()
    shutil.copy(tmp_path / "copy", pipeline.path)
    store.put(0, a=1)
    for _ in range(5):
        other.sync()  # its positions pass the one in the pipeline's state
    pipeline.sync()
    assert pipeline.totals == {"a": 1}


@pytest.mark.parametrize("content", [b"not a database" * 500, b"\0" * 8192])
def test_a_file_that_is_no_database_is_left_alone_and_everything_is_sent(store, pipeline, caplog, content):
    store.put(0, a=1)
    pipeline.sync()
    pipeline.path.write_bytes(content)
    for _ in range(2):
        assert pipeline.sync() == ["a"]
        assert pipeline.state["orders"]["ledger"] == ""
    assert "cannot be used" in caplog.text
    assert pipeline.path.read_bytes() == content
    pipeline.path.unlink()
    assert pipeline.sync() == ["a"]
    assert pipeline.sync() == []


def damaged(content, how, chance):
    content, at = bytearray(content), chance.randrange(len(content))
    if how == "cut":
        del content[at:]
    elif how == "page":
        content[at : at + 3000] = b"\xa5" * 3000
    else:
        for _ in range(10):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return content


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("how", ["cut", "page", "bits"])
@pytest.mark.parametrize(("kind", "values"), [(Store, [1, 2]), (LineStore, [["a", "b"], ["a", "c"]])])
def test_a_damaged_file_loses_nothing_and_stops_nothing(path, kind, values, how, seed):
    """Also where the database is well-formed, and its content is wrong."""
    pipeline = Pipeline(kind(), path)
    pipeline.store.put(0, **{f"k{n}": values[0] for n in range(60)})
    for _ in range(2):
        pipeline.sync()
    path.write_bytes(damaged(path.read_bytes(), how, random.Random(seed)))
    pipeline.store.put(0, **{f"k{n}": values[1] for n in range(0, 60, 3)})
    pipeline.sync()
    rows = {key_of(row): row | {"export_id": 0} for row in pipeline.store.rows(0, 0)}
    found = {key: row | {"export_id": 0} for key, row in pipeline.rows.items()}
    assert found == found | rows


def full_disk(pipeline, limit):
    """A run in a child process that cannot write files beyond a size."""

    def run():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        yield from pipeline.run_lines()

    with lines_of_child(run) as (child, lines):
        pipeline.take_lines(lines)
        assert wait_for(child) == 0


@pytest.mark.parametrize("limit", [100, 5_000, 60_000, 120_000])
@pytest.mark.parametrize("state_is_lost", [False, True])
def test_a_full_disk_does_not_stop_the_run(store, pipeline, limit, state_is_lost):
    store.put(0, **{f"k{n}": 1 for n in range(300)})
    pipeline.sync()
    before = pipeline.state
    store.put(1, **{f"new{n:05}": 1 for n in range(2000)})
    store.put(2, **{f"k{n}": 2 for n in range(0, 300, 3)})
    full_disk(pipeline, limit)
    assert pipeline.totals == store.totals
    assert pipeline.state["orders"]["ledger"] == ""
    if state_is_lost:
        pipeline.state = before
    store.put(2, **{f"k{n}": 1 for n in range(0, 300, 3)})
    pipeline.sync()
    assert pipeline.totals == store.totals
    assert pipeline.sync() == []


def test_a_ledger_that_cannot_even_be_created_does_not_stop_the_run(store, pipeline):
    store.put(0, a=1)
    full_disk(pipeline, 0)
    assert (pipeline.totals, pipeline.state["orders"]["ledger"]) == ({"a": 1}, "")
