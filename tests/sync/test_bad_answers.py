"""Malformed responses to each call: the sync continues, or ends in one line without a traceback.

Each response is sent over HTTP and read by a whole sync or discovery.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ports import free_port

from tap_exports.sandbox import Fault

from .conftest import assert_ends_well, list_types

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
