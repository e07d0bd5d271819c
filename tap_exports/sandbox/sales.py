"""Rows of orders and their lines, customers, transactions and disputes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_exports.sandbox.facts import (
    ZERO,
    Row,
    customer_values,
    line_owners,
    line_values,
    payment_method,
    untaxed,
)
from tap_exports.sandbox.late_changes import edited
from tap_exports.sandbox.sample_data import DECLINES, DISPUTE_TYPES, attribution, profile
from tap_exports.sandbox.seeded_random import SeededRandom

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from tap_exports.sandbox.columns import Value
    from tap_exports.sandbox.facts import Moment
    from tap_exports.sandbox.model import Customer, Dispute, Line, Order, Transaction


def refunded(order: Order, at: Moment) -> Decimal:
    """What of an order's money has gone back."""
    return sum((one.amount for one in order.transactions if one.type == "refund" and at.past(one.created)), ZERO)


def order_updated(order: Order, at: Moment) -> datetime | None:
    """When an order last changed."""
    return at.latest(
        order.created,
        *(one.created for one in order.transactions),
        *(one.created for one in order.disputes),
        *(one.created for one in order.returns),
        *(moment for one in order.fulfillments for moment in (one.created, one.shipped, one.delivered)),
    )


def _order_status(order: Order, at: Moment) -> dict[str, Value]:
    sent = [at.past(parcel.shipped) for parcel in order.fulfillments]
    fulfillment = "unfulfilled"
    if any(sent):
        fulfillment = "fulfilled" if all(sent) else "partially_fulfilled"
    back = refunded(order, at)
    payment = "paid"
    if back:
        payment = "refunded" if back >= order.total else "partially_refunded"
    cancelled = at.past(order.cancelled)
    done = bool(sent) and all(at.past(parcel.delivered) for parcel in order.fulfillments)
    return {
        "status": "cancelled" if cancelled else "completed" if done else "open",
        "payment_status": payment,
        "fulfillment_status": fulfillment,
    }


def _lines_of(order: Order, at: Moment) -> tuple[Line, ...]:
    edit = edited(at.dataset.seed, order) if at.dataset.late_changes else None
    return edit[1] if edit is not None and at.past(edit[0]) else order.lines


def order_row(order: Order, at: Moment) -> Row:
    """An order."""
    seed = at.dataset.seed
    lifecycle = None
    if order.subscription is not None:
        lifecycle = "initial" if order.subscription.orders[0] is order else "renewal"
    discount = order.shipping[2] if order.id % 7 == 0 else ZERO
    lines = _lines_of(order, at)
    total = sum((line.product.price * line.quantity for line in lines), order.shipping[2])
    values: dict[str, Value] = {
        **customer_values(seed, order.customer),
        **_order_status(order, at),
        **attribution(seed, order.id),
        "order_number": order.number,
        "order_date": order.placed,
        "currency": order.currency,
        "shipping_method": order.shipping[1],
        "total_incl_tax": total,
        "total_excl_tax": untaxed(total),
        "total_tax": total - untaxed(total),
        "total_discount": discount,
        "shipping_incl_tax": order.shipping[2],
        "cogs": sum((line.product.cost * line.quantity for line in lines), ZERO),
        "total_outstanding": total - order.total - refunded(order, at),
        "subscription_lifecycle": lifecycle,
        "is_test": False,
        "tags": profile(seed, order.customer.id)["tags"],
        "created_at": order.created,
        "updated_at": order_updated(order, at),
    }
    return Row(values, order.currency, {"order": order.id, "attribution": order.id})


def _left(line: Line, order: Order, at: Moment) -> int:
    if at.past(order.cancelled):
        return 0
    gone = sum(
        sent.quantity
        for back in order.returns
        if at.past(back.received)
        for sent in back.lines
        if sent.line.id == line.id
    )
    return line.quantity - gone


def order_line_rows(order: Order, at: Moment) -> list[Row]:
    """An order's lines."""
    shared: dict[str, Value] = {
        **customer_values(at.dataset.seed, order.customer),
        "order_number": order.number,
        "order_date": order.placed,
        "currency": order.currency,
        "total_discount": ZERO,
        "updated_at": order_updated(order, at),
    }
    rows = []
    for line in _lines_of(order, at):
        own: dict[str, Value] = {"created_at": order.created, "current_quantity": _left(line, order, at)}
        rows.append(Row({**shared, **line_values(line), **own}, order.currency, line_owners(line)))
    return rows


def customer_row(customer: Customer, at: Moment) -> Row:
    """A customer."""
    orders = [order for order in at.dataset.orders_of.get(customer.id, ()) if at.past(order.created)]
    values: dict[str, Value] = {
        **profile(at.dataset.seed, customer.id),
        "customer_id": customer.id,
        "user_type": "customer" if orders else "lead",
        "orders_count": len(orders),
        "subscriptions_count": len({order.subscription.id for order in orders if order.subscription}),
        "total_spent": sum((order.total - refunded(order, at) for order in orders), ZERO),
        "date_joined": customer.created,
        "first_purchase_date": orders[0].placed if orders else None,
        "last_purchase_date": orders[-1].placed if orders else None,
    }
    return Row(values, owners={"customer": customer.id})


def transaction_row(transaction: Transaction, at: Moment) -> Row:
    """A transaction."""
    seed, order = at.dataset.seed, transaction.order
    rng = SeededRandom(seed, "transaction", transaction.id)
    code, message = rng.pick(DECLINES) if transaction.declined else ("00", "Approved")
    charged = transaction.type == "purchase" and not transaction.declined
    available = order.total - refunded(order, at) if charged else ZERO
    cycle = order.subscription.orders.index(order) + 1 if order.subscription else None
    values: dict[str, Value] = {
        **customer_values(seed, order.customer),
        "transaction_id": transaction.id,
        "parent_id": transaction.parent.id if transaction.parent else None,
        "order_number": order.number,
        "order_date": order.placed,
        "date_created": transaction.created,
        "type": transaction.type,
        "status": "declined" if transaction.declined else "success",
        "amount": transaction.amount if transaction.type == "purchase" else -transaction.amount,
        "amount_available_for_refund": max(ZERO, available),
        "currency": order.currency,
        "payment_method": payment_method(seed, order),
        "external_id": f"ch_{rng.hex(16)}",
        "auth_code": rng.digits(6) if charged else None,
        "network_transaction_id": rng.digits(15) if charged else None,
        "statement_descriptor": "EXAMPLE*STORE 555-0100",
        "response_code": code,
        "response_message": message,
        "billing_cycle": cycle,
        "is_disputed": any(d.transaction is transaction and at.past(d.created) for d in order.disputes),
        "is_external": rng.chance(5),
        "is_test": False,
        "is_3ds": rng.chance(25),
    }
    return Row(values, order.currency)


def dispute_row(dispute: Dispute, at: Moment) -> Row:
    """A dispute."""
    seed, order = at.dataset.seed, dispute.transaction.order
    rng = SeededRandom(seed, "dispute", dispute.id)
    resolved = at.past(dispute.resolved)
    values: dict[str, Value] = {
        **customer_values(seed, order.customer),
        "dispute_id": dispute.id,
        "type": rng.pick(DISPUTE_TYPES),
        "status": "closed" if resolved else "open",
        "resolution": ("won" if dispute.won else "lost") if resolved else None,
        "arn": rng.digits(23),
        "case_number": f"{rng.digits(4)}-{rng.digits(6)}",
        "order": order.number,
        "transaction": dispute.transaction.id,
        "amount": dispute.transaction.amount,
        "report_amount": dispute.transaction.amount,
        "currency": order.currency,
        "date_created": dispute.created,
        "happened_at": dispute.happened,
    }
    return Row(values, order.currency, {"dispute": dispute.id})
