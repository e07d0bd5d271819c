"""Downloads, from the signed link to the disk."""

from __future__ import annotations

import gc
import gzip
import resource
import socket
import threading
import zlib
from copy import copy
from dataclasses import replace
from hashlib import sha256

import pytest

from tap_exports.clock import Clock, Timings
from tap_exports.errors import InvalidFile, LinkExpired, LocalTrouble, Stopped, StoreRefused, StoreTrouble
from tap_exports.sandbox import Fault
from tap_exports.store.download import Downloader

from .conftest import open_temp_files

BODY = b"A,B\r\n" + b"1,2\r\n" * 5
GZIPPED_TWICE = gzip.compress(BODY[:10]) + gzip.compress(BODY[10:]) + bytes(8)  # some pad with zeros


def _flushed(body):
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush(zlib.Z_FULL_FLUSH)


FLUSHED = _flushed(BODY)
"""A file, or its first part: only the missing end of the stream distinguishes them."""


@pytest.fixture
def export(bench):
    """An available export."""
    window = bench.window()
    return bench.store.make_export("order_list", window.start, window.end)


def content(download):
    with download.file as file:
        file.seek(0)
        return file.read()


def linked(bench, url, times=None):
    bench.store.add_fault(Fault("link", "json", document={"url": url}, times=times))


def test_a_file_arrives_whole(bench, export):
    download = bench.downloader.get(export.id)
    whole = bench.store.file(export.id)
    assert (download.size, download.sha256) == (len(whole), sha256(whole).hexdigest())
    assert download.whole
    assert content(download) == whole


def test_a_redirect_of_the_file_host_receives_no_credential(bench, export, make_wire, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(netrc))
    other = make_wire(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY))
    bench.store.add_fault(Fault("file", "redirect", location=f"{other.origin}/x.csv"))
    assert content(bench.downloader.get(export.id)) == BODY
    assert len(other.heads) == 1
    assert b"authorization" not in other.heads[0].lower()


FAULTS = {
    "ended early": [("cut", {}), ("cut", {"keep": 0}), ("wrong_length", {})],
    "the connection broke": [("refuse", {}), ("reset", {})],
    "answers 500": [("status", {"status": 500})],
    "answers 429": [("status", {"status": 429, "headers": {"Retry-After": "5"}})],
    "invalid address": [("redirect", {"location": "http://[broken"})],
}


@pytest.mark.parametrize(
    ("said", "kind", "more"), [(said, *fault) for said, faults in FAULTS.items() for fault in faults], ids=str
)
def test_a_failed_download_is_retried_with_a_new_link_and_reported_if_it_lasts(
    bench, export, empty_temp, said, kind, more
):
    """With its host. No partial file is left."""
    bench.store.add_fault(Fault("file", kind, times=2, **more))
    assert content(bench.downloader.get(export.id)) == bench.store.file(export.id)
    assert bench.store.count("link") == 3
    bench.store.add_fault(Fault("file", kind, times=None, **more))
    with pytest.raises(StoreTrouble, match=rf"could not be downloaded: (?=.*127\.0\.0\.1).*{said}"):
        bench.downloader.get(export.id)
    assert bench.store.count("file") == 3 + Timings().tries
    gc.collect()
    assert open_temp_files(empty_temp) == []


def test_a_body_that_stalls_is_retried_after_the_read_timeout(bench, export, make_wire):
    bench.clock.timings = replace(bench.clock.timings, read_seconds=0.1)
    ended = threading.Event()

    def half(connection, _):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nA,B\r\n")
        ended.wait(2)

    linked(bench, make_wire(half).origin + "/x.csv", times=1)
    assert content(bench.downloader.get(export.id)) == bench.store.file(export.id)
    ended.set()


def test_a_link_refused_three_times_is_an_error(bench, export):
    bench.store.add_fault(Fault("link", "expire", times=2))
    assert content(bench.downloader.get(export.id)) == bench.store.file(export.id)
    bench.store.add_fault(Fault("link", "expire", times=None))
    with pytest.raises(LinkExpired, match=r"refused the link \(403\)"):
        bench.downloader.get(export.id)
    assert bench.store.count("file") == 6


ZIPPED = gzip.compress(BODY)
CHUNKED = b"Transfer-Encoding: chunked"
BODIES = {
    "length": (True, b"Content-Length: %d" % len(BODY), BODY),
    "chunked": (True, CHUNKED, b"5\r\nA,B\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(BODY) - 5, BODY[5:])),
    "chunked with a length": (True, CHUNKED + b"\r\nContent-Length: 3", b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)),
    "gzip": (True, b"Content-Encoding: gzip\r\nContent-Length: %d" % len(ZIPPED), ZIPPED),
    "gzip in two": (True, b"Content-Encoding: X-GZip\r\nContent-Length: %d" % len(GZIPPED_TWICE), GZIPPED_TWICE),
    "no gzip": (True, b"Content-Encoding: gzip\r\nContent-Length: %d" % len(BODY), BODY),
    "no compression": (True, b"Content-Encoding: utf-8\r\nContent-Length: %d" % len(BODY), BODY),
    "short": (False, b"Content-Length: %d" % (len(BODY) + 1), BODY),
    "no last chunk": (False, CHUNKED, b"5\r\nA,B\r\n\r\n"),
    "chunk cut": (False, CHUNKED, b"ff\r\nA,B\r\n"),
    "gzip short": (False, b"Content-Encoding: gzip\r\nContent-Length: 500", ZIPPED),
    "gzip that ends early": (False, b"Content-Encoding: gzip\r\nContent-Length: %d" % len(FLUSHED), FLUSHED),
    "an odd length": (False, b"Content-Length: 00%d" % len(BODY), BODY),
}


@pytest.mark.parametrize(("is_whole", "head", "body"), BODIES.values(), ids=BODIES)
def test_a_body_is_accepted_if_its_length_is_the_declared_one(bench, make_wire, empty_temp, is_whole, head, body):
    linked(bench, make_wire(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body).origin)
    if is_whole:
        assert content(bench.downloader.get(1)) == BODY
        assert bench.clock.slept == []
    else:
        with pytest.raises(StoreTrouble):
            bench.downloader.get(1)
    gc.collect()
    assert open_temp_files(empty_temp) == []


@pytest.mark.parametrize(
    ("head", "words"),
    [
        *(
            (f"Content-Length: {len(BODY)}\r\nContent-Encoding: {encoding}", f"compresses the file with {encoding}")
            for encoding in ("deflate", "br", "zstd", "gzip, gzip")
        ),
        ("Connection: close", "does not declare the file's length"),
    ],
    ids=lambda value: value.split()[-1],
)
def test_a_body_whose_length_cannot_be_verified_is_refused(bench, make_wire, head, words):
    linked(bench, make_wire(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + BODY).origin)
    with pytest.raises(InvalidFile, match=f"{words}, so truncation would not be noticed"):
        bench.downloader.get(1)


def test_a_link_must_be_https_where_the_api_is(bench, export):
    client = copy(bench.client)
    client.connection = replace(client.connection, api_url="https://store.example/api/admin/")
    client.link = bench.client.link
    downloader = Downloader(client)
    with pytest.raises(StoreRefused, match=r"the link to the file leads to 127\.0\.0\.1 and is not https"):
        downloader.get(export.id)
    assert bench.store.count("file") == 0


def test_a_downloaded_file_has_no_name(bench, export, empty_temp):
    """Its space is freed with it, whatever ends the process."""
    download = bench.downloader.get(export.id)
    assert list(empty_temp.iterdir()) == []
    assert len(open_temp_files(empty_temp)) == 1
    download.file.close()
    assert open_temp_files(empty_temp) == []


@pytest.mark.parametrize("size", [5_000, 2_000_000], ids=["in the buffer", "past the buffer"])
def test_a_full_disk_is_a_local_error(bench, make_wire, empty_temp, size):
    body = b"A,B\r\n" + b"1,2\r\n" * (size // 5)
    linked(bench, make_wire(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)).origin)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(LocalTrouble, match="could not be stored"):
            bench.downloader.get(1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert open_temp_files(empty_temp) == []


def test_a_download_ends_with_the_run(make_bench, make_wire, empty_temp):
    bench = make_bench(clock=Clock(), frozen=True)
    ended = threading.Event()

    def endless(connection, _):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while not ended.is_set():
            connection.sendall(b"1,2\r\n" * 1000)

    linked(bench, make_wire(endless).origin)
    threading.Timer(0.1, bench.clock.stop).start()
    with pytest.raises(Stopped):
        bench.downloader.get(1)
    ended.set()
    assert open_temp_files(empty_temp) == []


def test_reading_the_head_downloads_little_more_than_the_head(bench, make_wire):
    sent = []

    def large(connection, _):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500000000\r\n\r\n")
        block = b"1,2\r\n" * 13107
        for _ in range(500_000_000 // len(block)):
            connection.sendall(block)
            sent.append(len(block))

    linked(bench, make_wire(large).origin)
    download = bench.downloader.get(1, at_most=1024 * 1024)
    download.file.close()
    assert not download.whole
    assert 1024 * 1024 <= download.size < 2 * 1024 * 1024
    assert sum(sent) < 16 * 1024 * 1024
