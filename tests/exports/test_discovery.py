"""Columns from the head of an export of each type."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tap_exports.errors import Unauthorized
from tap_exports.exports.discovery import Discovery
from tap_exports.sandbox import Fault

SETTLE = timedelta(minutes=5)


def discover(bench, *codes, may_create=True):
    found = Discovery(bench.exporter, may_create)
    return found.run([bench.source(code, known=False) for code in codes or ("order_list",)])


def names(layout):
    return {column.name for column in layout.columns}


def earlier_export(bench, first=0, ago=timedelta(minutes=5)):
    window = bench.window(first)
    export = bench.store.make_export("order_list", window.start, window.end)
    bench.store.advance(ago)
    return export


def downloaded(bench):
    return [e.id for e in bench.made() if e.downloads]


def test_the_newest_available_export_has_the_columns_and_an_older_one_the_rows_if_it_has_none(bench):
    earlier_export(bench)
    bench.store.add_column("order", "gift_note", "Gift Note", "text")
    newest = earlier_export(bench)
    assert {"order_number", "gift_note"} <= names(discover(bench)["order_list"])
    assert downloaded(bench) == [newest.id]
    bench.store.add_column("order", "box", "Box", "text")
    empty = earlier_export(bench, first=-400)
    assert {"order_number", "gift_note", "box"} <= names(discover(bench)["order_list"])
    assert downloaded(bench) == [newest.id, empty.id]
    assert bench.store.count("create") == 0


def test_a_file_of_text_has_no_columns(bench, caplog):
    earlier_export(bench)
    bench.store.add_fault(Fault("file", "body", body="Sorry, it failed.\r\nTry again, please.\r\n", times=None))
    layout = discover(bench, may_create=False)["order_list"]
    assert "number" in names(layout)
    assert "the file is text, not an export" in caplog.text


@pytest.mark.parametrize("kind", ["empty", "html", "cut"])
def test_a_newest_export_that_cannot_be_read_is_skipped(bench, kind):
    earlier_export(bench)
    newest = earlier_export(bench)
    bench.store.add_fault(Fault("file", kind, times=10 if kind == "cut" else 1))
    assert "order_number" in names(discover(bench)["order_list"])
    assert f"/api/admin/exports/{newest.id}/download/" in [r.path for r in bench.store.log]
    assert bench.store.count("create") == 0


def test_the_whole_list_is_read_where_no_export_is_recent(bench):
    earlier_export(bench, ago=timedelta(days=200))
    assert "order_number" in names(discover(bench)["order_list"])
    assert bench.store.count("list") == 2
    assert bench.store.count("create") == 0


def test_a_type_without_an_export_gets_a_small_one(make_bench):
    """All are requested before the first is polled, each of a settled week."""
    bench = make_bench(ready_seconds=60, parallel_exports=20)
    codes = bench.store.types
    found = discover(bench, *codes)
    assert sorted(found) == sorted(e.type for e in bench.made()) == sorted(codes)
    assert {e.date_to - e.date_from for e in bench.made()} == {timedelta(days=7)}
    assert all(e.date_to <= e.created_at - SETTLE for e in bench.made())
    places = [r.place for r in bench.store.log]
    assert places.index("poll") > max(n for n, place in enumerate(places) if place == "create")
    assert bench.clock.waited < 60 + len(codes) * 3


def test_an_export_pending_for_hours_is_not_awaited(bench):
    """The API has no failed state."""
    bench.store.add_fault(Fault("create", "never_ready"))
    bench.client.create("order_list", bench.window())
    bench.store.advance(timedelta(hours=2))
    assert "order_number" in names(discover(bench)["order_list"])
    assert len(bench.made()) == 2


def test_exports_that_never_become_ready_share_one_deadline(make_bench):
    """Then the API's names are used."""
    bench = make_bench(timeout=600)
    bench.store.add_fault(Fault("create", "never_ready", times=None))
    assert len(discover(bench, *bench.store.types[:5])) == 5
    assert bench.clock.waited < 600 + 60


@pytest.mark.parametrize("how", ["may not create", "no scope", "refused", "trouble"])
def test_the_apis_names_are_used_where_no_export_can_be_made(make_bench, caplog, how):
    bench = make_bench(scopes=["exports:read"] if how == "no scope" else ["exports:read", "exports:write"])
    if how == "refused":
        bench.store.add_fault(Fault("create", "status", status=400, times=None))
    if how == "trouble":
        bench.store.add_fault(Fault("create", "refuse", times=None))
    layout = discover(bench, may_create=how != "may not create")["order_list"]
    assert {"number", "currency", "total_incl_tax"} <= names(layout)
    assert "using the columns that the API documents" in caplog.text
    assert bench.made() == []
    assert (bench.store.count("create") == 0) is (how == "may not create")


@pytest.mark.parametrize("place", ["list", "create", "poll", "link"])
def test_an_invalid_token_ends_discovery(bench, place):
    bench.store.add_fault(Fault(place, "status", status=401, times=None))
    with pytest.raises(Unauthorized):
        discover(bench, "order_list", "customer_list")
    assert bench.store.count(place) == 1
