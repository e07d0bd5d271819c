"""What follows from an order: payment, fulfillments, returns, refunds, disputes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tap_exports.sandbox.model import Dispute, Fulfillment, Kind, Return, Sent, Transaction

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

    def __init__(self, file: Callable[[Kind, StoreObject], None], report_days: int) -> None:
        self._file = file
        self._report_days = report_days
        self._transactions = 70_000
        self._fulfillments = 3_000
        self._sent_lines = 0
        self._disputes = 0

    def follow(self, order: Order, rng: SeededRandom, day: int, *, at_midnight: bool) -> None:
        """Generate what follows from an order of a day."""
        charge = self._pay(order, rng, at_midnight=at_midnight)
        if order.cancelled is not None:
            self._move(order, order.cancelled, "refund", order.total, charge)
            return
        self._send(order, rng, at_midnight=at_midnight)
        if rng.chance(9) or (at_midnight and day % EVERY_MIDNIGHT_RETURN == 0):
            self._send_back(order, rng, charge, at_midnight=at_midnight)
        elif rng.chance(4):
            later = order.created + timedelta(days=rng.between(1, 60), seconds=rng.below(86_400))
            self._move(order, later, "refund", min(order.total, Decimal("5.00")), charge)
        if rng.chance(3) or (at_midnight and day % EVERY_MIDNIGHT_DISPUTE == 0):
            self._dispute(charge, rng, at_midnight=at_midnight)

    def _pay(self, order: Order, rng: SeededRandom, *, at_midnight: bool) -> Transaction:
        if not at_midnight and rng.chance(8):
            self._move(order, order.created, "purchase", order.total, declined=True)
        return self._move(order, order.created, "purchase", order.total)

    def _move(  # noqa: PLR0913
        self,
        order: Order,
        when: datetime,
        what: str,
        amount: Decimal,
        parent: Transaction | None = None,
        *,
        declined: bool = False,
    ) -> Transaction:
        self._transactions += 1
        transaction = Transaction(self._transactions, when, order, what, amount, parent, declined)
        order.transactions.append(transaction)
        self._file(Kind.TRANSACTION, transaction)
        return transaction

    def _sent(self, line: Line, quantity: int) -> Sent:
        self._sent_lines += 1
        return Sent(self._sent_lines, line, quantity)

    def _send(self, order: Order, rng: SeededRandom, *, at_midnight: bool) -> None:
        parcels = [order.lines]
        if len(order.lines) > 1 and rng.chance(20):
            parcels = [order.lines[:1], order.lines[1:]]
        for at, lines in enumerate(parcels):
            wait = timedelta(days=1 + at)
            if not at_midnight:
                wait = timedelta(days=2 * at, seconds=rng.between(3_600, 300_000), milliseconds=rng.below(1_000))
            created = order.created + wait
            shipped = created + timedelta(hours=rng.between(1, 30))
            self._fulfillments += 1
            parcel = Fulfillment(
                id=self._fulfillments,
                created=created,
                order=order,
                lines=tuple(self._sent(line, line.quantity) for line in lines),
                shipped=shipped,
                delivered=shipped + timedelta(hours=rng.between(20, 150)),
            )
            order.fulfillments.append(parcel)
            self._file(Kind.FULFILLMENT, parcel)

    def _send_back(self, order: Order, rng: SeededRandom, charge: Transaction, *, at_midnight: bool) -> None:
        wait = timedelta(days=3 if at_midnight else rng.between(5, 20))
        created = order.created + wait + timedelta(seconds=0 if at_midnight else rng.below(86_400))
        received = created + timedelta(hours=rng.between(30, 200))
        lines = order.lines if rng.chance(50) else order.lines[:1]
        back = Return(
            id=order.id,
            number=f"{order.number}-R1",
            created=created,
            order=order,
            lines=tuple(self._sent(line, rng.between(1, line.quantity)) for line in lines),
            received=received,
            refunded=received + timedelta(hours=rng.between(1, 48)),
        )
        order.returns.append(back)
        self._file(Kind.RETURN, back)
        amount = sum((sent.line.product.price * sent.quantity for sent in back.lines), Decimal(0))
        self._move(order, back.refunded, "refund", amount, charge)

    def _dispute(self, charge: Transaction, rng: SeededRandom, *, at_midnight: bool) -> None:
        wait = timedelta(days=5 if at_midnight else rng.between(8, 45), seconds=0 if at_midnight else rng.below(86_400))
        created = charge.created + wait
        self._disputes += 1
        dispute = Dispute(
            id=self._disputes,
            created=created,
            transaction=charge,
            happened=created - timedelta(days=self._report_days),
            resolved=created + timedelta(days=rng.between(7, 30)),
            won=rng.chance(40),
        )
        charge.order.disputes.append(dispute)
        self._file(Kind.DISPUTE, dispute)
