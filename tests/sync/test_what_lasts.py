"""Columns, types and keys do not depend on rows; the state keeps the key."""

from __future__ import annotations

import pytest

from tap_exports.sandbox import Fault

from .test_columns_change import catalog_of

ORDERS = "Order Number,Order Date,Total,Note\r\n1001,{},{},{}\r\n"


@pytest.fixture
def store(make_store):
    return make_store(days=3)


def night(store, sync, content, *, state=None, stream="order_list", **how):
    """Sync one stream; all its files are this one."""
    store.clear_faults()
    store.add_fault(Fault("file", "body", body=content, times=None))
    settings = how.pop("settings", {})
    return sync(store.config | {"reuse_exports_minutes": 0, **settings}, state=state, streams=[stream], **how)


def entry(run, stream="order_list"):
    return run.state["bookmarks"][stream]


@pytest.mark.parametrize(
    "cells",
    [
        ("2026-03-01", "1", "5"),
        ("2026-03-01T15:30:00Z", "12.50", "none"),
        ("soon", "a lot", "2026-03-01"),
        ("", "", ""),
    ],
    ids=str,
)
def test_no_cell_changes_the_schema(store, sync, cells):
    plain = night(store, sync, ORDERS.format("2026-03-01T15:30:00Z", "2.50", "x"))
    run = night(store, sync, ORDERS.format(*cells))
    assert run.of("SCHEMA", "order_list") == plain.of("SCHEMA", "order_list")
    assert len(run.records("order_list")) == 1


def test_the_state_remembers_the_key(store, sync):
    assert entry(night(store, sync, ORDERS.format("", 1, "")))["key"] == ["order_number"]
    lines = "Order Number,SKU,Quantity\r\n1001,A,1\r\n"
    found = entry(night(store, sync, lines, stream="order_line_items"), "order_line_items")
    assert (found["key"], found["line_identity"]) == (["order_number", "export_line"], "sku")


def test_another_key_than_the_last_runs_is_an_error(store, sync):
    first = night(store, sync, ORDERS.format("", 1, ""))
    second = night(store, sync, "Number,Total\r\n1001,2\r\n", state=first.state)
    assert "from order_number to number" in str(second.failures["order_list"])
    assert second.of("SCHEMA", "order_list") == second.of("RECORD", "order_list") == []
    assert entry(second) == entry(first)


def test_primary_keys_may_set_another_key(store, sync):
    first = night(store, sync, ORDERS.format("", 1, ""))
    settings = {"primary_keys": {"order_list": ["number"]}}
    second = night(store, sync, "Number,Total\r\n1001,2\r\n", state=first.state, settings=settings)
    assert not second.failures
    assert second.of("SCHEMA", "order_list")[0]["key_properties"] == ["number"]
    assert entry(second)["key"] == ["number"]
    third = night(store, sync, ORDERS.format("", 1, ""), state=second.state)
    assert "from number to order_number" in str(third.failures["order_list"])


def test_a_catalog_with_another_key_than_the_last_runs_is_an_error(store, sync):
    """The error precedes its SCHEMA, which would make a target alter its table."""
    first = night(store, sync, ORDERS.format("", 1, ""))
    catalog = catalog_of("order_number", "note", keys=("note",))
    second = night(store, sync, ORDERS.format("", 1, ""), state=first.state, catalog=catalog)
    assert "from order_number to note" in str(second.failures["order_list"])
    assert second.of("SCHEMA", "order_list") == []


def test_a_stream_that_fails_before_its_records_activates_no_version(store, sync):
    """A target would delete its rows."""
    state = {"bookmarks": {"order_list": {"key": ["id"]}}}
    catalog = catalog_of("order_number", "note")
    catalog["streams"][0]["replication_method"] = "FULL_TABLE"
    settings = {"emit_activate_version_messages": True}
    run = night(store, sync, ORDERS.format("", 1, ""), state=state, catalog=catalog, settings=settings)
    assert "from id to order_number" in str(run.failures["order_list"])
    assert run.of("ACTIVATE_VERSION") == []


def test_a_stream_without_a_key_is_a_warning_unless_the_user_chose_it(store, sync, caplog):
    run = night(store, sync, "Total,Ref.\r\n1,x\r\n1,x\r\n")
    assert len(run.records("order_list")) == 2
    assert run.of("SCHEMA", "order_list")[0]["key_properties"] == []
    assert [r.levelname for r in caplog.records if "order_list has no key" in r.getMessage()] == ["WARNING"]
    caplog.clear()
    night(store, sync, "Total,Ref.\r\n1,x\r\n1,x\r\n", settings={"primary_keys": {"order_list": []}})
    assert "has no key" not in caplog.text


def test_types_without_the_merchants_definitions_are_a_warning(make_store, sync, caplog):
    store = make_store(days=3, scopes={"exports:read", "exports:write", "store:read"})
    sync(store.config, streams=["order_list"])
    lines = [(r.levelname, r.getMessage()) for r in caplog.records if "merchant's own columns" in r.getMessage()]
    assert [level for level, _ in lines] == ["WARNING"]
    assert "metadata:read" in lines[0][1]
