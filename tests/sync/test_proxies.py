"""Proxies come from the environment, as in `requests`; they see the hosts only."""

from __future__ import annotations

import select
import socket

import pytest
import trustme

from .conftest import assert_ends_well
from .tls import secure

PASSWORD = "pr0xy-passw0rd"


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


@pytest.fixture
def https(small_store, tmp_path, monkeypatch, timings):
    """Settings for a store behind TLS whose CA is trusted, without other proxies in the environment."""
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_proxy".upper(), raising=False)
    timings(tries=2, longest_pause=0.01)
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    right = ca.issue_cert("127.0.0.1")
    return secure(small_store, right, right)


def test_a_proxy_sees_the_hosts_only(small_store, inside, https, make_proxy):
    """Neither the token nor a link is readable for the proxy."""
    proxy = make_proxy()
    run = inside(https, environment={"HTTPS_PROXY": proxy.origin})
    assert_ends_well(run, 0)
    assert run.records("order_list")
    hosts = [small_store.api_url.split("/")[2], small_store.file_origin.split("/")[2]]
    assert {head.split()[1].decode() for head in proxy.heads} == set(hosts)
    seen = b"".join(proxy.heads) + proxy.tunnelled
    assert len(proxy.tunnelled) > 1_000
    for secret in (small_store.token, "Signature", "order_list", "Authorization", "/api/admin/"):
        assert secret.encode() not in seen


def test_a_host_in_no_proxy_is_reached_directly(inside, https, make_proxy):
    proxy = make_proxy()
    run = inside(https, environment={"HTTPS_PROXY": proxy.origin, "NO_PROXY": "127.0.0.1"})
    assert run.code == 0
    assert run.records("order_list")
    assert proxy.heads == []


def test_a_store_on_loopback_is_reached_directly(small_store, inside, make_proxy):
    """A proxy would read the token, because http is not encrypted."""
    proxy = make_proxy()
    environment = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"), proxy.origin)
    run = inside(small_store.config, environment={**environment, "NO_PROXY": "", "no_proxy": ""})
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
def test_a_refusing_proxy_is_one_error_line(small_store, inside, https, make_proxy, closed_port, refusal, words):
    """Without the proxy's password."""
    place = make_proxy(refusal).origin.removeprefix("http://") if refusal else closed_port
    address = f"http://proxy-user:{PASSWORD}@{place}"
    run = inside(https, environment={"HTTPS_PROXY": address, "TAP_EXPORTS_LOGLEVEL": "DEBUG"})
    assert run.code == 1
    (line,) = run.errors
    assert words in line
    assert PASSWORD not in run.log
    assert "proxy-user" not in run.log
    assert small_store.token not in run.log
    assert small_store.log == []
