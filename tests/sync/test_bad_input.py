"""Invalid settings, stores and files: one clear line or a normal end, never a traceback."""

from __future__ import annotations

import json

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


def test_optional_scopes_may_be_missing(make_store, inside):
    store = make_store("order_list", scopes={"exports:read", "exports:write"}, days=10, orders_per_day=1)
    run = inside(store.config)
    assert run.code == 0
    assert run.errors == []


@pytest.fixture
def naive(make_store):
    """A store whose times have no offset."""
    return make_store("order_list", time_format="iso_naive", days=10, orders_per_day=1)


@pytest.mark.parametrize(
    "fault",
    [
        *({"kind": "status", "status": status} for status in (403, 404)),
        *({"kind": "json", "document": {"timezone": zone}} for zone in (None, "x", "../../etc/passwd")),
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
        {"kind": "json", "document": {"timezone": 5}},
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


def test_a_404_for_the_types_is_an_error_that_names_the_address(make_store, inside, monkeypatch):
    store = make_store()
    store.add_fault(Fault("types", "status", status=404, body="<html>No such store</html>", times=None))
    run = inside(store.config)
    assert_fails(run, "Check store or api_url")


@pytest.mark.parametrize(
    ("content", "numbers"),
    [
        (b"", []),
        (b"Order Number,Status\r\n1,new\r\n1,new\r\n", ["1"]),
        (b"Order Number,Status\r\n1,new\r\n2,ne", ["1", "2"]),
    ],
    ids=["zero bytes", "equal rows", "no line break at the end"],
)
def test_an_odd_file_is_accepted_with_a_warning_if_a_second_export_repeats_it(small_store, inside, content, numbers):
    small_store.add_fault(Fault("file", "body", body=content, times=None))
    run = inside(small_store.config)
    assert run.code == 0, run.log
    assert [record["order_number"] for record in run.records("order_list")] == numbers
    assert run.bookmark("order_list")
    assert "WARNING" in run.log
    assert small_store.count(place="create") == 2


def test_settings_are_read_from_the_environment(make_store, inside):
    store = make_store("order_list", days=10, orders_per_day=1)
    environment = {f"TAP_EXPORTS_{name.upper()}": value for name, value in store.config.items()}
    environment |= {"TAP_EXPORTS_WINDOW_DAYS": "2.5", "TAP_EXPORTS_PRIMARY_KEYS": json.dumps({"order_list": []})}
    run = inside(None, "--config", "ENV", environment=environment)
    assert run.code == 0, run.log
    assert run.of("SCHEMA", "order_list")[0]["key_properties"] == []
    spans = sorted((e.date_from, e.date_to) for e in store.exports if e.type == "order_list")
    assert 2.5 * 86400 - 60 < (spans[0][1] - spans[0][0]).total_seconds() <= 2.5 * 86400


def test_numbers_in_a_config_file_may_have_fractions(make_store, inside):
    store = make_store("order_list", days=3, orders_per_day=1, ready_seconds=0.3)
    fractions = {
        "window_days": 1.5, "lookback_days": 0.5, "settle_minutes": 2.5, "poll_interval_seconds": 0.25,
        "export_timeout_minutes": 0.5, "reuse_exports_minutes": 30.5,
    }  # fmt: skip
    run = inside(store.config | fractions)
    assert run.code == 0, run.log
    assert run.bookmark("order_list")
