"""Options and limits that play what is known of the API, and what is not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tap_exports.sandbox.options import SCOPES

from .conftest import DAY, NOW, column, fetch, store_of


def orders(store):
    return store.rows("order_list", store.start_date, store.now + DAY)


def test_the_store_may_be_a_list_with_one(open_store, call):
    assert open_store(store_shape="list")[1].get("store/").json() == [call.get("store/").json()]


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
    _, call = open_store(api_times="offset", frozen=True)
    export = call.create(date_from="2025-01-01T05:00:00Z").json()
    assert export["created_at"] == "2025-03-04T10:30:00.000000-05:00"
    assert export["date_from"] == "2025-01-01T00:00:00.000000-05:00"
    assert call.get("exports/").json()["results"] == [{**export, "status": "available"}]


def test_null_dates_and_a_missing_status_are_options(open_store):
    store, call = open_store(null_dates=True, omit_status=True, ready_seconds=5, frozen=True)
    export = call.create().json()
    assert "status" not in export
    assert (export["date_from"], export["date_to"]) == (None, None)
    store.advance(timedelta(seconds=5))
    assert call.get("exports/42/").json()["status"] == "available"


def test_a_403_may_name_admin_scopes(open_store):
    _, call = open_store(admin_scopes=True, scopes=set(SCOPES) - {"store:read"})
    assert "store:read or admin:read" in call.get("store/").json()["detail"]


def test_the_column_of_an_unlisted_definition_is_still_there(open_store):
    store, call = open_store(page_size=100, unlisted_metadata=("vip",))
    assert "vip" not in column(call.get("metadata/").json()["results"], "key")
    assert "VIP Order" in orders(store)[0]


def test_an_export_of_the_dashboard_may_be_filtered(open_store):
    """No field of it shows that."""
    store, call = open_store()
    call.create()
    filtered = store.make_export("order_list", store.start_date, NOW, where={"Status": "completed"})
    one, other = call.get("exports/").json()["results"]
    assert set(one) == set(other)
    assert 1 < store.file(filtered.id).count(b"Storefront") < store.file(42).count(b"Storefront")


def test_the_fifth_request_of_a_second_is_throttled(open_store):
    store, call = open_store(rate_limit=4, frozen=True)
    answers = [call.get("exports/types/") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429]
    assert answers[4].headers["Retry-After"] == "1"
    assert list(answers[4].json()) == ["detail"]
    assert store.peak_requests_per_second() == 5
    store.advance(timedelta(seconds=1))
    assert call.get("exports/types/").status_code == 200


def test_exports_are_created_a_few_at_a_time_in_order(open_store):
    store, call = open_store(ready_seconds=10, parallel_exports=2, frozen=True)
    for _ in range(5):
        call.create()
    store.advance(timedelta(seconds=10))
    statuses = [call.get(f"exports/{export.id}/").json()["status"] for export in store.exports]
    assert statuses == ["available"] * 2 + ["pending"] * 3
    assert [(export.ready_at - NOW).total_seconds() for export in store.exports] == [10, 10, 20, 20, 30]


def test_rows_past_the_cap_are_missing():
    """The cap of lines counts lines or parents."""
    month = (NOW - 30 * DAY, NOW)
    assert store_of(row_cap=10).rows("order_list", *month) == store_of().rows("order_list", *month)[:10]
    assert len(store_of(row_cap=10).rows("order_line_items", *month)) == 10
    lines = store_of(row_cap=10, cap_counts_parents=True).rows("order_line_items", *month)
    assert len({line["Order Number"] for line in lines}) == 10 < len(lines)


def test_a_file_shows_the_store_at_the_exports_creation(open_store):
    store, call = open_store(frozen=True)
    call.create()
    before = store.csv("order_list", store.start_date, NOW)
    store.advance(5 * DAY)
    call.create()
    first, second = (fetch(call.link(number)).content for number in (42, 43))
    assert first == before != second
