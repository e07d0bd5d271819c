"""Types of columns by their names: the names that the API uses, then rules; anything else is `string`. Pure.

Rows never decide a type, so the schema is the same tomorrow. Only discovery may relax a type that comes from a rule to
`string` (`relax_type`).
"""

from __future__ import annotations

import re
from datetime import timezone
from enum import Enum
from typing import TYPE_CHECKING, Any

from tap_exports.schema.numeric_values import to_integer, to_number
from tap_exports.schema.values import is_null, to_boolean, to_date, to_datetime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import tzinfo


class ColumnType(str, Enum):
    """The type of a column, with the values of the setting `column_types`."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATE_TIME = "date-time"

    def json_schema(self, *, null: bool = True) -> dict[str, Any]:
        """The property of this type in a stream's JSON schema."""
        kind = self.value if self not in (ColumnType.DATE, ColumnType.DATE_TIME) else "string"
        schema: dict[str, Any] = {"type": [kind, "null"] if null else [kind]}
        if kind != self.value:
            schema["format"] = self.value
        return schema

    @classmethod
    def of_schema(cls, schema: Mapping[str, Any]) -> ColumnType:
        """The type of a property in a catalog; `string` for any other type."""
        options = schema.get("anyOf") or [schema]
        for option in options:
            kinds = option.get("type", [])
            kinds = {kinds} if isinstance(kinds, str) else set(kinds)
            wanted = option.get("format") if "string" in kinds else None
            for column_type in (cls.DATE_TIME, cls.DATE):
                if wanted == column_type.value:
                    return column_type
            for column_type in (cls.INTEGER, cls.NUMBER, cls.BOOLEAN):
                if column_type.value in kinds and "string" not in kinds:
                    return column_type
        return cls.STRING

    def converter(self, zone: tzinfo) -> Callable[[str], Any] | None:
        """The function from a cell's text to its value; None for `string`, which is verbatim.

        It raises ValueError where the text does not fit. Times without an offset are in `zone`.
        """
        return {
            ColumnType.STRING: None,
            ColumnType.INTEGER: to_integer,
            ColumnType.NUMBER: to_number,
            ColumnType.BOOLEAN: to_boolean,
            ColumnType.DATE: to_date,
            ColumnType.DATE_TIME: to_datetime(zone),
        }[self]


_S, _I, _N, _B, _T = (
    ColumnType.STRING,
    ColumnType.INTEGER,
    ColumnType.NUMBER,
    ColumnType.BOOLEAN,
    ColumnType.DATE_TIME,
)

METADATA_TYPES = {
    "text": _S,
    "integer": _I,
    "decimal": _N,
    "rich text": _S,
    "multi text": _S,
    "file": _S,
    "boolean": _B,
}
"""Types by a metadata definition's `type`; others are ignored."""

API_NAMES: dict[str, dict[ColumnType, str]] = {
    "order": {
        _S: "number status payment_status fulfillment_status source currency shipping_code shipping_method"
        " subscription_lifecycle tags",
        _N: "total_incl_tax total_excl_tax total_tax total_discount total_cost total_outstanding"
        " shipping_incl_tax shipping_excl_tax shipping_tax"
        " original_total_incl_tax original_total_excl_tax original_total_tax original_total_discount"
        " original_total_cost original_total_outstanding"
        " original_shipping_incl_tax original_shipping_excl_tax original_shipping_tax",
        _B: "is_test",
        _T: "date_placed created_at updated_at",
    },
    "line": {
        _S: "product_title variant_title sku currency",
        _I: "id product_id variant_id quantity current_quantity",
        _N: "price_incl_tax price_excl_tax unit_cost total_cost total_discount",
        _B: "is_upsell is_gift_card requires_shipping",
        _T: "created_at updated_at",
    },
    "customer": {
        _S: "email first_name last_name phone_number ip language user_type tags",
        _I: "id orders_count subscriptions_count",
        _N: "total_spent",
        _B: "accepts_marketing is_blocked",
        _T: "date_joined first_purchase_date last_purchase_date",
    },
    "transaction": {
        _S: "external_id auth_code network_transaction_id order currency payment_method statement_descriptor"
        " type status response_message response_code",
        _I: "id parent_id billing_cycle",
        _N: "amount amount_available_for_refund",
        _B: "is_disputed is_external is_test is_3ds",
        _T: "date_created order_date",
    },
    "dispute": {
        _S: "type status resolution arn case_number currency order",
        _I: "id transaction",
        _N: "amount report_amount",
        _T: "date_created happened_at",
    },
    "subscription": {
        _S: "status interval frequency currency cancel_reason payment_method",
        _I: "id interval_count num_orders num_lines",
        _N: "total price shipping_price",
        _B: "is_test",
        _T: "date_created next_renewal_date paused_at paused_until cancelled_at",
    },
    "cart": {
        _S: "status currency checkout_url",
        _I: "id",
        _N: "total_incl_tax total_excl_tax total_discount",
        _B: "abandoned",
        _T: "date_created created_at",
    },
    "return": {
        _S: "number status reason location carrier tracking_code",
        _I: "id quantity",
        _N: "amount total_refund_amount amount_incl_tax amount_excl_tax",
        _T: "created_at",
    },
    "fulfillment": {
        _S: "order_number status delivery_status carrier tracking_code tracking_link reference",
        _I: "id location_id order_line_id quantity",
        _B: "requires_shipping",
        _T: "created_at date_created last_event_date delivered_at",
    },
}
"""Names that the Admin API gives the fields of each object (OpenAPI document, version 2024-04-01).

Codes and order numbers are text here, although `response_code` and a dispute's `order` are integers in the API: a
gateway's codes may begin with a zero, and an order number has one type in all streams.
"""

KNOWN_DEFINITIONS: dict[str, ColumnType] = {"conversion_timestamp": _I, "timestamp": _I}
"""Columns of the vendor's Campaigns App whose types do not follow from their names."""

RULES: tuple[tuple[ColumnType, str], ...] = (
    # Text first: these are identifiers, even if they look like numbers.
    (_S, r"(^|_)(codes?|phone|phone_number|postcode|postal_code|zip|zipcode|number|ip|ip_address)$"),
    (_S, r"(^|_)(sku|email|name|title|url|link|type|status|reason|currency|method|source|tags?|gclid|reference)$"),
    (_S, r"(^|_)(notes?|comments?|description|label|address|line_?[1-4]|tax_(id|name|class|label))$"),
    (_B, r"^(is|has|accepts|requires|can|allow|allows)_|^was_(?!.*(price|cost|total|amount)$)"),
    (_B, r"(^|_)(abandoned|enabled|accepts_marketing|taxable)$"),
    (_T, r"(^|_)(date|datetime|at)$"),
    (_T, r"^date_|(^|_)(paused_until|expires_on|created_on|updated_on)$"),
    (_I, r"(^|_)(quantity|qty|count|position)$|^(num|number_of|count)_"),
    (_I, r"^((order_|parent_)?(line|line_item|item)|order|customer|product|variant|parent|location)_id$"),
    (_I, r"^(transaction|dispute|subscription|cart|return|fulfillment|user)_id$"),
    (_N, r"(^|_)(total|subtotal|amount|price|cost|cogs|tax|discount|revenue|profit|margin|fees?|balance)(_dollar)?$"),
    (_N, r"(^|_)(total|price|cost|tax|shipping|discount|amount)_(incl|excl|including|excluding)_tax(_dollar)?$"),
    (_N, r"^(original_)?total_(?!.*(name|code|type|quantity|count|number|percent)$)|_(refunded|outstanding|spent)$"),
)
"""Type and pattern of the snake_case name; the first match decides.

A name that is a time for one merchant and a number for another, such as `…_timestamp`, has no rule.
"""

_API = {
    (kind, name): column_type
    for kind, types in API_NAMES.items()
    for column_type, names in types.items()
    for name in names.split()
}
_ON_MOST = {"cogs": _N}
"""Names in most exports that no rule covers; those of customers, addresses and attribution are text anyway."""
_RULES = tuple((column_type, re.compile(pattern)) for column_type, pattern in RULES)
_ALWAYS_TEXT = re.compile(
    r"(^|_)(codes?|phone|phone_(number|no)|telephone|mobile|postcode|postal_code|zip|zipcode|order_(number|no))(_?[0-9]+)?$"
    r"|^number$"
)
_RELAX_FROM = 20
"""The least number of cells with a value in a sample that may relax a type."""


def object_of(stream: str) -> str:
    """The object of a stream's rows: `line` for line items, else the one in the export type's code, such as `order`."""
    if stream.endswith("_line_items"):
        return "line"
    return stream.removesuffix("_list").removeprefix("open_")


def expected_columns(stream: str) -> list[str]:
    """The names that the API documents for a stream's object; for line items, the parent's number or id first."""
    kind = object_of(stream)
    names = [name for names in API_NAMES.get(kind, {}).values() for name in names.split()]
    if kind != "line":
        return names
    parent = stream.removesuffix("_line_items").removeprefix("open_")
    return [f"{parent}_number" if parent in ("order", "return") else f"{parent}_id", *names]


def api_type(stream: str, name: str) -> ColumnType | None:
    """The type of a name that the API uses, with or without the object as a prefix (`order_status`)."""
    kind = object_of(stream)
    for candidate in (name, name.removeprefix(f"{kind}_")):
        if found := _API.get((kind, candidate)):
            return found
    return ColumnType.STRING if is_always_text(name) else _ON_MOST.get(name)


def type_by_rule(name: str) -> ColumnType:
    """The type by the rules over names; `string` where no rule matches."""
    return next((column_type for column_type, pattern in _RULES if pattern.search(name)), ColumnType.STRING)


def is_always_text(name: str) -> bool:
    """Whether a column is text, whatever the store's definitions say: codes, phones, postcodes, order numbers."""
    return bool(_ALWAYS_TEXT.search(name))


def relax_type(column_type: ColumnType, cells: Iterable[str]) -> ColumnType:
    """The type from a rule; `string` if 20 or more sampled cells have a value and fewer than a tenth of them fit."""
    convert = column_type.converter(timezone.utc)
    filled = [cell for cell in cells if not is_null(cell)]
    if convert is None or len(filled) < _RELAX_FROM:
        return column_type
    fitting = sum(_fits(convert, cell) for cell in filled)
    return column_type if fitting * 10 >= len(filled) else ColumnType.STRING


def _fits(convert: Callable[[str], Any], cell: str) -> bool:
    try:
        convert(cell)
    except ValueError:
        return False
    return True
