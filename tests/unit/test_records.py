from __future__ import annotations

import tracemalloc
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tap_exports.schema.types import ColumnType
from tests.unit.conftest import BASE, layout_of, records_of, rows_of

S, I, N, B, D, T = ColumnType  # noqa: E741
NEW_YORK = ZoneInfo("America/New_York")

INVALID = object()


def test_a_column_that_is_mostly_invalid_says_how_to_set_its_type():
    """The example is cut to forty characters."""
    table = [["id", "qty", "total"], ["A", "x" * 41, "1"], ["B", "y", "z"], ["C", "3", ""]]
    records = records_of(table, layout_of({"id": S, "qty": I, "total": N}))
    (batch,) = records.batches()
    assert batch[0]["invalid_values"] == {"qty": "x" * 41}
    hint = 'set column_types, {"<stream>": {"qty": "string"}}, if it is another type'
    assert list(records.invalid.lines(3)) == [
        f"qty: 2 of 3 cells do not fit, for instance '{'x' * 40}…'; {hint}",
        "total: 1 of 3 cells do not fit, for instance 'z'",
    ]


def test_a_decimal_comma_in_a_later_row_makes_earlier_cells_invalid_in_its_column_only():
    table = [["id", "total", "tax"], *([str(n), "1,234", "1.234"] for n in range(300)), ["x", "12,50", "1.234"]]
    records = rows_of(table, layout_of({"id": S, "total": N, "tax": N}))
    assert {record["total"] for record in records} == {None}
    assert [record["invalid_values"]["total"] for record in records] == [row[1] for row in table[1:]]
    assert {record["tax"] for record in records} == {Decimal("1.234")}


def test_a_deselected_column_is_never_converted():
    layout = layout_of({"id": S, "qty": I, "note": S})
    records = records_of("id,qty,note\r\nA,two,x\r\n", layout, selected={"id", "date_to"})
    assert list(records.batches()) == [[{"id": "A", "date_to": "2025-01-31T00:00:00Z"}]]
    assert records.invalid.counts == {}
    records.refuse_invalid()


def test_columns_are_matched_by_name():
    assert rows_of("New,B,A\r\nn,1,x\r\n", layout_of({"a": S, "b": I})) == [{"a": "x", "b": 1, **BASE}]


def test_batches_have_a_few_hundred_rows_and_fewer_where_rows_are_long():
    for rows, length, most in (600, 1, 250), (100, 10_000, 32), (2, 5_000_000, 1):
        content = b"a,b\r\n" + b"".join(b"%d,%s\r\n" % (n, b"x" * length) for n in range(rows))
        sizes = [len(batch) for batch in records_of(content, layout_of({"a": S, "b": S})).batches()]
        assert (sum(sizes), max(sizes)) == (rows, most)


def test_line_numbers_continue_across_batches():
    table = [["number", "sku"], *([parent, "x"] for parent in "ABA" * 200)]
    layout = layout_of({"number": S, "sku": S}, ("number", "export_line"), stream="order_line_items")
    found = [record["export_line"] for record in rows_of(table, layout) if record["number"] == "A"]
    assert found == [f"x#{n}" for n in range(1, 401)]


def test_parents_are_distinguished_by_their_values():
    """7 and 7.0 are one parent in the target."""
    layout = layout_of({"order_id": I, "sku": S}, ("order_id", "export_line"))
    records = rows_of("order_id,sku\r\n7,x\r\n7.0,y\r\n8,x\r\n 7,x\r\n", layout)
    assert [(r["order_id"], r["export_line"]) for r in records] == [(7, "x#1"), (7, "y#1"), (8, "x#1"), (7, "x#2")]


def test_a_key_of_the_line_alone_or_of_several_columns_is_numbered_too():
    table = [["sku", "b"], ["x", "1"], ["x", "2"], ["x", "1"]]
    columns = {"sku": S, "b": S}

    def lines(*keys):
        return [record["export_line"] for record in rows_of(table, layout_of(columns, keys))]

    assert lines("export_line") == ["x#1", "x#2", "x#3"]
    assert lines("sku", "b", "export_line") == ["x#1", "x#1", "x#2"]


NULLS = [("", None), (" ", None), ("None", None), ("—", None)]
CELLS = {
    S: [("é", "é"), (" x ", " x "), ("NULL", "NULL"), ("", None)],
    I: [("1", 1), ("007", INVALID), ("x", INVALID), *NULLS],
    N: [
        ("1", Decimal(1)),
        ("12.30", Decimal("12.30")),
        ("$1,000.00", Decimal("1000.00")),
        ("-0", Decimal("-0")),
        ("no", INVALID),
        *NULLS,
    ],
    B: [("True", True), ("1", True), ("no", False), ("x", INVALID), *NULLS],
    D: [("2024-09-03", "2024-09-03"), ("2024-09-03T10:00:00", INVALID), *NULLS],
    T: [("2024-09-03T10:00:00", "2024-09-03T14:00:00Z"), ("soon", INVALID), *NULLS],
}
"""Texts and their values, for each type."""
FEW = {kind: pairs[:1] for kind, pairs in CELLS.items()}


@pytest.mark.parametrize("cells", [CELLS, FEW], ids=["all forms", "one form"])
@pytest.mark.parametrize("form", ["5", "{}", "${}"], ids=["repeats", "plain", "distinct"])
def test_batches_equal_a_conversion_cell_by_cell(cells, form):
    """Whether a column is converted as a whole, from a cache, or one by one."""
    layout = layout_of({**{kind.name.lower(): kind for kind in cells}, "id": S, "amount": N})
    table, meant = [[column.name for column in layout.columns]], []
    for n in range(600):
        pairs = {kind.name.lower(): pairs[n % len(pairs)] for kind, pairs in cells.items()}
        amount = form.format(n)
        table.append([*(cell for cell, _ in pairs.values()), str(n), amount])
        values = {name: None if value is INVALID else value for name, (_, value) in pairs.items()}
        values |= {"id": str(n), "amount": Decimal(amount.strip("$"))}
        invalid = {name: cell for name, (cell, value) in pairs.items() if value is INVALID}
        meant.append({**values, **BASE, "invalid_values": invalid or None})
    assert repr(rows_of(table, layout, zone=NEW_YORK)) == repr(meant)  # repr distinguishes 1 from True, 1.0 from 1.00


def test_memory_does_not_grow_with_rows():

    def peak(count):
        kinds = {"id": I, "total": N, "at": T, "kind": I}
        table = [[str(n), f"{n}.10", f"2024-09-03T10:00:00.{n:06d}Z", str(n // 4)] for n in range(count)]
        records = records_of([list(kinds), *table], layout_of(kinds, ("id",)))
        tracemalloc.start()
        try:
            for _ in records.batches():
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(6_000) - peak(1_000) < 50_000
