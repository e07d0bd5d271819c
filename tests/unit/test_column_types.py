from __future__ import annotations

import pytest

from tap_exports.schema.layout import Knowledge
from tap_exports.schema.names import snake_case
from tap_exports.schema.types import ColumnType, object_of, relax_type

S, I, N, B, D, T = ColumnType  # noqa: E741

STREAMS = [
    "order_list", "order_line_items", "customer_list", "transaction_list", "dispute_list", "subscription_list",
    "subscription_line_items", "open_cart_list", "open_cart_line_items", "return_list", "return_line_items",
    "fulfillment_list", "fulfillment_line_items",
]  # fmt: skip
# The names that the API documents, columns of most exports, and names for each rule.
NAMES = {
    S: """
        accountant address affiliate arn auth_code billing_postcode bin cancel_reason carrier case_number category
        checkout_url code coupon_codes currency currency_code customer_email customer_last_name customer_phone
        description discount_code discount_percent discounted email event_timestamp external_id frequency funnel gclid
        gift height image_url interval ip ip_address label language last4 last_name line1 location
        network_transaction_id note notes_total_text number order order_number payment_method phone phone_number
        postal_code postcode product_name rate reason reference resolution response_code response_message
        shipping_code shipping_country shipping_line_2 shipping_method shipping_postcode shipping_state sku source
        statement_descriptor status subaffiliate5 subscription_lifecycle tag tags tax_id tax_rate title total_code
        total_percent total_quantity_type tracking_code type utm_campaign variant weight zip zip_code
    """,
    N: """
        account_balance amount amount_excl_tax amount_excluding_tax amount_incl_tax amount_refunded cogs discount
        discount_dollar fees grand_total line_total_incl_tax margin original_shipping_excl_tax original_shipping_tax
        original_total_cost original_total_discount original_total_incl_tax original_total_outstanding
        original_total_paid original_total_tax price price_excl_tax price_incl_tax price_including_tax processing_fee
        profit refund_amount report_amount revenue sales_tax shipping_cost shipping_excl_tax shipping_incl_tax
        shipping_price shipping_tax subtotal total total_cost total_discount total_excl_tax total_incl_tax
        total_incl_tax_dollar total_outstanding total_refund_amount total_spent total_tax total_weight unit_cost
        unit_price was_price
    """,
    B: """
        abandoned accepts_marketing accepts_sms allow_returns can_ship enabled has_refund is_3ds is_blocked
        is_disputed is_external is_gift is_gift_card is_test is_upsell requires_review requires_shipping taxable
        was_paid was_refunded
    """,
    T: """
        cancellation_date created_at date_created date_joined date_placed date_shipped delivered_at expires_on
        first_purchase_date happened_at last_event_date last_purchase_date next_renewal_date order_date paused_at
        paused_until ship_datetime shipped_at updated_at
    """,
    I: """
        count_returns current_quantity customer_id interval_count item_count line_id line_item_id location_id
        num_items num_lines num_orders number_of_lines order_id order_line_id orders_count parent_id parent_line_id
        product_id quantity refunded_qty sort_position subscriptions_count transaction_id variant_id
    """,
}


@pytest.mark.parametrize(("kind", "names"), NAMES.items(), ids=lambda value: value if value in NAMES else "")
def test_a_name_has_one_type_in_all_streams(kind, names):
    """Also in Title Case. Codes, phones, postcodes and order numbers are text: they may begin with a zero."""
    for name in names.split():
        title = snake_case(name.replace("_", " ").title())
        for stream in [*STREAMS, "anything_new"]:
            assert Knowledge().type_of(stream, name) == Knowledge().type_of(stream, title) == kind, name


@pytest.mark.parametrize(
    ("kind", "name", "streams"),
    [
        (N, "amount_available_for_refund", ["transaction_list"]),
        (I, "billing_cycle", ["transaction_list"]),
        (I, "transaction", ["dispute_list"]),
        (I, "id", set(STREAMS) - {"order_list"}),
    ],
)
def test_a_name_that_the_api_uses_in_one_object_has_its_type_there(kind, name, streams):
    """With the object's own name in front too."""
    assert {stream for stream in STREAMS if Knowledge().type_of(stream, name) == kind} == set(streams)
    assert {Knowledge().type_of(stream, f"{object_of(stream)}_{name}") for stream in streams} == {kind}


@pytest.mark.parametrize(
    ("kind", "cells", "left"),
    [
        # Fewer than 20 cells with a value decide nothing.
        (N, ["x"] * 19 + ["", "None", "\u2014"] * 20, N),
        (N, ["x"] * 20, S),
        # A tenth that fits is enough.
        (I, ["1", "2", *["x"] * 18], I),
        (I, ["1", *["x"] * 19], S),
        # Whole days do not turn a time into a date, and numbers do not change text.
        (T, ["2024-09-03"] * 30, T),
        (D, ["2024-09-03T10:00:00"] * 30, S),
        (S, ["1"] * 30, S),
    ],
)
def test_a_sample_can_only_relax_a_type_to_text(kind, cells, left):
    """It takes at least 20 cells with a value, and fewer than a tenth of them that fit."""
    assert relax_type(kind, cells) is left


@pytest.mark.parametrize("kind", ColumnType)
def test_a_type_is_read_back_from_its_json_schema(kind):
    assert {ColumnType.of_schema(kind.json_schema(null=null)) for null in (True, False)} == {kind}


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({}, S),
        ({"type": "integer"}, I),
        ({"type": ["null", "number"], "multipleOf": 0.01}, N),
        ({"type": ["string", "number"]}, S),
        ({"type": ["string", "null"], "format": "uri"}, S),
        ({"anyOf": [{"type": "string", "format": "date-time"}, {"type": ["string", "null"]}]}, T),
        ({"anyOf": [{"type": "null"}, {"type": "boolean"}]}, B),
    ],
)
def test_other_json_schemas_have_the_nearest_type(schema, kind):
    assert ColumnType.of_schema(schema) is kind
