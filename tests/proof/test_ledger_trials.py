"""The trials with a ledger notice a loss."""

from __future__ import annotations

import shutil

import pytest
from ledger_trials import attempt, ground_of_nights


@pytest.fixture(scope="module")
def nights():
    found = ground_of_nights()
    yield found
    found.close()


def test_a_lost_row_is_noticed(nights):
    """State and ledger of the first night, for a warehouse of the second: no tap can know."""

    def second(found):
        first = found.warehouse.state
        shutil.copy(found.ledger, found.folder / "first.db")
        found.whole()
        found.warehouse.state = first
        shutil.copy(found.folder / "first.db", found.ledger)
        return True

    assert attempt(nights, "restored", second).finding.lost > 0
