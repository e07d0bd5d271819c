"""Which tests `make test` leaves to `make test-all`; hosts of a test's own."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ONE_LOAD = "test_meltano_to_postgres.py"
SLOW = ("proof", "e2e", "fleet")
"""Folders whose tests take minutes; one load into PostgreSQL by Meltano stays."""
SLOW_FILES = ("test_kills.py",)
"""Tests with runs killed at random points."""


@pytest.fixture
def closed_port():
    """A host and a port that refuse connections."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound without listening: it refuses connections and stays reserved
        yield f"127.0.0.1:{taken.getsockname()[1]}"


class Wire(socketserver.ThreadingTCPServer):
    """A host that sends exactly the bytes of a test."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), Connection)
        self.origin = f"http://127.0.0.1:{self.server_address[1]}"
        self.heads: list[bytes] = []
        self.answer = answer
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


class Connection(socketserver.BaseRequestHandler):
    """Reads the head of a request, and answers it."""

    def handle(self):
        head = b""
        with contextlib.suppress(OSError):
            while b"\r\n\r\n" not in head:
                block = self.request.recv(65536)
                if not block:
                    return
                head += block
            self.server.heads.append(head)
            self.server.answer(self.request, head)


@pytest.fixture
def make_wire():
    """Make hosts of raw bytes, from the bytes or a function that sends them."""
    wires = []

    def make(answer):
        wires.append(Wire(answer if callable(answer) else lambda connection, _: connection.sendall(answer)))
        return wires[-1]

    yield make
    for wire in wires:
        wire.shutdown()
        wire.server_close()


def pytest_collection_modifyitems(items):
    for item in items:
        folder = Path(item.path).relative_to(TESTS).parts[0]
        if (folder in SLOW and item.path.name != ONE_LOAD) or item.path.name in SLOW_FILES:
            item.add_marker(pytest.mark.slow)
