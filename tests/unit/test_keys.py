from __future__ import annotations

import pytest

from tap_exports.schema.keys import choose_keys
from tests.unit.test_column_types import STREAMS


@pytest.mark.parametrize(
    ("stream", "names", "key"),
    [
        # An object: its own number or id.
        ("order_list", "order_number number id", "order_number"),
        ("order_list", "id number", "number"),
        ("order_list", "id", "id"),
        ("order_list", "order total", "order"),
        ("return_list", "order_number return_number id", "return_number"),
        ("customer_list", "customer_id id", "id"),
        ("customer_list", "email customer_id", "customer_id"),
        ("transaction_list", "order_number id order", "id"),
        ("transaction_list", "external_id transaction_id", "transaction_id"),
        ("dispute_list", "order_number transaction id", "id"),
        ("subscription_list", "number id", "id"),
        ("open_cart_list", "cart_id", "cart_id"),
        ("fulfillment_list", "order_number id order_line_id", "id"),
        ("payout_list", "payout_id id", "payout_id"),
        # A line: its own id, where the header names one unmistakably.
        ("order_line_items", "order_number line_id id", "line_id"),
        ("order_line_items", "order_number line_item_id", "line_item_id"),
        ("order_line_items", "order_number order_line_id", "order_line_id"),
        ("open_cart_line_items", "cart_id cart_line_id", "cart_line_id"),
        # Else its parent and its place.
        ("order_line_items", "order_number id sku", "order_number export_line"),
        ("order_line_items", "id sku", "id export_line"),
        ("order_line_items", "number sku", "number export_line"),
        ("subscription_line_items", "subscription_id sku", "subscription_id export_line"),
        ("open_cart_line_items", "id sku", "id export_line"),
        ("return_line_items", "order_number return_number sku", "return_number export_line"),
        # An order line may be fulfilled in parts: its id is not the fulfillment line's.
        ("fulfillment_line_items", "fulfillment_id order_line_id", "fulfillment_id export_line"),
        # Nothing that could be one.
        ("order_list", "email total", ""),
        ("order_line_items", "sku quantity", ""),
        ("transaction_list", "order_number amount", ""),
    ],
)
def test_the_key_is_the_first_candidate_that_is_there(stream, names, key):
    """Judged by names alone, where there are no rows."""
    assert choose_keys(stream, names.split(), []) == tuple(key.split())


@pytest.mark.parametrize("blank", ["", " ", "None", "—"])
def test_a_candidate_with_blanks_is_no_key(blank):
    """The next one is."""
    names = ("number", "id")
    assert choose_keys("order_list", names, [["A", "1"], ["B", "2"]]) == ("number",)
    assert choose_keys("order_list", names, [["A", "1"], [blank, "2"]]) == ("id",)
    assert choose_keys("order_list", names, [[blank, "1"], ["A", blank]]) == ()


def test_a_candidate_that_repeats_is_no_key():
    """The next one is."""
    assert choose_keys("order_list", ("number", "id"), [["A", "1"], ["A", "2"]]) == ("id",)
    assert choose_keys("order_line_items", ("order_number", "line_id"), [["A", "1"], ["A", "1"]]) == (
        "order_number",
        "export_line",
    )


def test_a_parent_may_repeat_but_not_be_blank():
    """Its lines are told apart by their places."""
    names = ("order_number", "order_id", "sku")
    assert choose_keys("order_line_items", names, [["A", "1", "x"], ["A", "1", "x"]]) == (
        "order_number",
        "export_line",
    )
    assert choose_keys("order_line_items", names, [["", "1", "x"], ["A", "1", "x"]]) == ("order_id", "export_line")


@pytest.mark.parametrize("stream", STREAMS)
def test_every_stream_of_today_has_a_key_by_the_api_s_names(stream):
    """Where no file could be had, its rows can be updated all the same."""
    from tap_exports.schema.layout import Knowledge, standard_layout  # noqa: PLC0415 - what stands above this station

    layout = standard_layout(stream, Knowledge())
    assert layout.keys
    assert set(layout.file_keys) <= {column.name for column in layout.columns}
    assert layout.numbered == stream.endswith("_line_items")
