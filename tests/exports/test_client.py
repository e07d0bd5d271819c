"""Requests to the API, and their responses."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from requests.exceptions import SSLError

from tap_exports.clock import Timings
from tap_exports.errors import MissingScope, StoreRefused, StoreTrouble, Unauthorized
from tap_exports.sandbox import Fault
from tap_exports.store.client import AnswerLost
from tap_exports.store.http import was_sent

from .conftest import AGENT


def statuses(bench):
    return [r.status for r in bench.store.log]


def test_every_request_carries_the_apis_headers(bench):
    bench.client.types()
    export = bench.client.create("order_list", bench.window())
    bench.client.export(export.id)
    bench.client.link(export.id)
    list(bench.client.exports("order_list"))
    bench.client.timezone()
    bench.client.definitions()
    hook = bench.client.register_webhook("https://tap.example/hook", "s3cret")
    assert bench.client.webhooks("https://tap.example/hook") == [hook]
    assert bench.client.webhooks("https://tap.example/") == []
    bench.client.remove_webhook(hook)
    assert len(bench.store.log) >= 10
    for request in bench.store.log:
        assert request.headers["Authorization"] == f"Bearer {bench.store.token}"
        assert request.headers["X-29Next-Api-Version"] == "2024-04-01"
        assert request.headers["User-Agent"] == AGENT
        assert request.path.endswith("/")
    assert {r.status for r in bench.store.log} <= {200, 201, 204}


def test_no_netrc_credential_replaces_the_token(bench, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(netrc))
    bench.fetch().csv.close()
    api = [r for r in bench.store.log if r.host == "api"]
    files = [r for r in bench.store.log if r.host == "file"]
    assert {r.headers["Authorization"] for r in api} == {f"Bearer {bench.store.token}"}
    assert files
    assert not any("Authorization" in r.headers for r in files)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("text", "least"), [("9", 9), ("Tue, 04 Mar 2025 15:30:40 GMT", 39), ("rubbish", 0.1), (None, 0.1)]
)
def test_retry_after_is_honoured(bench, status, text, least):
    headers = {} if text is None else {"Retry-After": text}
    bench.store.add_fault(Fault("types", "status", status=status, headers=headers))
    began = bench.clock.monotonic()
    assert len(bench.client.types()) == 13
    assert statuses(bench) == [status, 200]
    assert least <= bench.clock.monotonic() - began < least + 3


@pytest.mark.parametrize(
    "fault",
    [
        Fault("types", "status", status=500),
        Fault("types", "status", status=502, body="<html>Bad gateway</html>"),
        Fault("types", "status", status=504),
        Fault("types", "status", status=408),
        Fault("types", "refuse"),
        Fault("types", "reset"),
        Fault("types", "html"),
        Fault("types", "empty"),
        Fault("types", "cut"),
        Fault("types", "wrong_length"),
        Fault("types", "json", document=["not", "an", "object"]),
        Fault("types", "json", document={"types": [{"name": "no code"}]}),
        Fault("types", "json", document=None),
    ],
    ids=lambda f: f"{f.kind} {f.status if f.kind == 'status' else ''} {f.document or ''}".strip(),
)
def test_transient_errors_are_retried(bench, fault):
    bench.store.add_fault(fault)
    bench.store.add_fault(fault)
    assert len(bench.client.types()) == 13
    assert len(bench.store.log) == 3
    assert bench.clock.waited >= 0.2


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("types", "status", status=503, times=None), "the response is 503"),
        (Fault("types", "refuse", times=None), "the connection broke"),
        (Fault("types", "reset", times=None), "the connection broke"),
        (Fault("types", "html", times=None), "a body that is not JSON"),
        (Fault("types", "empty", times=None), "an empty body"),
        (Fault("types", "cut", times=None), "ended early"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
def test_a_lasting_error_is_reported_with_its_call_and_host(bench, fault, said):
    bench.store.add_fault(fault)
    with pytest.raises(StoreTrouble) as caught:
        bench.client.types()
    assert said in str(caught.value)
    assert "GET exports/types/ at 127.0.0.1" in str(caught.value)
    assert len(bench.store.log) == Timings().tries
    assert bench.clock.waited > 20


def test_a_request_without_a_response_is_retried_after_the_read_timeout(bench, monkeypatch):
    bench.clock.timings = replace(bench.clock.timings, read_seconds=0.1)
    bench.store.add_fault(Fault("types", "hang"))
    assert len(bench.client.types()) == 13
    assert statuses(bench) == [None, 200]


def test_a_response_above_the_largest_size_is_refused(bench):
    bench.clock.timings = replace(bench.clock.timings, largest_response=1_000_000)
    bench.store.add_fault(Fault("types", "body", body=b"x" * 2_000_000, times=None))
    with pytest.raises(StoreRefused, match="more than 1,000,000 bytes"):
        bench.client.types()
    assert len(bench.store.log) == 1


@pytest.mark.parametrize("call", ["types", "create"])
def test_a_refused_connection_is_retried_and_then_an_error(make_bench, closed_port, call):
    bench = make_bench(url=f"http://{closed_port}/api/admin/")
    with pytest.raises(StoreTrouble, match="the connection was refused"):
        bench.client.types() if call == "types" else bench.client.create("order_list", bench.window())
    assert bench.clock.waited > 20


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, StoreRefused), (401, Unauthorized), (403, MissingScope), (404, StoreRefused), (405, StoreRefused)],
)
def test_refusals_are_not_retried(bench, status, kind):
    """The error contains the API's own words."""
    bench.store.add_fault(Fault("poll", "status", status=status, body='{"detail": "It is so."}', times=None))
    with pytest.raises(kind) as caught:
        bench.client.export(7)
    assert f"GET exports/7/ was answered {status}: It is so." in str(caught.value)
    assert len(bench.store.log) == 1
    assert bench.clock.waited == 0


@pytest.mark.parametrize(
    ("scopes", "call", "scope"),
    [
        (["exports:write"], lambda c, _: c.types(), "exports:read"),
        (["exports:write"], lambda c, _: c.link(1), "exports:read"),
        (["exports:read"], lambda c, w: c.create("order_list", w), "exports:write"),
        (["exports:read"], lambda c, _: c.timezone(), "store:read"),
        (["exports:read"], lambda c, _: c.definitions(), "metadata:read"),
        (["exports:read"], lambda c, _: c.webhooks("https://x"), "webhooks:read"),
        (["exports:read"], lambda c, _: c.register_webhook("https://x", "s"), "webhooks:write"),
        (["exports:read"], lambda c, _: c.remove_webhook(3), "webhooks:write"),
    ],
    ids=["types", "link", "create", "store", "metadata", "webhooks", "register", "remove"],
)
def test_a_403_names_the_missing_scope(make_bench, scopes, call, scope):
    bench = make_bench(scopes=scopes)
    with pytest.raises(MissingScope, match=scope) as caught:
        call(bench.client, bench.window())
    assert "You do not have permission" in str(caught.value)
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


def listed(bench, following, results=()):
    bench.store.add_fault(
        Fault("list", "json", document={"next": following, "previous": None, "results": list(results)})
    )


def test_pages_are_followed_to_the_end(make_bench):
    bench = make_bench(page_size=3)
    for n in range(8):
        bench.store.make_export("order_list", *bounds(bench, n))
        bench.store.make_export("customer_list", *bounds(bench, n))
    found = [e.id for e in bench.client.exports("order_list", bench.store.now.date())]
    assert found == [e.id for e in reversed(bench.made("order_list"))]
    assert bench.store.count("list") == 3
    assert bench.store.log[0].query["date_created_from"] == bench.store.now.date().isoformat()


def bounds(bench, n):
    start = bench.store.start_date + timedelta(days=n)
    return start, start + timedelta(days=1)


@pytest.mark.parametrize("kind", ["elsewhere", "user in it", "broken", "ftp"])
def test_a_next_link_to_another_host_is_not_followed(bench, make_wire, kind):
    own = bench.store.api_url
    link = {
        "elsewhere": "https://evil.example/api/admin/exports/?cursor=x",
        "user in it": own.replace("http://", "http://me:mine@") + "exports/?cursor=x",
        "broken": "http://[broken/?cursor=x",
        "ftp": own.replace("http://", "ftp://") + "exports/?cursor=x",
    }[kind]
    listed(bench, link)
    with pytest.raises(StoreRefused, match="not followed"):
        list(bench.client.exports("order_list"))
    assert len(bench.store.log) == 1


@pytest.mark.parametrize("kind", ["other port", "no port", "other scheme"])
def test_a_next_link_of_the_same_host_is_followed_on_the_apis_own_origin(bench, make_wire, kind):
    """A Django application behind a TLS proxy writes such links; nothing is sent to the other port."""
    other = make_wire(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    bench.store.make_export("order_list", *bounds(bench, 1))
    own = bench.store.api_url
    link = {
        "other port": f"{other.origin}/api/admin/exports/?type=order_list",
        "no port": "http://127.0.0.1/api/admin/exports/?type=order_list",
        "other scheme": own.replace("http://", "https://") + "exports/?type=order_list",
    }[kind]
    listed(bench, link)
    assert [e.type for e in bench.client.exports("order_list")] == ["order_list"]
    assert other.heads == []
    assert len(bench.store.log) == 2


def test_a_next_link_that_repeats_is_an_error(bench):
    for _ in range(3):
        listed(bench, bench.store.api_url + "exports/?cursor=again")
    with pytest.raises(StoreRefused):
        list(bench.client.exports("order_list"))
    assert len(bench.store.log) == 2


def test_an_export_with_an_unknown_status_is_left_out_of_the_list(bench, caplog):
    bench.store.make_export("order_list", *bounds(bench, 1))
    bench.store.add_fault(Fault("list", "unknown_status", value="exploded"))
    assert list(bench.client.exports("order_list")) == []
    assert "exploded" in caplog.text


def test_a_create_call_that_times_out_may_have_created_an_export(bench, monkeypatch):
    bench.clock.timings = replace(bench.clock.timings, read_seconds=0.1)
    bench.store.add_fault(Fault("create", "hang"))
    with pytest.raises(AnswerLost, match="no response within"):
        bench.client.create("order_list", bench.window())


def test_a_tls_error_may_follow_a_sent_request():
    assert was_sent(SSLError("Caused by SSLError(SSLEOFError(8, 'EOF occurred in violation of protocol'))"))
