"""The objects of a store, with the times of their events, from which their state at any time is derived."""

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
    """A customer."""

    id: int
    created: datetime


class Line(NamedTuple):
    """One line of an order, a cart or a subscription."""

    id: int
    product: Product
    quantity: int
    is_upsell: bool = False


class Sent(NamedTuple):
    """One line of a return or a fulfillment."""

    id: int
    line: Line
    quantity: int


@dataclass(slots=True, eq=False)
class Subscription:
    """A subscription."""

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
    """An order, with everything that follows from it."""

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
    """A transaction."""

    id: int
    created: datetime
    order: Order
    type: str
    amount: Decimal
    parent: Transaction | None = None
    declined: bool = False


@dataclass(slots=True, eq=False)
class Dispute:
    """A dispute."""

    id: int
    created: datetime
    transaction: Transaction
    happened: datetime
    resolved: datetime
    won: bool


@dataclass(slots=True, eq=False)
class Fulfillment:
    """A fulfillment."""

    id: int
    created: datetime
    order: Order
    lines: tuple[Sent, ...]
    shipped: datetime
    delivered: datetime


@dataclass(slots=True, eq=False)
class Return:
    """A return."""

    id: int
    number: str
    created: datetime
    order: Order
    lines: tuple[Sent, ...]
    received: datetime
    refunded: datetime


@dataclass(slots=True, eq=False)
class Cart:
    """An open cart."""

    id: int
    created: datetime
    customer: Customer | None
    lines: tuple[Line, ...]
    currency: str
    abandoned: datetime


StoreObject = Order | Customer | Transaction | Dispute | Subscription | Cart | Return | Fulfillment
