"""Changes of objects that are weeks old, with the option `late_changes`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tap_exports.sandbox.model import Cart, Customer, Line, Order, StoreObject
from tap_exports.sandbox.sample_data import PRODUCTS
from tap_exports.sandbox.seeded_random import SeededRandom

if TYPE_CHECKING:
    from datetime import datetime

REPORT_DAYS = 150
"""Days between `happened_at` of a dispute, to which the range of an export applies, and its creation."""
_GONE: dict[type[StoreObject], int] = {Customer: 20, Cart: 50, Order: 5}
"""Percentages of erased customers, carts that become orders, and deleted orders."""
_EDITED = 40
_ADDED_LINES = 1_000_000


def gone_at(seed: int, item: StoreObject) -> datetime | None:
    """When an object leaves later exports, up to 60 days after its creation; None for never."""
    rng = SeededRandom(seed, "gone", type(item).__name__, item.id)
    if not rng.chance(_GONE.get(type(item), 0)):
        return None
    return item.created + timedelta(days=rng.between(1, 60), hours=rng.below(24))


def edited(seed: int, order: Order) -> tuple[datetime, tuple[Line, ...]] | None:
    """When an order is edited, up to 40 days after its creation, and its lines then; None for never."""
    rng = SeededRandom(seed, "edit", order.number)
    if not rng.chance(_EDITED):
        return None
    moment = order.created + timedelta(days=rng.between(1, 40), seconds=rng.below(86_400))
    first, *others = order.lines
    match rng.below(3):
        case 0:
            added = first._replace(id=_ADDED_LINES + order.id, product=rng.pick(PRODUCTS), quantity=1)
            return moment, (*order.lines, added)
        case 1 if others:
            return moment, order.lines[:-1]
        case _:
            return moment, (first._replace(quantity=first.quantity + 1), *others)
