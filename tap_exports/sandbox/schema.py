"""The types of export."""

from __future__ import annotations

from dataclasses import dataclass

from tap_exports.sandbox import columns
from tap_exports.sandbox.model import Kind


@dataclass(frozen=True)
class ExportType:
    """One type of export.

    Attributes:
        code: As the API has it.
        name: As the API shows it.
        kind: The objects that it holds, or whose lines it holds.
        columns: From left to right, a merchant's own left out.
        lines: Whether a row is a line.
        merchant: The metadata objects whose columns a merchant can switch in.
    """

    code: str
    name: str
    kind: Kind
    columns: tuple[columns.Column, ...]
    lines: bool = False
    merchant: tuple[str, ...] = ()


TYPES = (
    ExportType("order_list", "Orders", Kind.ORDER, columns.ORDERS, merchant=("order", "attribution")),
    ExportType(
        "order_line_items",
        "Order Line Items",
        Kind.ORDER,
        columns.ORDER_LINES,
        lines=True,
        merchant=("line", "product", "variant"),
    ),
    ExportType("customer_list", "Customers", Kind.CUSTOMER, columns.CUSTOMERS, merchant=("customer",)),
    ExportType("transaction_list", "Transactions", Kind.TRANSACTION, columns.TRANSACTIONS),
    ExportType("dispute_list", "Disputes", Kind.DISPUTE, columns.DISPUTES, merchant=("dispute",)),
    ExportType("subscription_list", "Subscriptions", Kind.SUBSCRIPTION, columns.SUBSCRIPTIONS),
    ExportType(
        "subscription_line_items",
        "Subscription Line Items",
        Kind.SUBSCRIPTION,
        columns.SUBSCRIPTION_LINES,
        lines=True,
    ),
    ExportType("open_cart_list", "Open Carts", Kind.CART, columns.CARTS),
    ExportType("open_cart_line_items", "Open Cart Line Items", Kind.CART, columns.CART_LINES, lines=True),
    ExportType("return_list", "Returns", Kind.RETURN, columns.RETURNS),
    ExportType("return_line_items", "Return Line Items", Kind.RETURN, columns.RETURN_LINES, lines=True),
    ExportType("fulfillment_list", "Fulfillments", Kind.FULFILLMENT, columns.FULFILLMENTS),
    ExportType(
        "fulfillment_line_items",
        "Fulfillment Line Items",
        Kind.FULFILLMENT,
        columns.FULFILLMENT_LINES,
        lines=True,
    ),
)


def export_types(extra: tuple[str, ...] = ()) -> dict[str, ExportType]:
    """The types by code; the extra ones, as the platform may add them, hold what `order_list` holds."""
    types = {one.code: one for one in TYPES}
    orders = types["order_list"]
    for code in extra:
        types[code] = ExportType(code, code.replace("_", " ").title(), Kind.ORDER, orders.columns)
    return types
