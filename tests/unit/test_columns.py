from __future__ import annotations

import pytest

from tap_exports.schema.layout import Definition, Knowledge, Layout, decide, relaxed, standard_layout
from tap_exports.schema.types import ColumnType
from tests.unit.conftest import layout_of

S, I, N, B, D, T = ColumnType  # noqa: E741
NOTHING = Knowledge()


def known_by(*definitions, **more):
    return Knowledge(definitions=tuple(Definition(*definition) for definition in definitions), **more)


def test_column_types_take_precedence():
    """In their own stream."""
    knowledge = known_by(
        ("Total", "total", "order", B),
        ("Number", "number", "order", B),
        column_types={"order_list": {"total": S, "number": I}, "customer_list": {"status": I}},
    )
    layout = decide("order_list", ["Number", "Total", "Status"], knowledge)
    assert [column.type for column in layout.columns] == [I, S, S]


SCORES = ("Score", "score", "customer", I), ("Score", "score", "order", N)


@pytest.mark.parametrize(
    ("stream", "header", "definitions", "kinds"),
    [
        # Whether a header shows a definition's name or its key is not published.
        *(("order_list", [header], [("Locker Count Text", "lockers", "order", N)], [N])
          for header in ("Locker Count Text", "lockers", "Lockers")),
        # It takes precedence over names and rules, unless its type is unknown.
        ("order_list", ["Is Fragile"], [("Is Fragile", "x", "order", S)], [S]),
        ("order_list", ["Total"], [("Total", "total", "order", I)], [I]),
        ("order_list", ["Amount"], [("Amount", "amount", "order", None)], [N]),
        # Of two, the one of the stream's object applies.
        *((stream, ["Score"], SCORES, [kind])
          for stream, kind in (("order_list", N), ("customer_list", I), ("order_line_items", S))),
        ("order_list", ["Score"], [("Score", "score", "attribution", I)], [I]),
        # Columns of the vendor's app have its types without a definition too.
        ("order_list", ["Timestamp", "Conversion Timestamp"], [], [I, I]),
        ("order_list", ["Timestamp"], [("Timestamp", "x", "order", S)], [S]),
        # An integer would lose the leading zeros of a code.
        *(("order_list", [code], [(code, "x", "order", I)], [S])
          for code in ("Promo Code", "Number", "Zip", "Work Phone", "PO Postcode")),
    ],
)  # fmt: skip
def test_a_merchants_column_is_typed_by_its_definition(stream, header, definitions, kinds):
    layout = decide(stream, header, known_by(*definitions))
    assert [column.type for column in layout.columns] == kinds


@pytest.mark.parametrize(
    ("header", "knowledge", "cells", "is_relaxed"),
    [
        (["Ship Date"], NOTHING, 20, True),
        (["Ship Date"], NOTHING, 19, False),
        (["Ship Date"], Knowledge({"order_list": {"ship_date": T}}), 20, False),
        (["Ship Date"], known_by(("Ship Date", "ship", "order", T)), 20, False),
        (["Date Placed"], NOTHING, 20, False),
        (["COGS"], NOTHING, 20, False),
        (["Timestamp"], NOTHING, 20, False),
    ],
)
def test_a_sample_relaxes_only_a_type_from_a_rule(header, knowledge, cells, is_relaxed):
    """A column that the sampled file does not have keeps its type."""
    layout = decide("order_list", [*header, "Extra Fee"], knowledge)
    found = relaxed(layout, header, [["soon"]] * cells, knowledge)
    assert layout.columns[0].type is not S
    assert [column.type for column in found.columns] == [S if is_relaxed else layout.columns[0].type, N]


def test_a_merchants_own_column_is_no_key_and_no_line_identity():
    header = ["Order Number", "Number", "SKU", "Title"]
    knowledge = known_by(("Order number", "x", "order", S), ("Own SKU", "sku", "line", S))
    assert decide("order_list", header, knowledge).keys == ("number",)
    layout = decide("order_line_items", header, knowledge)
    assert (layout.keys, layout.line_identity) == (("number", "export_line"), "title")


def test_the_schema_has_the_files_columns_and_the_taps_own():
    """`export_line` only where the key contains it."""
    layout = layout_of({"number": S}, ("number", "export_line"))
    assert (layout.numbered, layout.file_keys) == (True, ("number",))
    assert layout.schema()["properties"]["export_line"] == {"type": ["string"]}
    layout = layout_of({"number": S, "total": N}, ("number",))
    assert layout.schema() == {
        "type": "object",
        "properties": {
            "number": {"type": ["string"]},
            "total": {"type": ["number", "null"]},
            "date_from": {"type": ["string"], "format": "date-time"},
            "date_to": {"type": ["string"], "format": "date-time"},
            "export_id": {"type": ["integer"]},
            "invalid_values": {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
        },
    }


@pytest.mark.parametrize("stream", ["order_list", "order_line_items"])
def test_a_layout_is_read_back_from_its_catalog(stream):
    layout = standard_layout(stream, NOTHING)
    assert Layout.of_schema(stream, layout.schema(), layout.keys, NOTHING) == layout
