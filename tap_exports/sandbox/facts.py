"""What is true of an object at a moment: the ground that all kinds of rows share."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from tap_exports.sandbox.sample_data import GIFT_CARD, PAYMENT_METHODS
from tap_exports.sandbox.sample_people import profile
from tap_exports.sandbox.seeded_random import SeededRandom

if TYPE_CHECKING:
    from datetime import datetime

    from tap_exports.sandbox.columns import Value
    from tap_exports.sandbox.dataset import Dataset
    from tap_exports.sandbox.model import Customer, Line, Order

TAX = Decimal("1.08")
CENT = Decimal("0.01")
ZERO = Decimal(0)


@dataclass(frozen=True)
class Moment:
    """From when a store is looked at.

    Attributes:
        history: All that ever happens.
        now: What is later has not happened.
    """

    dataset: Dataset
    now: datetime

    def past(self, moment: datetime | None) -> bool:
        """Whether something has happened."""
        return moment is not None and moment <= self.now

    def latest(self, *moments: datetime | None) -> datetime | None:
        """The last of some moments that is not ahead."""
        return max((one for one in moments if one is not None and one <= self.now), default=None)


@dataclass(frozen=True)
class Row:
    """One row before it is written.

    Attributes:
        values: By the key of the column; a column's key must be here.
        currency: Of its amounts.
        owners: Ids of the objects whose metadata it shows.
        created: Of a line that is newer than its parent.
    """

    values: dict[str, Value]
    currency: str = "USD"
    owners: dict[str, object] = field(default_factory=dict)
    created: datetime | None = None


def untaxed(amount: Decimal) -> Decimal:
    """An amount without the tax that it includes."""
    return (amount / TAX).quantize(CENT)


def customer_values(seed: int, customer: Customer | None) -> dict[str, Value]:
    """Who it was, and where parcels go: what most rows repeat. Nobody for None."""
    who = profile(seed, customer.id) if customer else None
    return {
        "customer_id": customer.id if customer else None,
        "customer_first_name": who.first_name if who else None,
        "customer_last_name": who.last_name if who else None,
        "customer_email": who.email if who else None,
        "customer_phone": who.phone if who else None,
        "customer_ip": who.ip if who else None,
        "shipping_line1": who.line1 if who else None,
        "shipping_line2": who.line2 if who else None,
        "shipping_line4": who.city.name if who else None,
        "shipping_state": who.city.state if who else None,
        "shipping_postcode": who.city.postcode if who else None,
        "shipping_country": who.city.country if who else None,
        "billing_postcode": who.city.postcode if who else None,
        "billing_country": who.city.country if who else None,
    }


def line_values(line: Line) -> dict[str, Value]:
    """What is on a line, whatever it is a line of."""
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
