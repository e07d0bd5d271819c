"""The types of export and their columns, in the order of the CSV."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum

from tap_exports.sandbox.model import Kind

Value = str | int | Decimal | bool | datetime | None


class CellType(str, Enum):
    """The type of a column's cells."""

    TEXT = "text"
    INTEGER = "integer"
    MONEY = "money"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    TIME = "time"


class Role(str, Enum):
    """What a column is for, where that matters."""

    OWN_KEY = "own"
    LINE_ID = "line_id"
    PLAIN = "plain"


@dataclass(frozen=True)
class Column:
    """One column of a CSV; its header is in Title Case."""

    header: str
    type: CellType
    role: Role = Role.PLAIN

    @property
    def key(self) -> str:
        """The header in snake case, which is also the name of the fact that it shows."""
        return self.header.lower().replace(" ", "_")


@dataclass(frozen=True)
class ExportType:
    """One type of export."""

    code: str  # as the API has it
    name: str  # as the API shows it
    kind: Kind  # of its objects, or of its lines' parents
    columns: tuple[Column, ...]  # without a merchant's own
    lines: bool = False  # whether a row is a line
    merchant: tuple[str, ...] = ()  # the metadata objects whose columns a merchant can add


def _columns(text: str) -> tuple[Column, ...]:
    """Read `Header [type] [role]; ...`: words in lower case are a type or a role; a column without a type is text."""
    columns = []
    for part in text.split(";"):
        words = part.split()
        flags = [word for word in words if word.islower()]
        cell_type = next((CellType(word) for word in flags if word in set(CellType)), CellType.TEXT)
        role = next((Role(word) for word in flags if word in set(Role)), Role.PLAIN)
        columns.append(Column(" ".join(word for word in words if not word.islower()), cell_type, role))
    return tuple(columns)


_COLUMNS = {
    "order_list": """
        Order Number own; Order Date time; Status; Payment Status; Fulfillment Status; Source; Currency; Customer ID
        integer; Customer First Name; Customer Last Name; Customer Email; Customer Phone; Customer IP; Shipping
        Method; Shipping Line1; Shipping Line2; Shipping Line4; Shipping State; Shipping Postcode; Shipping Country;
        Total Incl Tax money; Total Excl Tax money; Total Tax money; Total Discount money; Shipping Incl Tax money;
        COGS money; Total Outstanding money; Subscription Lifecycle; Is Test boolean; Tags; UTM Source; UTM
        Campaign; Affiliate; Subaffiliate1; Funnel; GCLID; Created At time; Updated At time
    """,
    "order_line_items": """
        Order Number own; Order Date time; Line ID integer line_id; Product ID integer; Variant ID integer; Product
        Title; Variant Title; SKU; Quantity integer; Current Quantity integer; Currency; Price Incl Tax money; Price
        Excl Tax money; Unit Cost money; Total Cost money; Total Discount money; Is Upsell boolean; Is Gift Card
        boolean; Requires Shipping boolean; Customer Email; Shipping State; Created At time; Updated At time
    """,
    "customer_list": """
        Customer ID integer own; Email; First Name; Last Name; Phone Number; IP; Language; User Type; Orders Count
        integer; Subscriptions Count integer; Total Spent decimal; Accepts Marketing boolean; Is Blocked boolean;
        Tags; Line1; Line2; Line4; State; Postcode; Country; Date Joined time; First Purchase Date time; Last
        Purchase Date time
    """,
    "transaction_list": """
        Transaction ID integer own; Parent ID integer; Order Number; Order Date time; Date Created time; Type;
        Status; Amount money; Amount Available For Refund money; Currency; Payment Method; External ID; Auth Code;
        Network Transaction ID; Statement Descriptor; Response Code; Response Message; Billing Cycle integer; Is
        Disputed boolean; Is External boolean; Is Test boolean; Is 3DS boolean; Customer Email; Customer First Name;
        Customer Last Name; Billing Postcode; Billing Country
    """,
    "dispute_list": """
        Dispute ID integer own; Type; Status; Resolution; ARN; Case Number; Order; Transaction integer; Amount
        money; Report Amount money; Currency; Date Created time; Happened At time; Customer Email; Customer First
        Name; Customer Last Name
    """,
    "subscription_list": """
        Subscription ID integer own; Status; Interval; Interval Count integer; Frequency; Num Orders integer; Num
        Lines integer; Total money; Price money; Shipping Price money; Currency; Payment Method; Customer ID
        integer; Customer Email; Customer First Name; Customer Last Name; Initial Order Number; Is Test boolean;
        Date Created time; Next Renewal Date time; Paused At time; Cancelled At time; Cancel Reason; Shipping
        Postcode; Shipping Country
    """,
    "subscription_line_items": """
        Subscription ID integer own; Line ID integer line_id; Status; Product ID integer; Variant ID integer;
        Product Title; Variant Title; SKU; Quantity integer; Price money; Currency; Customer Email; Date Created
        time; Next Renewal Date time
    """,
    "open_cart_list": """
        Cart ID integer own; Status; Abandoned boolean; Currency; Checkout URL; Total Incl Tax money; Total Excl Tax
        money; Total Discount money; Customer ID integer; Customer Email; Customer First Name; Customer Last Name;
        Customer Phone; Shipping Postcode; Shipping Country; UTM Source; UTM Campaign; Date Created time
    """,
    "open_cart_line_items": """
        Cart ID integer own; Line ID integer line_id; Product ID integer; Variant ID integer; Product Title; Variant
        Title; SKU; Quantity integer; Price Incl Tax money; Price Excl Tax money; Currency; Customer Email; Date
        Created time
    """,
    "return_list": """
        Return Number own; Order Number; Status; Reason; Location; Carrier; Tracking Code; Quantity integer; Amount
        money; Total Refund Amount money; Currency; Customer Email; Customer First Name; Customer Last Name; Created
        At time; Updated At time
    """,
    "return_line_items": """
        Return Number own; Line ID integer line_id; Order Number; Status; Product Title; Variant Title; SKU;
        Quantity integer; Reason; Amount Incl Tax money; Amount Excl Tax money; Currency; Created At time
    """,
    "fulfillment_list": """
        Fulfillment ID integer own; Order Number; Status; Delivery Status; Carrier; Tracking Code; Tracking Link;
        Reference; Location ID integer; Location; Quantity integer; Requires Shipping boolean; Customer First Name;
        Customer Last Name; Shipping Line1; Shipping Line4; Shipping State; Shipping Postcode; Shipping Country;
        Created At time; Last Event Date time; Delivered At time
    """,
    "fulfillment_line_items": """
        Fulfillment ID integer own; Line ID integer line_id; Order Line ID integer line_id; Order Number; Status;
        Product Title; SKU; Quantity integer; Requires Shipping boolean; Tracking Code; Created At time
    """,
}
_MERCHANT = {
    "order_list": ("order", "attribution"),
    "order_line_items": ("line", "product", "variant"),
    "customer_list": ("customer",),
    "dispute_list": ("dispute",),
}


def _export_type(code: str, text: str) -> ExportType:
    lines = code.endswith("_line_items")
    what = code.removesuffix("_list").removesuffix("_line_items")
    title = what.replace("_", " ").title()
    name = f"{title} Line Items" if lines else f"{title}s"
    return ExportType(code, name, Kind(what.removeprefix("open_")), _columns(text), lines, _MERCHANT.get(code, ()))


def export_types(extra: tuple[str, ...] = ()) -> dict[str, ExportType]:
    """The types by code; the extra ones have the columns of `order_list`."""
    types = {code: _export_type(code, text) for code, text in _COLUMNS.items()}
    orders = types["order_list"]
    for code in extra:
        types[code] = ExportType(code, code.replace("_", " ").title(), Kind.ORDER, orders.columns)
    return types
