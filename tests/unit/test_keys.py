from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_exports.schema.keys import LineKeys, choose_keys, line_identity_column
from tap_exports.schema.layout import Knowledge, standard_layout
from tests.unit.test_column_types import STREAMS


@pytest.mark.parametrize(
    ("stream", "names", "key"),
    [
        # An object: its own number or id.
        ("order_list", "order_number number id", "order_number"),
        ("order_list", "id number", "number"),
        ("order_list", "order total", "order"),
        ("return_list", "order_number return_number id", "return_number"),
        ("customer_list", "customer_id id", "id"),
        ("transaction_list", "order_number id order", "id"),
        ("fulfillment_list", "order_number id order_line_id", "id"),
        ("payout_list", "payout_id id", "payout_id"),
        # A line: its own id, where the header has an unambiguous one.
        ("order_line_items", "order_number line_id id", "line_id"),
        ("order_line_items", "order_number order_line_id", "order_line_id"),
        ("open_cart_line_items", "cart_id cart_line_id", "cart_line_id"),
        # Otherwise its parent and export_line.
        ("order_line_items", "order_number id sku", "order_number export_line"),
        ("subscription_line_items", "subscription_id sku", "subscription_id export_line"),
        ("return_line_items", "order_number return_number sku", "return_number export_line"),
        ("fulfillment_line_items", "order_number id sku", "id export_line"),
        ("fulfillment_line_items", "order_number sku", "order_number export_line"),
        # An order line may be fulfilled in parts: its id is not the fulfillment line's.
        ("fulfillment_line_items", "fulfillment_id order_line_id", "fulfillment_id export_line"),
        # No candidate.
        ("order_list", "email total", ""),
        ("return_line_items", "order_number sku", ""),  # an order can have several returns
    ],
)
def test_the_key_is_the_first_candidate_in_the_header(stream, names, key):
    assert choose_keys(stream, names.split()) == tuple(key.split())


@pytest.mark.parametrize(
    ("names", "column"),
    [
        ("sku title product_id variant_id", "variant_id"),
        ("sku title product_id", "product_id"),
        ("product_title sku", "sku"),
        ("quantity product_title", "product_title"),
        ("quantity price", None),
    ],
)
def test_the_identity_of_a_line_is_one_column(names, column):
    assert line_identity_column(names.split()) == column


def line_keys(rows, names=("number", "sku"), identity="sku"):
    return LineKeys(names, identity).of([row[0] for row in rows], rows)


def test_equal_lines_of_a_parent_have_ordinals_which_continue_in_the_next_batch():
    keys = LineKeys(("number", "sku"), "sku")
    assert keys.of("AAABB", [("A", "x"), ("A", "y"), ("A", "x"), ("B", "x"), ("B", "x")]) == [
        "x#1", "y#1", "x#2", "x#1", "x#2",
    ]  # fmt: skip
    assert keys.of("BA", [("B", "y"), ("A", "x")]) == ["y#1", "x#3"]


@pytest.mark.parametrize("blank", ["", " ", "None", "\u2014"])
def test_a_blank_identity_is_replaced_by_a_digest_of_the_row(blank):
    """The digest does not depend on the order of columns, nor on a new column that is blank."""
    (key,) = line_keys([("A", blank, "5.00")], ("number", "sku", "price"))
    assert re.fullmatch("[0-9a-f]{16}#1", key)
    assert key == LineKeys(("new", "price", "sku", "number"), "sku").of("A", [("", "5.00", blank, "A")])[0]
    assert key != line_keys([("A", blank, "6.00")], ("number", "sku", "price"))[0]


def test_lines_without_an_identity_column_have_digests():
    first, second, other = line_keys([("A", "1"), ("A", "1"), ("A", "2")], ("number", "quantity"), None)
    assert (first[:-1], first[-1], second[-1]) == (second[:-1], "1", "2")
    assert other[:-1] != first[:-1]


def test_long_identities_are_cut_to_a_digest():
    keys = line_keys([("A", "x" * 300), ("A", "x" * 299 + "y"), ("A", "z" * 200)])
    assert [len(key) for key in keys] == [202, 202, 202]
    assert keys[0] != keys[1]
    assert keys[0].startswith("x" * 183 + "~")
    assert keys[2] == "z" * 200 + "#1"


@given(st.lists(st.tuples(st.sampled_from("AB"), st.text("x#1 ", max_size=5) | st.text(max_size=5)), max_size=30))
def test_parent_and_line_are_a_key(rows):
    """No two lines of a file share one, also where an identity contains `#`."""
    keys = list(zip((row[0] for row in rows), line_keys(rows), strict=True))
    assert len(set(keys)) == len(keys)


@given(st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from(["x", "y", ""])), max_size=20), st.randoms())
def test_a_parents_lines_have_the_same_keys_in_any_order(rows, random):
    """A window with another end, or an edited order, changes no other line's key."""

    def keys(lines):
        return sorted(zip((row[0] for row in lines), line_keys(lines), strict=True))

    assert keys(rows) == keys(random.sample(rows, len(rows)))


@pytest.mark.parametrize("stream", STREAMS)
def test_every_known_stream_has_columns_and_a_key_by_the_apis_names(stream):
    layout = standard_layout(stream, Knowledge())
    assert len(layout.columns) > 5
    assert layout.keys
    assert layout.numbered == stream.endswith("_line_items")
