"""Proxies come from the environment, as in `requests`; they see the hosts only."""

from __future__ import annotations

import contextlib
import select
import socket
import threading

import pytest
import trustme

from .conftest import assert_ends_well
from .tls import secure

PASSWORD = "pr0xy-passw0rd"


class Proxy:
    """A tunnelling proxy that records all bytes of its clients.

    Args:
        refusal: Sent instead of opening a tunnel.
    """

    def __init__(self, refusal=b""):
        self.heads: list[bytes] = []
        self.tunnelled = bytearray()
        self._refusal = refusal
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, client):
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                if not (block := client.recv(65536)):
                    return
                head += block
            self.heads.append(head)
            if self._refusal or not head.startswith(b"CONNECT "):
                client.sendall(self._refusal or b"HTTP/1.1 405 Tunnels alone\r\nContent-Length: 0\r\n\r\n")
                return
            host, _, port = head.split()[1].decode().rpartition(":")
            with socket.create_connection((host, int(port))) as server:
                client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                self._tunnel(client, server)

    def _tunnel(self, client, server):
        while True:
            for end in select.select([client, server], [], [])[0]:
                if not (block := end.recv(65536)):
                    return
                if end is client:
                    self.tunnelled += block
                (server if end is client else client).sendall(block)

    def close(self):
        self._socket.close()


@pytest.fixture
def make_proxy():
    with contextlib.ExitStack() as stack:

        def make(refusal=b""):
            return stack.enter_context(contextlib.closing(Proxy(refusal)))

        yield make


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


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY"])
def test_a_proxy_sees_the_hosts_only(small_store, inside, https, make_proxy, variable):
    """Neither the token nor a link is readable for the proxy."""
    proxy = make_proxy()
    run = inside(https, environment={variable: f"http://{proxy.address}"})
    assert_ends_well(run)
    assert run.code == 0
    assert run.records("order_list")
    hosts = [small_store.api_url.split("/")[2], small_store.file_origin.split("/")[2]]
    assert {head.split()[1].decode() for head in proxy.heads} == set(hosts)
    seen = b"".join(proxy.heads) + proxy.tunnelled
    assert len(proxy.tunnelled) > 1_000
    for secret in (small_store.token, "Signature", "order_list", "Authorization", "/api/admin/"):
        assert secret.encode() not in seen


def test_a_host_in_no_proxy_is_reached_directly(inside, https, make_proxy):
    proxy = make_proxy()
    run = inside(https, environment={"HTTPS_PROXY": f"http://{proxy.address}", "NO_PROXY": "127.0.0.1"})
    assert run.code == 0
    assert run.records("order_list")
    assert proxy.heads == []


def test_a_store_on_loopback_is_reached_directly(small_store, inside, make_proxy):
    """A proxy would read the token, because http is not encrypted."""
    proxy = make_proxy()
    environment = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"), f"http://{proxy.address}")
    run = inside(small_store.config, environment={**environment, "NO_PROXY": "", "no_proxy": ""})
    assert_ends_well(run)
    assert run.code == 0
    assert run.records("order_list")
    assert proxy.heads == []


REFUSED = "the proxy (HTTPS_PROXY) refused the connection or was not reached"


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n", REFUSED),
        (b"HTTP/1.1 503 Not now\r\nContent-Length: 0\r\n\r\n", REFUSED),
        (b"rubbish\r\n\r\n", "the connection broke"),
        (None, REFUSED),
    ],
)
def test_a_refusing_proxy_is_one_error_line(small_store, inside, https, make_proxy, closed_port, refusal, words):
    """Without the proxy's password."""
    place = make_proxy(refusal).address if refusal else closed_port
    address = f"http://proxy-user:{PASSWORD}@{place}"
    run = inside(https, environment={"HTTPS_PROXY": address, "TAP_EXPORTS_LOGLEVEL": "DEBUG"})
    assert run.code == 1
    (line,) = run.errors
    assert words in line
    assert PASSWORD not in run.log
    assert "proxy-user" not in run.log
    assert small_store.token not in run.log
    assert small_store.log == []
