"""Which records of a stream are sent."""

from __future__ import annotations

import shutil
from contextlib import closing
from datetime import timedelta
from decimal import Decimal

import pytest

from tap_exports.ledger import Export, Ledger, StreamLedger
from tap_exports.ledger.digests import digests_of, keys_of
from tests.ledger.conftest import DAY, Pipeline, Run


def test_a_record_is_sent_when_new_or_changed_and_not_again(store, pipeline):
    store.put(0, a=1, b=1)
    assert pipeline.sync() == ["a", "b"]
    assert pipeline.sync() == []
    store.put(0, b=2)
    store.put(1, c=1)
    assert pipeline.sync() == ["b", "c"]
    assert pipeline.sync() == []
    assert pipeline.totals == {"a": 1, "b": 2, "c": 1}


def test_an_object_in_two_windows_is_sent_once(store, pipeline):
    store.put(0, a=1)
    assert pipeline.sync([0]) == ["a"]
    store.put(1, a=1)
    assert pipeline.sync([1]) == []


def test_a_position_grows_and_is_not_reused_after_a_rollback(store, pipeline):
    pipeline.sync([0])
    older = pipeline.state
    positions = []
    for _ in range(3):
        pipeline.sync([0])
        name, _, number = pipeline.state["orders"]["ledger"].partition(":")
        positions.append((name, int(number)))
        pipeline.state = older
    assert positions == sorted(set(positions))
    assert len({name for name, _ in positions}) == 1
    assert older["orders"]["ledger"] not in {f"{name}:{number}" for name, number in positions}


@pytest.mark.parametrize("value", [1, 2, 3], ids=["it reverted", "unchanged since", "changed again"])
def test_an_entry_newer_than_the_state_is_sent_again(store, pipeline, value):
    store.put(0, a=1)
    pipeline.sync()
    older = pipeline.state
    store.put(0, a=2)
    pipeline.sync()
    store.put(0, a=value)
    pipeline.state = older
    assert pipeline.sync() == ["a"]
    assert pipeline.sync() == []


@pytest.mark.parametrize("stop_after", range(5))
def test_a_target_that_ends_between_a_record_and_its_state_gets_the_record_again(store, pipeline, stop_after):
    store.put(0, a=1)
    store.put(1, b=1)
    pipeline.sync()
    store.put(0, a=2)
    store.put(1, b=2)
    pipeline.sync(stop_after=stop_after)
    store.put(0, a=1)  # the reverted values are the ones that the ledger knew before
    store.put(1, b=1)
    pipeline.sync()
    assert pipeline.totals == {"a": 1, "b": 1}


@pytest.mark.parametrize(
    ("position", "is_doubted"),
    [
        *((position, False) for position in ("", None, {})),
        *(
            (position, True)
            for position in ("nonsense", ":", "x:1", 7, ["a"], "{id}:{less}", "{id}:{more}", "other:{n}")
        ),
    ],
    ids=str,
)
def test_everything_is_sent_where_the_state_names_no_known_position(store, pipeline, caplog, position, is_doubted):
    """A position that this ledger did not give is doubted; an empty one is no reason for a warning."""
    store.put(0, a=1)
    pipeline.sync()
    entry = pipeline.state["orders"]
    name, _, number = entry["ledger"].partition(":")
    if isinstance(position, str):
        position = position.format(id=name, n=number, less=int(number) - 1, more=int(number) + 1)
    entry["ledger"] = position
    assert pipeline.sync() == ["a"]
    assert ("is not the one of the state" in caplog.text) is is_doubted


def test_a_record_is_recorded_before_it_is_handed_out(store, pipeline, tmp_path):
    """Copies have what the disk has if the process is killed when the target receives a record."""
    store.put(0, a=1, b=1, c=1)
    pipeline.sync()
    store.put(0, a=2, b=2, c=2)
    copies = {}
    for kind, value in Run(store, pipeline.path, pipeline.state).messages():
        if kind == "orders":
            copies[value["number"]] = Pipeline(store, tmp_path / f"copy of {value['number']}")
            for suffix in ("", "-wal"):
                shutil.copy(f"{pipeline.path}{suffix}", f"{copies[value['number']].path}{suffix}")
    store.put(0, a=1, b=1, c=1)
    for key, resumed in copies.items():
        resumed.state = pipeline.state
        assert key in resumed.sync()
    assert list(copies) == ["a", "b", "c"]


def test_development_and_production_may_share_a_ledger(store, path):
    production, development = Pipeline(store, path), Pipeline(store, path)
    store.put(0, a=1, b=1)
    production.sync()
    development.sync()
    assert development.totals == {"a": 1, "b": 1}
    for total in (2, 1, 2, 1, 1, 2):
        store.put(0, a=total)
        for pipeline in (production, development, production):
            pipeline.sync()
            assert pipeline.totals == {"a": total, "b": 1}


def test_a_record_last_sent_more_than_90_days_ago_is_sent_again(store, pipeline):
    store.put(0, **{f"k{n}": n for n in range(60)})
    assert len(pipeline.sync()) == 60
    store.at += timedelta(days=59)
    assert pipeline.sync() == []
    days = []
    for _ in range(31):
        store.at += DAY
        days.append(len(pipeline.sync()))
    assert sum(days) == 60
    assert max(days) < 15  # spread by key


def test_a_window_that_was_abandoned_is_sent_again(store, pipeline):
    store.put(0, a=1)
    with closing(Ledger(pipeline.path)) as ledger:
        stream = StreamLedger(ledger, "orders", position=None, keys=["number"], identity="number", fingerprint="1")
        export = Export(1, store.windows[0], store.at)
        records = stream.changed(export, lambda: [list(store.rows(0, 1))])
        assert next(records)
        records.close()  # recorded, but not sent
        assert list(stream.changed(Export(2, store.windows[1], store.at), list)) == []
        pipeline.state = {"orders": {"ledger": stream.finish()}}
    assert pipeline.sync() == ["a"]


RECORD = {"id": 1, "total": Decimal("1.50"), "date_from": "x", "date_to": "y", "export_id": 1, "invalid_values": None}


def test_the_digest_ignores_the_window_and_the_order_of_columns():
    other = dict(reversed(RECORD.items())) | {"date_from": "z", "date_to": "z", "export_id": 2}
    assert digests_of([RECORD]) == digests_of([other])


@pytest.mark.parametrize(
    "change",
    [
        {"id": "1"},
        {"total": Decimal("1.51")},
        {"total": None},
        {"total": "1.50"},
        {"invalid_values": {"total": "x"}},
        {"new": None},
    ],
    ids=str,
)
def test_the_digest_covers_values_types_and_columns(change):
    assert digests_of([RECORD]) != digests_of([RECORD | change])
    assert digests_of([{"old": 1}]) != digests_of([{"renamed": 1}])


def test_a_cell_with_line_breaks_is_one_cell():
    assert len(set(digests_of([{"id": "a\nb\r\nc\u2028d"}, {"id": "b"}]))) == 2


def test_a_key_of_one_column_is_its_text_and_one_of_several_a_json_array():
    assert keys_of([{"id": 7}, {"id": "é"}], ["id"]) == ["7", "é"]
    assert keys_of([{"order": "é", "line": "A#1"}], ["order", "line"]) == ['["é", "A#1"]']
