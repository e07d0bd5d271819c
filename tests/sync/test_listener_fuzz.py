"""The webhook listener against whoever finds its port: nothing but its own answers, and the next delivery is heard."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import socket
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_exports.exports import connections
from tap_exports.exports.webhook import LARGEST_BODY, Listener

from .conftest import SECRET, signed

OWN = {200, 400, 401, 404, 405, 413}
SERVERS = {100, 414, 431, 501, 505}  # what uvicorn itself may say to what is no HTTP/1.1 request
NUMBERS = itertools.count(1_000)
SERIAL = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def signature_of(body):
    return b"X-29Next-Signature: " + signed(body).encode()


def request(body, *headers, method=b"POST", path=b"/hook", version=b"1.1"):
    """A delivery's bytes; its length is declared unless a test does so itself."""
    lines = [method + b" " + path + b" HTTP/" + version, b"Host: x", *headers]
    if not any(line.lower().startswith((b"content-length", b"transfer-encoding")) for line in headers):
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])


def delivery(export_id):
    body = json.dumps({"event_id": f"event {export_id}", "data": {"id": export_id}}).encode()
    return request(body, signature_of(body))


def said(listener, data, *, pause=0.0, seconds=30.0):
    """The statuses of all that comes back for some bytes, until the listener closes or says no more."""
    statuses = []
    with socket.create_connection(("127.0.0.1", listener.port), timeout=seconds) as connection:
        with contextlib.suppress(OSError):
            for block in data if isinstance(data, list) else [data]:
                connection.sendall(block)
                time.sleep(pause)
            connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            answer = b""
            while block := connection.recv(65536):
                answer += block
            statuses = [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", answer)]
    return statuses


def eventually(condition):
    """Wait for what the listener's own thread brings about."""
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def assert_still_hears(listener, notifier):
    """A right delivery is answered 200, and rings."""
    number = next(NUMBERS)
    assert said(listener, delivery(number)) == [200]
    assert number in notifier._rung
    began = time.monotonic()
    notifier.wait(number, 30)
    assert time.monotonic() - began < 15


tokens = st.text(alphabet="abcXYZ019!#$%&'*+-.^_`|~", min_size=1, max_size=12).map(str.encode)
values = st.binary(max_size=40).map(lambda value: value.translate(None, b"\r\n\0"))
headers = st.lists(st.tuples(tokens, values).map(b": ".join), max_size=5)


@given(
    method=tokens | st.sampled_from([b"GET", b"HEAD", b"OPTIONS", b"CONNECT", b"TRACE", b"PRI"]),
    path=st.binary(min_size=1, max_size=40).map(lambda p: b"/" + p.translate(None, b"\r\n\0 ")) | st.just(b"/hook"),
    more=headers,
    body=st.binary(max_size=60),
)
@SERIAL
def test_any_request(listener, notifier, method, path, more, body):  # noqa: PLR0913, PLR0917 - each part of it
    """Whatever its method, path, headers and body are: an answer of the listener's, or of its server's."""
    for status in said(listener, request(body, *more, method=method, path=path)):
        assert status in OWN | SERVERS
        assert status != 200
    assert_still_hears(listener, notifier)


@given(data=st.binary(max_size=200) | st.text(alphabet="GET POST/hok HTP1.:\r\n0123", max_size=80).map(str.encode))
@SERIAL
def test_any_bytes(listener, notifier, data):
    """No HTTP at all, or nearly."""
    assert set(said(listener, data)) <= OWN | SERVERS - {200}
    assert_still_hears(listener, notifier)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6) | st.just("id"), inner, max_size=3),
    max_leaves=6,
)
EVENT = st.fixed_dictionaries({}, optional={"event_id": JSON, "data": JSON | st.fixed_dictionaries({"id": JSON})})


@given(event=EVENT | JSON)
@SERIAL
def test_any_event_that_is_signed_rightly(listener, notifier, event):
    """A store's own mistake is a 400, and never a 410, which would switch the webhook off."""
    body = json.dumps(event).encode()
    assert said(listener, request(body, signature_of(body)))[0] in (200, 400)
    assert_still_hears(listener, notifier)


@pytest.mark.parametrize(
    "number",
    [
        "NaN", "Infinity", "-Infinity", "1e999", "1.5", "true", "null", '"x"', '""', "[]", "{}", "9" * 5_000,
        '"\\ud800"', f'"{"9" * 5_000}"', '"1e3"', '"-1"',
    ],
    ids=lambda value: value[:12],
)  # fmt: skip
def test_an_id_that_is_none(listener, notifier, number):
    """It is no event, and nobody is woken."""
    body = b'{"event_id": "a", "data": {"id": %s}}' % number.encode()
    assert said(listener, request(body, signature_of(body))) == [400]
    assert not notifier._rung
    assert_still_hears(listener, notifier)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"\xff" * 100,
        b"",
        b'{"event_id": "\\ud800", "data": {"id": []}}',
        b"9" * 100_000,
    ],
    ids=lambda value: repr(value[:12]),
)
def test_a_body_that_is_deep_or_no_text(listener, notifier, body):
    """Signed or not, it costs no more than its answer."""
    assert said(listener, request(body, signature_of(body))) == [400]
    assert said(listener, request(body, b"X-29Next-Signature: " + b"0" * 64)) == [401]
    assert_still_hears(listener, notifier)


@pytest.mark.parametrize("value", [b"", b"\xff" * 64, b"\xe4", b"0" * 10_000, b"sha256=", b"\t" * 64], ids=repr)
def test_a_signature_that_is_none(listener, notifier, value):
    """However it is written."""
    assert said(listener, request(b"{}", b"X-29Next-Signature: " + value)) == [401]
    assert_still_hears(listener, notifier)


def test_a_signature_that_comes_twice(listener, notifier):
    """The last one counts: only a right one there proves the body."""
    number = next(NUMBERS)
    body = json.dumps({"event_id": "twice", "data": {"id": number}}).encode()
    right, wrong = signature_of(body), b"X-29Next-Signature: " + b"0" * 64
    assert said(listener, request(body, right, wrong)) == [401]
    assert said(listener, request(body, wrong, right)) == [200]
    assert_still_hears(listener, notifier)


def chunked(body, size):
    blocks = [body[n : n + size] for n in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(block), block) for block in blocks) + b"0\r\n\r\n"


def test_other_ways_to_send_a_delivery(listener, notifier):
    """In chunks, byte by byte, two on one connection, behind Expect, by HTTP/1.0: it is heard."""
    body = json.dumps({"event_id": "other ways", "data": {"id": 7}}).encode()
    signature = signature_of(body)
    assert said(listener, request(chunked(body, 3), signature, b"Transfer-Encoding: chunked")) == [200]
    assert 7 in notifier._rung
    assert said(listener, [bytes([one]) for one in delivery(next(NUMBERS))], pause=0.0005) == [200]
    assert said(listener, delivery(next(NUMBERS)) * 3) == [200, 200, 200]
    assert said(listener, request(body, signature, b"Expect: 100-continue")) in ([100, 200], [200])
    assert said(listener, request(body, signature, version=b"1.0")) == [200]
    assert_still_hears(listener, notifier)


@pytest.mark.parametrize(
    "data",
    [
        request(b"", b"X: " + b"x" * 100_000),
        request(b"", *[b"X%d: y" % n for n in range(20_000)]),
        request(b"", path=b"/" + b"x" * 100_000),
        request(b"x", b"Content-Length: 5", b"Content-Length: 7"),
        request(b"x", b"Content-Length: -1"),
        request(b"x", b"Content-Length: " + b"9" * 5_000),
        request(b"zz\r\nx", b"Transfer-Encoding: chunked"),
        request(b"", b"Transfer-Encoding: gzip, chunked"),
        request(b"", b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Key: x"),
        request(b"", path=b"http://evil.example/hook"),
        request(b"", path=b"/hook/../hook"),
        request(chunked(b"x" * (LARGEST_BODY + 1), 65_536), b"Transfer-Encoding: chunked"),
        request(b"", version=b"9.9"),
        b"POST /hook\r\n\r\n",
    ],
    ids=lambda data: repr(data[:60]),
)
def test_what_a_proxy_and_a_server_could_read_differently(listener, notifier, data):
    """Headers without end, two lengths, other codings: a refusal, and the next delivery is heard."""
    answers = set(said(listener, data))
    assert answers <= OWN | SERVERS - {200}
    assert_still_hears(listener, notifier)


def test_a_flood_of_wrong_signatures_is_no_flood_in_the_log(listener, notifier, caplog):
    """Told at the first, the tenth, the hundredth: whoever finds the port cannot fill a disk with the log."""
    for _ in range(12):
        assert said(listener, request(b"{}")) == [401]
    assert [line.split()[0] for line in caplog.messages if "signature is wrong" in line] == ["1", "10"]
    assert_still_hears(listener, notifier)


def test_a_hundred_that_say_nothing_do_not_keep_the_store_out(listener, notifier):
    """The oldest has to go for each that is one too many: three hundred idle connections, and deliveries are heard."""
    with contextlib.ExitStack() as idle:
        for _ in range(3 * connections.MOST):
            idle.enter_context(socket.create_connection(("127.0.0.1", listener.port)))
        assert_still_hears(listener, notifier)
        assert len(listener._server.server_state.connections) <= connections.MOST
        assert_still_hears(listener, notifier)


def test_one_that_sends_a_byte_now_and_then_has_to_go(monkeypatch, notifier):
    """A connection has a longest life, whatever it sends meanwhile: what it held is free again."""
    monkeypatch.setattr(connections, "LONGEST_SECONDS", 0.5)
    listener = Listener("127.0.0.1:0", "/hook", SECRET, notifier)
    try:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", listener.port), timeout=5) as slow, contextlib.suppress(OSError):
            for byte in itertools.cycle(b"POST /hook HTTP/1.1\r\nX: "):
                slow.sendall(bytes([byte]))
                time.sleep(0.02)
                assert time.monotonic() - began < 15
        assert time.monotonic() - began > 0.4
        eventually(lambda: not listener._server.server_state.connections)
        assert_still_hears(listener, notifier)
    finally:
        listener.close()


def test_it_ends_at_once_whoever_is_still_connected(notifier):
    """The end of a run does not wait for a client that is in the midst of its body."""
    listener = Listener("127.0.0.1:0", "/hook", SECRET, notifier)
    with socket.create_connection(("127.0.0.1", listener.port)) as slow:
        slow.sendall(b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{")
        eventually(lambda: listener._server.server_state.tasks)
        listener.close()
        listener._thread.join(10)  # a connection may last twice as long
        assert not listener._thread.is_alive()


def test_event_ids_of_megabytes_are_not_kept(listener, notifier):
    """What is remembered of an event is bounded, in number and in length."""
    body = json.dumps({"event_id": "x" * 900_000, "data": {"id": next(NUMBERS)}}).encode()
    assert said(listener, request(body, signature_of(body))) == [200]
    assert max(map(len, listener._seen)) <= 100
    assert_still_hears(listener, notifier)
