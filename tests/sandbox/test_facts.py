"""Options that play what is known of the API, and what is not."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from tap_exports.sandbox import Sandbox, Scope

from .conftest import NOW, fetch

DAY = timedelta(days=1)


def store_of(**options):
    """A store without servers."""
    return Sandbox(**{"now": NOW, "days": 60, "frozen": True} | options)


def all_rows(store, code):
    return store.rows(code, store.start_date, store.now + DAY)


def column(store, code, name):
    return [row[name] for row in all_rows(store, code)]


def test_the_store_may_be_a_list_with_one(open_store):
    (_, as_object), (_, as_list) = open_store(), open_store(store_shape="list")
    assert as_list.get("store/").json() == [as_object.get("store/").json()]


@pytest.mark.parametrize(("how", "begins"), [("other_scheme", "https://127.0.0.1:"), ("no_port", "http://127.0.0.1/")])
@pytest.mark.parametrize("path", ["exports/", "metadata/", "webhooks/"])
def test_next_links_may_have_another_origin(open_store, how, begins, path):
    _, call = open_store(next_links=how, page_size=1)
    for _ in range(2):
        call.create()
        call.post("webhooks/", json={"target": "http://127.0.0.1:9/", "events": ["export.created"]})
    link = call.get(path).json()["next"]
    assert link.startswith(begins)
    assert f"/api/admin/{path}?cursor=" in link


def test_the_api_may_write_times_in_the_stores_offset(open_store):
    """With microseconds, in lists too."""
    _, call = open_store(api_times="offset", frozen=True)
    export = call.create(date_from="2025-01-01T05:00:00Z").json()
    assert export["created_at"] == "2025-03-04T10:30:00.000000-05:00"
    assert export["date_from"] == "2025-01-01T00:00:00.000000-05:00"
    assert call.get("exports/").json()["results"] == [{**export, "status": "available"}]


def test_a_403_may_name_admin_scopes(open_store):
    _, call = open_store(admin_scopes=True, scopes=frozenset(Scope) - {Scope.STORE_READ})
    assert "store:read or admin:read" in call.get("store/").json()["detail"]


def test_the_campaigns_app_has_eleven_definitions(open_store):
    """Both of its timestamps are integers, and orders have its columns."""
    (_, without), (store, call) = open_store(page_size=100), open_store(page_size=100, campaigns_app=True)
    plain, found = (one.get("metadata/").json()["results"] for one in (without, call))
    app = [one for one in found if one not in plain]
    assert len(app) == 11
    assert {one["name"]: one["type"] for one in app if one["type"] != "text"} == {
        "Conversion Timestamp": "integer",
        "Timestamp": "integer",
    }
    assert all(text.isdigit() for text in column(store, "order_list", "Timestamp") if text)
    assert {"Campaign ID", "User IP"} <= set(all_rows(store, "order_list")[0])


def test_metadata_has_objects_without_an_export_and_repeated_names(open_store):
    _, call = open_store(page_size=100)
    found = call.get("metadata/").json()["results"]
    assert {"blog", "page"} <= {one["object"] for one in found}
    names = [(one["object"], one["name"]) for one in found]
    assert len(set(names)) < len(names)
    assert len({one["key"] for one in found}) == len(found)


def test_a_definition_may_be_missing_from_the_list(open_store):
    """Its column is still there."""
    store, call = open_store(page_size=100, unlisted_metadata=("vip",))
    assert "vip" not in {one["key"] for one in call.get("metadata/").json()["results"]}
    assert "VIP Order" in all_rows(store, "order_list")[0]


def test_plain_bytes_may_be_labeled_gzip(open_store):
    store, call = open_store(gzip="mislabeled")
    call.create()
    answer = fetch(call.link(42), stream=True)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.raw.read(decode_content=False) == store.file(42)


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


def test_line_breaks_in_cells_may_be_a_lone_cr():
    cells = {cell for row in all_rows(store_of(lone_cr=True), "order_list") for cell in row.values()}
    assert any("\r" in cell for cell in cells)
    assert not any("\n" in cell for cell in cells)


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("am_pm", "2025-01-03 09:00 AM"),
        ("am_pm_seconds", "2025-01-03 09:00:00 AM"),
        ("am_pm_short", "2025-1-3 9:00 AM"),
        ("am_pm_dots", "2025-01-03 09:00 a.m."),
    ],
)
def test_times_may_have_a_twelve_hour_clock(how, text):
    """Midnight UTC is 9 o'clock in Tokyo; afternoons are PM."""
    found = column(store_of(time_format=how, timezone="Asia/Tokyo"), "order_list", "Created At")
    assert found[0] == text
    assert {one.replace(".", "")[-2:].upper() for one in found} == {"AM", "PM"}


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


def test_currencies_are_those_of_the_option():
    store = store_of(currencies=("CHF", "JPY"), money_format="sign")
    assert set(column(store, "order_list", "Currency")) == {"CHF", "JPY"}
    assert {text[0] for text in column(store, "order_list", "Total Incl Tax")} == {"C", "¥"}


def test_negative_numbers_may_be_guarded():
    plain, guarded = (column(store_of(guarded_negatives=on), "transaction_list", "Amount") for on in (False, True))
    assert [f"'{text}" if text.startswith("-") else text for text in plain] == guarded != plain


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


def test_a_line_may_be_held_against_its_own_date():
    """A line added later is in the window of its parent, or in that of its addition."""
    options = {"edited_orders": 100, "days": 90}
    parents, own = store_of(**options), store_of(**options, lines_by_own_date=True)
    window = (NOW - 60 * DAY, NOW - 20 * DAY)
    by_parent, by_line = (
        {row["Line ID"]: row for row in one.rows("order_line_items", *window)} for one in (parents, own)
    )
    assert set(by_parent) != set(by_line)
    for row in by_line.values():
        made = datetime.fromisoformat(row["Created At"].replace("Z", "+00:00"))
        assert window[0] <= made < window[1]
    everything = all_rows(own, "order_line_items")
    assert sorted(row["Line ID"] for row in everything) == sorted(column(parents, "order_line_items", "Line ID"))


def test_an_order_may_be_refunded_after_any_number_of_days():
    """So an old object changes long after every look-back."""
    store = store_of(late_refund_days=150, days=100)
    window = (store.start_date, NOW)
    paid = {row["Order Number"]: row["Updated At"] for row in store.rows("order_list", *window)}
    store.advance(200 * DAY)
    ages = []
    for row in store.rows("transaction_list", store.start_date, store.now):
        if row["Amount"] == "-1.00":
            made, placed = (datetime.fromisoformat(row[name][:10]) for name in ("Date Created", "Order Date"))
            ages.append((made - placed).days)
    assert ages
    assert set(ages) <= {150, 151}
    assert paid != {row["Order Number"]: row["Updated At"] for row in store.rows("order_list", *window)}
