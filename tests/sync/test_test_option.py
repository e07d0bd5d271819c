"""--test says whether a nightly run would work, and if not, why: a wrong token is not a missing scope."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tap_exports.sandbox import Fault

from .conftest import until


def test_the_test_option_reads_one_record_of_each_stream(make_store, inside):
    """--test makes the newest window's export alone, writes a record of each, and exits with 0."""
    store = make_store(days=90)
    run = inside(store.config | {"window_days": 60}, "--test")
    assert run.code == 0, run.log
    assert store.count(place="create") == 13
    assert [len(run.records(code)) for code in store.types] == [1] * 13


def test_the_test_option_moves_no_bookmark(make_store, inside):
    """Not even where the newest window is empty: whoever keeps the output's state would go on from there."""
    store = make_store(orders_per_day=0)
    run = inside(store.config | {"window_days": 10}, "--test")
    assert run.code == 0, run.log
    assert store.count(place="create") == 13
    assert run.of("STATE") == []


def test_the_test_option_writes_no_batch_files(make_store, inside, tmp_path):
    """They would hold a whole window, and go where a sync's files go."""
    place = tmp_path / "batches"
    place.mkdir()
    files = {"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": {"root": f"file://{place}"}}
    run = inside(make_store().config | {"batch_config": files}, "--test")
    assert run.code == 0, run.log
    assert run.of("BATCH") == []
    assert list(place.iterdir()) == []


def test_exports_are_made_side_by_side(make_store, command):
    """As in a sync: thirteen exports of some seconds each are not waited for one after the other."""
    four = {42, 43, 44, 45}
    store = make_store(frozen=True, parallel_exports=13, ready_seconds=lambda export: 3600 * (export.id in four))
    process = command(store.config, "--test", wait=False)
    until(lambda: four <= {export.id for export in store.exports}, process)  # and none of them is ready before:
    store.advance(timedelta(hours=1))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert len(store.exports) == 13


def test_the_test_option_for_schemas_makes_no_export(make_store, inside):
    """--test=schema writes the SCHEMA messages of all streams there are, and asks for nothing to be made."""
    store = make_store()
    run = inside(store.config, "--test=schema")
    assert run.code == 0, run.log
    assert {m["stream"] for m in run.of("SCHEMA")} == {*store.types, "export_log"}
    assert store.count(place="create") == 0


@pytest.mark.parametrize(
    ("token", "scopes", "words"),
    [
        ("wrong", None, ["answered 401", "does not accept access_token: create a new one"]),
        (None, {"store:read"}, ["answered 403", "Give the token the scope exports:read"]),
        (None, {"exports:read"}, ["403", "Give the token the scope exports:write", " customer_list", " order_list"]),
    ],
    ids=["token", "may not read", "may not create"],
)
def test_a_wrong_token_is_told_from_a_missing_scope(make_store, inside, token, scopes, words):
    """One line that names what to mend, the exit code of a failed run, and no export made."""
    store = make_store(**({"scopes": scopes} if scopes else {}))
    run = inside(store.config | ({"access_token": token} if token else {}), "--test")
    assert run.code == 1
    assert len(run.errors) == 1, run.log
    assert [word for word in words if word not in run.errors[0]] == []
    assert store.exports == []


def test_one_stream_that_fails_fails_the_test(make_store, inside):
    """The others are read all the same."""
    store = make_store()
    store.add_fault(Fault("create", "status", status=400, body='{"type": ["Not today."]}'))
    run = inside(store.config | {"window_days": 60}, "--test")
    assert run.code == 1
    assert len(run.errors) == 1
    assert "Not today. (stream " in run.errors[0]
    assert len({m["stream"] for m in run.of("RECORD")}) == 12


def test_optional_scopes_are_no_reason_to_fail(make_store, inside):
    """exports:read and exports:write are all that a sync needs."""
    run = inside(make_store(scopes={"exports:read", "exports:write"}).config, "--test")
    assert run.code == 0, run.log
    assert run.errors == []
