"""The types of export and their columns, in the order of the CSV."""

from __future__ import annotations

from typing import NamedTuple

from tap_exports.sandbox import model

LINE_IDS = {"Line ID", "Order Line ID"}
"""Columns that exist with the option `line_ids` only."""


class ExportType(NamedTuple):
    """One type of export."""

    code: str  # as the API has it
    name: str  # as the API shows it
    kind: type[model.StoreObject]  # of its objects, or of its lines' parents
    headers: tuple[str, ...]  # in Title Case, without a merchant's own; the first one is the object's key
    lines: bool = False  # whether a row is a line


def key_of(header: str) -> str:
    """A header in snake case, which is the name of its value in rows."""
    return header.lower().replace(" ", "_")


_HEADERS = {
    "order_list": """
        Order Number; Order Date; Status; Payment Status; Fulfillment Status; Source; Currency; Customer ID; Customer
        First Name; Customer Last Name; Customer Email; Customer Phone; Customer IP; Shipping Method; Shipping Line1;
        Shipping Line2; Shipping Line4; Shipping State; Shipping Postcode; Shipping Country; Total Incl Tax; Total Excl
        Tax; Total Tax; Total Discount; Shipping Incl Tax; COGS; Total Outstanding; Subscription Lifecycle; Is Test;
        Tags; UTM Source; UTM Campaign; Affiliate; Subaffiliate1; Funnel; GCLID; Created At; Updated At
    """,
    "order_line_items": """
        Order Number; Order Date; Line ID; Product ID; Variant ID; Product Title; Variant Title; SKU; Quantity; Current
        Quantity; Currency; Price Incl Tax; Price Excl Tax; Unit Cost; Total Cost; Total Discount; Is Upsell; Is Gift
        Card; Requires Shipping; Customer Email; Shipping State; Created At; Updated At
    """,
    "customer_list": """
        Customer ID; Email; First Name; Last Name; Phone Number; IP; Language; User Type; Orders Count; Subscriptions
        Count; Total Spent; Accepts Marketing; Is Blocked; Tags; Line1; Line2; Line4; State; Postcode; Country; Date
        Joined; First Purchase Date; Last Purchase Date
    """,
    "transaction_list": """
        Transaction ID; Parent ID; Order Number; Order Date; Date Created; Type; Status; Amount; Amount Available For
        Refund; Currency; Payment Method; External ID; Auth Code; Network Transaction ID; Statement Descriptor; Response
        Code; Response Message; Billing Cycle; Is Disputed; Is External; Is Test; Is 3DS; Customer Email; Customer First
        Name; Customer Last Name; Billing Postcode; Billing Country
    """,
    "dispute_list": """
        Dispute ID; Type; Status; Resolution; ARN; Case Number; Order; Transaction; Amount; Report Amount; Currency;
        Date Created; Happened At; Customer Email; Customer First Name; Customer Last Name
    """,
    "subscription_list": """
        Subscription ID; Status; Interval; Interval Count; Frequency; Num Orders; Num Lines; Total; Price; Shipping
        Price; Currency; Payment Method; Customer ID; Customer Email; Customer First Name; Customer Last Name; Initial
        Order Number; Is Test; Date Created; Next Renewal Date; Paused At; Cancelled At; Cancel Reason; Shipping
        Postcode; Shipping Country
    """,
    "subscription_line_items": """
        Subscription ID; Line ID; Status; Product ID; Variant ID; Product Title; Variant Title; SKU; Quantity; Price;
        Currency; Customer Email; Date Created; Next Renewal Date
    """,
    "open_cart_list": """
        Cart ID; Status; Abandoned; Currency; Checkout URL; Total Incl Tax; Total Excl Tax; Total Discount; Customer ID;
        Customer Email; Customer First Name; Customer Last Name; Customer Phone; Shipping Postcode; Shipping Country;
        UTM Source; UTM Campaign; Date Created
    """,
    "open_cart_line_items": """
        Cart ID; Line ID; Product ID; Variant ID; Product Title; Variant Title; SKU; Quantity; Price Incl Tax; Price
        Excl Tax; Currency; Customer Email; Date Created
    """,
    "return_list": """
        Return Number; Order Number; Status; Reason; Location; Carrier; Tracking Code; Quantity; Amount; Total Refund
        Amount; Currency; Customer Email; Customer First Name; Customer Last Name; Created At; Updated At
    """,
    "return_line_items": """
        Return Number; Line ID; Order Number; Status; Product Title; Variant Title; SKU; Quantity; Reason; Amount Incl
        Tax; Amount Excl Tax; Currency; Created At
    """,
    "fulfillment_list": """
        Fulfillment ID; Order Number; Status; Delivery Status; Carrier; Tracking Code; Tracking Link; Reference;
        Location ID; Location; Quantity; Requires Shipping; Customer First Name; Customer Last Name; Shipping Line1;
        Shipping Line4; Shipping State; Shipping Postcode; Shipping Country; Created At; Last Event Date; Delivered At
    """,
    "fulfillment_line_items": """
        Fulfillment ID; Line ID; Order Line ID; Order Number; Status; Product Title; SKU; Quantity; Requires Shipping;
        Tracking Code; Created At
    """,
}
_KINDS: dict[str, type[model.StoreObject]] = {
    "order": model.Order,
    "customer": model.Customer,
    "transaction": model.Transaction,
    "dispute": model.Dispute,
    "subscription": model.Subscription,
    "open_cart": model.Cart,
    "return": model.Return,
    "fulfillment": model.Fulfillment,
}
MERCHANT = {
    "order_list": {"order": "order_number", "attribution": "order_number"},
    "order_line_items": {"line": "line_id", "product": "product_id", "variant": "variant_id"},
    "customer_list": {"customer": "customer_id"},
    "dispute_list": {"dispute": "dispute_id"},
}
"""The metadata objects whose columns a merchant can add to a type, and the value that identifies one of them."""


def _export_type(code: str, text: str) -> ExportType:
    what, lines = code.removesuffix("_list").removesuffix("_line_items"), code.endswith("_line_items")
    title = what.replace("_", " ").title()
    headers = tuple(" ".join(header.split()) for header in text.split(";"))
    return ExportType(code, f"{title} Line Items" if lines else f"{title}s", _KINDS[what], headers, lines)


def export_types(extra: tuple[str, ...] = ()) -> dict[str, ExportType]:
    """The types by code; the extra ones have the columns of `order_list`."""
    types = {code: _export_type(code, text) for code, text in _HEADERS.items()}
    more = {code: types["order_list"]._replace(code=code, name=code.replace("_", " ").title()) for code in extra}
    return types | more
