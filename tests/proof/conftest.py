"""The programs of proof/, which run as files, for these tests to import."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "proof"))


@pytest.fixture(scope="module")
def ground():
    """The data and the clean run that trials are held against."""
    from environment import Ground  # noqa: PLC0415

    found = Ground()
    yield found
    found.close()
