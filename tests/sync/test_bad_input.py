"""Invalid settings, stores and files: one clear line or a normal end, never a traceback."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tap_exports.sandbox import Fault

from .conftest import assert_fails


@pytest.mark.parametrize("arguments", [[], ["--discover"]], ids=["sync", "discover"])
def test_an_invalid_token_ends_the_run_after_one_request(make_store, inside, arguments):
    store = make_store()
    run = inside(store.config | {"access_token": "wrong"}, *arguments)
    assert_fails(run, "401", "access_token")
    assert "wrong" not in run.log
    assert store.count() == 1


@pytest.mark.parametrize("places", [["create"], ["poll", "list"]], ids=str)
def test_a_token_revoked_during_a_run_ends_all_streams_in_one_line(make_store, inside, discover, places):
    store = make_store(ready_seconds=30)
    catalog = discover(store.config | {"export_timeout_minutes": 0.001})
    before = store.count()
    for place in places:  # the first list is read before any poll
        body = '{"detail": "Token has been revoked."}'
        store.add_fault(Fault(place, "status", status=401, body=body, times=None, after=place == "list"))
    run = inside(store.config | {"reuse_exports_minutes": 0}, catalog=catalog)
    assert_fails(run, "Token has been revoked.")
    assert store.count() - before < 20


@pytest.fixture
def naive(make_store):
    """A store whose times have no offset."""
    return make_store("order_list", time_format="iso_naive", days=10, orders_per_day=1)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 403},
        {"kind": "status", "status": 404},
        {"kind": "json", "document": {"timezone": None}},
        {"kind": "json", "document": {"timezone": "../../etc/passwd"}},
    ],
    ids=str,
)
def test_an_unknown_zone_is_utc_with_a_warning(naive, inside, fault):
    naive.add_fault(Fault("store", **fault, times=None))
    run = inside(naive.config)
    assert run.code == 0
    (line,) = [line for line in run.log.splitlines() if "read as UTC" in line]
    assert "| WARNING " in line
    assert "timezone" in line
    dates = [row["Order Date"] for row in naive.rows("order_list", naive.start_date, naive.now)]
    assert [m["order_date"] for m in run.records("order_list")] == [f"{date}Z" for date in dates]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 400},
        {"kind": "redirect", "location": "http://127.0.0.1:1/login"},
        {"kind": "json", "document": {"detail": "Sorry."}},
    ],
    ids=str,
)
def test_a_zone_that_cannot_be_read_is_an_error(naive, inside, fault):
    """Every time without an offset would be wrong by hours."""
    naive.add_fault(Fault("store", **fault, times=None))
    run = inside(naive.config)
    assert_fails(run, "store/", "set timezone")
    assert run.messages == []
    assert inside(naive.config | {"timezone": "US/Eastern"}).code == 0


def test_a_404_for_the_types_is_an_error_that_names_the_address(make_store, inside):
    store = make_store()
    store.add_fault(Fault("types", "status", status=404, body="<html>No such store</html>", times=None))
    assert_fails(inside(store.config), "Check store or api_url")


def test_settings_are_read_from_the_environment(make_store, inside):
    store = make_store("order_list", days=10, orders_per_day=1)
    environment = {f"TAP_EXPORTS_{name.upper()}": value for name, value in store.config.items()}
    environment |= {"TAP_EXPORTS_WINDOW_DAYS": "2.5", "TAP_EXPORTS_PRIMARY_KEYS": json.dumps({"order_list": []})}
    run = inside(None, "--config", "ENV", environment=environment)
    assert run.code == 0, run.log
    assert run.of("SCHEMA", "order_list")[0]["key_properties"] == []
    lengths = [(export.date_to - export.date_from) / timedelta(days=1) for export in store.exports]
    assert lengths[0] == pytest.approx(2.5, abs=0.001)
