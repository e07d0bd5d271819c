from __future__ import annotations

from datetime import timedelta

import pytest

from tap_exports.sandbox import Sandbox

from .conftest import NOW

DAY = timedelta(days=1)
KEYS = {
    "order_list": "Order Number",
    "customer_list": "Customer ID",
    "transaction_list": "Transaction ID",
    "dispute_list": "Dispute ID",
    "subscription_list": "Subscription ID",
    "open_cart_list": "Cart ID",
    "return_list": "Return Number",
    "fulfillment_list": "Fulfillment ID",
}
PARENTS = {
    "order_line_items": "order_list",
    "subscription_line_items": "subscription_list",
    "open_cart_line_items": "open_cart_list",
    "return_line_items": "return_list",
    "fulfillment_line_items": "fulfillment_list",
}


@pytest.fixture(scope="module")
def half_year():
    """A store of 180 days, without servers."""
    return Sandbox(now=NOW, frozen=True)


@pytest.fixture(scope="module")
def rows(half_year):
    """All rows of each type."""
    return {code: half_year.rows(code, half_year.start_date, NOW) for code in half_year.types}


def column(rows, name):
    return [row[name] for row in rows]


def test_same_seed_and_now_give_the_same_bytes(half_year):
    twin = Sandbox(now=NOW, frozen=True)
    for code in reversed(twin.types):
        twin.csv(code, NOW - 3 * DAY, NOW)
    window = (NOW - 60 * DAY, NOW - 20 * DAY)
    assert all(twin.csv(code, *window) == half_year.csv(code, *window) for code in twin.types)


@pytest.mark.parametrize("code", KEYS)
def test_every_object_has_a_unique_key(rows, code):
    keys = column(rows[code], KEYS[code])
    assert len(set(keys)) == len(keys) > 0


@pytest.mark.parametrize("code", PARENTS)
def test_every_line_has_a_parent_and_an_id(rows, code):
    key = KEYS[PARENTS[code]]
    assert set(column(rows[code], key)) == set(column(rows[PARENTS[code]], key))
    ids = column(rows[code], "Line ID")
    assert len(set(ids)) == len(ids)


def test_references_between_streams_exist(rows):
    orders, customers = (
        set(column(rows["order_list"], "Order Number")),
        set(column(rows["customer_list"], "Customer ID")),
    )
    transactions = set(column(rows["transaction_list"], "Transaction ID"))
    for code in ("order_line_items", "transaction_list", "return_list", "fulfillment_list", "fulfillment_line_items"):
        assert set(column(rows[code], "Order Number")) <= orders
    assert set(column(rows["subscription_list"], "Initial Order Number")) <= orders
    assert set(column(rows["dispute_list"], "Order")) <= orders
    assert set(column(rows["dispute_list"], "Transaction")) <= transactions
    assert set(column(rows["transaction_list"], "Parent ID")) - {""} <= transactions
    for code in ("order_list", "subscription_list", "open_cart_list"):
        assert set(column(rows[code], "Customer ID")) - {""} <= customers
    lines = set(column(rows["order_line_items"], "Line ID"))
    assert set(column(rows["fulfillment_line_items"], "Order Line ID")) <= lines


def test_adjacent_windows_hold_each_row_once(rows, half_year):
    step, parts, start = timedelta(days=11, hours=7), [], half_year.start_date
    while start < NOW:
        parts += half_year.rows("transaction_list", start, min(start + step, NOW))
        start += step
    assert column(parts, "Transaction ID") == column(rows["transaction_list"], "Transaction ID")


def test_cells_contain_awkward_text(rows):
    cells = {cell for code in rows for row in rows[code] for cell in row.values()}
    for part in (",", '"', "\n", "\r\n", "é", "ü", "札幌", "🎁"):
        assert any(part in cell for cell in cells), part
    assert {"NULL", "007", "None", "nan", "1e5"} <= cells
    assert any(cell.startswith("  ") and cell.endswith("  ") for cell in cells)
    assert any(code.startswith("0") for code in column(rows["order_list"], "Shipping Postcode"))


def test_old_objects_change_as_time_goes_on(open_store):
    """A later export of the same window has the same objects; some have changed."""
    store, _ = open_store(frozen=True)
    window = (NOW - 10 * DAY, NOW)
    changing = {
        "order_list": {"Fulfillment Status", "Payment Status", "Status"},
        "order_line_items": {"Current Quantity"},
        "customer_list": {"Orders Count", "User Type"},
        "transaction_list": {"Is Disputed", "Amount Available For Refund"},
        "subscription_list": {"Num Orders", "Next Renewal Date"},
        "return_list": {"Status"},
        "fulfillment_list": {"Delivery Status"},
    }
    before = {code: store.rows(code, *window) for code in changing}
    store.advance(40 * DAY)
    for code, columns in changing.items():
        after = store.rows(code, *window)
        assert [next(iter(row.values())) for row in after] == [next(iter(row.values())) for row in before[code]]
        changed = {name for old, new in zip(before[code], after, strict=True) for name in old if old[name] != new[name]}
        assert columns <= changed


def test_new_objects_appear_as_time_goes_on(open_store):
    store, _ = open_store(frozen=True)
    ahead = (NOW, NOW + 10 * DAY)
    assert store.rows("order_list", *ahead) == []
    store.advance(2 * DAY)
    first = store.rows("order_list", *ahead)
    store.advance(2 * DAY)
    second = store.rows("order_list", *ahead)
    assert 0 < len(first) < len(second)
    assert column(second, "Order Number")[: len(first)] == column(first, "Order Number")


def test_an_added_column_applies_to_exports_created_later(open_store):
    store, call = open_store()
    call.create()
    store.add_column("order", "colour", "Colour", "text")
    call.create()
    before, after = (store.file(number).decode().splitlines()[0].split(",") for number in (42, 43))
    assert set(after) - set(before) == {"Colour"}
    assert set(before) <= set(after)
    with pytest.raises(KeyError, match="No export 4711"):
        store.file(4711)
