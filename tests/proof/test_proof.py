"""`make proof`, thinned: a cell of each kind at each place, a few interruptions; and that its judge would notice."""

from __future__ import annotations

import copy
import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import interrupt_sweep as sweep
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
"""Cells, and how each ends."""


def row(place, name):
    return next(trial for trial in trials() if (trial.place, trial.name) == (place, name))


def test_a_thinned_matrix(ground):
    """Each cell recovers or ends in one line, as it should; nothing is lost, made twice or told."""
    cells = matrix.try_all(ground, [(row(place, name), column) for place, name, column in THIN])
    assert [cell.finding.faults for cell in cells] == [[]] * len(THIN), "\n".join(cell.log for cell in cells)
    assert {(c.trial.place, c.trial.name, c.column): c.outcome for c in cells} == THIN
    matrix.show(cells)
    assert matrix.totals(cells) == Counter(THIN.values())


def test_a_thinned_sweep():
    """Stopped at a few requests and lines by both signals: nothing is missing, nothing is made twice."""
    stops = sweep.sweep(step=8)
    assert [stop.finding.faults for stop in stops] == [[]] * len(stops), "\n".join(stop.log for stop in stops)
    assert sum(stop.came for stop in stops) >= len(stops) / 2


def test_every_cell_is_one_that_can_be_tried(ground):
    """Rows have names of their own, and the store takes every fault."""
    rows = trials()
    assert len({(trial.place, trial.name) for trial in rows}) == len(rows)
    with ground.store() as store:
        for trial, column in matrix.cells_of(rows):
            trial.arm(store, column)
            assert column in TIMES
            assert settings_of(trial).get("webhook_secret", WEBHOOK_SECRET) == WEBHOOK_SECRET


def test_a_fault_that_never_comes_proves_nothing(ground):
    trial = replace(row("file", "410"), fault=lambda _: {"kind": "empty", "export_type": "dispute_list"})
    cell = matrix.attempt(ground, trial, "for ever")
    assert cell.outcome == "FAILED"
    assert cell.finding.faults == ["the fault never came"]


@pytest.fixture(scope="module")
def done(ground):
    """A run without any fault, its store, and when it began."""
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


def test_the_judge_finds_nothing_wrong_with_a_clean_run(ground, done):
    finding = judged(ground, done)
    assert (finding.faults, finding.lost, finding.bad, finding.doubled, finding.leaked) == ([], 0, 0, 0, 0)


def test_the_judge_misses_a_record(ground, done):
    def change(run):
        run.messages.remove(next(m for m in run.messages if m["type"] == "RECORD"))

    finding = judged(ground, done, change)
    assert finding.lost == 1
    assert any("ahead" in fault for fault in finding.faults)


def test_the_judge_sees_a_state_that_comes_too_early(ground, done):
    def change(run):
        run.messages.insert(0, run.messages.pop())

    assert any("ahead" in fault for fault in judged(ground, done, change).faults)


def test_the_judge_sees_a_bookmark_that_stays_behind(ground, done):
    def change(run):
        run.messages.pop()

    assert any("bookmark" in fault for fault in judged(ground, done, change).faults)


def test_the_judge_sees_a_wrong_cell(ground, done):
    def change(run):
        run.records[3]["status"] = "cut sho"

    assert judged(ground, done, change).bad == 1


def test_the_judge_sees_times_in_the_wrong_zone(ground):
    """But for where the token may not know the store's zone: there, they are in UTC."""
    with ground.store() as store:
        run = ground.run(store, config={"timezone": "UTC"})
    finding = Finding()
    finding.emitted(ground, run)
    assert (finding.bad, finding.went_without) == (len(run.records), False)
    finding = Finding()
    finding.emitted(ground, run, without="store:read")
    assert (finding.bad, finding.went_without) == (0, True)


def test_the_judge_sees_types_that_nobody_has_told(ground):
    """But for where the token may not know the merchant's own columns: there, they are what their names say."""
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
def test_the_judge_sees_a_secret(ground, done, where):
    def change(run):
        setattr(run, where, f"… {done[1].token} …")

    assert judged(ground, done, change).leaked == 1


@pytest.mark.parametrize("later", [0, 3], ids=["the very window", "a newest window that ends later"])
def test_the_judge_sees_an_export_that_is_made_twice(ground, later):
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


def test_nothing_is_held_against_a_clean_run_that_is_not_what_the_store_has():
    """A tap that is wrong in the same way each time would agree with itself."""
    with pytest.raises(SystemExit, match=r"not what the store has: wrong: .* Date: "):
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
def test_the_judge_reads_error_lines(done, errors, wrong):
    """One line, with what, where and what to do."""
    run = copy.deepcopy(done[0])
    run.code = 1
    run.log = "".join(f"2026-01-02 03:04:05,678 | ERROR    | tap-exports          | {line}\n" for line in errors)
    assert len(ended_well(run)) == wrong
    run.code = 2
    assert ended_well(run) == ["the exit code is 2"]


def test_the_judge_tells_tracebacks_from_those_of_the_debug_level(done):
    run = copy.deepcopy(done[0])
    head = "2026-01-02 03:04:05,678 | {} | tap-exports          | So it came:\nTraceback (most recent call last):\n"
    run.log = head.format("DEBUG   ")
    assert run.tracebacks == 0
    run.log = head.format("ERROR   ")
    assert run.tracebacks == 1
    assert json.dumps(run.state)
