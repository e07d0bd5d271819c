"""A file leads to records, or to one line that names the stream, the export and the window; never to a part of it.

Each file is downloaded and read by a whole sync.
"""

from __future__ import annotations

import csv
import gzip
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_exports.sandbox import Fault

from .conftest import assert_ends_well, assert_fails, list_types

HEADER = ["Order Number", "Status", "Total Incl Tax", "Created At", "Quantity", "Is Test"]


def table(*rows, encoding="utf-8"):
    """A file from Python's CSV writer; NUL characters are replaced, because Python 3.10's refuses them."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([cell.replace("\0", "\ue000") for cell in row] for row in rows)
    return text.getvalue().replace("\ue000", "\0").encode(encoding)


@pytest.fixture
def read(small_store, inside):
    """Sync a store whose files all have the same bytes."""

    def run(content, **more):
        small_store.clear_faults()
        list_types(small_store, "order_list")
        small_store.add_fault(Fault("file", "body", body=content, times=None))
        return inside(small_store.config | {"reuse_exports_minutes": 0} | more)

    return run


def assert_refused(run, words):
    """Assert that nothing of the file was written, and that one line names the error and its place."""
    assert_fails(run, words, "(stream order_list, export ", ", window ")
    assert run.of("RECORD") == []
    assert run.bookmark("order_list") is None


REFUSED = [
    (b"\0\0\0\r\n", "the file is empty"),
    (b"Not Found\n", "text, not an export"),
    (b"<html>\n", "an error page, not CSV"),
    (b"Order Number,Status\n1\n", "row 1 has 1 cells, the header has 2"),
    (table(HEADER, encoding="utf-16"), "not utf-8: byte 0xff cannot be read"),
    (gzip.compress(table(HEADER), mtime=0), "a gzip archive, not CSV"),
    (b"Order Number;Status\n1;new\n", "separated by semicolons, not by commas"),
    (b"Order Number,Status\n1,new\nOrder Number,Status\n2,new\n", "row 2 repeats the header"),
    (b"Order Number,Status\n1,new\n2,new\n,2 orders\n", "row 3 has a blank order_number"),
    (b"Order Number,Status\n1,new\n1,paid\n", "rows 1 and 2 have the same key"),
]


@pytest.mark.parametrize(("content", "words"), REFUSED, ids=lambda value: str(value)[:40])
def test_an_invalid_file_writes_nothing(read, content, words):
    assert_refused(read(content), words)


HEADERS = [
    ["Order Number", "\x1b[31m", "%s", "{}", "a" * 10_000, "__class__", "\u202e", "😀", "日本語", "\t", "  ", ""],
    ["Order Number", "Date To", "Export ID", "invalid_values", "Export Line", "date_from"],
    ["Order Number", "Order Number", "order_number_2", "ORDER NUMBER"],
]


@pytest.mark.parametrize("header", HEADERS, ids=lambda value: ascii(value)[:40])
def test_an_unusual_header_has_valid_unique_columns(read, header):
    run = read(table(header, ["1"] * len(header)).replace(b"\0\0", b"\0"))
    assert_ends_well(run, 0)
    names = [
        n for n in run.records("order_list")[0] if n not in ("date_from", "date_to", "export_id", "invalid_values")
    ]
    assert len(run.records("order_list")[0]) == len(header) + 4
    assert all(name.replace("_", "").isalnum() and name.isascii() and len(name) <= 63 for name in names)


CELLS = [
    ("Total Incl Tax", "1e99"), ("Total Incl Tax", "NaN"), ("Created At", "2025-02-30"),
    ("Created At", "9999-12-31 23:59:59-14:00"), ("Quantity", "9" * 5_000), ("Quantity", "1.5"), ("Is Test", "maybe"),
    ("Status", "\x00"), ("Status", "a\u2028b"), ("Status", "NULL"),
]  # fmt: skip


def test_an_unusual_cell_is_a_value_or_kept_in_invalid_values(read):
    rows = []
    for n, (column, cell) in enumerate(CELLS):
        row = dict(zip(HEADER, [str(n), "new", "1.50", "2025-01-01T10:00:00Z", "1", "True"], strict=True))
        rows.append((row | {column: cell}).values())
    run = read(table(HEADER, *rows))
    assert_ends_well(run, 0)
    records = run.records("order_list")
    assert [record["order_number"] for record in records] == [str(n) for n in range(len(CELLS))]
    for (column, cell), record in zip(CELLS, records, strict=True):
        name = column.lower().replace(" ", "_")
        if column == "Status":
            assert record[name] == (cell.replace("\0", "") or None)
        elif record["invalid_values"] is not None:
            assert (record[name], record["invalid_values"]) == (None, {name: cell})
        else:
            assert float(record[name]) == float(cell)


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["12,50", "1,234", "7", "12.5"], [None, None, "7", "12.5"]),
        (["1.234,50", "1.234"], [None, None]),
        (["0,990", "1,990"], [None, None]),
        (["00077", "77"], [None, "77"]),
        (["1,234", "1,234.50"], ["1234", "1234.50"]),
    ],
)
def test_a_number_has_one_reading_per_column_of_a_file(read, cells, values):
    """Cells that do not fit are kept in `invalid_values`."""
    rows = [["Order Number", "Total Incl Tax"], *([str(n), cell] for n, cell in enumerate(cells))]
    records = read(table(*rows)).records("order_list")
    assert [record["total_incl_tax"] and str(record["total_incl_tax"]) for record in records] == values
    for record, cell, value in zip(records, cells, values, strict=True):
        assert record["invalid_values"] == (None if value else {"total_incl_tax": cell})


@pytest.mark.parametrize("encoding", ["cp1252", "shift_jis", "utf_16"])
def test_a_file_in_another_encoding_is_read(read, encoding):
    run = read(
        table(HEADER, ["1", "new", "1.50", "2025-01-01T10:00:00Z", "1", "True"], encoding=encoding), encoding=encoding
    )
    assert_ends_well(run)
    assert run.records("order_list")[0]["total_incl_tax"] == "1.50"
    for rubbish in (bytes(range(256)), b"Order Number,Status\r\n1,a\xff\xfe\xe4\r\n2,\\ud800+2AA-\r\n"):
        assert_ends_well(read(rubbish, encoding=encoding))


@pytest.mark.slow
@given(st.binary(max_size=60) | st.text(alphabet='",\r\n aA1<{[\0', max_size=40).map(str.encode))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_bytes_end_in_a_traceback(read, content):
    run = read(content, window_days=30)
    assert_ends_well(run)
    for line in run.out.split("\n"):
        assert not line or json.loads(line)
