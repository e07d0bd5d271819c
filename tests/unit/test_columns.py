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


def test_a_file_decides_its_columns():
    """Names, types and the key, by the header, in its order."""
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


def test_the_users_types_win_over_all():
    """Over definitions and names."""
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
    """Nobody has published which of them the header shows."""
    knowledge = known_by(("Locker Count Text", "lockers", "order", N))
    assert types(decide("order_list", [header], knowledge)) == {
        "locker_count_text" if " " in header else "lockers": "number"
    }


def test_a_definition_wins_over_names_and_rules():
    """The store knows its own columns better."""
    knowledge = known_by(("Is Fragile", "is_fragile", "order", S), ("Total", "total", "order", I))
    assert types(decide("order_list", ["Is Fragile", "Total"], knowledge)) == {
        "is_fragile": "string",
        "total": "integer",
    }


MISFITS = [["soon"]] * 20


def test_a_sample_relaxes_what_a_rule_has_guessed():
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
    """The user's, a definition's, one of the API's names."""
    layout = decide("order_list", [header], knowledge)
    assert layout.columns[0].type is not S
    assert relaxed(layout, [header], MISFITS, knowledge) == layout


@pytest.mark.parametrize("name", ["Timestamp", "Conversion Timestamp"])
def test_known_columns_of_the_vendors_app_are_integers(name):
    """Where the store's definitions cannot be read; those win otherwise."""
    assert set(types(decide("order_list", [name], NOTHING)).values()) == {"integer"}
    assert set(types(decide("order_list", [name], known_by((name, "x", "order", S)))).values()) == {"string"}


def test_a_merchants_own_column_is_no_key_and_no_line_identity():
    """By the name or the key of its definition."""
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


def test_of_two_definitions_the_streams_own_counts():
    """The same name on a customer and on an order may be two things."""
    knowledge = known_by(("Score", "score", "customer", I), ("Score", "score", "order", N))
    assert types(decide("order_list", ["Score"], knowledge)) == {"score": "number"}
    assert types(decide("customer_list", ["Score"], knowledge)) == {"score": "integer"}
    assert types(decide("order_line_items", ["Score"], knowledge)) == {"score": "string"}


def test_a_definition_of_another_object_counts_where_there_is_no_own():
    """An order's export has columns of its customer and its attribution."""
    knowledge = known_by(("Score", "score", "attribution", I))
    assert types(decide("order_list", ["Score"], knowledge)) == {"score": "integer"}


def test_a_definition_of_a_type_that_is_unknown_says_nothing():
    """The name decides then."""
    knowledge = known_by(("Amount", "amount", "order", None))
    assert types(decide("order_list", ["Amount"], knowledge)) == {"amount": "number"}


def test_codes_are_text_whatever_a_definition_says():
    """A merchant's integer would cost them their zeros; the user may still say otherwise."""
    header = ["Promo Code", "Number", "Zip"]
    definitions = [(name, name, "order", I) for name in header]
    assert set(types(decide("order_list", header, known_by(*definitions))).values()) == {"string"}
    mine = known_by(*definitions, column_types={"order_list": {"promo_code": I}})
    assert types(decide("order_list", header, mine))["promo_code"] == "integer"


def test_the_users_keys_win():
    """Those of other streams are of no account; an empty one means none."""
    header = ["Number", "Email"]
    knowledge = Knowledge(primary_keys={"order_list": ("email", "number"), "customer_list": ()})
    assert decide("order_list", header, knowledge).keys == ("email", "number")
    assert decide("customer_list", ["Id"], knowledge).keys == ()
    assert decide("return_list", header, knowledge).keys == ("number",)


def test_the_schema_has_the_files_columns_and_the_taps_own():
    """What is never null says so."""
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


def test_export_line_is_there_where_the_key_needs_it():
    """And nowhere else."""
    layout = layout_of({"number": S}, ("number", "export_line"))
    assert layout.numbered
    assert layout.schema()["properties"]["export_line"] == {"type": ["string"]}
    assert layout.file_keys == ("number",)
    assert list(layout.schema()["properties"]) == [
        "number", "date_from", "date_to", "export_id", "export_line", "invalid_values",
    ]  # fmt: skip
    assert "export_line" not in layout_of({"number": S}, ("number",)).schema()["properties"]


@pytest.mark.parametrize("stream", ["order_list", "order_line_items", "customer_list"])
def test_a_catalog_leads_back_to_its_layout(stream):
    """What discovery has written, a sync reads."""
    layout = standard_layout(stream, NOTHING)
    assert Layout.of_schema(stream, layout.schema(), layout.keys, NOTHING) == layout


def test_the_users_types_and_keys_win_over_the_catalogs():
    """A setting that is changed after discovery holds."""
    schema = layout_of({"number": S, "total": N}).schema()
    knowledge = Knowledge({"order_list": {"total": S}}, {"order_list": ()})
    layout = Layout.of_schema("order_list", schema, ["number"], knowledge)
    assert types(layout) == {"number": "string", "total": "string"}
    assert layout.keys == ()


def test_where_no_file_could_be_had_the_apis_names_stand_in():
    """With the types that the API gives them, and the user's."""
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
