from __future__ import annotations

import pytest

from tap_exports.schema.layout import Knowledge
from tap_exports.schema.names import snake_case
from tap_exports.schema.types import (
    ColumnType,
    object_of,
    relax_type,
)

S, I, N, B, D, T = ColumnType  # noqa: E741

# The published types of the API's own fields: stream, type, names.
API = """
order_list             | string    | number status payment_status fulfillment_status source currency shipping_code
order_list             | string    | shipping_method subscription_lifecycle tags
order_list             | number    | total_incl_tax total_excl_tax total_tax total_discount total_cost
order_list             | number    | total_outstanding shipping_incl_tax shipping_excl_tax shipping_tax
order_list             | number    | original_total_incl_tax original_total_excl_tax original_total_tax
order_list             | number    | original_total_discount original_total_cost original_total_outstanding
order_list             | number    | original_shipping_incl_tax original_shipping_excl_tax original_shipping_tax
order_list             | boolean   | is_test
order_list             | date-time | date_placed created_at updated_at
order_line_items       | string    | product_title variant_title sku currency
order_line_items       | integer   | id product_id variant_id quantity current_quantity
order_line_items       | number    | price_incl_tax price_excl_tax unit_cost total_cost total_discount
order_line_items       | boolean   | is_upsell is_gift_card requires_shipping
order_line_items       | date-time | created_at updated_at
customer_list          | string    | email first_name last_name phone_number ip language user_type tags
customer_list          | integer   | id orders_count subscriptions_count
customer_list          | number    | total_spent
customer_list          | boolean   | accepts_marketing is_blocked
customer_list          | date-time | date_joined first_purchase_date last_purchase_date
transaction_list       | string    | external_id auth_code network_transaction_id order currency payment_method
transaction_list       | string    | statement_descriptor type status response_message
transaction_list       | integer   | id parent_id billing_cycle
transaction_list       | number    | amount amount_available_for_refund
transaction_list       | boolean   | is_disputed is_external is_test is_3ds
transaction_list       | date-time | date_created order_date
dispute_list           | string    | type status resolution arn case_number currency
dispute_list           | integer   | id transaction
dispute_list           | number    | amount report_amount
dispute_list           | date-time | date_created happened_at
subscription_list      | string    | status interval frequency currency cancel_reason payment_method
subscription_list      | integer   | id interval_count num_orders num_lines
subscription_list      | number    | total price shipping_price
subscription_list      | boolean   | is_test
subscription_list      | date-time | date_created next_renewal_date paused_at paused_until cancellation_date
open_cart_list         | string    | status currency checkout_url
open_cart_list         | integer   | id
open_cart_list         | number    | total_incl_tax total_excl_tax total_discount
open_cart_list         | boolean   | abandoned
open_cart_list         | date-time | date_created created_at
return_list            | string    | number status reason location carrier tracking_code
return_list            | integer   | id quantity
return_list            | number    | amount total_refund_amount amount_incl_tax amount_excl_tax
return_list            | date-time | created_at
fulfillment_list       | string    | order_number status delivery_status carrier tracking_code tracking_link reference
fulfillment_list       | integer   | id location_id order_line_id quantity
fulfillment_list       | boolean   | requires_shipping
fulfillment_list       | date-time | created_at date_created last_event_date delivered_at
"""
ON_MOST = """
string | customer_first_name customer_last_name customer_email customer_phone customer_ip
string | shipping_line1 shipping_line2 shipping_line3 shipping_line4 shipping_postcode shipping_state shipping_country
string | billing_line1 billing_line2 billing_line3 billing_line4 billing_postcode billing_state billing_country
string | utm_source utm_medium utm_campaign utm_term utm_content affiliate funnel gclid
string | subaffiliate1 subaffiliate2 subaffiliate3 subaffiliate4 subaffiliate5
number | cogs
"""
STREAMS = [
    "order_list",
    "order_line_items",
    "customer_list",
    "transaction_list",
    "dispute_list",
    "subscription_list",
    "subscription_line_items",
    "open_cart_list",
    "open_cart_line_items",
    "return_list",
    "return_line_items",
    "fulfillment_list",
    "fulfillment_line_items",
]


def cells_of(table):
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


@pytest.mark.parametrize(("stream", "kind", "names"), cells_of(API))
def test_a_name_that_the_api_uses_has_the_apis_type(stream, kind, names):
    """In Title Case and with the object's own name in front too; all line-item streams are typed alike."""
    for one in [s for s in STREAMS if s.endswith("_line_items")] if "_line_" in stream else [stream]:
        for name in names.split():
            assert Knowledge().type_of(one, name) == kind, name
            assert Knowledge().type_of(one, snake_case(name.replace("_", " ").title())) == kind, name
            if object_of(one) != "line":
                assert Knowledge().type_of(one, f"{object_of(one)}_{name}") == kind, name


@pytest.mark.parametrize(("kind", "names"), cells_of(ON_MOST))
def test_columns_of_most_exports_have_the_same_type_in_all_streams(kind, names):
    for name in names.split():
        assert {Knowledge().type_of(stream, name) for stream in STREAMS} == {kind}, name


TEXT = """
order_number number return_number code response_code discount_code coupon_codes auth_code phone phone_number
shipping_phone postcode billing_postcode postal_code zip zip_code tracking_number case_number shipping_code
currency_code country_code order
"""


def test_codes_phones_postcodes_and_order_numbers_are_text():
    """Although the API has integers for some of them: they may begin with a zero."""
    for name in TEXT.split():
        assert {Knowledge().type_of(stream, name) for stream in STREAMS} == {S}, name


RULES = """
string    | sku email product_name title image_url tracking_link payment_type status reason currency shipping_method
string    | source tag tags reference note comments description label address line1 shipping_line_2 tax_id tax_name
string    | tax_class ip ip_address total_quantity_type total_code total_name
boolean   | is_gift has_refund was_paid was_refunded accepts_sms requires_review can_ship allow_returns
boolean   | abandoned enabled taxable
date-time | order_date ship_datetime shipped_at date_shipped paused_until expires_on
integer   | quantity refunded_qty item_count sort_position num_items number_of_lines count_returns line_id line_item_id
integer   | order_line_id parent_line_id order_id customer_id product_id variant_id parent_id location_id transaction_id
number    | total subtotal grand_total refund_amount unit_price shipping_cost cogs sales_tax discount revenue profit
number    | margin processing_fee fees account_balance price_including_tax amount_excluding_tax total_weight
number    | was_price discount_dollar total_incl_tax_dollar
number    | original_total_paid amount_refunded total_spent line_total_incl_tax
string    | weight height colour variant rate tax_rate notes_total_text accountant discounted category bin last4 gift
string    | event_timestamp discount_percent total_percent
"""


@pytest.mark.parametrize(("kind", "names"), cells_of(RULES))
def test_other_names_are_typed_by_the_first_rule_that_matches(kind, names):
    for name in names.split():
        assert Knowledge().type_of("anything_new", name) == kind, name


@pytest.mark.parametrize(
    ("kind", "cells", "left"),
    [
        # Fewer than 20 cells with a value decide nothing.
        (N, ["x"] * 19, N),
        (N, ["x"] * 19 + ["", "None", "\u2014"] * 20, N),
        (N, ["x"] * 20, S),
        # A tenth that fits is enough.
        (I, ["1", "2", *["x"] * 18], I),
        (I, ["1", *["x"] * 19], S),
        (B, ["Yes", *["large"] * 9] * 3, B),
        # Whole days do not turn a time into a date, and numbers do not change text.
        (T, ["2024-09-03"] * 30, T),
        (D, ["2024-09-03T10:00:00"] * 30, S),
        (S, ["1"] * 30, S),
        (N, ["1"] * 30, N),
    ],
)
def test_a_sample_can_only_relax_a_type_to_text(kind, cells, left):
    """It takes at least 20 cells with a value, and fewer than a tenth of them that fit."""
    assert relax_type(kind, cells) is left


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        ("order_list", "order"),
        ("open_cart_list", "cart"),
        ("open_cart_line_items", "line"),
        ("fulfillment_line_items", "line"),
        ("gift_card_list", "gift_card"),
        ("payouts", "payouts"),
    ],
)
def test_the_object_of_a_stream_follows_from_its_code(stream, expected):
    assert object_of(stream) == expected


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        (S, {"type": ["string", "null"]}),
        (I, {"type": ["integer", "null"]}),
        (N, {"type": ["number", "null"]}),
        (B, {"type": ["boolean", "null"]}),
        (D, {"type": ["string", "null"], "format": "date"}),
        (T, {"type": ["string", "null"], "format": "date-time"}),
    ],
)
def test_a_type_is_read_back_from_its_json_schema(kind, schema):
    assert kind.json_schema() == schema
    assert ColumnType.of_schema(schema) is kind
    assert ColumnType.of_schema(kind.json_schema(null=False)) is kind
    assert "null" not in kind.json_schema(null=False)["type"]


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({}, S),
        ({"type": "integer"}, I),
        ({"type": ["null", "number"], "multipleOf": 0.01}, N),
        ({"type": ["string", "number"]}, S),
        ({"type": ["string", "null"], "format": "uri"}, S),
        ({"type": "object"}, S),
        ({"anyOf": [{"type": "string", "format": "date-time"}, {"type": ["string", "null"]}]}, T),
        ({"anyOf": [{"type": "null"}, {"type": "boolean"}]}, B),
    ],
)
def test_other_json_schemas_have_the_nearest_type(schema, kind):
    assert ColumnType.of_schema(schema) is kind
