"""Outcomes of a few cells of `make proof`, and the verifier with planted errors."""

from __future__ import annotations

import copy
import shutil
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import matrix
import pytest
from environment import Ground
from ledger_trials import attempt, ground_of_nights
from runs import CODE
from scenarios import trials
from verifier import Finding, ended_well

THIN = {
    ("types", "HTML", "for ever"): "ended",
    ("types", "then gone", "once"): "ended",
    ("store", "HTML", "once"): "recovered",
    ("store", "403", "for ever"): "without",
    ("metadata", "404", "for ever"): "without",
    ("list", "reset", "burst"): "recovered",
    ("list", "next elsewhere", "once"): "ended",
    ("create", "answer lost", "burst"): "recovered",
    ("poll", "redirect", "later"): "ended",
    ("link", "expired", "once"): "recovered",
    ("file", "cut", "burst"): "recovered",
    ("webhook", "delivery odd", "for ever"): "recovered",
    ("machine", "disk full", "later"): "ended",
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
    """What the verifier finds in a run that is changed."""
    run, store, began = done
    run = copy.deepcopy(run)
    change(run)
    finding = Finding()
    finding.emitted(ground, run)
    finding.arrived(ground, store, began, run)
    finding.exports(store)
    finding.secrets(store, run)
    return finding


def counts(finding):
    return finding.lost, finding.bad, finding.doubled, finding.leaked


def test_the_verifier_accepts_a_clean_run(ground, done):
    finding = judged(ground, done)
    assert (finding.violations, counts(finding)) == ([], (0, 0, 0, 0))


def without_a_record(run):
    run.messages.remove(next(message for message in run.messages if message["type"] == "RECORD"))


PLANTED = {
    "a missing record": (without_a_record, (1, 0, 0, 0), "ahead"),
    "a state ahead of its records": (lambda run: run.messages.insert(0, run.messages.pop()), (0, 0, 0, 0), "ahead"),
    "a bookmark that is behind": (lambda run: run.messages.pop(), (0, 0, 0, 0), "bookmark"),
    "a wrong cell": (lambda run: run.records[3].update(status="cut sho"), (0, 1, 0, 0), "differ"),
    "a secret in the output": (lambda run: setattr(run, "out", "Signature="), (0, 0, 0, 1), "secret"),
    "a secret in the log": (lambda run: setattr(run, "log", "Signature="), (0, 0, 0, 1), "secret"),
}
"""Changes of a clean run, the counts of what the verifier finds, and a word of its violations."""


@pytest.mark.parametrize("what", PLANTED)
def test_the_verifier_finds(ground, done, what):
    change, found, word = PLANTED[what]
    finding = judged(ground, done, change)
    assert counts(finding) == found
    assert any(word in violation for violation in finding.violations)


@pytest.mark.parametrize(
    ("scope", "options", "more"),
    [
        ("store:read", {}, {"config": {"timezone": "UTC"}}),
        ("metadata:read", {"scopes": {"exports:read", "exports:write", "store:read"}}, {"bare": True}),
    ],
    ids=["zone", "definitions"],
)
def test_the_verifier_accepts_the_records_without_a_scope_only_where_it_was_missing(ground, scope, options, more):
    """Times in the wrong zone, and types that ignore the definitions."""
    with ground.store(**options) as store:
        run = ground.run(store, **more)
    finding = Finding()
    finding.emitted(ground, run)
    assert finding.bad >= len(run.records) / 2
    finding = Finding()
    finding.emitted(ground, run, without=scope)
    assert (finding.bad, finding.went_without) == (0, True)


@pytest.mark.parametrize("later", [0, 3], ids=["the same window", "a later end"])
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
