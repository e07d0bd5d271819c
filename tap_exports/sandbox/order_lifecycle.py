"""What becomes of an order: paid, sent, sent back, refunded, disputed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tap_exports.sandbox.model import Dispute, Fulfillment, Kind, Return, Sent, Transaction
from tap_exports.sandbox.seeded_random import Dice

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tap_exports.sandbox.model import Line, Order, Thing
    from tap_exports.sandbox.options import Options

# Every so many days an order of midnight sharp has a sharp aftermath, so that objects of every kind
# lie exactly where windows are likely to end.
EVERY_SHARP_RETURN, EVERY_SHARP_DISPUTE = 4, 6


class Aftermath:
    """Makes what follows on orders.

    Args:
        options: The store's.
        file: Takes each object made.
    """

    def __init__(self, options: Options, file: Callable[[Kind, Thing], None]) -> None:
        self._options = options
        self._file = file
        self._transactions = 70_000
        self._fulfillments = 3_000
        self._sent_lines = 0
        self._disputes = 0

    def follow(self, order: Order, dice: Dice, day: int, *, sharp: bool) -> None:
        """Make what becomes of an order that was made on the given day of the history."""
        charge = self._pay(order, dice, sharp=sharp)
        days = self._options.late_refund_days
        if days and Dice(self._options.seed, "late refund", order.number).chance(10):
            self._move(order, order.created + timedelta(days=days), "refund", Decimal("1.00"), charge)
        if order.cancelled is not None:
            self._move(order, order.cancelled, "refund", order.total, charge)
            return
        self._send(order, dice, sharp=sharp)
        if dice.chance(9) or (sharp and day % EVERY_SHARP_RETURN == 0):
            self._send_back(order, dice, charge, sharp=sharp)
        elif dice.chance(4):
            later = order.created + timedelta(days=dice.between(1, 60), seconds=dice.below(86_400))
            self._move(order, later, "refund", min(order.total, Decimal("5.00")), charge)
        if dice.chance(3) or (sharp and day % EVERY_SHARP_DISPUTE == 0):
            self._dispute(charge, dice, sharp=sharp)

    def _pay(self, order: Order, dice: Dice, *, sharp: bool) -> Transaction:
        if not sharp and dice.chance(8):
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

    def _send(self, order: Order, dice: Dice, *, sharp: bool) -> None:
        parcels = [order.lines]
        if len(order.lines) > 1 and dice.chance(20):
            parcels = [order.lines[:1], order.lines[1:]]
        for at, lines in enumerate(parcels):
            wait = timedelta(days=1 + at)
            if not sharp:
                wait = timedelta(days=2 * at, seconds=dice.between(3_600, 300_000), milliseconds=dice.below(1_000))
            created = order.created + wait
            shipped = created + timedelta(hours=dice.between(1, 30))
            self._fulfillments += 1
            parcel = Fulfillment(
                id=self._fulfillments,
                created=created,
                order=order,
                lines=tuple(self._sent(line, line.quantity) for line in lines),
                shipped=shipped,
                delivered=shipped + timedelta(hours=dice.between(20, 150)),
            )
            order.fulfillments.append(parcel)
            self._file(Kind.FULFILLMENT, parcel)

    def _send_back(self, order: Order, dice: Dice, charge: Transaction, *, sharp: bool) -> None:
        wait = timedelta(days=3 if sharp else dice.between(5, 20))
        created = order.created + wait + timedelta(seconds=0 if sharp else dice.below(86_400))
        received = created + timedelta(hours=dice.between(30, 200))
        lines = order.lines if dice.chance(50) else order.lines[:1]
        back = Return(
            id=order.id,
            number=f"{order.number}-R1",
            created=created,
            order=order,
            lines=tuple(self._sent(line, dice.between(1, line.quantity)) for line in lines),
            received=received,
            refunded=received + timedelta(hours=dice.between(1, 48)),
        )
        order.returns.append(back)
        self._file(Kind.RETURN, back)
        amount = sum((sent.line.product.price * sent.quantity for sent in back.lines), Decimal(0))
        self._move(order, back.refunded, "refund", amount, charge)

    def _dispute(self, charge: Transaction, dice: Dice, *, sharp: bool) -> None:
        wait = timedelta(days=5 if sharp else dice.between(8, 45), seconds=0 if sharp else dice.below(86_400))
        created = charge.created + wait
        self._disputes += 1
        dispute = Dispute(
            id=self._disputes,
            created=created,
            transaction=charge,
            happened=created - timedelta(days=self._options.dispute_report_days),
            resolved=created + timedelta(days=dice.between(7, 30)),
            won=dice.chance(40),
        )
        charge.order.disputes.append(dispute)
        self._file(Kind.DISPUTE, dispute)
