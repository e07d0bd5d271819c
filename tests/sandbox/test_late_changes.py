"""Changes of old objects, which no other option of the practice store has."""

from __future__ import annotations

import pytest

from .conftest import DAY, NOW, store_of


@pytest.fixture
def store():
    return store_of(days=200, late_changes=True)


def by_key(store, code, key):
    return {row[key]: row for row in store.rows(code, store.start_date, NOW)}


def test_orders_are_edited(store):
    """A line is added, removed or changed, and the order's total follows."""
    lines, totals = by_key(store, "order_line_items", "Line ID"), by_key(store, "order_list", "Order Number")
    store.advance(45 * DAY)
    later, orders = by_key(store, "order_line_items", "Line ID"), by_key(store, "order_list", "Order Number")
    assert later.keys() - lines.keys()
    assert any(row["Order Number"] in orders for key, row in lines.items() if key not in later)
    changed = [key for key in lines.keys() & later.keys() if lines[key]["Quantity"] != later[key]["Quantity"]]
    number = later[changed[0]]["Order Number"]
    assert orders[number]["Total Incl Tax"] != totals[number]["Total Incl Tax"]


def test_disputes_that_are_reported_late_appear_in_old_windows(store):
    window = (NOW - 200 * DAY, NOW - 100 * DAY)
    before = store.rows("dispute_list", *window)
    store.advance(30 * DAY)
    assert len(store.rows("dispute_list", *window)) > len(before)
