"""All objects of a store, past and future.

Days are generated in order, as far as an export needs them. Fulfillments, returns, refunds and disputes are generated
with their order, and stored by their own day, which may be in the future.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from datetime import datetime, time, timedelta, timezone
from itertools import count
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tap_exports.sandbox.late_changes import REPORT_DAYS
from tap_exports.sandbox.model import Cart, Customer, Line, Order, Subscription
from tap_exports.sandbox.order_lifecycle import OrderLifecycle
from tap_exports.sandbox.sample_data import PRODUCTS, SHIPPING, SUBSCRIBABLE
from tap_exports.sandbox.seeded_random import SeededRandom

if TYPE_CHECKING:
    from tap_exports.sandbox.model import StoreObject
    from tap_exports.sandbox.options import Options

DAY = timedelta(days=1)
LAST_HALF_SECOND = DAY - timedelta(milliseconds=500)
# How often each special case occurs, by the number of the day or of the order.
EVERY_LAST_INSTANT, EVERY_LOCAL_MIDNIGHT, EVERY_MIDNIGHT_SUBSCRIPTION, EVERY_DUPLICATE_LINE = 5, 3, 4, 11


class Dataset:
    """All objects of one store; none is older than `start`, a midnight UTC."""

    def __init__(self, options: Options, start: datetime) -> None:
        self.seed = options.seed
        self.late_changes = options.late_changes
        self.start = start
        self.orders_of: defaultdict[int, list[Order]] = defaultdict(list)
        self._options = options
        self._days = 0
        self._filed: defaultdict[tuple[type[StoreObject], int], list[StoreObject]] = defaultdict(list)
        self._due: defaultdict[int, list[Subscription]] = defaultdict(list)
        self._customers: list[Customer] = []
        self._line_ids, self._numbers, self._ids = count(5_001), count(10_001), count(1_001)
        self._lifecycle = OrderLifecycle(self._file, start, REPORT_DAYS if options.late_changes else 1)
        self._growing = threading.Lock()

    def between(self, kind: type[StoreObject], start: datetime, end: datetime) -> list[StoreObject]:
        """Objects of one kind created from `start` to `end`, both included, oldest first."""
        self.grow(end)
        days = range(max(0, self._day(start)), self._day(end) + 1)
        found = [item for day in days for item in self._filed.get((kind, day), ()) if start <= item.created <= end]
        return sorted(found, key=lambda item: (item.created, item.id))

    def _day(self, moment: datetime) -> int:
        return (moment - self.start) // DAY

    def _file(self, item: StoreObject) -> None:
        self._filed[type(item), self._day(item.created)].append(item)

    def grow(self, until: datetime) -> None:
        """Generate all days up to that of `until`."""
        with self._growing:
            while self._days <= self._day(until):
                if self._options.orders_per_day:
                    self._make_day(self._days)
                self._days += 1

    def _make_day(self, day: int) -> None:
        rng = SeededRandom(self.seed, "day", day)
        renewals = self._renewals(day)
        # A cart is half as frequent as an order, and the first of both is exactly at midnight.
        orders = self._options.orders_per_day
        moments = [(moment, True) for moment in self._moments(day, rng, orders)]
        moments += [(moment, False) for moment in self._moments(day, rng, (orders + 1) // 2)]
        for moment, is_order in sorted(moments):
            starts = moment == moments[0][0] and day % EVERY_MIDNIGHT_SUBSCRIPTION == 1
            if not is_order:
                self._make_cart(moment)
            elif renewals and not starts:
                subscription = renewals.pop()
                self._make_order(moment, subscription.customer, subscription)
            else:
                self._make_order(moment, self._buyer(moment, rng), starts=starts)
        self._due[day + 1][:0] = renewals

    def _moments(self, day: int, rng: SeededRandom, number: int) -> list[datetime]:
        """The moments of a day: some where windows are likely to end, some with fractions of a second."""
        midnight = self.start + day * DAY
        moments = [midnight]
        if number > 1 and day % EVERY_LAST_INSTANT == 0:
            moments.append(midnight + LAST_HALF_SECOND)
        if number > len(moments) and day % EVERY_LOCAL_MIDNIGHT == 0:
            # The day that begins in the store's zone during this day in UTC.
            zone = ZoneInfo(self._options.timezone)
            today = (midnight + LAST_HALF_SECOND).astimezone(zone).date()
            moments.append(datetime.combine(today, time(), zone).astimezone(timezone.utc))
        while len(moments) < number:
            micro = 0 if rng.chance(30) else rng.below(1_000_000)
            moments.append(midnight + timedelta(seconds=rng.below(86_400), microseconds=micro))
        return moments

    def _renewals(self, day: int) -> list[Subscription]:
        """Subscriptions with an order today; above a quota, the rest follows tomorrow."""
        tonight = self.start + (day + 1) * DAY
        ended = datetime.max.replace(tzinfo=timezone.utc)
        due = [one for one in self._due.pop(day, []) if min(one.paused or ended, one.cancelled or ended) > tonight]
        quota = max(1, self._options.orders_per_day // 3)
        self._due[day + 1][:0] = due[quota:]
        return due[:quota]

    def _buyer(self, moment: datetime, rng: SeededRandom) -> Customer:
        if self._customers and not rng.chance(55):
            return rng.pick(self._customers)
        # Never on the day before: an export may have read it.
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        return self._new_customer(max(midnight, moment - timedelta(seconds=rng.below(60))))

    def _new_customer(self, joined: datetime) -> Customer:
        customer = Customer(501 + len(self._customers), joined)
        self._customers.append(customer)
        self._file(customer)
        return customer

    def _new_lines(self, rng: SeededRandom, *, duplicates: bool = False) -> tuple[Line, ...]:
        products = [rng.pick(PRODUCTS) for _ in range(rng.pick((1, 1, 2, 2, 3, 4)))]
        if duplicates:
            products = [products[0], *products]
        return tuple(
            Line(next(self._line_ids), product, rng.pick((1, 1, 1, 2, 3)), is_upsell=at > 0 and rng.chance(30))
            for at, product in enumerate(products)
        )

    def _make_order(
        self, moment: datetime, buyer: Customer, subscription: Subscription | None = None, *, starts: bool = False
    ) -> None:
        number = next(self._numbers)
        rng = SeededRandom(self.seed, "order", number)
        if rng.chance(2):
            next(self._numbers)  # a test order takes a number, and is in no export
        placed = moment if moment.microsecond == 0 else moment - timedelta(seconds=rng.below(20))
        if subscription is not None:
            lines = tuple(line._replace(id=next(self._line_ids)) for line in subscription.lines)
        else:
            lines = self._new_lines(rng, duplicates=number % EVERY_DUPLICATE_LINE == 0)
            if rng.chance(20) or starts:
                lines = (lines[0]._replace(product=rng.pick(SUBSCRIBABLE)), *lines[1:])
                subscription = self._new_subscription(moment, buyer, lines[0], rng)
        method, price = rng.pick(SHIPPING)
        order = Order(
            id=number - 9_000,
            number=str(number),
            created=moment,
            placed=max(placed, buyer.created),
            customer=buyer,
            lines=lines,
            currency=subscription.currency if subscription else rng.pick(self._options.currencies),
            shipping_method=method,
            shipping_price=price,
            subscription=subscription,
            cancelled=moment + timedelta(minutes=rng.between(5, 600)) if rng.chance(4) else None,
        )
        self.orders_of[buyer.id].append(order)
        self._file(order)
        if subscription is not None:
            subscription.orders.append(order)
            self._due[self._day(moment + subscription.every)].append(subscription)
        self._lifecycle.follow(order, rng)

    def _new_subscription(self, moment: datetime, buyer: Customer, line: Line, rng: SeededRandom) -> Subscription:
        lines = [line, Line(0, rng.pick(SUBSCRIBABLE), 1)] if rng.chance(30) else [line]
        subscription = Subscription(
            id=next(self._ids),
            created=moment,
            customer=buyer,
            lines=tuple(one._replace(id=next(self._line_ids)) for one in lines),
            currency=rng.pick(self._options.currencies),
            every=timedelta(days=rng.pick((7, 14, 30, 30, 30))),
            paused=moment + timedelta(days=rng.between(10, 90)) if rng.chance(15) else None,
            cancelled=moment + timedelta(days=rng.between(3, 200), seconds=77) if rng.chance(50) else None,
        )
        self._file(subscription)
        return subscription

    def _make_cart(self, moment: datetime) -> None:
        number = next(self._ids)
        rng = SeededRandom(self.seed, "cart", number)
        customer: Customer | None = None
        if moment.time() == time() or rng.chance(40):
            customer = self._new_customer(moment)
        elif self._customers and rng.chance(70):
            customer = rng.pick(self._customers)
        lines, currency = self._new_lines(rng), rng.pick(self._options.currencies)
        self._file(Cart(number, moment, customer, lines, currency, moment + timedelta(minutes=rng.between(30, 240))))
