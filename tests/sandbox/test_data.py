"""The practice store's objects, and how they change as time goes on."""

from __future__ import annotations

import pytest

from .conftest import DAY, NOW, column, store_of

REFERENCES = [
    ("order_list", "Order Number", "order_line_items", "Order Number"),
    ("transaction_list", "Order Number", "order_list", "Order Number"),
    ("dispute_list", "Transaction", "transaction_list", "Transaction ID"),
    ("order_list", "Customer ID", "customer_list", "Customer ID"),
    ("fulfillment_line_items", "Order Line ID", "order_line_items", "Line ID"),
]


@pytest.fixture(scope="module")
def half_year():
    return store_of(days=180)


@pytest.fixture(scope="module")
def rows(half_year):
    """All rows of each type."""
    return {code: half_year.rows(code, half_year.start_date, NOW) for code in half_year.types}


def test_same_seed_and_now_give_the_same_bytes(half_year):
    twin = store_of(days=180)
    for code in reversed(twin.types):
        twin.csv(code, NOW - 3 * DAY, NOW)
    window = (NOW - 60 * DAY, NOW - 20 * DAY)
    assert all(twin.csv(code, *window) == half_year.csv(code, *window) for code in twin.types)


def test_references_exist(rows):
    for code, name, other, key in REFERENCES:
        assert set(column(rows[code], name)) - {""} <= set(column(rows[other], key)), (code, name)


def test_cells_contain_awkward_text(rows):
    cells = {cell for code in rows for row in rows[code] for cell in row.values()}
    for part in (",", '"', "\n", "\r\n", "é", "ü", "札幌", "🎁"):
        assert any(part in cell for cell in cells), part
    assert {"NULL", "007", "None", "nan", "1e5"} <= cells
    assert any(cell.startswith("  ") and cell.endswith("  ") for cell in cells)
    assert any(code.startswith("0") for code in column(rows["order_list"], "Shipping Postcode"))


def test_old_objects_change_as_time_goes_on():
    """A later export of the same window has the same objects; some have changed."""
    store, window = store_of(), (NOW - 10 * DAY, NOW)
    changing = {
        "order_list": "Fulfillment Status",
        "order_line_items": "Current Quantity",
        "customer_list": "Orders Count",
        "transaction_list": "Amount Available For Refund",
        "subscription_list": "Next Renewal Date",
        "return_list": "Status",
        "fulfillment_list": "Delivery Status",
    }
    before = {code: store.rows(code, *window) for code in changing}
    store.advance(40 * DAY)
    for code, name in changing.items():
        after = store.rows(code, *window)
        assert [next(iter(row.values())) for row in after] == [next(iter(row.values())) for row in before[code]]
        assert column(after, name) != column(before[code], name), code


def test_an_added_column_applies_to_exports_created_later(open_store):
    store, call = open_store()
    call.create()
    store.add_column("order", "colour", "Colour", "text")
    call.create()
    before, after = (store.file(number).decode().splitlines()[0].split(",") for number in (42, 43))
    assert set(after) - set(before) == {"Colour"}
    assert set(before) <= set(after)


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
