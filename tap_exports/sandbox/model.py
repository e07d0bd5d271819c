"""The objects that a store's history is made of.

They hold when items happen; what is true at a given moment follows from that, so one object reads
differently as the store's clock moves on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from decimal import Decimal

    from tap_exports.sandbox.sample_data import Product


class Kind(str, Enum):
    """The kinds of objects that have an export of their own."""

    ORDER = "order"
    CUSTOMER = "customer"
    TRANSACTION = "transaction"
    DISPUTE = "dispute"
    SUBSCRIPTION = "subscription"
    CART = "cart"
    RETURN = "return"
    FULFILLMENT = "fulfillment"


class Customer(NamedTuple):
    """Somebody who bought, or nearly did."""

    id: int
    created: datetime
    gone: datetime | None = None


class Line(NamedTuple):
    """One line of an order, a cart or a subscription.

    Attributes:
        id: As the API has it.
        product: The variant.
        quantity: At first.
        is_upsell: Whether it was offered after the checkout.
        added: When an edit of the order added it; None for a line that was there from the start.
        removed: When an edit removed it.
        changed: When an edit changed its quantity, and to what.
    """

    id: int
    product: Product
    quantity: int
    is_upsell: bool = False
    added: datetime | None = None
    removed: datetime | None = None
    changed: tuple[datetime, int] | None = None


class Sent(NamedTuple):
    """One line of a return or a fulfillment."""

    id: int
    line: Line
    quantity: int


@dataclass(slots=True, eq=False)
class Subscription:
    """An agreement to buy again."""

    id: int
    created: datetime
    customer: Customer
    lines: tuple[Line, ...]
    currency: str
    every: timedelta
    paused: datetime | None
    cancelled: datetime | None
    orders: list[Order] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Order:
    """An order, with all that will ever happen to it."""

    id: int
    number: str
    created: datetime
    placed: datetime
    customer: Customer
    lines: tuple[Line, ...]
    currency: str
    shipping: tuple[str, str, Decimal]
    subscription: Subscription | None
    total: Decimal
    cancelled: datetime | None
    transactions: list[Transaction] = field(default_factory=list)
    fulfillments: list[Fulfillment] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    disputes: list[Dispute] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Transaction:
    """Money moved, or refused to."""

    id: int
    created: datetime
    order: Order
    type: str
    amount: Decimal
    parent: Transaction | None = None
    declined: bool = False


@dataclass(slots=True, eq=False)
class Dispute:
    """A bank's customer who wants the money back."""

    id: int
    created: datetime
    transaction: Transaction
    happened: datetime
    resolved: datetime
    won: bool


@dataclass(slots=True, eq=False)
class Fulfillment:
    """A parcel."""

    id: int
    created: datetime
    order: Order
    lines: tuple[Sent, ...]
    shipped: datetime
    delivered: datetime


@dataclass(slots=True, eq=False)
class Return:
    """A parcel on its way back."""

    id: int
    number: str
    created: datetime
    order: Order
    lines: tuple[Sent, ...]
    received: datetime
    refunded: datetime


@dataclass(slots=True, eq=False)
class Cart:
    """A basket that was left standing."""

    id: int
    created: datetime
    customer: Customer | None
    lines: tuple[Line, ...]
    currency: str
    abandoned: datetime
    gone: datetime | None = None


StoreObject = Order | Customer | Transaction | Dispute | Subscription | Cart | Return | Fulfillment
