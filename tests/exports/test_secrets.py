"""No token, secret or signed query is in a message, a log line, or an error's chain."""

from __future__ import annotations

import logging
import traceback
from dataclasses import replace

import pytest

from tap_exports.errors import TapExportsError
from tap_exports.exports.fetch import CheckedExport
from tap_exports.sandbox import Fault
from tap_exports.store.session import AnswerLost

TROUBLES = [
    *(
        Fault(place, kind, times=None)
        for place in ("create", "poll", "link", "file", "list")
        for kind in ("refuse", "cut", "html")
    ),
    *(Fault(place, "status", status=s, times=None) for place in ("link", "file") for s in (401, 403, 500)),
    Fault("file", "redirect", location="/elsewhere?Signature=of-another-kind", times=None),
    Fault("file", "redirect", location="http://127.0.0.1:1/elsewhere?Signature=of-another-kind", times=None),
    Fault("link", "expire", times=None),
    *(
        Fault("link", "json", document={"url": f"{url}?Signature=abc123"}, times=None)
        for url in (
            "http://[broken/x",
            "http://:99999/x",
            "http:///x",
            "http://abc123@127.0.0.1:1/x",
            "ftp://x/y",
            "http://CLOSED/x.csv",
        )
    ),
]


def chain(error):
    """An error with all its causes and contexts."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def shown(caplog, error):
    """All text that a user could see."""
    lines = [record.getMessage() for record in caplog.records]
    lines += [str(record.exc_info) for record in caplog.records if record.exc_info]
    lines += [caplog.text]
    if error is not None:
        lines += traceback.format_exception(error)
        lines += [f"{one!r} {one} {vars(one)}" for one in chain(error)]
    return "\n".join(lines)


def caught(call):
    try:
        if isinstance(found := call(), CheckedExport):
            found.csv.close()
    except (TapExportsError, AnswerLost) as error:
        return error
    return None


@pytest.mark.parametrize("fault", TROUBLES, ids=lambda f: f"{f.place} {f.kind} {f.status}")
def test_no_fault_reveals_a_secret(bench, caplog, closed_port, fault):
    caplog.set_level(logging.DEBUG)
    if fault.kind == "json":
        fault = replace(fault, document={"url": fault.document["url"].replace("CLOSED", closed_port)})
    bench.store.add_fault(fault)
    error = caught(bench.fetch)
    caught(lambda: bench.exporter.requester.look_up(bench.source()))
    text = shown(caplog, error)
    assert not {secret for secret in (bench.store.token, "Signature", "Expires", "abc123") if secret in text}


def test_malformed_headers_of_the_file_host_do_not_reveal_the_link(bench, caplog, make_wire):
    """urllib3 logs a warning that contains the whole address; that warning is filtered out."""
    caplog.set_level(logging.DEBUG)
    host = make_wire(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nno colon here\r\nX: y\r\n\r\n")
    bench.store.add_fault(Fault("link", "json", document={"url": f"{host.origin}/x.csv?Signature=abc123"}, times=None))
    error = caught(bench.fetch)
    assert "abc123" not in shown(caplog, error)


def escaped(text):
    return "".join(f"\\u{ord(letter):04x}" for letter in text)


@pytest.mark.parametrize("shown_as", [str, escaped], ids=["plain", "escaped"])
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, '{"detail": "Bad header Bearer TOKEN"}'),
        (400, f'{{"detail": "{"x" * 290}TOKEN"}}'),
        (200, "<p>TOKEN</p>"),
        (200, '{"id": 42, "type": "order_list", "status": "TOKEN or so"}'),
        (200, '{"id": "TOKEN or so", "type": "order_list", "status": "pending"}'),
    ],
)
def test_a_token_in_a_response_is_masked(bench, caplog, shown_as, status, body):
    """Also where the message is cut within it."""
    caplog.set_level(logging.DEBUG)
    body = body.replace("TOKEN", shown_as(bench.store.token))
    bench.store.add_fault(Fault("poll", "status", status=status, body=body, times=None))
    error = caught(lambda: bench.client.export(42))
    assert error is not None
    assert bench.store.token[:8] not in shown(caplog, error)


def test_a_webhooks_secret_is_not_revealed(bench, caplog):
    caplog.set_level(logging.DEBUG)
    secret = "v3ry" + "secret"  # in two parts, because a traceback shows the test's own lines too
    bench.client.register_webhook("https://tap.example/", secret)
    body = f'{{"secret_key": ["Too short: {secret}"]}}'
    bench.store.add_fault(Fault("webhooks", "status", status=400, body=body, times=None))
    error = caught(lambda: bench.client.register_webhook("https://tap.example/", secret))
    assert "Too short" in str(error)
    assert secret not in shown(caplog, error)
