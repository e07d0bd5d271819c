"""Streams that maps remove, and windows after a failed one, are not requested."""

from __future__ import annotations

import copy

import pytest

from tap_exports.sandbox import Fault

from .conftest import fixed, only

MAPS = {
    "a pattern": ({"order_*": "__NULL__"}, {"customer_list", "export_log"}),
    "all others": ({"__else__": None, "order_*": {"shop": "'one'"}}, {"order_list"}),
    "a copy stays": (
        {"order_list": None, "copies": {"__source__": "order_list"}},
        {"customer_list", "copies", "export_log"},
    ),
    "the log": ({"export_log": None}, {"customer_list", "order_list"}),
}
"""Maps, and the streams that they leave."""


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("known", [True, False], ids=["with a catalog", "without"])
def test_a_stream_that_the_maps_remove_is_not_requested(make_store, sync, discover, name, known):
    """It gets no bookmark either: without the map, all of it is loaded. The settings stay as they are."""
    maps, left = MAPS[name]
    given = copy.deepcopy(maps)
    store = make_store("customer_list", "order_list", days=3)
    catalog = discover(store.config) if known else None
    before = len(store.exports)
    run = sync(store.config | {"stream_maps": maps, "reuse_exports_minutes": 0}, catalog=catalog)
    assert not run.failures
    assert {message["stream"] for message in run.of("RECORD")} == left
    assert {message["stream"] for message in run.of("SCHEMA")} == left
    assert maps == given  # the SDK removes `__else__` from maps that it is given
    requested = {"order_list" if name == "copies" else name for name in left - {"export_log"}}
    assert {export.type for export in store.exports[before:]} == requested
    assert {name for name in run.state["bookmarks"] if run.bookmark(name)} == requested


def test_a_stream_that_the_maps_remove_is_neither_planned_nor_tested(make_store, inside):
    store = make_store("customer_list", "order_list", days=3)
    config = store.config | {"stream_maps": {"order_list": None}}
    plan = inside(config, "--plan")
    assert "customer_list" in plan.out
    assert "order_list" not in plan.out
    assert inside(config, "--test").code == 0
    assert {export.type for export in store.exports} == {"customer_list"}


def test_nothing_is_requested_after_a_window_that_failed(make_store, discover, sync):
    """Although the reader, which waits for customers, has not seen the failure of the orders' first window."""
    orders = []

    def seconds(export):
        if export.type == "customer_list":
            return 1.0
        orders.append(export.id)
        return 0.0 if export.id == orders[0] else 0.5

    codes = ("customer_list", "order_list")
    catalog = only(discover(make_store(*codes, days=3).config), *codes)
    store = make_store(*codes, orders_per_day=5, parallel_exports=50, ready_seconds=seconds)
    store.add_fault(Fault("file", "body", body="a,b\nx\n", export_type="order_list", times=2))
    run = sync(store.config | {"max_export_rows": 60, **fixed(20)}, catalog=catalog)
    assert set(run.failures) == {"order_list"}
    assert len([export for export in store.exports if export.type == "order_list"]) <= 4
