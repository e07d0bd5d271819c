from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_exports.schema.layout import Definition, Knowledge, Layout, decide, relaxed, standard_layout
from tap_exports.schema.stream_layout import StreamLayout
from tap_exports.schema.types import ColumnType
from tests.unit.conftest import file_of, layout_of

S, I, N, B, D, T = ColumnType  # noqa: E741
NOTHING = Knowledge()


def types(layout):
    return {column.name: column.type.value for column in layout.columns}


def known_by(*definitions, **more):
    return Knowledge(definitions=tuple(Definition(*definition) for definition in definitions), **more)


def test_the_header_decides_columns_types_and_key():
    header = ["Order Number", "Total", "Order Date", "Is Test", "", "Shipping Postcode"]
    layout = decide("order_list", header, NOTHING)
    assert types(layout) == {
        "order_number": "string",
        "total": "number",
        "order_date": "date-time",
        "is_test": "boolean",
        "column_5": "string",
        "shipping_postcode": "string",
    }
    assert layout.keys == ("order_number",)


def test_column_types_take_precedence():
    knowledge = known_by(
        ("Total", "total", "order", B),
        column_types={"order_list": {"total": S, "number": I, "note": D}, "customer_list": {"status": I}},
    )
    header = ["Number", "Total", "Note", "Status"]
    assert types(decide("order_list", header, knowledge)) == {
        "number": "integer",
        "total": "string",
        "note": "date",
        "status": "string",
    }


@pytest.mark.parametrize("header", ["Locker Count Text", "lockers", "Lockers"])
def test_a_merchants_column_is_typed_by_its_name_or_its_key(header):
    """Whether a header shows the name or the key is not published."""
    knowledge = known_by(("Locker Count Text", "lockers", "order", N))
    assert types(decide("order_list", [header], knowledge)) == {
        "locker_count_text" if " " in header else "lockers": "number"
    }


def test_a_definition_takes_precedence_over_names_and_rules():
    knowledge = known_by(("Is Fragile", "is_fragile", "order", S), ("Total", "total", "order", I))
    assert types(decide("order_list", ["Is Fragile", "Total"], knowledge)) == {
        "is_fragile": "string",
        "total": "integer",
    }


MISFITS = [["soon"]] * 20


def test_a_sample_relaxes_a_type_from_a_rule():
    """Where fewer than a tenth of at least 20 cells fit; a column that the file does not have keeps its type."""
    layout = decide("order_list", ["Ship Date", "Extra Fee"], NOTHING)
    assert types(layout) == {"ship_date": "date-time", "extra_fee": "number"}
    assert types(relaxed(layout, ["Ship Date"], MISFITS, NOTHING)) == {"ship_date": "string", "extra_fee": "number"}
    assert relaxed(layout, ["Ship Date"], MISFITS[1:], NOTHING) == layout


@pytest.mark.parametrize(
    ("header", "knowledge"),
    [
        ("Ship Date", Knowledge({"order_list": {"ship_date": T}})),
        ("Ship Date", known_by(("Ship Date", "ship", "order", T))),
        ("Date Placed", NOTHING),
        ("COGS", NOTHING),
        ("Timestamp", NOTHING),
    ],
)
def test_a_sample_relaxes_no_other_type(header, knowledge):
    layout = decide("order_list", [header], knowledge)
    assert layout.columns[0].type is not S
    assert relaxed(layout, [header], MISFITS, knowledge) == layout


@pytest.mark.parametrize("name", ["Timestamp", "Conversion Timestamp"])
def test_timestamps_of_the_vendors_app_are_integers(name):
    assert set(types(decide("order_list", [name], NOTHING)).values()) == {"integer"}
    assert set(types(decide("order_list", [name], known_by((name, "x", "order", S)))).values()) == {"string"}


def test_a_merchants_own_column_is_no_key_and_no_line_identity():
    header = ["Order Number", "Number", "SKU", "Title"]
    knowledge = known_by(("Order number", "x", "order", S), ("Own SKU", "sku", "line", S))
    assert decide("order_list", header, knowledge).keys == ("number",)
    layout = decide("order_line_items", header, knowledge)
    assert (layout.keys, layout.line_identity) == (("number", "export_line"), "title")


HEADER = ["Number", "Line ID", "Total", "Due Date", "Note"]
cells = st.sampled_from(["", "1", "007", "12,50", "1,234", "2024-09-03", "2024-09-03 15:30", "Yes", "x"])


@given(st.sampled_from(["order_list", "order_line_items"]), st.lists(st.tuples(*[cells] * 5), max_size=8), st.data())
def test_schema_and_key_do_not_depend_on_rows(stream, rows, data):
    """Neither on which rows of a population a file holds, nor on their order, nor on the order of its columns."""
    some = data.draw(st.lists(st.sampled_from(rows), unique=True) if rows else st.just([]))
    order = data.draw(st.permutations(range(5)))
    layout, other = (
        decide(stream, file_of([[row[n] for n in order] for row in [HEADER, *found]]).head(500)[0], NOTHING)
        for order, found in [(range(5), rows), (order, some)]
    )
    assert (other.schema(), other.keys) == (layout.schema(), layout.keys)
    of_stream = StreamLayout(stream, NOTHING)
    of_stream.adopt(layout)
    assert not of_stream.apply([HEADER[n] for n in order])


def test_of_two_definitions_the_streams_own_applies():
    knowledge = known_by(("Score", "score", "customer", I), ("Score", "score", "order", N))
    assert types(decide("order_list", ["Score"], knowledge)) == {"score": "number"}
    assert types(decide("customer_list", ["Score"], knowledge)) == {"score": "integer"}
    assert types(decide("order_line_items", ["Score"], knowledge)) == {"score": "string"}


def test_a_definition_of_another_object_applies_where_there_is_no_other():
    knowledge = known_by(("Score", "score", "attribution", I))
    assert types(decide("order_list", ["Score"], knowledge)) == {"score": "integer"}


def test_a_definition_of_an_unknown_type_is_ignored():
    knowledge = known_by(("Amount", "amount", "order", None))
    assert types(decide("order_list", ["Amount"], knowledge)) == {"amount": "number"}


def test_codes_are_text_whatever_a_definition_says():
    """An integer would lose its leading zeros; `column_types` may still say otherwise."""
    header = ["Promo Code", "Number", "Zip"]
    definitions = [(name, name, "order", I) for name in header]
    assert set(types(decide("order_list", header, known_by(*definitions))).values()) == {"string"}
    mine = known_by(*definitions, column_types={"order_list": {"promo_code": I}})
    assert types(decide("order_list", header, mine))["promo_code"] == "integer"


def test_primary_keys_take_precedence():
    header = ["Number", "Email"]
    knowledge = Knowledge(primary_keys={"order_list": ("email", "number"), "customer_list": ()})
    assert decide("order_list", header, knowledge).keys == ("email", "number")
    assert decide("customer_list", ["Id"], knowledge).keys == ()
    assert decide("return_list", header, knowledge).keys == ("number",)


def test_the_schema_has_the_files_columns_and_the_taps_own():
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


def test_export_line_is_a_column_only_where_the_key_contains_it():
    layout = layout_of({"number": S}, ("number", "export_line"))
    assert layout.numbered
    assert layout.schema()["properties"]["export_line"] == {"type": ["string"]}
    assert layout.file_keys == ("number",)
    assert list(layout.schema()["properties"]) == [
        "number", "date_from", "date_to", "export_id", "export_line", "invalid_values",
    ]  # fmt: skip
    assert "export_line" not in layout_of({"number": S}, ("number",)).schema()["properties"]


@pytest.mark.parametrize("stream", ["order_list", "order_line_items", "customer_list"])
def test_a_layout_is_read_back_from_its_catalog(stream):
    layout = standard_layout(stream, NOTHING)
    assert Layout.of_schema(stream, layout.schema(), layout.keys, NOTHING) == layout


def test_column_types_and_primary_keys_take_precedence_over_the_catalog():
    schema = layout_of({"number": S, "total": N}).schema()
    knowledge = Knowledge({"order_list": {"total": S}}, {"order_list": ()})
    layout = Layout.of_schema("order_list", schema, ["number"], knowledge)
    assert types(layout) == {"number": "string", "total": "string"}
    assert layout.keys == ()


def test_without_a_file_the_apis_names_are_used():
    layout = standard_layout("return_list", Knowledge({"return_list": {"amount": S}}))
    assert types(layout) == {
        "number": "string",
        "status": "string",
        "reason": "string",
        "location": "string",
        "carrier": "string",
        "tracking_code": "string",
        "id": "integer",
        "quantity": "integer",
        "amount": "string",
        "total_refund_amount": "number",
        "amount_incl_tax": "number",
        "amount_excl_tax": "number",
        "created_at": "date-time",
    }
    assert layout.keys == ("number",)
