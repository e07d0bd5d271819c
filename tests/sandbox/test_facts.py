"""Options that play what is known of the API, and what is not."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from tap_exports.sandbox import Sandbox

from .conftest import NOW

DAY = timedelta(days=1)


def store_of(**options):
    """A store without servers."""
    return Sandbox(**{"now": NOW, "days": 60, "frozen": True} | options)


def all_rows(store, code):
    return store.rows(code, store.start_date, store.now + DAY)


def column(store, code, name):
    return [row[name] for row in all_rows(store, code)]


def test_an_export_of_the_dashboard_may_be_filtered(open_store):
    """It is in the same list, and no field shows it."""
    store, call = open_store()
    window = (store.start_date, NOW)
    export = store.make_export("order_list", *window, where={"Status": "completed"})
    own = call.create(date_from="2025-01-03T00:00:00Z", date_to="2025-03-04T15:30:00Z").json()
    listed = {one["id"]: one for one in call.get("exports/").json()["results"]}
    assert set(listed[export.id]) == set(own)
    everything, filtered = store.file(own["id"]).decode(), store.file(export.id).decode()
    assert 1 < filtered.count("Storefront") < everything.count("Storefront")
    assert filtered.splitlines()[0] == everything.splitlines()[0]


@pytest.mark.parametrize(
    ("how", "chf", "jpy"),
    [
        ("plain", "-1249.00", "-1249"),
        ("separators", "-1,249.00", "-1,249"),
        ("sign", "-CHF 1249.00", "-¥1249"),
        ("signs", "-CHF 1,249.00", "-¥1,249"),
        ("code_before", "CHF -1249.00", "JPY -1249"),
        ("code_after", "-1249.00 CHF", "-1249 JPY"),
        ("comma", "-1249,00", "-1249"),
        ("comma_separators", "-1.249,00", "-1.249"),
    ],
)
def test_amounts_have_the_chosen_format(how, chf, jpy):
    from tap_exports.sandbox.cells import CellWriter  # noqa: PLC0415
    from tap_exports.sandbox.options import Options  # noqa: PLC0415

    cells = CellWriter(Options(money_format=how))
    assert [cells.money(Decimal(-1249), currency) for currency in ("CHF", "JPY")] == [chf, jpy]


def test_carts_that_become_orders_leave_later_exports():
    """An export created before still holds them, and `vanished` names them."""
    store = store_of(converted_carts=100, days=30)
    before = store.make_export("open_cart_list", store.start_date, NOW)
    held = column(store, "open_cart_list", "Cart ID")
    assert store.vanished("open_cart_list")
    store.advance(30 * DAY)
    left = set(held) - set(column(store, "open_cart_list", "Cart ID"))
    assert left
    assert left <= set(store.vanished("open_cart_list"))
    assert all(f"\n{number},".encode() in store.file(before.id) for number in left)
    lines = store.vanished("open_cart_line_items")
    assert len(lines) >= len(store.vanished("open_cart_list"))
    assert not set(lines) & set(column(store, "open_cart_line_items", "Line ID"))


def test_erased_customers_leave_later_exports():
    """Their orders stay; one can be erased by its id."""
    usual, erasing = store_of(), store_of(erased_customers=50)
    everyone = set(column(usual, "customer_list", "Customer ID"))
    present = set(column(erasing, "customer_list", "Customer ID"))
    assert everyone - present == set(erasing.vanished("customer_list")) != set()
    assert column(usual, "order_list", "Customer ID") == column(erasing, "order_list", "Customer ID")
    usual.remove("customer_list", "501")
    assert everyone - set(column(usual, "customer_list", "Customer ID")) == {"501"}
    assert usual.vanished("customer_list") == ["501"]
    with pytest.raises(KeyError, match="No '1' in customer_list"):
        usual.remove("customer_list", "1")


def test_a_dispute_may_be_reported_late():
    """Held against `happened_at`, it appears in an old window."""
    store = store_of(dispute_report_days=90, days=200, range_fields={"dispute_list": "happened"})
    for row in all_rows(store, "dispute_list"):
        made, happened = (datetime.fromisoformat(row[name][:10]) for name in ("Date Created", "Happened At"))
        assert made - happened == 90 * DAY
    window = (NOW - 120 * DAY, NOW - 90 * DAY)
    before = len(store.rows("dispute_list", *window))
    store.advance(20 * DAY)
    assert len(store.rows("dispute_list", *window)) == before
    late = (NOW - 90 * DAY, NOW - 70 * DAY)
    assert store.rows("dispute_list", *late)


def test_fulfillments_may_be_held_against_their_orders_date():
    """Alone, or with all types as the vendor's reports have it."""
    single = store_of(range_fields={"fulfillment_list": "placed"})
    reports = store_of(range_field="reports")
    placed = {row["Order Number"]: row["Order Date"] for row in all_rows(single, "order_list")}
    window = (NOW - 30 * DAY, NOW - 20 * DAY)
    found = single.rows("fulfillment_list", *window)
    dates = [datetime.fromisoformat(placed[row["Order Number"]].replace("Z", "+00:00")) for row in found]
    assert dates
    assert all(window[0] <= date < window[1] for date in dates)
    assert found == reports.rows("fulfillment_list", *window)
    created, happened = store_of(), store_of(range_field="happened")
    assert reports.rows("customer_list", *window) == created.rows("customer_list", *window)
    assert reports.rows("dispute_list", *window) == happened.rows("dispute_list", *window)


def test_orders_may_be_edited_later():
    """A line is added, removed or changed; the order's total and date of change follow."""
    store = store_of(edited_orders=100)
    before = {row["Line ID"]: row for row in all_rows(store, "order_line_items")}
    totals = {row["Order Number"]: row["Total Incl Tax"] for row in all_rows(store, "order_list")}
    window = (store.start_date, NOW)
    store.advance(45 * DAY)
    after = {row["Line ID"]: row for row in store.rows("order_line_items", *window)}
    added, removed = set(after) - set(before), set(before) - set(after)
    changed = [line for line in set(before) & set(after) if before[line]["Quantity"] != after[line]["Quantity"]]
    assert added
    assert removed
    assert changed
    assert removed <= set(store.vanished("order_line_items"))
    new = {row["Order Number"]: row for row in store.rows("order_list", *window)}
    number = after[changed[0]]["Order Number"]
    assert new[number]["Total Incl Tax"] != totals[number]
