"""The columns of each type of export: one table each, as the CSV has them from left to right."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class CellType(str, Enum):
    """What a column holds."""

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
    """One column of a CSV.

    Attributes:
        header: In Title Case.
        type: What it holds.
        role: What it is for.
    """

    header: str
    type: CellType
    role: Role = Role.PLAIN

    @property
    def key(self) -> str:
        """The header in snake case, which is also the name of the fact that it shows."""
        return self.header.lower().replace(" ", "_")


def _table(text: str) -> tuple[Column, ...]:
    columns = []
    for line in text.strip().splitlines():
        header, cell_type, *role = [part.strip() for part in line.split("|")]
        columns.append(Column(header, CellType(cell_type), Role(role[0]) if role else Role.PLAIN))
    return tuple(columns)


ORDERS = _table("""
    Order Number           | text | own
    Order Date             | time
    Status                 | text
    Payment Status         | text
    Fulfillment Status     | text
    Source                 | text
    Currency               | text
    Customer ID            | integer
    Customer First Name    | text
    Customer Last Name     | text
    Customer Email         | text
    Customer Phone         | text
    Customer IP            | text
    Shipping Method        | text
    Shipping Line1         | text
    Shipping Line2         | text
    Shipping Line4         | text
    Shipping State         | text
    Shipping Postcode      | text
    Shipping Country       | text
    Total Incl Tax         | money
    Total Excl Tax         | money
    Total Tax              | money
    Total Discount         | money
    Shipping Incl Tax      | money
    COGS                   | money
    Total Outstanding      | money
    Subscription Lifecycle | text
    Is Test                | boolean
    Tags                   | text
    UTM Source             | text
    UTM Campaign           | text
    Affiliate              | text
    Subaffiliate1          | text
    Funnel                 | text
    GCLID                  | text
    Created At             | time
    Updated At             | time
""")

ORDER_LINES = _table("""
    Order Number           | text | own
    Order Date             | time
    Line ID                | integer | line_id
    Product ID             | integer
    Variant ID             | integer
    Product Title          | text
    Variant Title          | text
    SKU                    | text
    Quantity               | integer
    Current Quantity       | integer
    Currency               | text
    Price Incl Tax         | money
    Price Excl Tax         | money
    Unit Cost              | money
    Total Cost             | money
    Total Discount         | money
    Is Upsell              | boolean
    Is Gift Card           | boolean
    Requires Shipping      | boolean
    Customer Email         | text
    Shipping State         | text
    Created At             | time
    Updated At             | time
""")

CUSTOMERS = _table("""
    Customer ID            | integer | own
    Email                  | text
    First Name             | text
    Last Name              | text
    Phone Number           | text
    IP                     | text
    Language               | text
    User Type              | text
    Orders Count           | integer
    Subscriptions Count    | integer
    Total Spent            | decimal
    Accepts Marketing      | boolean
    Is Blocked             | boolean
    Tags                   | text
    Line1                  | text
    Line2                  | text
    Line4                  | text
    State                  | text
    Postcode               | text
    Country                | text
    Date Joined            | time
    First Purchase Date    | time
    Last Purchase Date     | time
""")

TRANSACTIONS = _table("""
    Transaction ID              | integer | own
    Parent ID                   | integer
    Order Number                | text
    Order Date                  | time
    Date Created                | time
    Type                        | text
    Status                      | text
    Amount                      | money
    Amount Available For Refund | money
    Currency                    | text
    Payment Method              | text
    External ID                 | text
    Auth Code                   | text
    Network Transaction ID      | text
    Statement Descriptor        | text
    Response Code               | text
    Response Message            | text
    Billing Cycle               | integer
    Is Disputed                 | boolean
    Is External                 | boolean
    Is Test                     | boolean
    Is 3DS                      | boolean
    Customer Email              | text
    Customer First Name         | text
    Customer Last Name          | text
    Billing Postcode            | text
    Billing Country             | text
""")

DISPUTES = _table("""
    Dispute ID             | integer | own
    Type                   | text
    Status                 | text
    Resolution             | text
    ARN                    | text
    Case Number            | text
    Order                  | text
    Transaction            | integer
    Amount                 | money
    Report Amount          | money
    Currency               | text
    Date Created           | time
    Happened At            | time
    Customer Email         | text
    Customer First Name    | text
    Customer Last Name     | text
""")

SUBSCRIPTIONS = _table("""
    Subscription ID        | integer | own
    Status                 | text
    Interval               | text
    Interval Count         | integer
    Frequency              | text
    Num Orders             | integer
    Num Lines              | integer
    Total                  | money
    Price                  | money
    Shipping Price         | money
    Currency               | text
    Payment Method         | text
    Customer ID            | integer
    Customer Email         | text
    Customer First Name    | text
    Customer Last Name     | text
    Initial Order Number   | text
    Is Test                | boolean
    Date Created           | time
    Next Renewal Date      | time
    Paused At              | time
    Cancelled At           | time
    Cancel Reason          | text
    Shipping Postcode      | text
    Shipping Country       | text
""")

SUBSCRIPTION_LINES = _table("""
    Subscription ID        | integer | own
    Line ID                | integer | line_id
    Status                 | text
    Product ID             | integer
    Variant ID             | integer
    Product Title          | text
    Variant Title          | text
    SKU                    | text
    Quantity               | integer
    Price                  | money
    Currency               | text
    Customer Email         | text
    Date Created           | time
    Next Renewal Date      | time
""")

CARTS = _table("""
    Cart ID                | integer | own
    Status                 | text
    Abandoned              | boolean
    Currency               | text
    Checkout URL           | text
    Total Incl Tax         | money
    Total Excl Tax         | money
    Total Discount         | money
    Customer ID            | integer
    Customer Email         | text
    Customer First Name    | text
    Customer Last Name     | text
    Customer Phone         | text
    Shipping Postcode      | text
    Shipping Country       | text
    UTM Source             | text
    UTM Campaign           | text
    Date Created           | time
""")

CART_LINES = _table("""
    Cart ID                | integer | own
    Line ID                | integer | line_id
    Product ID             | integer
    Variant ID             | integer
    Product Title          | text
    Variant Title          | text
    SKU                    | text
    Quantity               | integer
    Price Incl Tax         | money
    Price Excl Tax         | money
    Currency               | text
    Customer Email         | text
    Date Created           | time
""")

RETURNS = _table("""
    Return Number          | text | own
    Order Number           | text
    Status                 | text
    Reason                 | text
    Location               | text
    Carrier                | text
    Tracking Code          | text
    Quantity               | integer
    Amount                 | money
    Total Refund Amount    | money
    Currency               | text
    Customer Email         | text
    Customer First Name    | text
    Customer Last Name     | text
    Created At             | time
    Updated At             | time
""")

RETURN_LINES = _table("""
    Return Number          | text | own
    Line ID                | integer | line_id
    Order Number           | text
    Status                 | text
    Product Title          | text
    Variant Title          | text
    SKU                    | text
    Quantity               | integer
    Reason                 | text
    Amount Incl Tax        | money
    Amount Excl Tax        | money
    Currency               | text
    Created At             | time
""")

FULFILLMENTS = _table("""
    Fulfillment ID         | integer | own
    Order Number           | text
    Status                 | text
    Delivery Status        | text
    Carrier                | text
    Tracking Code          | text
    Tracking Link          | text
    Reference              | text
    Location ID            | integer
    Location               | text
    Quantity               | integer
    Requires Shipping      | boolean
    Customer First Name    | text
    Customer Last Name     | text
    Shipping Line1         | text
    Shipping Line4         | text
    Shipping State         | text
    Shipping Postcode      | text
    Shipping Country       | text
    Created At             | time
    Last Event Date        | time
    Delivered At           | time
""")

FULFILLMENT_LINES = _table("""
    Fulfillment ID         | integer | own
    Line ID                | integer | line_id
    Order Line ID          | integer | line_id
    Order Number           | text
    Status                 | text
    Product Title          | text
    SKU                    | text
    Quantity               | integer
    Requires Shipping      | boolean
    Tracking Code          | text
    Created At             | time
""")
