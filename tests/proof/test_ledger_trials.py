"""The trials with a ledger, a few; and that a loss is noticed."""

from __future__ import annotations

import shutil
import signal

import ledger_trials
import pytest
from ledger_trials import EVENTS, attempt, ground_of_nights, killed
from pipe import Point


@pytest.fixture(scope="module")
def nights():
    found = ground_of_nights()
    yield found
    found.close()


@pytest.mark.parametrize("name", ["nothing", "ledger behind", "ledger bits", "run without it", "disk full, night 2"])
def test_no_row_is_lost_whatever_happens_to_the_ledger(nights, name):
    found = attempt(nights, name, EVENTS[name])
    assert found.finding.violations == [], found.log
    ledger_trials.show([found])


def test_no_row_is_lost_where_tap_and_target_are_killed(nights):
    found = attempt(nights, "killed", killed(Point("lines", 60, signal.SIGKILL), seed=1))
    assert found.came
    assert found.finding.violations == [], found.log
    assert found.withheld > 0


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
