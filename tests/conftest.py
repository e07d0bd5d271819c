"""Which tests `make test` leaves to `make test-all`; hosts of a test's own."""

from __future__ import annotations

import contextlib
import socket
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


class Wire:
    """A host that sends exactly the bytes of a test."""

    def __init__(self, answer):
        self.heads: list[bytes] = []
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                block = connection.recv(65536)
                if not block:
                    return
                head += block
            self.heads.append(head)
            self._answer(connection, head)

    def close(self):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join(0.5)


@pytest.fixture
def make_wire():
    """Make hosts of raw bytes, from the bytes or a function that sends them."""
    wires = []

    def make(answer):
        wires.append(Wire(answer if callable(answer) else lambda connection, _: connection.sendall(answer)))
        return wires[-1]

    yield make
    for wire in wires:
        wire.close()


def pytest_collection_modifyitems(items):
    for item in items:
        folder = Path(item.path).relative_to(TESTS).parts[0]
        if (folder in SLOW and item.path.name != ONE_LOAD) or item.path.name in SLOW_FILES:
            item.add_marker(pytest.mark.slow)
