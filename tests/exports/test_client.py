"""Requests to the API, and their responses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from requests.exceptions import SSLError

from tap_exports.clock import Timings
from tap_exports.errors import MissingScope, StoreRefused, StoreTrouble
from tap_exports.sandbox import Fault
from tap_exports.store.http import was_sent

from .conftest import AGENT


def test_every_request_carries_the_apis_headers(bench, monkeypatch, tmp_path):
    """The token too, although a .netrc file has other credentials for the host."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(netrc))
    bench.client.types()
    bench.fetch().csv.close()
    list(bench.client.exports("order_list"))
    bench.client.timezone()
    bench.client.definitions()
    hook = bench.client.register_webhook("https://tap.example/hook", "s3cret")
    assert bench.client.webhooks("https://tap.example/hook") == [hook]
    assert bench.client.webhooks("https://tap.example/") == []
    bench.client.remove_webhook(hook)
    assert {r.status for r in bench.store.log} <= {200, 201, 204}
    for request in bench.store.log:
        is_api = request.host == "api"
        assert request.headers.get("Authorization") == (f"Bearer {bench.store.token}" if is_api else None)
        assert request.headers.get("X-29Next-Api-Version") == ("2024-04-01" if is_api else None)
        assert request.headers["User-Agent"] == AGENT
        assert request.path.endswith("/") is is_api


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("9", 9),
        ("86400", Timings().longest_retry_after),
        ("Tue, 04 Mar 2025 15:30:40 GMT", 39),
        ("Tue, 04 Mar 2025 15:29:30 GMT", 0.1),
        *((text, 0.1) for text in (None, "soon", "-3", "\u0663", "Fri, 31 Dec 9999 23:59:59 -1200")),
    ],
)
def test_retry_after_is_honoured(bench, status, text, least):
    """Seconds or a date, within the limit; anything else is ignored."""
    headers = {} if text is None else {"Retry-After": text}
    bench.store.add_fault(Fault("types", "status", status=status, headers=headers))
    assert len(bench.client.types()) == 13
    assert len(bench.store.log) == 2
    assert least <= bench.clock.waited < least + 3


@pytest.mark.parametrize(
    ("kind", "more", "said"),
    [
        *(("status", {"status": status}, f"the response is {status}") for status in (408, 500, 502, 503, 504)),
        ("refuse", {}, "the connection broke"),
        ("reset", {}, "the connection broke"),
        ("hang", {}, "no response within 0.1 seconds"),
        ("html", {}, "a body that is not JSON"),
        ("body", {"body": b"[" * 100_000}, "a body that is not JSON"),
        ("empty", {}, "an empty body"),
        ("cut", {}, "ended early"),
        ("wrong_length", {}, "ended early"),
        ("json", {"document": ["not", "an", "object"]}, "list instead of the types"),
        ("json", {"document": {"types": [{"name": "no code"}]}}, "list of export types"),
        ("json", {"document": None}, "NoneType instead of the types"),
    ],
    ids=str,
)
def test_a_transient_error_is_retried_and_reported_if_it_lasts(bench, kind, more, said):
    """With its call and host."""
    bench.clock.timings = replace(bench.clock.timings, read_seconds=0.1)
    bench.store.add_fault(Fault("types", kind, times=2, **more))
    assert len(bench.client.types()) == 13
    assert len(bench.store.log) == 3
    assert bench.clock.waited >= 0.2
    bench.store.add_fault(Fault("types", kind, times=None, **more))
    with pytest.raises(StoreTrouble, match=f"GET exports/types/ at 127.0.0.1 failed: .*{said}"):
        bench.client.types()
    assert len(bench.store.log) == 3 + (3 if kind == "json" else Timings().tries)


@pytest.mark.parametrize("call", ["types", "create"])
def test_a_refused_connection_is_retried_and_then_an_error(make_bench, closed_port, call):
    """It created no export."""
    bench = make_bench(url=f"http://{closed_port}/api/admin/")
    with pytest.raises(StoreTrouble, match="the connection was refused"):
        bench.client.types() if call == "types" else bench.client.create("order_list", bench.window())
    assert bench.clock.waited > 20


def test_a_response_above_the_largest_size_is_refused(bench):
    bench.clock.timings = replace(bench.clock.timings, largest_response=1_000_000)
    bench.store.add_fault(Fault("types", "body", body=b"x" * 2_000_000, times=None))
    with pytest.raises(StoreRefused, match="more than 1,000,000 bytes"):
        bench.client.types()
    assert len(bench.store.log) == 1


@pytest.mark.parametrize(
    ("scope", "call"),
    [
        ("exports:read", lambda c, _: c.types()),
        ("exports:write", lambda c, w: c.create("order_list", w)),
        ("metadata:read", lambda c, _: c.definitions()),
        ("webhooks:read", lambda c, _: c.webhooks("https://x")),
        ("webhooks:write", lambda c, _: c.register_webhook("https://x", "s")),
    ],
)
def test_a_403_names_the_missing_scope(make_bench, scope, call):
    bench = make_bench(scopes=[])
    with pytest.raises(MissingScope, match=f"You do not have permission.*{scope}"):
        call(bench.client, bench.window())
    assert len(bench.store.log) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(bench, make_wire, status):
    """The token is sent to no other host; the error names that host without its path."""
    other = make_wire(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    bench.store.add_fault(Fault("types", "redirect", status=status, location=f"{other.origin}/there?secret=1"))
    with pytest.raises(StoreRefused, match=r"redirect to http://127\.0\.0\.1") as caught:
        bench.client.types()
    assert "secret" not in str(caught.value)
    assert other.heads == []
    assert len(bench.store.log) == 1


def made(bench, code, n):
    window = bench.window(n, 1)
    return bench.store.make_export(code, window.start, window.end)


def test_pages_are_followed_to_the_end(make_bench):
    bench = make_bench(page_size=3)
    orders = [made(bench, code, n).id for n in range(8) for code in ("order_list", "customer_list")][::2]
    assert [e.id for e in bench.client.exports("order_list", bench.store.now.date())] == orders[::-1]
    assert bench.store.count("list") == 3
    assert bench.store.log[0].query["date_created_from"] == bench.store.now.date().isoformat()


LINK = "http://127.0.0.1:PORT/api/admin/exports/?type=order_list"


@pytest.mark.parametrize(
    ("link", "is_followed"),
    [
        # A Django application behind a TLS proxy writes such links; nothing is sent to the other port.
        (LINK.replace("PORT", "OTHER"), True),
        (LINK.replace(":PORT", ""), True),
        (LINK.replace("http", "https"), True),
        (LINK.replace("127.0.0.1:PORT", "evil.example"), False),
        (LINK.replace("//", "//me:mine@"), False),
        (LINK.replace("http", "ftp"), False),
        ("http://[broken/?cursor=x", False),
    ],
)
def test_a_next_link_is_followed_on_the_apis_own_origin(bench, make_wire, link, is_followed):
    other = make_wire(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    export = made(bench, "order_list", 1)
    for name, origin in (("PORT", bench.store.api_url), ("OTHER", other.origin + "/")):
        link = link.replace(name, origin.split("/")[2].split(":")[1])
    bench.store.add_fault(Fault("list", "json", document={"next": link, "previous": None, "results": []}))
    if is_followed:
        assert [e.id for e in bench.client.exports("order_list")] == [export.id]
    else:
        with pytest.raises(StoreRefused, match="not followed"):
            list(bench.client.exports("order_list"))
    assert len(bench.store.log) == 1 + is_followed
    assert other.heads == []


def test_a_next_link_that_repeats_is_an_error(bench):
    document = {"next": f"{bench.store.api_url}exports/?cursor=again", "results": []}
    bench.store.add_fault(Fault("list", "json", document=document, times=3))
    with pytest.raises(StoreRefused):
        list(bench.client.exports("order_list"))
    assert len(bench.store.log) == 2


def test_an_export_with_an_unknown_status_is_left_out_of_the_list(bench, caplog):
    made(bench, "order_list", 1)
    bench.store.add_fault(Fault("list", "unknown_status", value="exploded"))
    assert list(bench.client.exports("order_list")) == []
    assert "exploded" in caplog.text


def test_a_tls_error_may_follow_a_sent_request():
    assert was_sent(SSLError("Caused by SSLError(SSLEOFError(8, 'EOF occurred in violation of protocol'))"))
