from __future__ import annotations

import re
import socket
import threading
from contextlib import suppress

import pytest
import requests

from tap_exports.sandbox import Fault

from .conftest import fetch, wait_for


def last(store):
    entry = store.log[-1]
    return entry.place, entry.status, entry.fault and entry.fault.kind


def test_a_fault_lets_some_requests_pass_first(store, call):
    """`after` requests pass, `times` fail; None means forever."""
    store.add_fault(Fault("types", "status", after=2, times=1))
    assert [call.get("exports/types/").status_code for _ in range(4)] == [200, 200, 503, 200]
    store.add_fault(Fault("any", "status", status=500, times=None))
    assert {call.get(path).status_code for path in ("store/", "metadata/", "exports/", "nothing/")} == {500}
    store.clear_faults()
    assert call.get("store/").status_code == 200


def test_a_request_that_hangs_ends_with_the_store(open_store):
    threads = set(threading.enumerate())
    store, call = open_store()
    store.add_fault(Fault("poll", "hang", times=None))
    with pytest.raises(requests.ReadTimeout):
        requests.Session.request(call, "GET", f"{store.api_url}exports/42/", timeout=0.1)
    wait_for(lambda: store.log and last(store) == ("poll", None, "hang"))
    store.stop()
    wait_for(lambda: threads.issuperset(threading.enumerate()))


def raw(url):
    """All bytes that a server sends for a file, without the head, and the length that it declares."""
    host, _, path = url.removeprefix("http://").partition("/")
    name, port = host.split(":")
    with socket.create_connection((name, int(port))) as connection:
        connection.sendall(f"GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
    return body, int(re.search(rb"Content-Length: (\d+)", head)[1])


@pytest.mark.parametrize(
    ("fault", "sent", "declared"),
    [
        (Fault("file", "stall", keep=10, seconds=0.01), 10, 0),
        (Fault("file", "overlong"), None, -7),
        (Fault("file", "wrong_length"), None, 7),
    ],
    ids=["stall", "overlong", "wrong_length"],
)
def test_a_file_may_have_another_length(store, call, fault, sent, declared):
    call.create()
    whole = store.file(42)
    store.add_fault(fault)
    assert raw(call.link()) == (whole[:sent], len(whole) + declared)
    assert last(store) == ("file", 200, fault.kind)
    assert fetch(call.link()).content == whole


def test_a_port_may_be_closed_for_some_seconds(store, call):
    call.create()
    link = call.link()
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


PATHS = {
    "types": "exports/types/",
    "list": "exports/",
    "poll": "exports/42/",
    "link": "exports/42/download/",
    "store": "store/",
    "metadata": "metadata/",
    "webhooks": "webhooks/",
}


@pytest.mark.parametrize("place", [*PATHS, "create", "file"])
def test_every_call_can_fail(store, call, place):
    call.create()
    link = call.link()
    calls = {"file": lambda: fetch(link), "create": call.create}
    store.add_fault(Fault(place, "status"))
    assert calls.get(place, lambda: call.get(PATHS[place]))().status_code == 503
    assert last(store) == (place, 503, "status")


@pytest.mark.parametrize(
    "document", [[], {"place": "nowhere", "kind": "status"}, {"place": "create", "kind": "status", "x": 1}], ids=str
)
def test_an_invalid_fault_is_an_error(document):
    with pytest.raises(ValueError, match=r"is not one of|A fault is a JSON object"):
        Fault.from_json(document)
