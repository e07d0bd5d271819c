"""Columns appear and disappear between files; neither they, nor types or keys, depend on rows."""

from __future__ import annotations

import io
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tap_exports.sandbox import Fault

from .conftest import fixed

SNAPSHOT = Path(__file__).with_name("catalog.txt")
HEADER = "Order Number,Status,Total Incl Tax"
FIRST = f"{HEADER}\r\n1,new,2.50\r\n"
PERK = f"{HEADER},Perk\r\n2,new,3.50,gold\r\n"


def catalog_of(*columns, keys=("order_number",), deselected=()):
    """A catalog of order_list with these columns, each a string."""
    off = [{"breadcrumb": ["properties", name], "metadata": {"selected": False}} for name in deselected]
    entry = {
        "tap_stream_id": "order_list",
        "key_properties": list(keys),
        "schema": {"properties": {name: {"type": ["string", "null"]} for name in columns}},
        "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}, *off],
    }
    return {"streams": [entry]}


@pytest.fixture
def store(make_store):
    return make_store("order_list", days=3)


@pytest.fixture
def orders(store, sync):
    """Sync two days of orders, with a window for each of these files."""

    def run(*contents, catalog=None, **settings):
        for content in contents:
            store.add_fault(Fault("file", "body", body=content))
        start = (store.now - timedelta(days=2)).isoformat()
        days = {1: 30, 2: 1.5, 3: 0.9}[len(contents)]
        config = {"start_date": start, "max_concurrent_exports": 1, "reuse_exports_minutes": 0} | fixed(days)
        return sync(store.config | config | settings, catalog=catalog, streams=["order_list"])

    return run


def test_a_new_column_has_its_schema_before_its_records(orders):
    run = orders(FIRST, f"{HEADER},Paid At\r\n2,new,3.50,2025-01-01T00:00:00Z\r\n")
    assert [m["type"] for m in run.messages if m["type"] != "STATE"] == ["SCHEMA", "RECORD", "SCHEMA", "RECORD"]
    first, second = (message["schema"]["properties"] for message in run.of("SCHEMA"))
    assert "paid_at" not in first
    assert second["paid_at"] == {"type": ["string", "null"], "format": "date-time"}
    assert [record.get("paid_at") for record in run.records("order_list")] == [None, "2025-01-01T00:00:00Z"]


def test_the_definitions_are_requested_again_for_a_new_column(store, orders):
    """The merchant may have added it during the run."""
    store.add_fault(Fault("metadata", "json", document={"next": None, "results": []}))
    run = orders(FIRST, f"{HEADER},VIP Order\r\n2,new,3.50,True\r\n")
    assert [record.get("vip_order") for record in run.records("order_list")] == [None, True]


def test_a_removed_column_leaves_schema_and_records_until_it_returns(orders, caplog):
    """A null would make an upsert erase what the target has."""
    with caplog.at_level("INFO"):
        run = orders(FIRST, "Order Number,Total Incl Tax\r\n2,3\r\n", f"{HEADER}\r\n3,old,2\r\n")
    messages = [m for m in run.messages if m["type"] != "STATE"]
    assert [m["type"] for m in messages] == ["SCHEMA", "RECORD"] * 3
    holds = ["status" in (m["schema"]["properties"] if m["type"] == "SCHEMA" else m["record"]) for m in messages]
    assert holds == [True, True, False, False, True, True]
    assert sum("status" in line and "removed" in line for line in caplog.messages) == 1


def test_a_deselected_column_stays_out_and_a_new_one_is_added(orders):
    catalog = catalog_of("order_number", "status", "total_incl_tax", deselected=["status"])
    run = orders(FIRST, PERK, catalog=catalog)
    assert all("status" not in m["schema"]["properties"] for m in run.of("SCHEMA"))
    assert all("status" not in record for record in run.records("order_list"))
    assert run.records("order_list")[1]["perk"] == "gold"


def test_on_new_column_fail_fails_the_stream(orders):
    run = orders(FIRST, catalog=catalog_of("order_number", "status"), on_new_column="fail")
    assert run.records("order_list") == []
    text = str(run.failures["order_list"])
    assert [word for word in ("total_incl_tax", "on_new_column", "export") if word not in text] == []


def test_stream_maps_see_a_new_column(orders):
    maps = {"order_list": {"order_number": "order_number", "note": "record.get('perk')", "__else__": None}}
    run = orders(FIRST, PERK, stream_maps=maps)
    assert [record["note"] for record in run.records("order_list")] == [None, "gold"]


def test_invalid_cells_and_nul_characters_are_a_warning(orders, caplog):
    run = orders(f"{HEADER}\r\n1,a\0b\0,2.50\r\n2,new,3.10\r\n3,new,a lot\r\n")
    first, _, third = run.records("order_list")
    assert (first["status"], first["invalid_values"]) == ("ab", None)
    assert (third["total_incl_tax"], third["invalid_values"]) == (None, {"total_incl_tax": "a lot"})
    assert caplog.text.count("total_incl_tax: 1 of 3 cells do not fit, for instance 'a lot'") == 1
    assert caplog.text.count("2 NUL characters") == 1


def test_on_invalid_value_fail_writes_nothing_of_the_file(orders):
    rows = "".join(f"{n},new,{n}.50\r\n" for n in range(1, 2500))
    run = orders(f"{HEADER}\r\n{rows}9999,new,a lot\r\n", on_invalid_value="fail")
    assert run.records("order_list") == []
    assert "total_incl_tax" in str(run.failures["order_list"])


@pytest.mark.parametrize(
    "catalog", [None, catalog_of("order_number", "status", "batch")], ids=["no catalog", "catalog"]
)
def test_column_types_and_primary_keys_take_precedence(orders, catalog):
    types, keys = {"order_list": {"batch": "integer"}}, {"order_list": ["batch", "status"]}
    content = "Order Number,Status,Batch\r\n1,new,7\r\n"
    run = orders(content, catalog=catalog, column_types=types, primary_keys=keys)
    assert run.of("SCHEMA")[0]["key_properties"] == ["batch", "status"]
    assert run.records("order_list")[0]["batch"] == 7


def test_a_deselected_key_column_is_written(orders):
    columns = "status", "total_incl_tax"
    catalog = catalog_of("order_number", *columns, deselected=columns)
    run = orders(FIRST, catalog=catalog, primary_keys={"order_list": ["status"]})
    (schema,) = run.of("SCHEMA")
    assert schema["key_properties"] == ["status"]
    assert [name in schema["schema"]["properties"] for name in columns] == [True, False]
    assert [record["status"] for record in run.records("order_list")] == ["new"]


def test_unknown_streams_and_columns_in_settings_are_a_warning(orders, caplog):
    run = orders(
        FIRST,
        column_types={"order_list": {"stauts": "string"}, "invoices": {"a": "string"}},
        primary_keys={"order_lists": ["number"]},
        lookback_days={"dispute_lists": 3, "*": 5},
    )
    assert len(run.records("order_list")) == 1
    assert [line for line in caplog.messages if "does not have" in line] == [
        "column_types names the stream invoices, which the store does not have",
        "primary_keys names the stream order_lists, which the store does not have",
        "lookback_days names the stream dispute_lists, which the store does not have",
        "column_types names the column order_list.stauts, which the stream does not have",
    ]


def test_the_catalog_equals_its_snapshot(make_store, discover):
    store = make_store(now=datetime(2026, 3, 20, 12, tzinfo=timezone.utc), frozen=True, days=120)
    out = io.StringIO()
    for entry in discover(store.config)["streams"]:
        print(f"{entry['tap_stream_id']} keyed by {', '.join(entry['key_properties'])}", file=out)
        for name, prop in entry["schema"]["properties"].items():
            print(f"    {name}: {prop.get('format', prop['type'][0])}", file=out)
    assert out.getvalue() == SNAPSHOT.read_text()


ORDERS = "Order Number,Order Date,Total,Note\r\n1001,{},{},{}\r\n"
ONE = ORDERS.format("", 1, "")
OTHER_KEY = "Number,Total\r\n1001,2\r\n"


@pytest.fixture
def night(make_store, sync):
    """Sync one stream; all its files are this one."""
    store = make_store(days=3)

    def run(content, *, state=None, stream="order_list", catalog=None, **settings):
        store.clear_faults()
        store.add_fault(Fault("file", "body", body=content, times=None))
        config = store.config | {"reuse_exports_minutes": 0, **settings}
        return sync(config, state=state, streams=[stream], catalog=catalog)

    return run


def entry(run, stream="order_list"):
    return run.state["bookmarks"][stream]


@pytest.mark.parametrize(
    "cells", [("2026-03-01", "1", "5"), ("soon", "a lot", "2026-03-01"), ("", "", "")], ids=["whole", "text", "blank"]
)
def test_no_cell_changes_the_schema(night, cells):
    plain = night(ORDERS.format("2026-03-01T15:30:00Z", "2.50", "x"))
    run = night(ORDERS.format(*cells))
    assert run.of("SCHEMA") == plain.of("SCHEMA")
    assert len(run.records("order_list")) == 1


def test_the_state_remembers_the_key(night):
    assert entry(night(ONE))["key"] == ["order_number"]
    found = entry(night("Order Number,SKU\r\n1001,A\r\n", stream="order_line_items"), "order_line_items")
    assert (found["key"], found["line_identity"]) == (["order_number", "export_line"], "sku")


@pytest.mark.parametrize(
    ("content", "catalog", "change"),
    [(OTHER_KEY, None, "to number"), (ONE, catalog_of("order_number", "note", keys=("note",)), "to note")],
    ids=["file", "catalog"],
)
def test_another_key_than_the_last_runs_is_an_error(night, content, catalog, change):
    """The error precedes its SCHEMA, which would make a target alter its table."""
    first = night(ONE)
    second = night(content, state=first.state, catalog=catalog)
    assert f"from order_number {change}" in str(second.failures["order_list"])
    assert second.of("SCHEMA") == second.of("RECORD") == []
    assert entry(second) == entry(first)


def test_primary_keys_may_set_another_key(night):
    first = night(ONE)
    second = night(OTHER_KEY, state=first.state, primary_keys={"order_list": ["number"]})
    assert second.of("SCHEMA")[0]["key_properties"] == entry(second)["key"] == ["number"]
    third = night(ONE, state=second.state)
    assert "from number to order_number" in str(third.failures["order_list"])


def test_a_stream_that_fails_before_its_records_activates_no_version(night):
    """A target would delete its rows."""
    state = {"bookmarks": {"order_list": {"key": ["id"]}}}
    catalog = catalog_of("order_number", "note")
    catalog["streams"][0]["replication_method"] = "FULL_TABLE"
    run = night(ONE, state=state, catalog=catalog, emit_activate_version_messages=True)
    assert "from id to order_number" in str(run.failures["order_list"])
    assert run.of("ACTIVATE_VERSION") == []


def test_a_stream_without_a_key_is_a_warning_unless_the_user_chose_it(night, caplog):
    keyless = "Total,Ref.\r\n1,x\r\n1,x\r\n"
    run = night(keyless)
    assert len(run.records("order_list")) == 2
    assert run.of("SCHEMA")[0]["key_properties"] == []
    assert [r.levelname for r in caplog.records if "order_list has no key" in r.getMessage()] == ["WARNING"]
    caplog.clear()
    night(keyless, primary_keys={"order_list": []})
    assert "has no key" not in caplog.text


def test_types_without_the_merchants_definitions_are_a_warning(make_store, sync, caplog):
    store = make_store(days=3, scopes={"exports:read", "exports:write", "store:read"})
    sync(store.config, streams=["order_list"])
    lines = [(r.levelname, r.getMessage()) for r in caplog.records if "merchant's own columns" in r.getMessage()]
    assert [level for level, _ in lines] == ["WARNING"]
    assert "metadata:read" in lines[0][1]
