"""The practice store's API, with the options and limits that play what is known of the real one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tap_exports.sandbox.options import SCOPES

from .conftest import DAY, END, NOW, START, column, fetch, store_of


def test_an_export_goes_from_pending_to_its_file(open_store):
    store, call = open_store(ready_seconds=60, frozen=True)
    created = call.create()
    export = created.json()
    assert created.status_code == 201
    assert export == {
        "id": 42,
        "created_at": "2025-03-04T15:30:00Z",
        "type": "order_list",
        "status": "pending",
        "date_from": START,
        "date_to": END,
        "url": f"{store.api_url}exports/42/",
    }
    assert call.get("exports/42/").json() == export
    too_early = call.get("exports/42/download/")
    assert (too_early.status_code, list(too_early.json())) == (400, ["detail"])
    store.advance(timedelta(seconds=60))
    assert call.get(export["url"]).json() == {**export, "status": "available"}
    assert call.link().startswith(store.file_origin)
    answer = fetch(call.link())
    assert answer.headers["Content-Type"] == "text/csv"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert answer.content == store.file(42)
    assert [one.downloads for one in store.exports] == [1]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "nope"}, "type"),
        ({"type": None}, "type"),
        ({"date_from": None}, "date_from"),
        ({"date_from": "2024-02-03T00:00:00"}, "date_from"),
        ({"date_from": END, "date_to": START}, "date_to"),
    ],
    ids=str,
)
def test_an_invalid_create_names_the_field(call, store, change, field):
    answer = call.post("exports/", json={"type": "order_list", "date_from": START, "date_to": END} | change)
    assert answer.status_code == 400
    assert [list(answer.json()), isinstance(answer.json()[field][0], str)] == [[field], True]
    assert store.exports == []


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("exports/types/", {"Authorization": None}, 401),
        ("exports/types/", {"X-29Next-Api-Version": None}, 400),
        ("exports", {}, 404),
        ("exports/9/download/", {}, 404),
    ],
    ids=str,
)
def test_a_wrong_request_is_refused_with_its_reason(call, path, headers, status):
    answer = call.get(path, headers=headers)
    assert (answer.status_code, list(answer.json())) == (status, ["detail"])


CALLS = {
    ("GET", "exports/types/"): "exports:read",
    ("GET", "exports/"): "exports:read",
    ("GET", "exports/42/"): "exports:read",
    ("POST", "exports/"): "exports:write",
    ("GET", "store/"): "store:read",
    ("GET", "metadata/"): "metadata:read",
    ("GET", "webhooks/"): "webhooks:read",
    ("POST", "webhooks/"): "webhooks:write",
    ("DELETE", "webhooks/1/"): "webhooks:write",
}


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_without_a_scope_is_403_for_its_calls_only(open_store, scope):
    _, call = open_store(scopes=set(SCOPES) - {scope})
    refused = {one for one in CALLS if call.request(*one).status_code == 403}
    assert refused == {one for one, needed in CALLS.items() if needed == scope}


def test_the_list_filters_by_type_and_by_the_day_in_its_zone(open_store):
    def ids(query):
        return [one["id"] for one in call.get(f"exports/?{query}").json()["results"]]

    store, call = open_store(frozen=True)  # 15:30 UTC is 10:30 in US/Eastern
    call.create("order_list")
    call.create("customer_list")
    store.advance(timedelta(hours=10))  # the next day in UTC, the same one in the store
    call.create("order_list")
    assert ids("type=order_list") == [44, 42]
    assert ids("date_created_from=2025-03-05") == []
    assert ids("date_created_from=2025-03-04&date_created_to=2025-03-04") == [44, 43, 42]
    store, call = open_store(frozen=True, list_timezone="UTC")
    store.advance(timedelta(hours=10))
    call.create()
    assert ids("date_created_from=2025-03-05") == [42]


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
