"""Outcomes of a few cells of `make proof`, and the verifier with planted errors."""

from __future__ import annotations

import copy
import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import matrix
import pytest
from environment import Ground
from runs import CODE
from scenarios import TIMES, settings_of, trials
from verifier import WEBHOOK_SECRET, Finding, ended_well

THIN = {
    ("types", "503 in 1 s", "once"): "recovered",
    ("types", "HTML", "for ever"): "ended",
    ("types", "then gone", "once"): "ended",
    ("store", "HTML", "once"): "recovered",
    ("store", "403", "for ever"): "without",
    ("store", "redirect", "for ever"): "ended",
    ("metadata", "JSON: null", "once"): "recovered",
    ("metadata", "404", "for ever"): "without",
    ("metadata", "503 in 1 s", "for ever"): "ended",
    ("list", "reset", "burst"): "recovered",
    ("list", "then away", "once"): "recovered",
    ("list", "next elsewhere", "once"): "ended",
    ("create", "answer lost", "burst"): "recovered",
    ("create", "closed", "for ever"): "ended",
    ("poll", "hang", "once"): "recovered",
    ("poll", "redirect", "later"): "ended",
    ("link", "expired", "once"): "recovered",
    ("link", "404", "for ever"): "ended",
    ("file", "cut", "burst"): "recovered",
    ("file", "410", "later"): "ended",
    ("webhook", "500", "once"): "recovered",
    ("webhook", "delivery odd", "for ever"): "recovered",
    ("file", "stall", "once"): "recovered",
    ("machine", "disk full", "later"): "ended",
    ("machine", "output full", "later"): "ended",
    ("machine", "clock +1 day", "for ever"): "recovered",
}
"""Cells and their outcomes."""


def row(place, name):
    return next(trial for trial in trials() if (trial.place, trial.name) == (place, name))


def test_some_cells_of_the_fault_matrix(ground):
    cells = matrix.try_all(ground, [(row(place, name), column) for place, name, column in THIN])
    assert [cell.finding.violations for cell in cells] == [[]] * len(THIN), "\n".join(cell.log for cell in cells)
    assert {(c.trial.place, c.trial.name, c.column): c.outcome for c in cells} == THIN
    matrix.show(cells)
    assert matrix.totals(cells) == Counter(THIN.values())


def test_every_fault_can_be_added_to_the_store(ground):
    rows = trials()
    assert len({(trial.place, trial.name) for trial in rows}) == len(rows)
    with ground.store() as store:
        for trial, column in matrix.cells_of(rows):
            trial.arm(store, column)
            assert column in TIMES
            assert settings_of(trial).get("webhook_secret", WEBHOOK_SECRET) == WEBHOOK_SECRET


def test_a_fault_that_never_occurs_fails_its_cell(ground):
    trial = replace(row("file", "410"), fault=lambda _: {"kind": "empty", "export_type": "dispute_list"})
    cell = matrix.attempt(ground, trial, "for ever")
    assert cell.outcome == "FAILED"
    assert cell.finding.violations == ["the fault never occurred"]


@pytest.fixture(scope="module")
def done(ground):
    """A run without faults, its store, and its start."""
    with ground.store() as store:
        began = store.now
        yield ground.run(store), store, began


def judged(ground, done, change=lambda run: None):
    run, store, began = done
    run = copy.deepcopy(run)
    change(run)
    finding = Finding()
    finding.emitted(ground, run)
    finding.arrived(ground, store, began, run)
    finding.exports(store)
    finding.secrets(store, run)
    return finding


def test_the_verifier_accepts_a_clean_run(ground, done):
    finding = judged(ground, done)
    assert (finding.violations, finding.lost, finding.bad, finding.doubled, finding.leaked) == ([], 0, 0, 0, 0)


def test_the_verifier_finds_a_missing_record(ground, done):
    def change(run):
        run.messages.remove(next(m for m in run.messages if m["type"] == "RECORD"))

    finding = judged(ground, done, change)
    assert finding.lost == 1
    assert any("ahead" in fault for fault in finding.violations)


def test_the_verifier_finds_a_state_ahead_of_its_records(ground, done):
    def change(run):
        run.messages.insert(0, run.messages.pop())

    assert any("ahead" in fault for fault in judged(ground, done, change).violations)


def test_the_verifier_finds_a_bookmark_that_is_behind(ground, done):
    def change(run):
        run.messages.pop()

    assert any("bookmark" in fault for fault in judged(ground, done, change).violations)


def test_the_verifier_finds_a_wrong_cell(ground, done):
    def change(run):
        run.records[3]["status"] = "cut sho"

    assert judged(ground, done, change).bad == 1


def test_the_verifier_finds_times_in_the_wrong_zone(ground):
    """Without the scope for the store's zone, times in UTC are accepted."""
    with ground.store() as store:
        run = ground.run(store, config={"timezone": "UTC"})
    finding = Finding()
    finding.emitted(ground, run)
    assert (finding.bad, finding.went_without) == (len(run.records), False)
    finding = Finding()
    finding.emitted(ground, run, without="store:read")
    assert (finding.bad, finding.went_without) == (0, True)


def test_the_verifier_finds_types_that_ignore_the_definitions(ground):
    """Without the scope for definitions, types by names are accepted."""
    scopes = {"exports:read", "exports:write", "store:read"}
    with ground.store(scopes=scopes) as store:
        run = ground.run(store, bare=True)
    finding = Finding()
    finding.emitted(ground, run)
    assert finding.bad >= len(run.records) / 2
    finding = Finding()
    finding.emitted(ground, run, without="metadata:read")
    assert (finding.bad, finding.went_without) == (0, True)


@pytest.mark.parametrize("where", ["out", "log"])
def test_the_verifier_finds_a_secret(ground, done, where):
    def change(run):
        setattr(run, where, f"… {done[1].token} …")

    assert judged(ground, done, change).leaked == 1


@pytest.mark.parametrize("later", [0, 3], ids=["the very window", "a newest window that ends later"])
def test_the_verifier_finds_an_export_that_is_created_twice(ground, later):
    with ground.store() as store:
        ground.run(store)
        first = next(e for e in store.exports if e.type == CODE)
        finding = Finding()
        finding.exports(store)
        assert finding.doubled == 0
        store.make_export(CODE, first.date_from, first.date_to + timedelta(seconds=later))
        finding.exports(store)
        assert finding.doubled == 1
        finding = Finding()
        finding.exports(store, frozenset({first.id}))
        assert finding.doubled == 0


def test_a_reference_run_must_equal_the_store():
    """A tap that is always wrong in the same way would agree with itself."""
    with pytest.raises(SystemExit, match=r"differ from the store: wrong: .* Date: "):
        Ground({"timezone": "Asia/Kolkata"})


@pytest.mark.parametrize(
    ("errors", "wrong"),
    [
        (["it answers 500 (stream order_list). Run again later."], 0),
        (["it answers 500 (stream order_list)"], 1),
        (["it answers 500. Run again later."], 1),
        ([], 1),
        (["it answers 500 (stream order_list). Run again.", "And again. Run again."], 1),
    ],
)
def test_the_verifier_requires_one_complete_error_line(done, errors, wrong):
    run = copy.deepcopy(done[0])
    run.code = 1
    run.log = "".join(f"2026-01-02 03:04:05,678 | ERROR    | tap-exports          | {line}\n" for line in errors)
    assert len(ended_well(run)) == wrong
    run.code = 2
    assert ended_well(run) == ["the exit code is 2"]


def test_the_verifier_ignores_tracebacks_at_debug_level(done):
    run = copy.deepcopy(done[0])
    head = "2026-01-02 03:04:05,678 | {} | tap-exports          | So it came:\nTraceback (most recent call last):\n"
    run.log = head.format("DEBUG   ")
    assert run.tracebacks == 0
    run.log = head.format("ERROR   ")
    assert run.tracebacks == 1
    assert json.dumps(run.state)
