"""The comparison of a target's table with the store finds missing, duplicate and wrong rows."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from runs import CODE, bookmark
from table import compare


@pytest.fixture(scope="module")
def held(ground):
    """The rows of a clean run, its last bookmark, and its store."""
    with ground.store() as store:
        run = ground.run(store)
        lines = [json.loads(line, parse_float=Decimal) for line in run.out.splitlines()]
        rows = [line["record"] for line in lines if line["type"] == "RECORD"]
        yield SimpleNamespace(store=store, until=bookmark(run.state), rows=rows)


@pytest.fixture
def rows(held):
    return [dict(row) for row in held.rows]


def counts(held, rows, until=None):
    found = compare(held.store, until or held.until, rows)
    return found.lost, found.doubled, found.wrong


def test_a_complete_table_is_accepted(held, rows):
    found = compare(held.store, held.until, rows)
    assert (found.lost, found.doubled, found.wrong, found.examples) == (0, 0, 0, [])
    width = len(held.store.rows(CODE, held.store.start_date, held.until)[0])
    assert found.cells == width * len(rows)


def test_a_databases_times_and_decimals_are_accepted(held, rows):
    for row in rows:
        moment = datetime.fromisoformat(row["order_date"].replace("Z", "+00:00"))
        row["order_date"] = moment.replace(tzinfo=None)
        row["total_incl_tax"] = Decimal(row["total_incl_tax"]).quantize(Decimal("1.000000"))
    assert counts(held, rows) == (0, 0, 0)


def test_missing_and_duplicate_rows_are_found(held, rows):
    assert counts(held, rows[1:]) == (1, 0, 0)
    assert counts(held, []) == (len(rows), 0, 0)
    assert counts(held, [*rows, rows[0], rows[1], rows[1]]) == (0, 3, 0)


def test_rows_after_the_bookmark_may_be_missing(held, rows):
    half = held.store.start_date + (held.until - held.store.start_date) / 2
    passed = {row["Order Number"] for row in held.store.rows(CODE, held.store.start_date, half)}
    known = [row for row in rows if row["order_number"] in passed]
    assert 0 < len(known) < len(rows)
    assert counts(held, known, half) == (0, 0, 0)
    assert counts(held, known) == (len(rows) - len(known), 0, 0)


@pytest.mark.parametrize(
    ("column", "spoil"),
    [
        ("status", lambda _: "cut sho"),
        ("status", lambda _: None),
        ("total_incl_tax", lambda amount: amount + Decimal("0.01")),
        ("total_incl_tax", lambda _: "a lot"),
        ("order_date", lambda text: text.replace("Z", "+01:00")),
        ("order_date", lambda text: datetime.fromisoformat(text.replace("Z", "")) - timedelta(hours=5)),
        ("is_test", lambda flag: not flag),
        ("vip_order", lambda flag: None if flag is not None else False),
        ("order_number", lambda number: f"{number}0"),
        ("export_id", lambda number: number + 1),
        ("export_id", lambda _: 1),
    ],
)  # fmt: skip
def test_a_wrong_cell_is_found(held, rows, column, spoil):
    rows[3][column] = spoil(rows[3][column])
    assert counts(held, rows) == (column == "order_number", 0, 1)


def test_a_missing_column_is_found(held, rows):
    for row in rows:
        del row["gift_message"]
    filled = sum(bool(row["Gift Message"]) for row in held.store.rows(CODE, held.store.start_date, held.until))
    assert counts(held, rows) == (0, 0, filled)
    assert filled > 0
