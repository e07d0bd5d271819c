"""Values at a moment that the rows of several types share."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from tap_exports.sandbox.sample_data import GIFT_CARD, PAYMENT_METHODS, profile
from tap_exports.sandbox.seeded_random import SeededRandom

if TYPE_CHECKING:
    from datetime import datetime

    from tap_exports.sandbox.columns import Value
    from tap_exports.sandbox.dataset import Dataset
    from tap_exports.sandbox.model import Customer, Line, Order

TAX = Decimal("1.08")
CENT = Decimal("0.01")
ZERO = Decimal(0)
_OF_CUSTOMER = {
    "customer_first_name": "first_name",
    "customer_last_name": "last_name",
    "customer_email": "email",
    "customer_phone": "phone_number",
    "customer_ip": "ip",
    **{f"shipping_{name}": name for name in ("line1", "line2", "line4", "state", "postcode", "country")},
    **{f"billing_{name}": name for name in ("postcode", "country")},
}


@dataclass(frozen=True)
class Moment:
    """A moment at which the dataset is read; later events have not happened."""

    dataset: Dataset
    now: datetime

    def past(self, moment: datetime | None) -> bool:
        """Whether an event has happened."""
        return moment is not None and moment <= self.now

    def latest(self, *moments: datetime | None) -> datetime | None:
        """The last of the events that have happened."""
        return max((one for one in moments if one is not None and one <= self.now), default=None)


@dataclass(frozen=True)
class Row:
    """One row before it is written."""

    values: dict[str, Value]  # by the keys of the columns
    currency: str = "USD"  # of its amounts
    owners: dict[str, object] = field(default_factory=dict)  # ids of the objects whose metadata it shows


def untaxed(amount: Decimal) -> Decimal:
    """An amount without the tax that it includes."""
    return (amount / TAX).quantize(CENT)


def customer_values(seed: int, customer: Customer | None) -> dict[str, Value]:
    """The customer's columns of orders, carts and other objects; blank for None."""
    values: dict[str, Value] = {"customer_id": None, **dict.fromkeys(_OF_CUSTOMER)}
    if customer is not None:
        who = profile(seed, customer.id)
        values = {"customer_id": customer.id, **{shown: who[name] for shown, name in _OF_CUSTOMER.items()}}
    return values


def line_values(line: Line) -> dict[str, Value]:
    """The columns that lines of every kind share."""
    product = line.product
    return {
        "line_id": line.id,
        "product_id": product.product_id,
        "variant_id": product.variant_id,
        "product_title": product.product,
        "variant_title": product.variant,
        "sku": product.sku,
        "quantity": line.quantity,
        "price": product.price,
        "price_incl_tax": product.price,
        "price_excl_tax": untaxed(product.price),
        "unit_cost": product.cost,
        "total_cost": product.cost * line.quantity,
        "is_upsell": line.is_upsell,
        "is_gift_card": product.product_id == GIFT_CARD,
        "requires_shipping": product.product_id != GIFT_CARD,
    }


def line_owners(line: Line) -> dict[str, object]:
    """The objects whose metadata a line shows."""
    return {"line": line.id, "product": line.product.product_id, "variant": line.product.variant_id}


def payment_method(seed: int, order: Order) -> str:
    """How an order was paid."""
    return SeededRandom(seed, "payment", order.id).pick(PAYMENT_METHODS)
