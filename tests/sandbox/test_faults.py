from __future__ import annotations

import threading
from contextlib import suppress

import pytest
import requests

from tap_exports.sandbox import Fault, Place

from .conftest import END, START, fetch, wait_for

DROPPED = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


EARLIER = set()
"""Threads of other tests' stores in this process."""


@pytest.fixture(autouse=True)
def _earlier_threads():
    EARLIER.clear()
    EARLIER.update(threading.enumerate())


def requests_have_ended():
    """Whether no thread of this test's server handles a connection."""
    return not any("process_request" in thread.name for thread in set(threading.enumerate()) - EARLIER)


def last(store):
    entry = store.log[-1]
    return entry.place, entry.status, entry.fault


def test_a_fault_may_respond_with_a_status_headers_and_a_body(store, call):
    store.add_fault(Fault("types", "status", times=2, status=429, headers={"Retry-After": "7"}, body='{"detail": "x"}'))
    for _ in range(2):
        answer = call.get("exports/types/")
        assert (answer.status_code, answer.headers["Retry-After"], answer.json()) == (429, "7", {"detail": "x"})
        assert last(store) == ("types", 429, "status")
    assert call.get("exports/types/").status_code == 200
    assert last(store) == ("types", 200, None)


@pytest.mark.parametrize(("kind", "message"), [("refuse", "without response"), ("reset", "reset by peer")])
def test_a_connection_may_end_without_a_response(store, call, kind, message):
    store.add_fault(Fault("create", kind))
    with pytest.raises(DROPPED, match=message):
        call.create()
    assert last(store) == ("create", None, kind)
    assert store.exports == []
    assert call.create().status_code == 201


def test_a_request_whose_response_is_lost_takes_effect(store, call):
    store.add_fault(Fault("create", "lost"))
    with pytest.raises(DROPPED):
        call.create()
    assert [export.id for export in store.exports] == [42]
    assert last(store) == ("create", None, "lost")


def test_a_request_that_hangs_ends_with_the_store(open_store):
    store, call = open_store()
    store.add_fault(Fault("poll", "hang", times=None))
    with pytest.raises(requests.ReadTimeout):
        requests.Session.request(call, "GET", f"{store.api_url}exports/42/", timeout=0.1)
    wait_for(lambda: store.log and last(store) == ("poll", None, "hang"))
    store.stop()
    wait_for(requests_have_ended)


def raw(link):
    """The bytes of the body, the declared length, and the error."""
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(link, stream=True, timeout=10)
        parts = []
        try:
            parts += answer.raw.stream(1000)
        except Exception as error:  # noqa: BLE001  # urllib3's, whichever it is
            parts.append(b"")
            return b"".join(parts), int(answer.headers["Content-Length"]), error
        return b"".join(parts), int(answer.headers["Content-Length"]), None


def test_a_file_may_be_cut_short(store, call):
    call.create()
    store.add_fault(Fault("file", "cut"))
    body, declared, error = raw(call.link(42))
    whole = store.file(42)
    assert declared == len(whole)
    assert error is not None
    assert whole.startswith(body)
    assert len(body) < len(whole)
    assert raw(call.link(42))[0] == whole


def test_a_file_may_stall(store, call):
    call.create()
    store.add_fault(Fault("file", "stall", keep=10, seconds=0.01))
    body, declared, error = raw(call.link(42))
    assert (len(body), declared) == (10, len(store.file(42)))
    assert error is not None
    assert last(store) == ("file", 200, "stall")


def test_a_port_may_be_closed_for_some_seconds(store, call):
    call.create()
    link = call.link(42)
    store.add_fault(Fault("types", "away", seconds=1.0))
    assert call.get("exports/types/").json()["types"]
    with pytest.raises(requests.ConnectionError, match="refused"):
        call.get("exports/types/")
    assert fetch(link).status_code == 200

    def answers():
        with suppress(requests.ConnectionError):
            return call.get("exports/42/").json()["status"] == "available"
        return False

    wait_for(answers)


@pytest.mark.parametrize(
    ("fault", "body"),
    [
        (Fault("file", "empty"), b""),
        (Fault("file", "html"), b"<!doctype html>"),
        (Fault("file", "body", body=b"a,b\r\n1\r\n"), b"a,b\r\n1\r\n"),
        (Fault("file", "json", document={"a": [1]}), b'{"a": [1]}'),
    ],
)
def test_a_fault_may_respond_200_with_another_body(store, call, fault, body):
    call.create()
    store.add_fault(fault)
    answer = fetch(call.link(42))
    assert (answer.status_code, answer.content[: len(body) or 1]) == (200, body)


def test_a_link_may_expire_at_once(store, call):
    call.create()
    store.add_fault(Fault("link", "expire"))
    assert fetch(call.link(42)).status_code == 403
    assert fetch(call.link(42)).status_code == 200


def test_an_export_that_is_never_ready_stays_pending(store, call):
    store.add_fault(Fault("create", "never_ready", export_type="order_list"))
    for code in ("customer_list", "order_list", "order_list"):
        call.create(code)
    statuses = [call.get(f"exports/{number}/").json()["status"] for number in (42, 43, 44)]
    assert statuses == ["available", "pending", "available"]
    assert store.exports[1].ready_at is None


def test_a_fault_lets_some_requests_pass_first(store, call):
    """`after` requests pass, `times` fail; None means forever."""
    store.add_fault(Fault("types", "status", after=2, times=1))
    assert [call.get("exports/types/").status_code for _ in range(4)] == [200, 200, 503, 200]
    store.add_fault(Fault("any", "status", status=500, times=None))
    assert {call.get(path).status_code for path in ("store/", "metadata/", "exports/", "nothing/")} == {500}
    store.clear_faults()
    assert call.get("store/").status_code == 200


@pytest.mark.parametrize("place", [one for one in Place if one not in {Place.WEBHOOK, Place.ANY, Place.UNKNOWN}])
def test_every_call_can_fail(store, call, place):
    call.create()
    link = call.link(42)
    store.add_fault(Fault(place, "status"))
    paths = {
        Place.TYPES: "exports/types/",
        Place.LIST: "exports/",
        Place.POLL: "exports/42/",
        Place.LINK: "exports/42/download/",
        Place.STORE: "store/",
        Place.METADATA: "metadata/",
        Place.WEBHOOKS: "webhooks/",
    }
    if place is Place.FILE:
        answer = fetch(link)
    elif place is Place.CREATE:
        answer = call.create(date_from=START, date_to=END)
    else:
        answer = call.get(paths[place])
    assert answer.status_code == 503
    assert last(store) == (place.value, 503, "status")


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"place": "create"},
        {"place": "nowhere", "kind": "status"},
        {"place": "create", "kind": "status", "x": 1},
    ],
)
def test_an_invalid_fault_is_an_error(document):
    with pytest.raises(ValueError, match=r"."):
        Fault.from_json(document)


def test_a_fault_is_read_from_json():
    assert Fault.from_json({"place": "file", "kind": "cut", "keep": 100}) == Fault("file", "cut", keep=100)
