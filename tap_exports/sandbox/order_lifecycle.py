"""What follows from an order: payment, fulfillments, returns, refunds, disputes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING

from tap_exports.sandbox.model import Dispute, Fulfillment, Return, Transaction, price_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tap_exports.sandbox.model import Line, Order, StoreObject
    from tap_exports.sandbox.seeded_random import SeededRandom

# Every so many days, an order placed exactly at midnight has a return or a dispute exactly at midnight, so that objects
# of every kind lie where windows are likely to end.
EVERY_MIDNIGHT_RETURN, EVERY_MIDNIGHT_DISPUTE = 4, 6


class OrderLifecycle:
    """Generates what follows from orders, and files it by `file`."""

    def __init__(self, file: Callable[[StoreObject], None], start: datetime, report_days: int) -> None:
        self._file = file
        self._start = start
        self._report_days = report_days
        self._transactions, self._fulfillments = count(70_001), count(3_001)
        self._lines, self._disputes = count(1), count(1)

    def follow(self, order: Order, rng: SeededRandom) -> None:
        """Generate what follows from an order."""
        if not order.at_midnight and rng.chance(8):
            self._move(order, order.created, "purchase", order.total).declined = True
        charge = self._move(order, order.created, "purchase", order.total)
        if order.cancelled is not None:
            self._move(order, order.cancelled, "refund", order.total, charge)
            return
        self._send(order, rng)
        day = (order.created - self._start).days
        if rng.chance(9) or (order.at_midnight and day % EVERY_MIDNIGHT_RETURN == 0):
            self._send_back(order, rng, charge)
        elif rng.chance(4):
            amount = min(order.total, Decimal("5.00"))
            self._move(order, order.created + _later(rng, 1, 60), "refund", amount, charge)
        if rng.chance(3) or (order.at_midnight and day % EVERY_MIDNIGHT_DISPUTE == 0):
            self._dispute(charge, rng)

    def _move(
        self, order: Order, when: datetime, what: str, amount: Decimal, parent: Transaction | None = None
    ) -> Transaction:
        transaction = Transaction(next(self._transactions), when, order, what, amount, parent)
        order.transactions.append(transaction)
        self._file(transaction)
        return transaction

    def _sent(self, line: Line, quantity: int) -> Line:
        return line._replace(id=next(self._lines), quantity=quantity, order_line=line.id)

    def _send(self, order: Order, rng: SeededRandom) -> None:
        parcels = [order.lines]
        if len(order.lines) > 1 and rng.chance(20):
            parcels = [order.lines[:1], order.lines[1:]]
        for at, lines in enumerate(parcels):
            wait = timedelta(days=1 + at)
            if not order.at_midnight:
                wait = timedelta(days=2 * at, seconds=rng.between(3_600, 300_000), milliseconds=rng.below(1_000))
            shipped = order.created + wait + timedelta(hours=rng.between(1, 30))
            parcel = Fulfillment(
                id=next(self._fulfillments),
                created=order.created + wait,
                order=order,
                lines=tuple(self._sent(line, line.quantity) for line in lines),
                shipped=shipped,
                delivered=shipped + timedelta(hours=rng.between(20, 150)),
            )
            order.fulfillments.append(parcel)
            self._file(parcel)

    def _send_back(self, order: Order, rng: SeededRandom, charge: Transaction) -> None:
        wait = timedelta(days=3) if order.at_midnight else _later(rng, 5, 20)
        received = order.created + wait + timedelta(hours=rng.between(30, 200))
        lines = order.lines if rng.chance(50) else order.lines[:1]
        back = Return(
            id=order.id,
            number=f"{order.number}-R1",
            created=order.created + wait,
            order=order,
            lines=tuple(self._sent(line, rng.between(1, line.quantity)) for line in lines),
            received=received,
            refunded=received + timedelta(hours=rng.between(1, 48)),
        )
        order.returns.append(back)
        self._file(back)
        self._move(order, back.refunded, "refund", price_of(back.lines), charge)

    def _dispute(self, charge: Transaction, rng: SeededRandom) -> None:
        created = charge.created + (timedelta(days=5) if charge.at_midnight else _later(rng, 8, 45))
        dispute = Dispute(
            id=next(self._disputes),
            created=created,
            transaction=charge,
            happened=created - timedelta(days=self._report_days),
            resolved=created + timedelta(days=rng.between(7, 30)),
            won=rng.chance(40),
        )
        charge.order.disputes.append(dispute)
        self._file(dispute)


def _later(rng: SeededRandom, days: int, most: int) -> timedelta:
    return timedelta(days=rng.between(days, most), seconds=rng.below(86_400))
