"""The stream export_log: a record for each export that a sync used, after that export's records."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from hashlib import sha256

from tap_exports.sandbox import Fault
from tap_exports.window import rfc3339

from .conftest import fixed, lines_of_batches, moment, only

LOG = "export_log"


def test_export_log_is_selected_like_any_stream(make_store, sync, discover):
    store = make_store(days=10, orders_per_day=1)
    roots = [m["metadata"] for e in discover(store.config)["streams"] for m in e["metadata"] if not m["breadcrumb"]]
    assert {root["selected"] for root in roots} == {True}
    run = sync(store.config)
    assert {record["type"] for record in run.records(LOG)} == set(store.types)
    assert run.of("SCHEMA", LOG)[0]["key_properties"] == ["export_id"]


def test_each_export_has_its_record(make_store, sync):
    store = make_store()
    run = sync(store.config | fixed(9), streams=["order_list", "return_line_items", LOG])
    exports = {export.id: export for export in store.exports}
    written = Counter(m["record"]["export_id"] for m in run.of("RECORD") if m["stream"] != LOG)
    records = run.records(LOG)
    assert {record["export_id"] for record in records} == set(exports)
    assert len(records) == len(exports) >= 10
    for record in records:
        export = exports[record["export_id"]]
        content = store.file(export.id)
        times = {name: record[name] for name in ("ready_at", "used_at")}
        assert record == times | {
            "export_id": export.id,
            "type": export.type,
            "date_from": rfc3339(export.date_from),
            "date_to": rfc3339(export.date_to),
            "created_at": rfc3339(export.created_at),
            "file_bytes": len(content),
            "file_sha256": sha256(content).hexdigest(),
            "row_count": written[export.id],
            "invalid_cells": 0,
            "at_cap": False,
            "refresh": False,
            "reused": False,
        }
        # The tap has the store's time from the `Date` header, in whole seconds.
        until = moment(record["used_at"]) + timedelta(seconds=2)
        assert moment(record["created_at"]) < until
        assert record["ready_at"] is None or moment(record["ready_at"]) < until


def test_a_log_record_follows_its_records_and_precedes_their_state(make_store, sync):
    store = make_store()
    streams = ["customer_list", "order_list", "transaction_list", LOG]
    run = sync(store.config | fixed(9), streams=streams)
    logged, schemas = set(), 0
    for message in run.messages:
        if message["type"] == "SCHEMA" and message["stream"] == LOG:
            schemas += 1
        elif message["type"] == "RECORD" and message["stream"] == LOG:
            assert schemas == 1
            logged.add((message["record"]["type"], message["record"]["date_to"]))
        elif message["type"] == "RECORD":
            assert (message["stream"], message["record"]["date_to"]) not in logged
        elif message["type"] == "STATE":
            for stream, entry in message["value"]["bookmarks"].items():
                assert stream != LOG or not entry
                if "replication_key_value" in entry:
                    assert (stream, entry["replication_key_value"]) in logged
    assert len(logged) >= 15
    assert schemas == 1


def test_exports_at_the_cap_are_marked(make_store, sync):
    store = make_store(row_cap=40)
    run = sync(store.config | {"max_export_rows": 40, **fixed(60)}, streams=["order_list", LOG])
    records = run.records(LOG)
    full = [record for record in records if record["at_cap"]]
    assert full
    assert all(record["row_count"] == 40 and record["invalid_cells"] is None for record in full)
    assert sum(r["row_count"] for r in records if not r["at_cap"]) == len(run.records("order_list"))
    assert [record["at_cap"] for record in records[:1]] == [True]


def test_invalid_cells_are_counted_and_a_failed_export_is_not_logged(make_store, sync):
    store = make_store("customer_list", "order_list", days=3)
    store.add_fault(Fault("file", "body", body=b"<html>", times=None, export_type="customer_list"))
    body = "Order Number,Status,Total Incl Tax,Total Tax\r\n1,a,1.50,x\r\n2,b,2.50,1.00\r\n3,c,y,z\r\n4,d,1.00,2.00\r\n"
    store.add_fault(Fault("file", "body", body=body, export_type="order_list"))
    run = sync(store.config | {"column_types": {"order_list": {"total_tax": "number"}}})
    assert set(run.failures) == {"customer_list"}
    (record,) = run.records(LOG)
    assert sum(len(r["invalid_values"] or {}) for r in run.records("order_list")) == 3
    assert record["invalid_cells"] == 3
    assert record["row_count"] == 4


def test_selection_and_maps_apply_to_the_log(make_store, sync, discover):
    store = make_store("order_list", days=10, orders_per_day=1)
    catalog = only(discover(store.config), "order_list", LOG)
    (entry,) = [e for e in catalog["streams"] if e["tap_stream_id"] == LOG]
    for item in entry["metadata"]:
        if item["breadcrumb"] == ["properties", "file_sha256"]:
            item["metadata"]["selected"] = False
    run = sync(store.config, catalog=catalog)
    assert "file_sha256" not in run.of("SCHEMA", LOG)[0]["schema"]["properties"]
    assert "file_sha256" not in run.records(LOG)[0]
    maps = {LOG: {"__alias__": "loads", "rows_loaded": "row_count", "export_id": "export_id", "__else__": None}}
    run = sync(store.config | {"stream_maps": maps}, catalog=catalog)
    assert set(run.records("loads")[0]) == {"export_id", "rows_loaded"}


def test_full_table_activates_no_version_of_the_log(make_store, sync, discover):
    """A target would delete the records of earlier runs."""
    store = make_store("order_list", days=10, orders_per_day=1)
    catalog = only(discover(store.config), "order_list", LOG, method="FULL_TABLE")
    run = sync(store.config | {"emit_activate_version_messages": True}, catalog=catalog)
    assert run.of("ACTIVATE_VERSION", LOG) == []
    assert run.of("ACTIVATE_VERSION", "order_list")
    assert run.records(LOG)


def test_the_log_is_written_as_records_beside_batches(make_store, sync, batch_config):
    run = sync(make_store(days=20).config | {"batch_config": batch_config}, streams=["order_list", LOG])
    assert {message["stream"] for message in run.of("BATCH")} == {"order_list"}
    assert [record["row_count"] for record in run.records(LOG)] == [len(lines_of_batches(run))]
