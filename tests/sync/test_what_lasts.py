"""Columns, types and keys do not depend on rows; the state keeps the key."""

from __future__ import annotations

import pytest

from tap_exports.sandbox import Fault

from .test_columns_change import catalog_of

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
