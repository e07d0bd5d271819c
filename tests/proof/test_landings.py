"""Interruptions with real targets: errors that a test plants are noticed."""

from __future__ import annotations

import json
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from interrupt_sweep import places_of_a_run
from loaders import JsonLines, Postgres, places
from pipe import Interrupted, Point
from runs import Run
from target_run import land
from target_runs import points_of
from verifier import stopped_well

pytestmark = pytest.mark.xdist_group("landings")  # one PostgreSQL for all of them

KILL, TERM = signal.SIGKILL, signal.SIGTERM


@pytest.fixture(scope="module")
def stand():
    found, _ = places_of_a_run()
    yield found
    found.close()


@pytest.fixture(scope="module")
def targets(stand):
    with places(Path(stand.place.name)) as made:
        yield made


class Spoiling:
    """A target that receives modified lines."""

    def __init__(self, target, spoil):
        self.name, self.upserts, self.rows = target.name, target.upserts, target.rows
        self._target, self._spoil = target, spoil

    def begin(self):
        loader = self._target.begin()
        write = loader.write
        loader.write = lambda line: write(self._spoil(line))
        return loader


def losing(line):
    """Drop every tenth order."""
    return b"" if b'"RECORD"' in line and json.loads(line)["record"]["order_number"].endswith("7") else line


def changing(line):
    """Change a word."""
    return line.replace(b'"status":"', b'"status":"un') if b'"RECORD"' in line else line


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("name", "spoil", "words"),
    [(Postgres.name, losing, "rows are lost"), (JsonLines.name, changing, "rows are wrong")],
    ids=["lost", "changed"],
)
def test_rows_that_are_lost_or_change_in_the_pipe_are_noticed(stand, targets, name, spoil, words):
    found = land(stand, Spoiling(targets.new(name), spoil), Point("lines", 60, TERM))
    assert found.table.lost + found.table.wrong > 5
    assert any(words in fault for fault in found.finding.violations)


@pytest.mark.e2e
def test_a_state_that_is_ahead_of_its_records_is_noticed(stand, targets):
    until = (stand.now - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    bookmarks = {"order_list": {"replication_key": "date_to", "replication_key_value": until}}
    early = json.dumps({"type": "STATE", "value": {"bookmarks": bookmarks}}).encode() + b"\n"
    target = Spoiling(targets.new(Postgres.name), lambda line: early if b'"STATE"' in line else line)
    found = land(stand, target, Point("lines", 40, TERM))
    assert found.resumed
    assert found.table.lost > 10
    assert "the target's state is not one of the tap's" in found.finding.violations


@pytest.mark.e2e
def test_rows_that_a_database_loses_duplicates_or_changes_are_noticed(stand, targets):
    target = targets.new(Postgres.name)
    rows = target.rows

    def tampered():
        target.ask("DELETE FROM {0} WHERE order_number = (SELECT min(order_number) FROM {0})")
        target.ask("ALTER TABLE {0} DROP CONSTRAINT order_list_pkey")
        target.ask("INSERT INTO {0} SELECT * FROM {0} ORDER BY order_number LIMIT 2")
        target.ask("UPDATE {0} SET cogs = cogs + 0.01 WHERE order_number = (SELECT max(order_number) FROM {0})")
        return rows()

    target.rows = tampered
    found = land(stand, target, Point("lines", 60, TERM))
    assert (found.table.lost, found.table.doubled, found.table.wrong) == (1, 2, 1)
    assert len(found.finding.violations) == 3


def test_every_interruption_of_the_tap_has_a_target():
    places = [("request", 1), ("request", 2), ("lines", 9)]
    taps = [(point.where, point.at, point.signal) for _, point in points_of(places, lines=40) if point.whom == "tap"]
    assert sorted(taps) == sorted((*place, number) for place in places for number in (KILL, TERM))


def ended(code, out="{}\n", seconds=1.0, log="", *, hung=False):
    return Interrupted(Run([], code, log, out, hung), seconds)


@pytest.mark.parametrize(
    ("point", "how", "wrong"),
    [
        (Point("lines", 1, TERM), ended(143), 0),
        (Point("lines", 1, TERM), ended(0), 0),
        (Point("lines", 1, TERM), ended(1), 1),
        (Point("lines", 1, TERM), ended(-15), 1),
        (Point("lines", 1, TERM), ended(-15, log='"metric":"sync_duration" "status":"succeeded"'), 0),
        (Point("lines", 1, TERM), ended(143, out='{}\n{"type'), 1),
        (Point("lines", 1, TERM), ended(143, seconds=9.0), 1),
        (Point("lines", 1, TERM), ended(143, log="Traceback (most recent call last):"), 1),
        (Point("lines", 1, KILL), ended(-9, out='{}\n{"type'), 0),
        (Point("lines", 1, KILL), ended(-9, hung=True), 1),
        (Point("lines", 1, KILL, "target"), ended(1), 0),
        (Point("lines", 1, KILL, "target"), ended(-9), 1),
        (Point("lines", 1, TERM, "both"), ended(1), 0),
        (Point("lines", 1, TERM, "both"), ended(2), 1),
    ],
    ids=str,
)
def test_the_verifier_checks_how_a_run_ends(point, how, wrong):
    assert len(stopped_well(how, point)) == wrong
