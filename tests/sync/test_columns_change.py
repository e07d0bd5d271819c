"""Columns appear and disappear between files; a SCHEMA precedes the first record that differs."""

from __future__ import annotations

import io
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tap_exports.sandbox import Fault

from .conftest import fixed

SNAPSHOT = Path(__file__).with_name("catalog.txt")
HEADER = "Order Number,Status,Total Incl Tax"


def files(store, *contents):
    """Serve these files, one after the other."""
    for content in contents:
        store.add_fault(Fault("file", "body", body=content))


def catalog_of(*columns, keys=("order_number",)):
    """A catalog of order_list with these columns, each a string."""
    entry = {
        "tap_stream_id": "order_list",
        "key_properties": list(keys),
        "schema": {"properties": {name: {"type": ["string", "null"]} for name in columns}},
        "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}],
    }
    return {"streams": [entry]}


def run_windows(store, sync, *contents, catalog=None, **settings):
    """A sync of two days, with a window for each of these files."""
    files(store, *contents)
    config = {"start_date": (store.now - timedelta(days=2)).isoformat(), "max_concurrent_exports": 1}
    config |= fixed(1.5 if len(contents) == 2 else 0.9)
    return sync(store.config | config | settings, catalog=catalog, streams=["order_list"])


@pytest.fixture
def store(make_store):
    return make_store(days=3)


def test_a_new_column_has_its_schema_before_its_records(store, sync):
    run = run_windows(
        store, sync, f"{HEADER}\r\n1,new,2.50\r\n", f"{HEADER},Paid At\r\n2,new,3.50,2025-01-01T00:00:00Z\r\n"
    )
    kinds = [m["type"] for m in run.messages if m.get("stream") == "order_list"]
    assert kinds == ["SCHEMA", "RECORD", "SCHEMA", "RECORD"]
    first, second = run.of("SCHEMA", "order_list")
    assert "paid_at" not in first["schema"]["properties"]
    assert second["schema"]["properties"]["paid_at"] == {"type": ["string", "null"], "format": "date-time"}
    assert "paid_at" not in run.records("order_list")[0]
    assert run.records("order_list")[1]["paid_at"] == "2025-01-01T00:00:00Z"


def test_a_deselected_column_stays_out(store, sync):
    catalog = catalog_of("order_number", "status", "total_incl_tax")
    catalog["streams"][0]["metadata"].append({"breadcrumb": ["properties", "status"], "metadata": {"selected": False}})
    run = run_windows(store, sync, f"{HEADER}\r\n1,new,2\r\n", f"{HEADER},Perk\r\n2,new,3,gold\r\n", catalog=catalog)
    assert all("status" not in m["schema"]["properties"] for m in run.of("SCHEMA", "order_list"))
    assert all("status" not in record for record in run.records("order_list"))
    assert run.records("order_list")[1]["perk"] == "gold"


def test_on_new_column_fail_fails_the_stream(store, sync):
    catalog = catalog_of("order_number", "status")
    run = run_windows(store, sync, f"{HEADER}\r\n1,new,2\r\n", "", catalog=catalog, on_new_column="fail")
    assert run.records("order_list") == []
    text = str(run.failures["order_list"])
    assert "total_incl_tax" in text
    assert "on_new_column" in text
    assert "export" in text


def test_a_removed_column_leaves_schema_and_records_until_it_returns(store, sync, caplog):
    """A null would make an upsert erase what the target has."""
    contents = f"{HEADER}\r\n1,new,2\r\n", "Order Number,Total Incl Tax\r\n2,3\r\n", f"{HEADER}\r\n3,old,2\r\n"
    with caplog.at_level("INFO"):
        run = run_windows(store, sync, *contents)
    messages = [m for m in run.messages if m.get("stream") == "order_list"]
    assert [m["type"] for m in messages] == ["SCHEMA", "RECORD"] * 3
    holds = ["status" in (m["schema"]["properties"] if m["type"] == "SCHEMA" else m["record"]) for m in messages]
    assert holds == [True, True, False, False, True, True]
    assert sum("status" in line and "removed" in line for line in caplog.messages) == 1


def test_a_column_that_only_the_catalog_has_is_in_no_record(store, sync):
    files(store, f"{HEADER}\r\n1,new,2\r\n")
    catalog = catalog_of("order_number", "status", "total_incl_tax", "note")
    run = sync(store.config | {"window_days": 30}, catalog=catalog, streams=["order_list"])
    assert "note" not in run.of("SCHEMA", "order_list")[-1]["schema"]["properties"]
    assert all("note" not in record for record in run.records("order_list"))
    assert run.records("order_list")


def test_stream_maps_see_a_new_column(store, sync):
    maps = {"order_list": {"order_number": "order_number", "note": "record.get('perk')", "__else__": None}}
    run = run_windows(store, sync, f"{HEADER}\r\n1,new,2\r\n", f"{HEADER},Perk\r\n2,new,3,gold\r\n", stream_maps=maps)
    assert not run.failures
    assert [r["note"] for r in run.records("order_list")] == [None, "gold"]


def test_an_invalid_cell_is_kept_with_one_warning_per_window(store, sync, caplog):
    content = f"{HEADER}\r\n1,new,2.50\r\n2,new,3.10\r\n3,new,a lot\r\n"
    files(store, content)
    with caplog.at_level("WARNING"):
        run = sync(store.config, streams=["order_list"])
    records = run.records("order_list")
    assert records[2]["total_incl_tax"] is None
    assert records[2]["invalid_values"] == {"total_incl_tax": "a lot"}
    assert records[0]["invalid_values"] is None
    lines = [line for line in caplog.messages if "total_incl_tax" in line]
    assert len(lines) == 1
    assert "1 of 3" in lines[0]
    assert "a lot" in lines[0]


def test_on_invalid_value_fail_writes_nothing_of_the_file(store, sync):
    rows = "".join(f"{n},new,{n}.50\r\n" for n in range(1, 2500))
    files(store, f"{HEADER}\r\n{rows}9999,new,a lot\r\n")
    run = sync(store.config | {"on_invalid_value": "fail"}, streams=["order_list"])
    assert run.records("order_list") == []
    assert "total_incl_tax" in str(run.failures["order_list"])


def test_column_types_and_primary_keys_take_precedence(store, sync):
    content = "Order Number,Status,Total Incl Tax,Batch\r\n1,new,2.50,7\r\n"
    settings = {
        "column_types": {"order_list": {"batch": "integer"}},
        "primary_keys": {"order_list": ["batch", "status"]},
    }
    for catalog in (None, catalog_of("order_number", "status", "total_incl_tax", "batch")):
        files(store, content)
        run = sync(store.config | settings | {"reuse_exports_minutes": 0}, catalog=catalog, streams=["order_list"])
        schema = run.of("SCHEMA", "order_list")[0]
        assert schema["key_properties"] == ["batch", "status"]
        assert run.records("order_list")[0]["batch"] == 7


def test_a_deselected_key_column_is_written(store, sync):
    catalog = catalog_of("order_number", "status", "total_incl_tax")
    catalog["streams"][0]["metadata"] += [
        {"breadcrumb": ["properties", name], "metadata": {"inclusion": "available", "selected": False}}
        for name in ("status", "total_incl_tax")
    ]
    files(store, f"{HEADER}\r\n1,new,2\r\n")
    settings = {"primary_keys": {"order_list": ["status"]}, "reuse_exports_minutes": 0}
    run = sync(store.config | settings, catalog=catalog, streams=["order_list"])
    (schema,) = run.of("SCHEMA", "order_list")
    assert schema["key_properties"] == ["status"]
    assert "status" in schema["schema"]["properties"]
    assert "total_incl_tax" not in schema["schema"]["properties"]
    assert [record["status"] for record in run.records("order_list")] == ["new"]


def test_unknown_streams_and_columns_in_settings_are_a_warning(store, sync, caplog):
    settings = {
        "column_types": {"order_list": {"stauts": "string"}, "invoices": {"a": "string"}},
        "primary_keys": {"order_lists": ["number"]},
        "lookback_days": {"dispute_lists": 3, "*": 5},
    }
    files(store, f"{HEADER}\r\n1,new,2\r\n")
    with caplog.at_level("WARNING"):
        run = sync(store.config | settings | {"reuse_exports_minutes": 0}, streams=["order_list"])
    assert len(run.records("order_list")) == 1
    assert [line for line in caplog.messages if "does not have" in line] == [
        "column_types names the stream invoices, which the store does not have",
        "primary_keys names the stream order_lists, which the store does not have",
        "lookback_days names the stream dispute_lists, which the store does not have",
        "column_types names the column order_list.stauts, which the stream does not have",
    ]


def test_a_nul_character_is_removed_and_counted(store, sync, caplog):
    files(store, f"{HEADER}\r\n1,a\0b\0,2\r\n")
    with caplog.at_level("WARNING"):
        run = sync(store.config, streams=["order_list"])
    assert run.records("order_list")[0]["status"] == "ab"
    assert any("2 NUL characters" in line for line in caplog.messages)


def test_discovery_makes_one_export_for_each_type_that_has_none(make_store, discover):
    store = make_store()
    store.make_export("order_list", store.now - timedelta(days=5), store.now - timedelta(days=1))
    discover(store.config)
    assert store.count(place="create") == 12
    discover(store.config)
    assert store.count(place="create") == 12


def test_the_catalog_equals_its_snapshot(make_store, discover):
    store = make_store(now=datetime(2026, 3, 20, 12, tzinfo=timezone.utc), frozen=True, days=120)
    out = io.StringIO()
    for entry in discover(store.config)["streams"]:
        print(f"{entry['tap_stream_id']} keyed by {', '.join(entry['key_properties'])}", file=out)
        for name, prop in entry["schema"]["properties"].items():
            print(f"    {name}: {prop.get('format', prop['type'][0])}", file=out)
    assert out.getvalue() == SNAPSHOT.read_text()
