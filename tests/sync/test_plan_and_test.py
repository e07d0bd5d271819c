"""--plan lists the exports that a sync would request; --test shows whether a nightly run would work."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tap_exports.sandbox import Fault

from .conftest import assert_fails, fixed


@pytest.fixture
def planned(inside):
    """The lines that `--plan` prints."""

    def run(config, **files):
        done = inside(config, "--plan", **files)
        assert done.code == 0, done.log
        return done.out.splitlines()

    return run


def test_the_plan_of_a_first_load(make_store, planned):
    store = make_store(days=20)
    lines = planned(store.config | {"window_days": 7})
    assert len(lines) == 13 * 2 + 1
    first, rest = (line for line in lines if line.startswith("order_list "))
    assert first.endswith("  create")
    assert rest.endswith("  create, in one or more windows, by the row count")
    assert lines[-1].startswith("13 streams, 26 windows: 26 exports or more to create, 0 to reuse; about ")
    assert store.exports == []
    assert store.count(place="create") == 0


def test_the_plan_names_exports_to_reuse(make_store, sync, planned):
    store = make_store(days=20)
    config = store.config | fixed(7)
    sync(config, streams=["order_list"])
    made = len(store.exports)
    lines = planned(config)
    reused = [line for line in lines if "reuse export" in line]
    assert len(reused) == 3
    assert all(line.startswith("order_list ") for line in reused)
    assert len(store.exports) == made


def test_the_plan_contains_the_refresh(make_store, sync, planned):
    store = make_store(days=60)
    first = sync(store.config, streams=["order_list"])
    store.advance(timedelta(days=1))
    lines = planned(store.config, state=first.state)
    newest, refresh = (line for line in lines if line.startswith("order_list "))
    assert newest.endswith("  create")
    assert refresh.endswith("  create, refresh")


@pytest.mark.parametrize("orders_per_day", [3, 0], ids=["records", "an empty window"])
def test_the_test_option_reads_one_record_of_each_stream_and_moves_no_bookmark(make_store, inside, orders_per_day):
    store = make_store(days=90, orders_per_day=orders_per_day)
    run = inside(store.config | {"window_days": 60}, "--test")
    assert run.code == 0, run.log
    assert store.count(place="create") == 13
    assert [len(run.records(code)) for code in store.types] == [bool(orders_per_day)] * 13
    assert run.of("STATE") == []


def test_the_test_option_writes_no_batch_files(small_store, inside, batch_config, tmp_path):
    run = inside(small_store.config | {"batch_config": batch_config}, "--test")
    assert run.code == 0, run.log
    assert run.of("BATCH") == []
    assert not (tmp_path / "batches").exists()


def test_the_test_option_for_schemas_makes_no_export(make_store, inside):
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
def test_an_invalid_token_and_a_missing_scope_have_different_errors(make_store, inside, token, scopes, words):
    store = make_store(**({"scopes": scopes} if scopes else {}))
    run = inside(store.config | ({"access_token": token} if token else {}), "--test")
    assert_fails(run, *words)
    assert store.exports == []


def test_one_failed_stream_fails_the_test(make_store, inside):
    store = make_store()
    store.add_fault(Fault("create", "status", status=400, body='{"type": ["Not today."]}'))
    run = inside(store.config | {"window_days": 60}, "--test")
    assert_fails(run, "Not today. (stream ")
    assert len({m["stream"] for m in run.of("RECORD")}) == 12
