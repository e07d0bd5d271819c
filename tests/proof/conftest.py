"""Makes the programs of proof/ importable."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "proof"))


@pytest.fixture(scope="module")
def ground():
    """The data and the reference run."""
    from environment import Ground  # noqa: PLC0415

    found = Ground()
    yield found
    found.close()
