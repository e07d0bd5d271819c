"""A malformed or refusing response to each call: the sync continues, or ends in one line without a traceback."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ports import free_port

from tap_exports.sandbox import Fault

from .conftest import assert_ends_well, assert_fails, list_types

RUBBISH = [b"<html>", b"\xff\xfe", b"null", b"{}", b'{"results": [null], "next": null}']
PLACES = ("types", "list", "create", "poll", "link", "store", "metadata")
AN_EXPORT = {
    "id": 1, "created_at": "2025-01-01T00:00:00Z", "type": "order_list", "status": "available",
    "date_from": "2025-01-01T00:00:00Z", "date_to": "2025-02-01T00:00:00Z", "url": "x",
}  # fmt: skip


@pytest.fixture(autouse=True)
def hasty(timings):
    """Retry without pauses."""
    timings(tries=3, longest_pause=0.0, lost_create_seconds=0.0, first_poll_seconds=0.001, rate_seconds=0.001)


@pytest.fixture
def answered(small_store, inside):
    """Run the command against a store that always responds to one call with some bytes."""
    port = free_port()
    hook = {"webhook_listen": f"127.0.0.1:{port}", "webhook_target_url": f"http://127.0.0.1:{port}/T"}

    def run(place, answer, *arguments):
        small_store.clear_faults()
        if place != "types":
            list_types(small_store, "order_list")
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        small_store.add_fault(Fault(place, "body", body=content, times=None))
        patient = {"export_timeout_minutes": 0.001, "reuse_exports_minutes": 60 if place == "list" else 0}
        hooked = hook if place == "webhooks" else {}
        return inside(small_store.config | patient | hooked, *arguments)

    return run


@pytest.mark.parametrize(
    ("place", "arguments"), [*((place, []) for place in PLACES), ("list", ["--discover"])], ids=str
)
def test_a_malformed_response_ends_in_one_line(answered, place, arguments):
    for answer in RUBBISH:
        assert_ends_well(answered(place, answer, *arguments))


@pytest.mark.parametrize("code", ["a/b", "..", "\x1b[31m", "x" * 5_000], ids=lambda code: ascii(code)[:9])
def test_a_code_that_can_name_no_stream_is_left_out(answered, code):
    """Targets make files and tables of a stream's name."""
    run = answered("types", {"types": [{"code": code}, {"code": "order_list"}]})
    assert_ends_well(run, 0)
    assert {m["stream"] for m in run.of("SCHEMA")} == {"order_list", "export_log"}
    assert "is ignored: its code cannot be a stream's name" in run.log
    assert "\x1b" not in run.log
    assert max(map(len, run.log.splitlines())) < 500


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from(["order_list"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
EXPORT = st.fixed_dictionaries({}, optional={name: JSON | st.just(value) for name, value in AN_EXPORT.items()})
ANSWERS = {
    "types": st.fixed_dictionaries({"types": JSON | st.lists(st.fixed_dictionaries({"code": JSON}), max_size=2)}),
    "list": st.fixed_dictionaries({"next": st.none() | JSON, "results": JSON | st.lists(EXPORT | JSON, max_size=2)}),
    "create": EXPORT,
    "poll": EXPORT,
    "link": st.fixed_dictionaries({"url": JSON | st.text().map("http://127.0.0.1:1/{}".format)}),
    "store": st.fixed_dictionaries({"timezone": JSON}),
    "metadata": st.fixed_dictionaries(
        {"results": JSON | st.lists(st.dictionaries(st.sampled_from(["name", "key"]), JSON))}
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_response_ends_in_a_traceback(answered, place, data):
    assert_ends_well(answered(place, data.draw(ANSWERS[place] | JSON)))


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
