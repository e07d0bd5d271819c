from __future__ import annotations

import tracemalloc
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_exports.errors import BadData
from tap_exports.schema.types import ColumnType
from tap_exports.schema.values import is_null
from tests.unit.conftest import BASE, STAND_IN, layout_of, records_of, rows_of

S, I, N, B, D, T = ColumnType  # noqa: E741
NEW_YORK = ZoneInfo("America/New_York")
LINES = layout_of({"number": S, "sku": S}, ("number", "export_line"), stream="order_line_items")

unicode = st.characters(exclude_categories=["Cs"], exclude_characters=STAND_IN)
cells = st.text(unicode, max_size=6) | st.sampled_from(
    ["", "None", "—", "1", "12.30", "$1,000.00", "True", "no", "2024-09-03", "2024-09-03T10:00:00Z", "x", " ", "-0"]
)


def lines_of(parents, **how):
    table = [["number", "sku"], *([parent, "x"] for parent in parents)]
    return [(row["number"], row["export_line"]) for row in rows_of(table, LINES, **how)]


def test_a_row_becomes_a_typed_record():
    layout = layout_of({"number": S, "qty": I, "total": N, "is_test": B, "day": D, "placed": T})
    content = "number,qty,total,is_test,day,placed\r\n007,3,12.30,Yes,2024-09-03,2024-09-03 14:00:00\r\n"
    (record,) = rows_of(content, layout, zone=NEW_YORK)
    assert list(record.items()) == [
        ("number", "007"),
        ("qty", 3),
        ("total", Decimal("12.30")),
        ("is_test", True),
        ("day", "2024-09-03"),
        ("placed", "2024-09-03T18:00:00Z"),
        ("date_from", "2025-01-01T00:00:00Z"),
        ("date_to", "2025-01-31T00:00:00Z"),
        ("export_id", 42),
        ("invalid_values", None),
    ]


def test_text_is_verbatim_and_blank_is_null():
    texts = [" a ", "NULL", "None", "—", "007", "two\r\nlines", "   ", "\t"]
    records = rows_of([["a", "b"], *([text, ""] for text in texts)], layout_of({"a": S, "b": S}))
    assert [record["a"] for record in records] == texts
    assert {record["b"] for record in records} == {None}


@pytest.mark.parametrize("kind", [I, N, B, D, T])
def test_null_texts_are_null_in_typed_columns(kind):
    table = [["a", "b"], *([text, "x"] for text in ("", " ", "None", "NULL", "—"))]
    records = rows_of(table, layout_of({"a": kind, "b": S}))
    assert [(record["a"], record["invalid_values"]) for record in records] == [(None, None)] * 5


def test_a_cell_that_does_not_fit_is_kept_in_invalid_values():
    layout = layout_of({"id": S, "qty": I, "total": N})
    records = records_of("id,qty,total\r\nA,1,2\r\nB,two,x\r\nC,2.5,\r\nD,4,4\r\n", layout)
    (batch,) = records.batches()
    assert [(r["qty"], r["total"], r["invalid_values"]) for r in batch] == [
        (1, Decimal(2), None),
        (None, None, {"qty": "two", "total": "x"}),
        (None, None, {"qty": "2.5"}),
        (4, Decimal(4), None),
    ]
    assert list(records.invalid.lines(4)) == [
        "qty: 2 of 4 cells do not fit, for instance 'two'",
        "total: 1 of 4 cells do not fit, for instance 'x'",
    ]


def test_a_column_that_is_mostly_invalid_says_how_to_set_its_type():
    """The example is cut to forty characters."""
    records = records_of([["id", "qty"], ["A", "x" * 41], ["B", "y"], ["C", "3"]], layout_of({"id": S, "qty": I}))
    (batch,) = records.batches()
    assert batch[0]["invalid_values"] == {"qty": "x" * 41}
    (line,) = records.invalid.lines(3)
    assert line == (
        f"qty: 2 of 3 cells do not fit, for instance '{'x' * 40}…'; "
        'set column_types, {"<stream>": {"qty": "string"}}, if it is another type'
    )


@pytest.mark.parametrize("place", [0, 999])
def test_a_decimal_comma_anywhere_in_a_column_makes_its_ambiguous_cells_invalid(place):
    """In earlier records too; other columns are not affected."""
    table = [["id", "total", "tax"], *([str(n), "1,234" if n % 2 else "5.00", "1.234"] for n in range(1_000))]
    table[place + 1][1] = "12,50"
    records = rows_of(table, layout_of({"id": S, "total": N, "tax": N}))
    assert {r["total"] for n, r in enumerate(records) if n % 2 and n != place} == {None}
    assert {r["invalid_values"]["total"] for n, r in enumerate(records) if n % 2 and n != place} == {"1,234"}
    assert {r["total"] for n, r in enumerate(records) if not n % 2 and n != place} == {Decimal("5.00")}
    assert records[place]["invalid_values"] == {"total": "12,50"}
    assert {r["tax"] for r in records} == {Decimal("1.234")}


def test_on_fail_the_first_invalid_cell_is_an_error_before_any_record():
    layout = layout_of({"id": S, "qty": I})
    with pytest.raises(BadData, match=r"a cell of qty does not fit its type: 'two'.*on_invalid_value"):
        records_of("id,qty\r\nA,1\r\nB,two\r\n", layout).refuse_invalid()
    fine = records_of("id,qty\r\nA,1\r\nB,\r\n", layout)
    fine.refuse_invalid()
    assert [r["qty"] for batch in fine.batches() for r in batch] == [1, None]


def test_a_deselected_column_is_never_converted():
    layout = layout_of({"id": S, "qty": I, "note": S})
    records = records_of("id,qty,note\r\nA,two,x\r\n", layout, selected={"id", "date_to"})
    assert list(records.batches()) == [[{"id": "A", "date_to": "2025-01-31T00:00:00Z"}]]
    assert records.invalid.counts == {}
    records.refuse_invalid()


def test_columns_are_matched_by_name():
    layout = layout_of({"a": S, "b": I})
    assert rows_of("New,B,A\r\nn,1,x\r\n", layout) == [{"a": "x", "b": 1, **BASE}]


def test_batches_have_a_few_hundred_rows_and_fewer_where_rows_are_long():
    for rows, length, most in (600, 1, 250), (10, 1_000_000, 2), (2, 5_000_000, 1):
        content = b"a,b\r\n" + b"".join(b"%d,%s\r\n" % (n, b"x" * length) for n in range(rows))
        sizes = [len(batch) for batch in records_of(content, layout_of({"a": S, "b": S})).batches()]
        assert (sum(sizes), max(sizes)) == (rows, most)


# Lines


@pytest.mark.parametrize("apart", [False, True])
def test_line_numbers_continue_across_batches(apart):
    parents = [*("A" * 10), *("B" * 600), *("C" if apart else "B") * 100, *("A" if apart else "D") * 2]
    expected, counts = [], {}
    for parent in parents:
        counts[parent] = counts.get(parent, 0) + 1
        expected.append((parent, f"x#{counts[parent]}"))
    assert lines_of(parents) == expected


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


# Bulk conversion


def slowly(layout, header, rows, zone):
    """Convert cell by cell."""
    for row in rows:
        record, invalid = {}, {}
        for column in layout.columns:
            cell = row[header.index(column.name)]
            convert = column.type.converter(zone)
            if convert is None:
                record[column.name] = cell or None
            elif is_null(cell):
                record[column.name] = None
            else:
                try:
                    record[column.name] = convert(cell)
                except ValueError:
                    record[column.name], invalid[column.name] = None, cell
        yield {**record, **BASE, "invalid_values": invalid or None}


@given(
    st.lists(st.sampled_from(list(ColumnType)), min_size=1, max_size=5).flatmap(
        lambda kinds: st.tuples(
            st.just(kinds), st.lists(st.lists(cells, min_size=len(kinds), max_size=len(kinds)), max_size=12)
        )
    ),
    st.sampled_from([1, 40, 130]),
)
def test_batches_equal_a_conversion_cell_by_cell(kinds_and_rows, times):
    kinds, rows = kinds_and_rows
    header = [*(f"c{n}" for n in range(len(kinds))), "id"]
    layout = layout_of({**dict(zip(header, kinds, strict=False)), "id": S})
    rows = [[cell.replace("\0", "") for cell in row] for row in rows]
    table = [[*row, str(n)] for n, row in enumerate(rows * times)]
    found = rows_of([header, *table], layout, zone=NEW_YORK)
    meant = list(slowly(layout, header, table, NEW_YORK))
    assert repr(found) == repr(meant)  # repr distinguishes 1 from True, and 1.0 from 1.00


@given(
    st.integers(2, 4).flatmap(
        lambda width: st.lists(
            st.lists(
                st.text(unicode),
                min_size=width,
                max_size=width,
            ),
            max_size=6,
        )
    )
)
def test_text_is_unchanged_in_json(rows):
    width = len(rows[0]) if rows else 2
    header = [f"c{n}" for n in range(width)]
    layout = layout_of(dict.fromkeys(header, S))
    encoder = msgspec.json.Encoder(decimal_format="number")
    found = [msgspec.json.decode(encoder.encode(record)) for record in rows_of([header, *rows], layout)]
    assert [[record[name] for name in header] for record in found] == [
        [cell.replace("\0", "") or None for cell in row] for row in rows
    ]


# Memory


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
