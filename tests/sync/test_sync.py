"""The records of a sync equal the store's rows."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from tap_exports.sandbox import Fault

from .conftest import fixed, moment, only

BASE = {"date_from", "date_to", "export_id", "export_line", "invalid_values"}
READ = {"integer": int, "number": Decimal, "boolean": {"True": True, "False": False}.__getitem__, "string": str}
ORDERS = ["order_list"]


def as_record(row, schema):
    """A row of the store, converted without code of the tap."""
    record = {}
    for header, cell in row.items():
        name = re.sub(r"[^a-z0-9]+", "_", header.lower()).strip("_")
        record[name] = READ[schema["properties"][name]["type"][0]](cell) if cell else None
    return record


def exact(record, schema):
    """A record from JSON with decimals, without the tap's own columns."""
    kinds = {name: prop["type"][0] for name, prop in schema["properties"].items() if name not in BASE}
    return {name: Decimal(record[name]) if kind == "number" and record[name] is not None else record[name]
            for name, kind in kinds.items()}  # fmt: skip


def windows_of(store, since=0):
    """The windows of the exports, from the n-th on."""
    return [(export.date_from, export.date_to) for export in store.exports[since:]]


@pytest.mark.parametrize(
    "reading",
    [
        {},
        {"range_field": "updated", "date_to_included": True},
        {"range_field": "placed", "extra_types": ("gift_card_list", "invoice_line_items")},
    ],
    ids=str,
)
def test_every_window_has_exactly_the_stores_rows(make_store, sync, reading):
    store = make_store(**reading, days=20, frozen=True)  # so that old rows do not change before they are compared
    run = sync(store.config | fixed(9))
    assert not run.failures
    assert len(store.types) == 13 + len(reading.get("extra_types", ()))
    for code in store.types:
        schema = run.of("SCHEMA", code)[-1]["schema"]
        windows = sorted({(r["date_from"], r["date_to"]) for r in run.records(code)})
        asked = {(e.date_from, e.date_to) for e in store.exports if e.type == code}
        assert {(moment(a), moment(b)) for a, b in windows} <= asked
        assert_no_gap(store, asked)
        for start, end in sorted(asked):
            got = [exact(r, schema) for r in run.records(code) if moment(r["date_from"]) == start]
            assert got == [as_record(row, schema) for row in store.rows(code, start, end)], code
        assert run.bookmark(code) == max(b for _, b in asked).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("parents", [False, True], ids=["the cap counts lines", "the cap counts parents"])
def test_lines_past_the_cap_are_not_lost(make_store, sync, parents):
    options = {"frozen": True, "orders_per_day": 4, "cap_counts_parents": parents}
    store = make_store(**options, row_cap=40)
    run = sync(store.config | {"max_export_rows": 40}, streams=["order_line_items"])
    assert not run.failures
    every = make_store(**options).rows("order_line_items", store.start_date, store.now - timedelta(minutes=5))
    assert sorted(r["line_id"] for r in run.records("order_line_items")) == sorted(int(r["Line ID"]) for r in every)
    assert max(export.downloads for export in store.exports) == 1


def assert_no_gap(store, spans):
    """Windows share their boundaries, from start_date on."""
    spans = sorted(spans)
    assert spans[0][0] == moment(store.config["start_date"])
    assert all(a[1] == b[0] for a, b in pairwise(spans))


def test_the_second_run_starts_at_the_bookmark_minus_the_look_back(make_store, sync):
    store = make_store(days=60)
    config = store.config | {"refresh_days": 0}
    first = sync(config, streams=ORDERS)
    store.advance(timedelta(days=3))
    before = len(store.exports)
    second = sync(config, state=first.state, streams=ORDERS)
    ((start, end),) = windows_of(store, before)
    assert start == moment(first.bookmark("order_list")) - timedelta(days=7)
    assert end == moment(second.bookmark("order_list")) > moment(first.bookmark("order_list"))
    status = {record["order_number"]: record["fulfillment_status"] for record in first.records("order_list")}
    again = {record["order_number"]: record["fulfillment_status"] for record in second.records("order_list")}
    assert again.keys() - status.keys()
    assert any(status[number] != again[number] for number in again.keys() & status.keys())


def test_each_sync_brings_the_newest_windows_although_an_own_export_ends_at_the_bookmark(make_store, sync):
    """Where the look-back reaches start_date, the export of the last sync begins where this one begins."""
    store = make_store(days=5, frozen=True)
    state = None
    for _ in range(3):
        run = sync(store.config, state=state, streams=ORDERS)
        state = run.state
        assert store.now - moment(run.bookmark("order_list")) < timedelta(minutes=6)
        store.advance(timedelta(minutes=30))


def test_older_history_is_exported_again_within_refresh_days(make_store, sync):
    """A part each night, after the newest windows; the bookmark stays at their end."""
    store = make_store(days=60)
    config = store.config | {"refresh_days": 5}
    run = sync(config, streams=ORDERS)
    start = moment(store.config["start_date"])
    covered, ranges = start, []
    for days in (1, 1, 3, 1):
        store.advance(timedelta(days=days))
        run = sync(config, state=run.state, streams=["order_list", "export_log"])
        newest, *refresh = run.records("export_log")
        assert run.bookmark("order_list") == newest["date_to"]
        assert [newest["refresh"], *{export["refresh"] for export in refresh}] == [False, True]
        for export in refresh:
            assert moment(export["date_from"]) in (covered, start)
            covered = moment(export["date_to"])
            ranges.append(covered)
    assert ranges != sorted(ranges)  # it wrapped around
    entry = run.state["bookmarks"]["order_list"]
    assert moment(entry["refresh"]) == covered
    assert entry["refreshed_until"] == entry["replication_key_value"]


def test_an_earlier_start_date_is_loaded_by_the_refresh(make_store, sync):
    store = make_store(days=60)
    start = moment(store.config["start_date"])
    later = store.config | {"start_date": (start + timedelta(days=20)).isoformat(), "refresh_days": 5}
    state = sync(later, streams=ORDERS).state
    for config, first in ((later, start + timedelta(days=20)), (store.config | {"refresh_days": 10}, start)):
        store.advance(timedelta(days=1))
        before = len(store.exports)
        state = sync(config, state=state, streams=ORDERS).state
        assert store.exports[before + 1].date_from == first


def test_a_refresh_that_fails_is_due_the_next_night(make_store, sync):
    store = make_store(days=60)
    first = sync(store.config, streams=ORDERS)
    store.advance(timedelta(days=1))
    store.add_fault(Fault("file", "body", body="A,B\r\n1\r\n", times=None, after=1))
    second = sync(store.config, state=first.state, streams=ORDERS)
    assert set(second.failures) == {"order_list"}
    assert moment(second.bookmark("order_list")) > moment(first.bookmark("order_list"))
    store.clear_faults()
    store.advance(timedelta(days=1))
    before = len(store.exports)
    third = sync(store.config, state=second.state, streams=ORDERS)
    assert not third.failures
    refresh = store.exports[before + 1]
    assert refresh.date_to - refresh.date_from > timedelta(days=5)  # two nights of 52 days in 30, and of their growth


def test_after_a_timeout_the_next_run_requests_half_of_the_window(make_store, sync, timings):
    store = make_store(days=60)
    store.add_fault(Fault("create", "never_ready", times=None))
    first = sync(store.config | {"export_timeout_minutes": 0.005}, streams=ORDERS)
    assert set(first.failures) == {"order_list"}
    store.clear_faults()
    sync(store.config | {"reuse_exports_minutes": 0}, state=first.state, streams=ORDERS)
    lengths = [(e.date_to - e.date_from) / timedelta(days=1) for e in store.exports[:2]]
    assert lengths == pytest.approx([30, 15], abs=0.01)


def test_empty_windows_move_the_bookmark(make_store, sync):
    store = make_store(orders_per_day=0)
    first = sync(store.config | fixed(10), streams=ORDERS)
    assert first.records("order_list") == []
    assert len(first.of("SCHEMA", "order_list")) == 1
    assert moment(first.bookmark("order_list")) == max(e.date_to for e in store.exports)
    assert len(first.of("STATE")) >= 4


def test_a_look_back_does_not_move_the_bookmark_back(make_store, sync):
    config = make_store().config | fixed(2)
    first = sync(config, streams=ORDERS)
    second = sync(config, state=first.state, streams=ORDERS)
    values = [m["value"]["bookmarks"]["order_list"]["replication_key_value"] for m in second.of("STATE")]
    assert values == sorted(values)
    assert values[0] == first.bookmark("order_list")


def test_a_run_ends_with_its_state_although_no_bookmark_moved(make_store, sync):
    """A target that writes the states after the last record would write none."""
    store = make_store(days=20)
    config = store.config | fixed(5) | {"end_date": (store.now - timedelta(days=2)).isoformat()}
    first = sync(config, streams=["order_list", "customer_list"])
    second = sync(config, state=first.state, streams=["order_list", "customer_list"])
    assert second.records("order_list")
    assert second.bookmark("order_list") == first.bookmark("order_list")
    assert second.messages[-1]["type"] == "STATE"


def test_a_run_that_ends_with_full_table_ends_with_the_state_of_the_others(make_store, sync, discover):
    store = make_store("order_list", "transaction_list", days=20)
    catalog = discover(store.config)
    (entry,) = [one for one in catalog["streams"] if one["tap_stream_id"] == "transaction_list"]
    entry["replication_method"] = "FULL_TABLE"
    run = sync(store.config, catalog=catalog, streams=["order_list", "transaction_list"])
    assert [m["stream"] for m in run.of("RECORD")][-1] == "transaction_list"
    assert run.messages[-1]["type"] == "STATE"
    assert run.bookmark("order_list")


def test_full_table_starts_over_and_moves_no_bookmark(make_store, sync, discover):
    store = make_store()
    catalog = only(discover(store.config), "order_list", method="FULL_TABLE")
    first = sync(store.config, catalog=catalog)
    assert first.bookmark("order_list") is None
    entry = {"replication_key": "date_to", "replication_key_value": "2999-01-01T00:00:00Z"}
    second = sync(store.config, state={"bookmarks": {"order_list": entry}}, catalog=catalog)
    assert len(second.records("order_list")) == len(first.records("order_list")) > 0


@pytest.mark.parametrize(("fraction", "more"), [("", 0), (".999999", 1)])
def test_end_date_bounds_a_backfill(make_store, sync, fraction, more):
    """With a fraction of a second, the whole second is included."""
    store = make_store()
    run = sync(store.config | {"end_date": f"2026-02-24T23:59:59{fraction}Z"}, streams=ORDERS)
    end = moment("2026-02-24T23:59:59Z") + timedelta(seconds=more)
    assert moment(run.bookmark("order_list")) == max(end for _, end in windows_of(store)) == end


def test_an_end_date_in_the_future_is_now_minus_the_settling_time(make_store, sync):
    store = make_store(days=10)
    began = store.now
    end = began + timedelta(days=30)
    run = sync(store.config | {"end_date": end.isoformat()}, streams=ORDERS)
    settled = moment(run.bookmark("order_list")) + timedelta(minutes=5)
    assert began - timedelta(minutes=1) < settled <= store.now
