"""Certificates of the API and the file host are verified; proxies come from the environment and see the hosts only."""

from __future__ import annotations

import select
import socket
import ssl
from datetime import datetime, timezone

import pytest
import trustme

from tap_exports.sandbox import Fault

from .conftest import assert_ends_well, assert_fails

HOST = "127.0.0.1"
PASSWORD = "pr0xy-passw0rd"
LONG_AGO = datetime(2020, 1, 1, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def ca():
    return trustme.CA()


@pytest.fixture(autouse=True)
def trusted(ca, monkeypatch, timings, tmp_path):
    """Trust the CA; remove other certificates and proxies from the environment."""
    names = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "curl_ca_bundle", "ssl_cert_file")
    for name in (*names, *map(str.upper, names)):
        monkeypatch.delenv(name, raising=False)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    timings(tries=2, longest_pause=0.01)


@pytest.fixture
def secured(small_store, ca):
    """Switch the store to TLS, with these certificates or right ones, and return its settings."""
    right = ca.issue_cert(HOST)

    def make(api=right, files=right):
        for server, certificate in zip(small_store._servers, (api, files), strict=True):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(context)
            # The handshake runs in the connection's own thread: a client that breaks it off affects no other.
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        small_store.api_url = small_store.api_url.replace("http:", "https:")
        small_store.file_origin = small_store.file_origin.replace("http:", "https:")
        return small_store.config

    return make


WRONG = {
    "unable to get local issuer certificate": lambda ca: trustme.CA().issue_cert(HOST),
    "IP address mismatch": lambda ca: ca.issue_cert("store.example"),
    "certificate has expired": lambda ca: ca.issue_cert(HOST, not_after=LONG_AGO),
}
"""Invalid certificates, by their errors."""


@pytest.mark.parametrize("why", WRONG)
def test_an_api_with_an_invalid_certificate_receives_no_request(small_store, inside, ca, secured, why):
    run = inside(secured(api=WRONG[why](ca)))
    assert_fails(run, f"the certificate of {HOST} is not trusted", why, "REQUESTS_CA_BUNDLE")
    assert "trying again" not in run.log
    assert small_store.log == []


def test_a_file_host_with_an_invalid_certificate_receives_no_request(small_store, inside, secured):
    config = secured(files=trustme.CA().issue_cert(HOST))
    run = inside(config, environment={"TAP_EXPORTS_LOGLEVEL": "DEBUG"})
    (line,) = run.errors
    assert f"the certificate of the file host {HOST} is not trusted, unable to get local issuer certificate" in line
    assert "(stream order_list, export " in line
    assert small_store.count(place="file") == 0
    assert "Signature" not in run.log
    assert small_store.token not in run.log


@pytest.mark.parametrize("content", [None, b"no certificate\n"], ids=["missing", "invalid"])
def test_an_invalid_certificate_bundle_is_one_error_line(small_store, inside, tmp_path, secured, content):
    path = tmp_path / "bundle.pem"
    if content is not None:
        path.write_bytes(content)
    run = inside(secured(), environment={"REQUESTS_CA_BUNDLE": str(path)})
    assert_fails(run)
    assert "certificate" in run.errors[0]
    assert small_store.log == []


def test_a_redirect_to_http_is_not_followed(small_store, make_store, inside, secured):
    other = make_store(days=1)
    location = f"{other.file_origin}/x.csv?Signature=abc"
    small_store.add_fault(Fault("file", "redirect", location=location, times=None))
    run = inside(secured())
    assert_fails(run, "a redirect of the file host 127.0.0.1 leads to ", "not https")
    assert "trying again" not in run.log
    assert "abc" not in run.log
    assert other.log == []


# Proxies


@pytest.fixture
def make_proxy(make_wire):
    """Make tunnelling proxies that record all bytes of their clients, or that send a refusal instead."""

    def make(refusal=b""):
        def serve(client, head):
            if refusal or not head.startswith(b"CONNECT "):
                client.sendall(refusal or b"HTTP/1.1 405 Tunnels alone\r\nContent-Length: 0\r\n\r\n")
                return
            host, _, port = head.split()[1].decode().rpartition(":")
            with socket.create_connection((host, int(port))) as server:
                client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                other = {client: server, server: client}
                while blocks := {end: end.recv(65536) for end in select.select(other, [], [])[0]}:
                    if b"" in blocks.values():
                        return
                    proxy.tunnelled += blocks.get(client, b"")
                    for end, block in blocks.items():
                        other[end].sendall(block)

        proxy = make_wire(serve)
        proxy.tunnelled = bytearray()
        return proxy

    return make


def test_a_proxy_sees_the_hosts_only(small_store, inside, secured, make_proxy):
    """Neither the token nor a link is readable for the proxy."""
    proxy = make_proxy()
    run = inside(secured(), environment={"HTTPS_PROXY": proxy.origin})
    assert_ends_well(run, 0)
    assert run.records("order_list")
    hosts = [small_store.api_url.split("/")[2], small_store.file_origin.split("/")[2]]
    assert {head.split()[1].decode() for head in proxy.heads} == set(hosts)
    seen = b"".join(proxy.heads) + proxy.tunnelled
    assert len(proxy.tunnelled) > 1_000
    for secret in (small_store.token, "Signature", "order_list", "Authorization", "/api/admin/"):
        assert secret.encode() not in seen


@pytest.mark.parametrize("is_loopback", [False, True], ids=["in no_proxy", "http on loopback"])
def test_some_hosts_are_reached_directly(small_store, inside, secured, make_proxy, is_loopback):
    """A proxy would read the token where http is not encrypted."""
    proxy = make_proxy()
    environment = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"), proxy.origin)
    config = small_store.config if is_loopback else secured()
    run = inside(config, environment={**environment, "NO_PROXY": "" if is_loopback else HOST})
    assert_ends_well(run, 0)
    assert run.records("order_list")
    assert proxy.heads == []


REFUSED = "the proxy (HTTPS_PROXY) refused the connection or was not reached"


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n", REFUSED),
        (b"rubbish\r\n\r\n", "the connection broke"),
        (None, REFUSED),
    ],
    ids=["refusal", "rubbish", "nothing"],
)
def test_a_refusing_proxy_is_one_error_line(small_store, inside, secured, make_proxy, closed_port, refusal, words):
    """Without the proxy's password."""
    place = make_proxy(refusal).origin.removeprefix("http://") if refusal else closed_port
    address = f"http://proxy-user:{PASSWORD}@{place}"
    run = inside(secured(), environment={"HTTPS_PROXY": address, "TAP_EXPORTS_LOGLEVEL": "DEBUG"})
    (line,) = run.errors
    assert words in line
    assert [secret for secret in (PASSWORD, "proxy-user", small_store.token) if secret in run.log] == []
    assert small_store.log == []
