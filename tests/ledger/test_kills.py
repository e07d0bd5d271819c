"""SIGKILL anywhere, and a target that gives back any state it has received: no record is lost."""

from __future__ import annotations

import os
import random
import signal
import sys

import pytest

import tap_exports.ledger
from tests.ledger.conftest import LineStore, Pipeline, Store, key_of
from tests.ledger.processes import lines_of_child, wait_for

PACKAGE = os.path.dirname(tap_exports.ledger.__file__)  # noqa: PTH120 - compared with names of code
ROUNDS = 40


def killed_at(lines, count):
    """The lines of a run whose process kills itself at the n-th call or return in the ledger, C functions included."""
    seen = 0

    def trace(frame, event, _):
        nonlocal seen
        if frame.f_code.co_filename.startswith(PACKAGE):
            seen += 1
            if seen == count:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(trace)
    yield from lines
    sys.setprofile(None)


def change(store, chance):
    """Create, change, revert, remove and return some objects."""
    for _ in range(chance.randrange(4)):
        key = f"k{chance.randrange(12)}"
        if key in store.objects and chance.random() < 0.2:
            store.remove(key)
        else:
            place = store.objects[key][0] if key in store.objects else chance.randrange(3)
            lines = [f"l{n}" for n in range(3) if chance.random() < 0.5] or ["l0"]
            store.put(place, **{key: lines if isinstance(store, LineStore) else chance.randrange(2)})


def interrupted(pipeline, chance):
    """A run that is killed; the target may have got less than was written, and gives back a state it did get."""
    with lines_of_child(lambda: killed_at(pipeline.run_lines(), chance.randrange(1, 2500))) as (child, lines):
        received = list(lines)
        assert wait_for(child) in (0, -signal.SIGKILL)
    cut = chance.randrange(len(received) + 1) if chance.random() < 0.3 else len(received)
    states = pipeline.take_lines(received[:cut], keep_states=True)
    pipeline.state = chance.choice([pipeline.state, *states])
    pipeline.store.exports += 10


def expected(store):
    rows = (row for key, (_, value) in store.objects.items() for row in store.rows_of(key, value, 0))
    return {key_of(row): without_export(row) for row in rows}


def without_export(row):
    return {name: value for name, value in row.items() if name != "export_id"}


def current(pipeline):
    """The rows that the warehouse shows: those with the parent's greatest export id, without removed ones."""
    rows = {key: row for key, row in pipeline.rows.items() if key not in pipeline.gone}
    newest = {}
    for row in rows.values():
        parent = row.get("order")
        newest[parent] = max(newest.get(parent, 0), row["export_id"])
    return {
        key: without_export(row)
        for key, row in rows.items()
        if row.get("order") is None or row["export_id"] == newest[row["order"]]
    }


@pytest.mark.parametrize("kind", [Store, LineStore])
@pytest.mark.parametrize("seed", range(2))
def test_the_warehouse_equals_the_store_after_any_kills(tmp_path, kind, seed):
    chance = random.Random(seed)
    store = kind()
    pipelines = [Pipeline(store, tmp_path / "ledger.db") for _ in range(2)]
    for _ in range(ROUNDS):
        change(store, chance)
        pipeline = chance.choice(pipelines)
        for _ in range(chance.randrange(3)):
            before = dict(store.objects)
            change(store, chance)
            interrupted(pipeline, chance)
            if chance.random() < 0.5:
                store.objects = before  # what the ledger knew last is true again
        pipeline.sync()
        rows = {key: without_export(row) for key, row in pipeline.rows.items()}
        assert rows == rows | expected(store)
    for _ in range(3):
        for pipeline in pipelines:
            pipeline.sync()
    for pipeline in pipelines:
        assert current(pipeline) == expected(store)
        assert pipeline.gone >= set(pipeline.rows) - set(expected(store))
        pipeline.sync()
        assert pipeline.sync() == []
