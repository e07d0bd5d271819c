"""Rows of subscriptions, carts, returns and fulfillments, and of their lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_exports.sandbox import sample_data
from tap_exports.sandbox.facts import ZERO, Row, customer_values, line_values, payment_method, untaxed
from tap_exports.sandbox.seeded_random import SeededRandom

if TYPE_CHECKING:
    from datetime import datetime

    from tap_exports.sandbox.columns import Value
    from tap_exports.sandbox.facts import Moment
    from tap_exports.sandbox.model import Cart, Fulfillment, Return, Subscription


def subscription_updated(one: Subscription, at: Moment) -> datetime | None:
    """When a subscription last changed."""
    return at.latest(one.created, one.paused, one.cancelled, *(order.created for order in one.orders))


def _subscription_values(one: Subscription, at: Moment) -> dict[str, Value]:
    cancelled, paused = at.past(one.cancelled), at.past(one.paused)
    bought = [order for order in one.orders if at.past(order.created)]
    return {
        **customer_values(at.dataset.seed, one.customer),
        "subscription_id": one.id,
        "status": "cancelled" if cancelled else "paused" if paused else "active",
        "num_orders": len(bought),
        "currency": one.currency,
        "date_created": one.created,
        "next_renewal_date": None if cancelled or paused else bought[-1].created + one.every,
        "paused_at": one.paused if paused and not cancelled else None,
        "cancelled_at": one.cancelled if cancelled else None,
        "cancel_reason": SeededRandom(at.dataset.seed, "cancel", one.id).pick(sample_data.CANCEL_REASONS)
        if cancelled
        else None,
    }


def subscription_row(one: Subscription, at: Moment) -> Row:
    """A subscription."""
    price = sum((line.product.price * line.quantity for line in one.lines), ZERO)
    first = one.orders[0]
    values: dict[str, Value] = {
        **_subscription_values(one, at),
        "interval": "day",
        "interval_count": one.every.days,
        "frequency": f"Every {one.every.days} days",
        "num_lines": len(one.lines),
        "total": price + first.shipping[2],
        "price": price,
        "shipping_price": first.shipping[2],
        "payment_method": payment_method(at.dataset.seed, first),
        "initial_order_number": first.number,
        "is_test": False,
    }
    return Row(values, one.currency)


def subscription_line_rows(one: Subscription, at: Moment) -> list[Row]:
    """A subscription's lines."""
    shared = _subscription_values(one, at)
    return [Row({**shared, **line_values(line)}, one.currency) for line in one.lines]


def cart_row(cart: Cart, at: Moment) -> Row:
    """An open cart."""
    seed = at.dataset.seed
    total = sum((line.product.price * line.quantity for line in cart.lines), ZERO)
    abandoned = at.past(cart.abandoned)
    values: dict[str, Value] = {
        **customer_values(seed, cart.customer),
        "cart_id": cart.id,
        "status": "abandoned" if abandoned else "open",
        "abandoned": abandoned,
        "currency": cart.currency,
        "checkout_url": f"https://shop.example.com/checkout/?cart={SeededRandom(seed, 'cart url', cart.id).hex(16)}",
        "total_incl_tax": total,
        "total_excl_tax": untaxed(total),
        "total_discount": ZERO,
        **sample_data.attribution(seed, -cart.id),
        "date_created": cart.created,
    }
    return Row(values, cart.currency)


def cart_line_rows(cart: Cart, at: Moment) -> list[Row]:
    """A cart's lines."""
    shared = {
        **customer_values(at.dataset.seed, cart.customer),
        "cart_id": cart.id,
        "currency": cart.currency,
        "date_created": cart.created,
    }
    return [Row({**shared, **line_values(line)}, cart.currency) for line in cart.lines]


def return_updated(one: Return, at: Moment) -> datetime | None:
    """When a return last changed."""
    return at.latest(one.created, one.received, one.refunded)


def _return_values(one: Return, at: Moment) -> dict[str, Value]:
    rng = SeededRandom(at.dataset.seed, "return", one.number)
    received = at.past(one.received)
    status = "completed" if at.past(one.refunded) else "received" if received else "requested"
    return {
        **customer_values(at.dataset.seed, one.order.customer),
        "return_number": one.number,
        "order_number": one.order.number,
        "status": status,
        "reason": rng.pick(sample_data.RETURN_REASONS),
        "location": rng.pick(sample_data.LOCATIONS)[1],
        "carrier": rng.pick(sample_data.CARRIERS),
        "tracking_code": f"{rng.digits(12)}",
        "currency": one.order.currency,
        "created_at": one.created,
        "updated_at": return_updated(one, at),
    }


def return_row(one: Return, at: Moment) -> Row:
    """A return."""
    amount = sum((sent.line.product.price * sent.quantity for sent in one.lines), ZERO)
    values: dict[str, Value] = {
        **_return_values(one, at),
        "quantity": sum(sent.quantity for sent in one.lines),
        "amount": amount,
        "total_refund_amount": amount if at.past(one.refunded) else ZERO,
    }
    return Row(values, one.order.currency)


def return_line_rows(one: Return, at: Moment) -> list[Row]:
    """A return's lines."""
    shared = _return_values(one, at)
    rows = []
    for sent in one.lines:
        amount = sent.line.product.price * sent.quantity
        values: dict[str, Value] = {
            **line_values(sent.line),
            **shared,
            "line_id": sent.id,
            "quantity": sent.quantity,
            "amount_incl_tax": amount,
            "amount_excl_tax": untaxed(amount),
        }
        rows.append(Row(values, one.order.currency))
    return rows


def fulfillment_updated(one: Fulfillment, at: Moment) -> datetime | None:
    """When a fulfillment last changed."""
    return at.latest(one.created, one.shipped, one.delivered)


def _fulfillment_values(one: Fulfillment, at: Moment) -> dict[str, Value]:
    rng = SeededRandom(at.dataset.seed, "fulfillment", one.id)
    shipped, delivered = at.past(one.shipped), at.past(one.delivered)
    code = f"1Z{rng.digits(10)}" if shipped else None
    location_id, location = rng.pick(sample_data.LOCATIONS)
    return {
        **customer_values(at.dataset.seed, one.order.customer),
        "fulfillment_id": one.id,
        "order_number": one.order.number,
        "status": "fulfilled" if shipped else "processing",
        "delivery_status": "delivered" if delivered else "in_transit" if shipped else None,
        "carrier": rng.pick(sample_data.CARRIERS),
        "tracking_code": code,
        "tracking_link": f"https://track.example.com/?code={code}" if code else None,
        "reference": f"FO-{one.id:06d}",
        "location_id": int(location_id),
        "location": location,
        "requires_shipping": True,
        "created_at": one.created,
        "last_event_date": fulfillment_updated(one, at),
        "delivered_at": one.delivered if delivered else None,
    }


def fulfillment_row(one: Fulfillment, at: Moment) -> Row:
    """A fulfillment."""
    quantity = sum(sent.quantity for sent in one.lines)
    return Row({**_fulfillment_values(one, at), "quantity": quantity}, one.order.currency)


def fulfillment_line_rows(one: Fulfillment, at: Moment) -> list[Row]:
    """A fulfillment's lines."""
    shared = _fulfillment_values(one, at)
    rows = []
    for sent in one.lines:
        own: dict[str, Value] = {"line_id": sent.id, "order_line_id": sent.line.id, "quantity": sent.quantity}
        rows.append(Row({**line_values(sent.line), **shared, **own}, one.order.currency))
    return rows
