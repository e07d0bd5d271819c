"""The practice store's objects, how they change as time goes on, and how files show them."""

from __future__ import annotations

import re

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


WINDOW = (NOW - 40 * DAY, NOW)
DAY_FIRST = r"2025-\d\d-\d\d"
FORMATS = [
    ({}, "Order Date", DAY_FIRST + r"T\d\d:\d\d:\d\d(\.\d+)?Z"),
    ({"time_format": "iso_offset"}, "Order Date", DAY_FIRST + r"T\d\d:\d\d:\d\d(\.\d+)?-05:00"),
    ({"time_format": "iso_naive"}, "Order Date", DAY_FIRST + r"T\d\d:\d\d:\d\d(\.\d+)?"),
    (
        {"time_format": "django_long", "timezone": "UTC"},
        "Order Date",
        r"(Jan\.|Feb\.|March) \d+, 2025, (midnight|noon|\d+(:\d\d)? [ap]\.m\.)",
    ),
    ({"time_format": "am_pm"}, "Order Date", DAY_FIRST + r" [01]\d:\d\d [AP]M"),
    ({"time_format": "am_pm_seconds"}, "Order Date", DAY_FIRST + r" [01]\d:\d\d:\d\d [AP]M"),
    ({"time_format": "am_pm_short"}, "Order Date", r"2025-\d-\d+ \d+:\d\d [AP]M"),
    ({"time_format": "am_pm_dots"}, "Order Date", DAY_FIRST + r" [01]\d:\d\d [ap]\.m\."),
    ({"boolean_format": "1/0"}, "Is Test", "0"),
    ({"null_text": "—"}, "VIP Order", "—|True|False"),
    ({"lone_cr": True}, "Gift Message", r"[^\n]*"),
    ({}, "Total Incl Tax", r"\d+\.\d\d"),
    ({"money_format": "sign", "currencies": ("CHF",)}, "Total Incl Tax", r"CHF \d+\.\d\d"),
    ({"money_format": "signs", "currencies": ("JPY",)}, "Total Incl Tax", r"¥(\d{1,3}|\d{1,3},\d{3})"),
    ({"money_format": "separators"}, "Total Incl Tax", r"(\d{1,3},)?\d{1,3}\.\d\d"),
    ({"money_format": "code_before", "currencies": ("CHF",)}, "Total Incl Tax", r"CHF \d+\.\d\d"),
    ({"money_format": "code_after", "currencies": ("CHF",)}, "Total Incl Tax", r"\d+\.\d\d CHF"),
    ({"money_format": "comma"}, "Total Incl Tax", r"\d+,\d\d"),
    ({"money_format": "comma_separators"}, "Total Incl Tax", r"(\d{1,3}\.)?\d{1,3},\d\d"),
    ({"guarded_negatives": True}, "Loyalty Points", r"|'-\d+|\d+"),
]


@pytest.mark.parametrize(("options", "name", "pattern"), FORMATS, ids=lambda value: str(value)[:50])
def test_cells_have_the_chosen_format(options, name, pattern):
    cells = column(store_of(**options).rows("order_list", *WINDOW), name)
    assert len(cells) > 100
    assert [cell for cell in cells if not re.fullmatch(pattern, cell, re.DOTALL)] == []


def test_a_byte_order_mark_comes_first():
    marked, plain = store_of(bom=True).csv("order_list", *WINDOW), store_of().csv("order_list", *WINDOW)
    assert marked == b"\xef\xbb\xbf" + plain


def test_headers_have_the_chosen_style():
    title, snake, keyed, bare = (
        list(store_of(**options).rows("order_list", *WINDOW)[0])
        for options in ({}, {"header_style": "snake"}, {"metadata_headers": "key"}, {"own_key": "bare"})
    )
    assert {"Order Number", "Order Date", "Customer First Name", "Total Incl Tax", "GCLID"} <= set(title)
    assert [name.lower().replace(" ", "_") for name in title] == snake
    assert ("vip" in keyed, "VIP Order" in keyed, "VIP Order" in title) == (True, False, True)
    assert bare == ["Number", *title[1:]]
