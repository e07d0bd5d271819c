"""No needless requests: streams that the maps remove, and windows after a failed one."""

from __future__ import annotations

import pytest

from tap_exports.sandbox import Fault

from .conftest import fixed, only


@pytest.mark.parametrize(
    ("maps", "left"),
    [
        ({"order_*": "__NULL__"}, {"customer_list"}),
        ({"__else__": None, "order_*": {"shop": "'one'"}}, {"order_list"}),
        ({"order_list": None, "copies": {"__source__": "order_list"}}, {"customer_list", "copies"}),
    ],
)
@pytest.mark.parametrize("known", [True, False], ids=["with a catalog", "without"])
def test_a_stream_that_the_maps_remove_is_not_requested(make_store, sync, discover, maps, left, known):  # noqa: PLR0913, PLR0917
    """No export, no schema, no record, and no bookmark: once the map is gone, all of it is still to come."""
    store = two_types(make_store)
    catalog = discover(store.config) if known else None
    before = len(store.exports)
    run = sync(store.config | {"stream_maps": maps, "reuse_exports_minutes": 0}, catalog=catalog)
    assert not run.failures
    if "__else__" not in maps:
        left = left | {"export_log"}
    assert {message["stream"] for message in run.of("RECORD")} == left
    assert {message["stream"] for message in run.of("SCHEMA")} == left
    requested = {"order_list" if name == "copies" else name for name in left - {"export_log"}}
    assert {export.type for export in store.exports[before:]} == requested
    assert {name for name in run.state["bookmarks"] if run.bookmark(name)} == requested


def test_a_stream_that_the_maps_take_out_is_in_no_plan_and_no_test(make_store, inside):
    """Neither costs an export of it."""
    store = two_types(make_store)
    config = store.config | {"stream_maps": {"order_list": None}}
    plan = inside(config, "--plan")
    assert "customer_list" in plan.out
    assert "order_list" not in plan.out
    assert inside(config, "--test").code == 0
    assert {export.type for export in store.exports} == {"customer_list"}


def test_the_log_of_exports_can_be_taken_out_too(make_store, sync):
    """Although it is selected."""
    store = two_types(make_store)
    run = sync(store.config | {"stream_maps": {"export_log": None}}, streams=["order_list", "export_log"])
    assert not run.failures
    assert {message["stream"] for message in run.of("SCHEMA")} == {"order_list"}
    assert run.bookmark("order_list")


def test_settings_stay_what_they_were(make_store, sync):
    """The SDK takes `__else__` out of the maps that it is given: two runs in one process are alike all the same."""
    store = two_types(make_store)
    config = store.config | {"stream_maps": {"__else__": None, "order_list": {}}}
    for _ in range(2):
        run = sync(config)
        assert {message["stream"] for message in run.of("RECORD")} == {"order_list"}
    assert config["stream_maps"] == {"__else__": None, "order_list": {}}


def test_nothing_is_requested_after_a_window_that_failed(make_store, discover, sync):
    """Also where a window that was begun before is at the cap, and would be requested in parts."""
    catalog = only(discover(make_store(days=3).config), "customer_list", "order_list")
    store = two_types(make_store, orders_per_day=5, days=40, parallel_exports=50, ready_seconds=seconds_of())
    store.add_fault(Fault("file", "body", body="a,b\nx\n", export_type="order_list", times=2))
    config = {"max_export_rows": 60, **fixed(20), "max_concurrent_exports": 4}
    run = sync(store.config | config, catalog=catalog)
    assert set(run.failures) == {"order_list"}
    assert len([export for export in store.exports if export.type == "order_list"]) <= 4


def two_types(make_store, **options):
    store = make_store(**{"days": 3, **options})
    types = [{"code": code, "name": code} for code in ("customer_list", "order_list")]
    store.add_fault(Fault("types", "json", document={"types": types}, times=None))
    return store


def seconds_of():
    """Customers are slow, which the reader waits for; of the orders' windows the first one is ready first."""
    orders = []

    def seconds(export):
        if export.type == "customer_list":
            return 1.0
        orders.append(export.id)
        return 0.0 if export.id == orders[0] else 0.5

    return seconds
