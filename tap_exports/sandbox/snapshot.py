"""A store's objects as of a moment."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tap_exports.sandbox.late_changes import edited
from tap_exports.sandbox.model import Cart, Dispute, Fulfillment, Order, Return, Subscription
from tap_exports.sandbox.seeded_random import SeededRandom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from tap_exports.sandbox.dataset import Dataset
    from tap_exports.sandbox.model import Customer, Line, StoreObject

_LATER_EVENTS: dict[type[StoreObject], Callable[[Any], Iterable[datetime | None]]] = {
    Order: lambda one: (
        event
        for child in (*one.transactions, *one.disputes, *one.returns, *one.fulfillments)
        for event in _events(child)
    ),
    Dispute: lambda one: (one.resolved,),
    Subscription: lambda one: (one.paused, one.cancelled, *(order.created for order in one.orders)),
    Cart: lambda one: (one.abandoned,),
    Return: lambda one: (one.received, one.refunded),
    Fulfillment: lambda one: (one.shipped, one.delivered),
}


def _events(item: StoreObject) -> Iterable[datetime | None]:
    later = _LATER_EVENTS.get(type(item))
    return (item.created, *(later(item) if later else ()))


class Snapshot:
    """A store's objects at a moment: later events have not happened."""

    def __init__(self, dataset: Dataset, now: datetime) -> None:
        self.seed = dataset.seed
        self._dataset = dataset
        self._now = now

    def random(self, *name: object) -> SeededRandom:
        """Random values of this store for a name."""
        return SeededRandom(self.seed, *name)

    def past(self, moment: datetime | None) -> bool:
        """Whether an event has happened."""
        return moment is not None and moment <= self._now

    def updated(self, item: StoreObject) -> datetime:
        """When an object last changed."""
        return max(moment for moment in _events(item) if moment is not None and moment <= self._now)

    def orders_of(self, customer: Customer) -> list[Order]:
        """A customer's orders."""
        return [order for order in self._dataset.orders_of.get(customer.id, ()) if self.past(order.created)]

    def lines_of(self, item: Any) -> tuple[Line, ...]:  # noqa: ANN401  # any object that has lines
        """The lines of an object."""
        edit = edited(self.seed, item) if self._dataset.late_changes and isinstance(item, Order) else None
        lines: tuple[Line, ...] = edit[1] if edit is not None and self.past(edit[0]) else item.lines
        return lines

    def current_quantity(self, line: Line, order: Order) -> int:
        """What the customer keeps of an order's line."""
        if self.past(order.cancelled):
            return 0
        sent_back = [one for back in order.returns if self.past(back.received) for one in back.lines]
        return line.quantity - sum(one.quantity for one in sent_back if one.order_line == line.id)

    def refunded(self, order: Order) -> Decimal:
        """What of an order's money has gone back."""
        refunds = [one.amount for one in order.transactions if one.type == "refund" and self.past(one.created)]
        return sum(refunds, Decimal(0))
