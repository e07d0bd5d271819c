from __future__ import annotations

import pytest

from tap_exports.errors import InvalidFile
from tap_exports.schema.layout import Column, Knowledge
from tap_exports.schema.stream_layout import Key, StreamLayout
from tap_exports.schema.types import ColumnType
from tests.unit.conftest import layout_of

S, N = ColumnType.STRING, ColumnType.NUMBER
CATALOG = layout_of({"number": S, "total": N}, ("number",))


KNOWN = ("Number,Total", False, "number total")
"""A header, whether SCHEMA changes, and the columns afterwards."""
CHANGES = {
    "another order": ("fail", CATALOG, [KNOWN, ("TOTAL,number", False, "number total")], []),
    "no catalog": ("fail", None, [("Total,Number", True, "total number"), (KNOWN[0], False, "total number")], []),
    "new": (
        "add", CATALOG, [("Number,Total,Tax", changed, "number total tax") for changed in (True, False)],
        ["INFO new columns, added: tax"],
    ),
    "ignored": (
        "ignore", CATALOG, [KNOWN, *((f"Number,Total,{new}", False, "number total") for new in ("Tax", "Tax,Fee"))],
        ["INFO new columns, ignored: tax", "INFO new columns, ignored: fee"],
    ),
    "removed, and back": (
        "fail", CATALOG, [("Number", True, "number"), (KNOWN[0], True, "number total"), ("Number", True, "number")],
        ["WARNING columns were removed, and are omitted from now on: total"],
    ),
    "renamed": (
        "add", CATALOG, [("Number,Grand Total", True, "number grand_total")],
        ["WARNING columns changed, or were renamed: total removed (omitted from now on), grand_total new (added)"],
    ),
    "one name": (
        "add", None, [("Total!,Total?", changed, "total_8f5cf284 total_93ac736c") for changed in (True, False)],
        ["WARNING the headers Total!, Total? give the same column name, so each gets a suffix"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_columns_that_change_are_reported_once(caplog, name):
    """A removed column leaves the schema; one that returns is not new."""
    choice, catalog, steps, reported = CHANGES[name]
    layout = StreamLayout("order_list", Knowledge(primary_keys={"order_list": ()}), choice)
    if catalog is not None:
        layout.adopt(catalog)
    with caplog.at_level("INFO"):
        for header, changes, columns in steps:
            assert layout.apply(header.split(",")) is changes
            assert [column.name for column in layout.current.columns] == columns.split()
    assert [f"{r.levelname} {r.getMessage()}" for r in caplog.records] == [
        line.replace(" ", " order_list: ", 1) for line in reported
    ]


def test_a_column_keeps_the_type_that_it_had_first():
    """A catalog's type, and what definitions said when the column was first seen."""
    layout = StreamLayout("order_list", Knowledge())
    layout.adopt(layout_of({"number": S, "total": S}, ("number",)))
    layout.apply(["number", "total", "tax"])
    layout.knowledge = Knowledge(column_types={"order_list": {"tax": S}})
    layout.apply(["number"])
    layout.apply(["number", "tax", "total"])
    assert layout.current.columns == (Column("number", S), Column("tax", N), Column("total", S))


@pytest.mark.parametrize("choice", ["ignore", "fail"])
def test_a_column_of_the_key_is_never_a_new_one(choice):
    layout = StreamLayout("order_list", Knowledge(primary_keys={"order_list": ("batch",)}), choice)
    layout.adopt(layout_of({"number": S}, ("batch",)))
    layout.apply(["Number", "Batch"])
    assert [column.name for column in layout.current.columns] == ["number", "batch"]


LINES = "return_line_items"


def of(stream="order_list", **knowledge):
    return StreamLayout(stream, Knowledge(**knowledge))


@pytest.mark.parametrize(
    ("earlier", "header"),
    [
        (("order_number",), ["ID", "Total"]),
        (("id",), ["Order Number", "ID"]),
        ((), ["Order Number"]),
        (("order_number",), ["Total", "Status"]),
    ],
)
def test_a_key_that_differs_from_an_earlier_runs_is_an_error(earlier, header):
    layout = of()
    layout.remember(Key(earlier, None))
    with pytest.raises(InvalidFile, match=r"key would change .*primary_keys"):
        layout.of(header)


def test_the_key_of_a_runs_first_file_is_kept():
    layout = of()
    layout.apply(["Order Number", "Total"])
    with pytest.raises(InvalidFile, match=r'from order_number to number.*\{"order_list": \["order_number"\]\}'):
        layout.apply(["Number", "Total"])


@pytest.mark.parametrize("earlier_run", [True, False])
def test_the_line_identity_of_an_earlier_run_or_file_is_kept(earlier_run):
    """A better column that appears later changes no key."""
    layout = of(LINES)
    if earlier_run:
        layout.remember(Key(("return_number", "export_line"), "sku"))
    else:
        layout.apply(["Return Number", "SKU"])
    layout.apply(["Return Number", "SKU", "Variant ID"])
    assert Key.of(layout.current) == (("return_number", "export_line"), "sku")
    with pytest.raises(InvalidFile, match="no column sku, which is part of the stream's key"):
        layout.of(["Return Number", "Variant ID"])


def test_the_line_identity_of_the_catalog_is_kept_where_there_is_no_state():
    """As its key is, so that a full refresh makes the same keys."""
    layout = of(LINES)
    layout.adopt(layout.of(["Return Number", "SKU", "Title"]))
    assert layout.of(["Return Number", "Variant ID", "SKU"]).line_identity == "sku"
    assert layout.of(["Return Number", "Title"]).line_identity == "title"
