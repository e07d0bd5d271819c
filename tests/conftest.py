"""Which tests `make test` leaves to `make test-all`."""

from __future__ import annotations

import socket
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


def pytest_collection_modifyitems(items):
    for item in items:
        folder = Path(item.path).relative_to(TESTS).parts[0]
        if (folder in SLOW and item.path.name != ONE_LOAD) or item.path.name in SLOW_FILES:
            item.add_marker(pytest.mark.slow)
