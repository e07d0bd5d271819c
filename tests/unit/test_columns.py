from __future__ import annotations

import pytest

from tap_exports.schema.layout import Column, Definition, Knowledge, Layout, decide, standard_layout
from tap_exports.schema.types import ColumnType
from tests.unit.conftest import layout_of

S, I, N, B, D, T = ColumnType  # noqa: E741
NOTHING = Knowledge()


def types(layout):
    return {column.name: column.type.value for column in layout.columns}


def known_by(*definitions, **more):
    return Knowledge(definitions=tuple(Definition(*definition) for definition in definitions), **more)


def test_a_file_decides_its_columns():
    """Names, types and the key, in the file's order."""
    header = ["Order Number", "Total", "Order Date", "Is Test", "", "Shipping Postcode"]
    sample = [["1001", "$5.00", "2024-09-03", "No", "1", "02134"], ["1002", "", "2024-09-04", "Yes", "", "90210"]]
    layout = decide("order_list", header, sample, NOTHING)
    assert types(layout) == {
        "order_number": "string",
        "total": "number",
        "order_date": "date",
        "is_test": "boolean",
        "column_5": "string",
        "shipping_postcode": "string",
    }
    assert layout.keys == ("order_number",)


def test_the_users_types_win_over_all():
    """Over definitions, names, and what the sample says."""
    knowledge = known_by(
        ("Total", "total", "order", B),
        column_types={"order_list": {"total": S, "number": I, "note": D}, "customer_list": {"status": I}},
    )
    header, sample = ["Number", "Total", "Note", "Status"], [["0012", "1.00", "x", "open"]]
    assert types(decide("order_list", header, sample, knowledge)) == {
        "number": "integer",
        "total": "string",
        "note": "date",
        "status": "string",
    }


@pytest.mark.parametrize("header", ["Locker Count Text", "lockers", "Lockers"])
def test_a_merchants_column_is_typed_by_its_name_or_its_key(header):
    """Nobody has published which of them the header shows."""
    knowledge = known_by(("Locker Count Text", "lockers", "order", N))
    assert types(decide("order_list", [header], [], knowledge)) == {
        "locker_count_text" if " " in header else "lockers": "number"
    }


def test_a_definition_wins_over_names_and_rules():
    """The store knows its own columns better."""
    knowledge = known_by(("Is Fragile", "is_fragile", "order", S), ("Total", "total", "order", I))
    assert types(decide("order_list", ["Is Fragile", "Total"], [], knowledge)) == {
        "is_fragile": "string",
        "total": "integer",
    }


def test_a_sample_takes_a_definitions_type_back():
    """What the store's files contain has the last word against a type, but for the user's."""
    knowledge = known_by(("Lockers", "lockers", "order", I))
    assert types(decide("order_list", ["Lockers"], [["007"]], knowledge)) == {"lockers": "string"}


def test_of_two_definitions_the_streams_own_counts():
    """The same name on a customer and on an order may be two things."""
    knowledge = known_by(("Score", "score", "customer", I), ("Score", "score", "order", N))
    assert types(decide("order_list", ["Score"], [], knowledge)) == {"score": "number"}
    assert types(decide("customer_list", ["Score"], [], knowledge)) == {"score": "integer"}
    assert types(decide("order_line_items", ["Score"], [], knowledge)) == {"score": "string"}


def test_a_definition_of_another_object_counts_where_there_is_no_own():
    """An order's export has columns of its customer and its attribution."""
    knowledge = known_by(("Score", "score", "attribution", I))
    assert types(decide("order_list", ["Score"], [], knowledge)) == {"score": "integer"}


def test_a_definition_of_a_type_that_is_unknown_says_nothing():
    """The name decides then."""
    knowledge = known_by(("Amount", "amount", "order", None))
    assert types(decide("order_list", ["Amount"], [], knowledge)) == {"amount": "number"}


def test_codes_are_text_whatever_a_definition_says():
    """A merchant's integer would cost them their zeros; the user may still say otherwise."""
    header = ["Promo Code", "Number", "Zip"]
    definitions = [(name, name, "order", I) for name in header]
    assert set(types(decide("order_list", header, [], known_by(*definitions))).values()) == {"string"}
    mine = known_by(*definitions, column_types={"order_list": {"promo_code": I}})
    assert types(decide("order_list", header, [], mine))["promo_code"] == "integer"


def test_the_users_keys_win():
    """Those of other streams are of no account; an empty one means none."""
    header, sample = ["Number", "Email"], [["A", "x"], ["B", "x"]]
    knowledge = Knowledge(primary_keys={"order_list": ("email", "number"), "customer_list": ()})
    assert decide("order_list", header, sample, knowledge).keys == ("email", "number")
    assert decide("customer_list", ["Id"], [["1"]], knowledge).keys == ()
    assert decide("return_list", header, sample, knowledge).keys == ("number",)


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
    assert layout.file_keys == ("number",)
    assert list(layout.schema()["properties"]) == [
        "number", "date_from", "date_to", "export_id", "export_line", "invalid_values",
    ]  # fmt: skip
    assert "export_line" not in layout_of({"number": S}, ("number",)).schema()["properties"]


def test_properties_are_not_shared():
    """Who changes one in a catalog does not change another."""
    properties = layout_of({"number": S}).schema()["properties"]
    assert len({id(schema) for schema in properties.values()}) == len(properties)


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


def test_a_later_file_is_compared_by_names():
    """New columns with their types, columns that are gone; the order is no matter."""
    layout = layout_of({"number": S, "total": N, "note": S}, ("number",))
    knowledge = Knowledge({"order_list": {"extra": I}})
    header = ["Extra", "Refund Amount", "Total", "Number", "Invoice Date"]
    change = layout.change(header, [["x", "1.00", "x", "A", "2024-09-03"]], knowledge)
    assert change.added == (Column("extra", I), Column("refund_amount", N), Column("invoice_date", D))
    assert change.gone == ("note",)


def test_new_columns_stand_behind_the_old_ones():
    """So a target's table grows at its end."""
    layout = layout_of({"number": S}, ("number",)).with_columns([Column("total", N)])
    assert (types(layout), layout.keys) == ({"number": "string", "total": "number"}, ("number",))


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
