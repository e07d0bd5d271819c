"""The objects of a store, with the times of their events, from which their state at any time is derived."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from tap_exports.sandbox.sample_data import Product

Value = str | int | Decimal | bool | datetime | None
"""The value of a cell."""


class Line(NamedTuple):
    """A line of an order, a cart or a subscription; or of a return or a fulfillment, of a line of the order."""

    id: int
    product: Product
    quantity: int
    is_upsell: bool = False
    order_line: int | None = None


def price_of(lines: Iterable[Line]) -> Decimal:
    """What lines cost together, with tax."""
    return sum((line.product.price * line.quantity for line in lines), Decimal(0))


@dataclass(slots=True, eq=False)
class StoreObject:
    """An object that exports show."""

    id: int
    created: datetime

    @property
    def at_midnight(self) -> bool:
        """Whether it was created exactly at midnight UTC, where windows are likely to end."""
        return self.created.time() == time()


@dataclass(slots=True, eq=False)
class Customer(StoreObject):
    """A customer."""


@dataclass(slots=True, eq=False)
class Subscription(StoreObject):
    """A subscription."""

    customer: Customer
    lines: tuple[Line, ...]
    currency: str
    every: timedelta
    paused: datetime | None
    cancelled: datetime | None
    orders: list[Order] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Order(StoreObject):
    """An order, with everything that follows from it."""

    number: str
    placed: datetime
    customer: Customer
    lines: tuple[Line, ...]
    currency: str
    shipping_method: str
    shipping_price: Decimal
    subscription: Subscription | None
    cancelled: datetime | None
    transactions: list[Transaction] = field(default_factory=list)
    fulfillments: list[Fulfillment] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    disputes: list[Dispute] = field(default_factory=list)

    @property
    def total(self) -> Decimal:
        """What was paid for it."""
        return price_of(self.lines) + self.shipping_price


@dataclass(slots=True, eq=False)
class Transaction(StoreObject):
    """A transaction."""

    order: Order
    type: str
    amount: Decimal
    parent: Transaction | None = None
    declined: bool = False


@dataclass(slots=True, eq=False)
class Dispute(StoreObject):
    """A dispute."""

    transaction: Transaction
    happened: datetime
    resolved: datetime
    won: bool


@dataclass(slots=True, eq=False)
class Fulfillment(StoreObject):
    """A fulfillment."""

    order: Order
    lines: tuple[Line, ...]
    shipped: datetime
    delivered: datetime


@dataclass(slots=True, eq=False)
class Return(StoreObject):
    """A return."""

    number: str
    order: Order
    lines: tuple[Line, ...]
    received: datetime
    refunded: datetime


@dataclass(slots=True, eq=False)
class Cart(StoreObject):
    """An open cart."""

    customer: Customer | None
    lines: tuple[Line, ...]
    currency: str
    abandoned: datetime
