from __future__ import annotations

from datetime import timedelta

import pytest


def ids(page):
    return [one["id"] for one in page["results"]]


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_pages_list_all_exports_once(open_store, order):
    store, call = open_store(page_size=3, list_order=order)
    made = [call.create().json()["id"] for _ in range(8)]
    expected = made if order == "oldest" else made[::-1]
    page = call.get("exports/").json()
    seen = ids(page)
    while page["next"]:
        assert page["next"].startswith(f"{store.api_url}exports/?")
        page = call.get(page["next"]).json()
        seen += ids(page)
    assert seen == expected


def test_the_list_filters_by_type_and_day(open_store):
    store, call = open_store(frozen=True)  # 15:30 UTC is 10:30 in US/Eastern
    call.create("order_list")
    call.create("customer_list")
    store.advance(timedelta(hours=10))  # the next day in UTC, the same one in the store
    call.create("order_list")
    assert ids(call.get("exports/?type=order_list").json()) == [44, 42]
    assert ids(call.get("exports/?date_created_from=2025-03-05").json()) == []
    assert ids(call.get("exports/?date_created_to=2025-03-04").json()) == [44, 43, 42]
    assert ids(call.get("exports/?date_created_from=2025-03-04&date_created_to=2025-03-04").json()) == [44, 43, 42]
    store, call = open_store(frozen=True, list_timezone="UTC")
    store.advance(timedelta(hours=10))
    call.create()
    assert ids(call.get("exports/?date_created_from=2025-03-05").json()) == [42]
