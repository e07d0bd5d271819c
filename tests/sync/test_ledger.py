"""Syncs with a ledger: what is sent, what the states say, and that the target equals the store whatever fails."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tap_exports.ledger import Ledger
from tap_exports.sandbox import Fault
from tap_exports.tap import TapExports

from .conftest import assert_fails, fixed, only


@pytest.fixture
def ledger(tmp_path):
    return tmp_path / "ledger.db"


@pytest.fixture
def config(make_store, ledger):
    """A store whose orders never change, a window for all of it, and a ledger."""
    store = make_store("order_list", "order_line_items", "customer_list", frozen=True, days=20)
    end = (store.now - timedelta(hours=1)).isoformat()
    return store.config | {
        "ledger": str(ledger),
        "reuse_exports_minutes": 0,
        "lookback_days": 100,
        "end_date": end,
    }


@pytest.fixture
def off(config):
    return config | {"ledger": None}


KEYS = {"order_list": "order_number", "customer_list": "customer_id"}


def keys(run, stream="order_list"):
    return [record[KEYS[stream]] for record in run.records(stream)]


def position(run, stream="order_list"):
    return run.state["bookmarks"][stream]["ledger"]


def test_unchanged_records_are_not_sent_twice(config, sync):
    streams = ["order_list", "order_line_items", "customer_list"]
    first = sync(config, streams=streams)
    again = sync(config, state=first.state, streams=streams)
    for stream in streams:
        assert first.records(stream)
        assert again.records(stream) == []
        assert position(again, stream) != position(first, stream)
        assert again.bookmark(stream) == first.bookmark(stream)


def test_every_state_after_a_window_has_a_position(config, sync):
    run = sync(config | fixed(5), streams=["order_list"])
    entries = [m["value"]["bookmarks"].get("order_list", {}) for m in run.of("STATE")]
    positions = [entry["ledger"] for entry in entries if "replication_key_value" in entry]
    assert len(set(positions)) == len(positions) >= 4


def test_all_lines_of_an_order_are_sent_if_one_changes(config, make_store, sync):
    store = make_store(days=3)
    state = None
    nights = [
        (["1,a,1", "1,b,1", "2,a,1"], {("1", "a#1"), ("1", "b#1"), ("2", "a#1")}),
        (["1,a,1", "1,b,2", "2,a,1"], {("1", "a#1"), ("1", "b#1")}),
        (["1,b,2", "2,a,1"], {("1", "b#1")}),
    ]
    for lines, sent in nights:
        store.add_fault(Fault("file", "body", body="\r\n".join(["Order Number,SKU,Quantity", *lines, ""])))
        run = sync(store.config | {"ledger": config["ledger"]}, state=state, streams=["order_line_items"])
        state = run.state
        assert {(r["order_number"], r["export_line"]) for r in run.records("order_line_items")} == sent


def test_a_run_without_the_ledger_says_so_in_every_state(config, off, sync):
    first = sync(config, streams=["order_list"])
    run = sync(off, state=first.state, streams=["order_list"])
    states = [m["value"]["bookmarks"]["order_list"]["ledger"] for m in run.of("STATE")]
    assert len(states) > 1
    assert set(states) == {""}
    assert run.messages[0]["type"] == "STATE"  # before the first record
    assert keys(sync(config, state=run.state, streams=["order_list"])) == keys(first)


def test_a_state_that_never_had_a_position_gets_none(off, sync):
    first = sync(off, streams=["order_list"])
    run = sync(off, state=first.state, streams=["order_list"])
    assert not any("ledger" in m["value"]["bookmarks"].get("order_list", {}) for m in run.of("STATE"))


def test_a_deselected_stream_keeps_its_position(config, off, sync):
    first = sync(config, streams=["order_list", "customer_list"])
    run = sync(off, state=first.state, streams=["customer_list"])
    assert position(run) == position(first)
    assert position(run, "customer_list") == ""


def test_it_is_off_for_a_stream_without_a_key(config, sync):
    first = sync(config, streams=["order_list"])
    keyless = config | {"primary_keys": {"order_list": []}}
    run = sync(keyless, state=first.state, streams=["order_list"])
    before = next(n for n, m in enumerate(run.messages) if m["type"] == "RECORD")
    states = [m["value"]["bookmarks"]["order_list"]["ledger"] for m in run.messages[:before] if m["type"] == "STATE"]
    assert states[-1] == position(run) == ""
    again = sync(keyless, state=run.state, streams=["order_list"])
    assert len(keys(again)) == len(keys(run)) == len(keys(first))


def test_it_is_off_for_a_full_table_sync(config, sync, discover):
    first = sync(config, streams=["order_list"])
    catalog = only(discover(config), "order_list", method="FULL_TABLE")
    run = sync(config, state=first.state, catalog=catalog)
    assert keys(run) == keys(first)
    assert position(run) == ""
    assert keys(sync(config, state=first.state, streams=["order_list"])) == keys(first)


@pytest.mark.parametrize(
    "change",
    [
        {"stream_maps": {"order_list": {"double": "total_incl_tax * 2"}}},
        {"flattening_enabled": True, "flattening_max_depth": 1},
        {"primary_keys": {"order_list": ["order_number", "currency"]}},
        {"column_types": {"order_list": {"total_incl_tax": "string"}}},
        {},
    ],
    ids=["map", "flattening", "key", "type", "version"],
)
def test_what_changes_the_records_form_sends_everything(config, sync, monkeypatch, change):
    first = sync(config, streams=["order_list"])
    if not change:
        monkeypatch.setattr(TapExports, "plugin_version", "99.0.0")
    run = sync(config | change, state=first.state, streams=["order_list"])
    assert keys(run) == keys(first)
    assert keys(sync(config | change, state=run.state, streams=["order_list"])) == []


@pytest.mark.parametrize(
    ("nights", "changed"),
    [
        # A change that the map hides is a change.
        ([("new", True), ("paid", True), ("paid", False)], {"stream_maps": {"order_list": {"status": None}}}),
        # A value that returns after a night without the ledger, in which another was sent and not recorded.
        ([("new", True), ("without", True), ("new", True)], {}),
    ],
    ids=["map", "without"],
)
def test_a_record_is_sent_if_it_changed_before_maps(make_store, sync, ledger, nights, changed):
    store = make_store("order_list", days=3)
    config = store.config | {"ledger": str(ledger)} | fixed(100) | changed
    state = None
    for status, is_sent in nights:
        store.add_fault(Fault("file", "body", body=f"Order Number,Status\r\n1,{status}\r\n"))
        run = sync(config | ({"ledger": None} if status == "without" else {}), state=state)
        state = run.state
        assert keys(run) == ["1"] * is_sent


def test_another_store_in_the_same_file_has_streams_of_its_own(config, make_store, sync):
    other = make_store(frozen=True, days=20, seed=30).config
    other = config | {name: other[name] for name in ("api_url", "access_token")}
    states = [sync(one, streams=["order_list"]).state for one in (config, other)]
    for one, state in zip((config, other), states, strict=True):
        assert keys(sync(one, state=state, streams=["order_list"])) == []


def test_a_ledger_that_is_not_the_states_sends_everything_with_one_warning(config, sync, ledger, caplog):
    streams = ["order_list", "customer_list"]
    first = sync(config, streams=streams)
    ledger.unlink()
    caplog.clear()
    run = sync(config, state=first.state, streams=streams)
    assert [keys(run, stream) for stream in streams] == [keys(first, stream) for stream in streams]
    assert caplog.text.count("is not the one of the state") == 1
    again = sync(config, state=run.state, streams=streams)
    assert [again.records(stream) for stream in streams] == [[], []]


def test_it_works_with_batches(config, sync, batch_config):
    first = sync(config | {"batch_config": batch_config}, streams=["order_list"])
    again = sync(config | {"batch_config": batch_config}, state=first.state, streams=["order_list"])
    assert first.of("BATCH", "order_list")
    assert again.of("BATCH") == []
    other = sync(config, state=again.state, streams=["order_list"])
    assert len(keys(other)) == len(keys(sync(config, streams=["order_list"])))  # as messages, everything is sent


def test_invalid_values_are_counted_once(config, make_store, sync, caplog):
    store = make_store(days=3)
    store.add_fault(Fault("file", "body", body="Order Number,SKU,Quantity\r\n1,a,x\r\n2,b,1\r\n"))
    run = sync(store.config | {"ledger": config["ledger"]}, streams=["order_line_items", "export_log"])
    assert "quantity: 1 of 2 cells do not fit" in caplog.text
    assert run.records("export_log")[0]["invalid_cells"] == 1


def test_a_ledger_in_use_is_an_error_before_any_request(small_store, inside, ledger):
    held = Ledger(ledger)
    run = inside(small_store.config | {"ledger": str(ledger)})
    held.close()
    assert_fails(run, "is in use by another run")
    assert small_store.log == []
    assert inside(small_store.config | {"ledger": str(ledger)}).code == 0


@pytest.mark.parametrize("arguments", [["--discover"], ["--plan"], ["--test"]])
def test_only_a_sync_opens_the_ledger(small_store, inside, ledger, arguments):
    assert inside(small_store.config | {"ledger": str(ledger)}, *arguments).code == 0
    assert not ledger.exists()


def test_a_damaged_ledger_sends_everything_and_every_position_is_empty(config, inside, ledger):
    first = inside(config)
    ledger.write_bytes(b"\xa5" * 5000)
    run = inside(config, state=first.state)
    assert run.code == 0
    assert "everything is sent" in run.log
    assert keys(run) == keys(first)
    assert {entry.get("ledger") for entry in run.state["bookmarks"].values() if "replication_key" in entry} == {""}
