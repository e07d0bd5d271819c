"""The rows of exports at a moment: values by the columns' headers in snake case."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tap_exports.sandbox import model, sample_data
from tap_exports.sandbox.model import Order, Value, price_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_exports.sandbox.model import Line, StoreObject
    from tap_exports.sandbox.snapshot import Snapshot

Values = dict[str, Value]

ZERO = Decimal(0)
TAX = Decimal("1.08")
_OF_CUSTOMER = {
    "customer_first_name": "first_name",
    "customer_last_name": "last_name",
    "customer_email": "email",
    "customer_phone": "phone_number",
    "customer_ip": "ip",
    **{f"shipping_{name}": name for name in ("line1", "line2", "line4", "state", "postcode", "country")},
    **{f"billing_{name}": name for name in ("postcode", "country")},
}


def _untaxed(amount: Decimal) -> Decimal:
    return (amount / TAX).quantize(Decimal("0.01"))


def _customer_of(customer: model.Customer | None, at: Snapshot) -> Values:
    """The customer's columns of other objects; blank for None."""
    if customer is None:
        return {"customer_id": None, **dict.fromkeys(_OF_CUSTOMER)}
    who = sample_data.profile(at.seed, customer.id)
    return {"customer_id": customer.id, **{shown: who[name] for shown, name in _OF_CUSTOMER.items()}}


def _line(line: Line, item: StoreObject, at: Snapshot) -> Values:
    product, amount = line.product, line.product.price * line.quantity
    return {
        "line_id": line.id,
        "order_line_id": line.order_line,
        "product_id": product.product_id,
        "variant_id": product.variant_id,
        "product_title": product.product,
        "variant_title": product.variant,
        "sku": product.sku,
        "quantity": line.quantity,
        "current_quantity": at.current_quantity(line, item) if isinstance(item, Order) else None,
        "price": product.price,
        "price_incl_tax": product.price,
        "price_excl_tax": _untaxed(product.price),
        "amount_incl_tax": amount,
        "amount_excl_tax": _untaxed(amount),
        "unit_cost": product.cost,
        "total_cost": product.cost * line.quantity,
        "total_discount": ZERO,
        "is_upsell": line.is_upsell,
        "is_gift_card": product.product == "Gift Card",
        "requires_shipping": product.product != "Gift Card",
    }


def _order_status(order: Order, at: Snapshot) -> Values:
    shipped = [at.past(one.shipped) for one in order.fulfillments]
    delivered = [at.past(one.delivered) for one in order.fulfillments]
    refunded = at.refunded(order)
    payment = "partially_refunded" if refunded < order.total else "refunded"
    fulfillment = "fulfilled" if all(shipped) else "partially_fulfilled"
    status = "completed" if delivered and all(delivered) else "open"
    return {
        "status": "cancelled" if at.past(order.cancelled) else status,
        "payment_status": payment if refunded else "paid",
        "fulfillment_status": fulfillment if any(shipped) else "unfulfilled",
    }


def _order(order: Order, at: Snapshot) -> Values:
    seed, subscription, lines = at.seed, order.subscription, at.lines_of(order)
    total = price_of(lines) + order.shipping_price
    lifecycle = None
    if subscription is not None:
        lifecycle = "initial" if subscription.orders[0] is order else "renewal"
    return {
        **_customer_of(order.customer, at),
        **_order_status(order, at),
        **sample_data.attribution(seed, order.id),
        "order_number": order.number,
        "order_date": order.placed,
        "currency": order.currency,
        "shipping_method": order.shipping_method,
        "total_incl_tax": total,
        "total_excl_tax": _untaxed(total),
        "total_tax": total - _untaxed(total),
        "total_discount": order.shipping_price if order.id % 7 == 0 else ZERO,
        "shipping_incl_tax": order.shipping_price,
        "cogs": sum((line.product.cost * line.quantity for line in lines), ZERO),
        "total_outstanding": total - order.total - at.refunded(order),
        "subscription_lifecycle": lifecycle,
        "is_test": False,
        "tags": sample_data.profile(seed, order.customer.id)["tags"],
        "created_at": order.created,
        "updated_at": at.updated(order),
    }


def _customer(customer: model.Customer, at: Snapshot) -> Values:
    orders = at.orders_of(customer)
    return {
        **sample_data.profile(at.seed, customer.id),
        "customer_id": customer.id,
        "user_type": "customer" if orders else "lead",
        "orders_count": len(orders),
        "subscriptions_count": len({order.subscription.id for order in orders if order.subscription}),
        "total_spent": sum((order.total - at.refunded(order) for order in orders), ZERO),
        "date_joined": customer.created,
        "first_purchase_date": orders[0].placed if orders else None,
        "last_purchase_date": orders[-1].placed if orders else None,
    }


def _transaction(transaction: model.Transaction, at: Snapshot) -> Values:
    order, subscription = transaction.order, transaction.order.subscription
    rng = at.random("transaction", transaction.id)
    code, message = rng.pick(sample_data.DECLINES) if transaction.declined else ("00", "Approved")
    is_purchase = transaction.type == "purchase"
    charged = is_purchase and not transaction.declined
    return {
        **_customer_of(order.customer, at),
        "transaction_id": transaction.id,
        "parent_id": transaction.parent.id if transaction.parent else None,
        "order_number": order.number,
        "order_date": order.placed,
        "date_created": transaction.created,
        "type": transaction.type,
        "status": "declined" if transaction.declined else "success",
        "amount": transaction.amount if is_purchase else -transaction.amount,
        "amount_available_for_refund": max(ZERO, order.total - at.refunded(order)) if charged else ZERO,
        "currency": order.currency,
        "payment_method": _payment_method(order, at),
        "external_id": f"ch_{rng.hex(16)}",
        "auth_code": rng.digits(6) if charged else None,
        "network_transaction_id": rng.digits(15) if charged else None,
        "statement_descriptor": "EXAMPLE*STORE 555-0100",
        "response_code": code,
        "response_message": message,
        "billing_cycle": subscription.orders.index(order) + 1 if subscription else None,
        "is_disputed": any(one.transaction is transaction and at.past(one.created) for one in order.disputes),
        "is_external": rng.chance(5),
        "is_test": False,
        "is_3ds": rng.chance(25),
    }


def _payment_method(order: Order, at: Snapshot) -> str:
    return at.random("payment", order.id).pick(sample_data.PAYMENT_METHODS)


def _dispute(dispute: model.Dispute, at: Snapshot) -> Values:
    transaction, rng = dispute.transaction, at.random("dispute", dispute.id)
    resolved = at.past(dispute.resolved)
    return {
        **_customer_of(transaction.order.customer, at),
        "dispute_id": dispute.id,
        "type": rng.pick(sample_data.DISPUTE_TYPES),
        "status": "closed" if resolved else "open",
        "resolution": ("won" if dispute.won else "lost") if resolved else None,
        "arn": rng.digits(23),
        "case_number": f"{rng.digits(4)}-{rng.digits(6)}",
        "order": transaction.order.number,
        "transaction": transaction.id,
        "amount": transaction.amount,
        "report_amount": transaction.amount,
        "currency": transaction.order.currency,
        "date_created": dispute.created,
        "happened_at": dispute.happened,
    }


def _subscription(one: model.Subscription, at: Snapshot) -> Values:
    cancelled, paused = at.past(one.cancelled), at.past(one.paused)
    orders = [order for order in one.orders if at.past(order.created)]
    reason = at.random("cancel", one.id).pick(sample_data.CANCEL_REASONS)
    first, price = orders[0], price_of(one.lines)
    return {
        **_customer_of(one.customer, at),
        "subscription_id": one.id,
        "status": "cancelled" if cancelled else "paused" if paused else "active",
        "interval": "day",
        "interval_count": one.every.days,
        "frequency": f"Every {one.every.days} days",
        "num_orders": len(orders),
        "num_lines": len(one.lines),
        "total": price + first.shipping_price,
        "price": price,
        "shipping_price": first.shipping_price,
        "currency": one.currency,
        "payment_method": _payment_method(first, at),
        "initial_order_number": first.number,
        "is_test": False,
        "date_created": one.created,
        "next_renewal_date": None if cancelled or paused else orders[-1].created + one.every,
        "paused_at": one.paused if paused and not cancelled else None,
        "cancelled_at": one.cancelled if cancelled else None,
        "cancel_reason": reason if cancelled else None,
    }


def _cart(cart: model.Cart, at: Snapshot) -> Values:
    abandoned, total = at.past(cart.abandoned), price_of(cart.lines)
    return {
        **_customer_of(cart.customer, at),
        **sample_data.attribution(at.seed, -cart.id),
        "cart_id": cart.id,
        "status": "abandoned" if abandoned else "open",
        "abandoned": abandoned,
        "currency": cart.currency,
        "checkout_url": f"https://shop.example.com/checkout/?cart={at.random('cart url', cart.id).hex(16)}",
        "total_incl_tax": total,
        "total_excl_tax": _untaxed(total),
        "total_discount": ZERO,
        "date_created": cart.created,
    }


def _return(one: model.Return, at: Snapshot) -> Values:
    rng = at.random("return", one.number)
    refunded, amount = at.past(one.refunded), price_of(one.lines)
    return {
        **_customer_of(one.order.customer, at),
        "return_number": one.number,
        "order_number": one.order.number,
        "status": "completed" if refunded else "received" if at.past(one.received) else "requested",
        "reason": rng.pick(sample_data.RETURN_REASONS),
        "location": rng.pick(sample_data.LOCATIONS)[1],
        "carrier": rng.pick(sample_data.CARRIERS),
        "tracking_code": rng.digits(12),
        "quantity": sum(line.quantity for line in one.lines),
        "amount": amount,
        "total_refund_amount": amount if refunded else ZERO,
        "currency": one.order.currency,
        "created_at": one.created,
        "updated_at": at.updated(one),
    }


def _fulfillment(one: model.Fulfillment, at: Snapshot) -> Values:
    rng = at.random("fulfillment", one.id)
    shipped, delivered = at.past(one.shipped), at.past(one.delivered)
    code = f"1Z{rng.digits(10)}" if shipped else None
    location_id, location = rng.pick(sample_data.LOCATIONS)
    return {
        **_customer_of(one.order.customer, at),
        "fulfillment_id": one.id,
        "order_number": one.order.number,
        "status": "fulfilled" if shipped else "processing",
        "delivery_status": "delivered" if delivered else "in_transit" if shipped else None,
        "carrier": rng.pick(sample_data.CARRIERS),
        "tracking_code": code,
        "tracking_link": f"https://track.example.com/?code={code}" if code else None,
        "reference": f"FO-{one.id:06d}",
        "location_id": location_id,
        "location": location,
        "quantity": sum(line.quantity for line in one.lines),
        "requires_shipping": True,
        "created_at": one.created,
        "last_event_date": at.updated(one),
        "delivered_at": one.delivered if delivered else None,
    }


_VALUES: dict[type[StoreObject], Callable[[Any, Snapshot], Values]] = {
    Order: _order,
    model.Customer: _customer,
    model.Transaction: _transaction,
    model.Dispute: _dispute,
    model.Subscription: _subscription,
    model.Cart: _cart,
    model.Return: _return,
    model.Fulfillment: _fulfillment,
}


def row(item: StoreObject, at: Snapshot) -> Values:
    """An object's values."""
    return _VALUES[type(item)](item, at)


def line_rows(item: StoreObject, at: Snapshot) -> list[Values]:
    """The values of an object's lines, each with those of the object."""
    values = row(item, at)
    return [{**values, **_line(line, item, at)} for line in at.lines_of(item)]
