"""Options that play what is known of the API, and what is not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tap_exports.sandbox.options import SCOPES

from .conftest import DAY, NOW, column


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


def test_the_campaigns_app_has_eleven_definitions(open_store):
    """Both of its timestamps are integers, and orders have its columns."""
    (_, without), (store, call) = open_store(page_size=100), open_store(page_size=100, campaigns_app=True)
    plain, found = (one.get("metadata/").json()["results"] for one in (without, call))
    types = {one["name"]: one["type"] for one in found if one not in plain}
    assert len(types) == 11
    assert {name for name, kind in types.items() if kind == "integer"} == {"Conversion Timestamp", "Timestamp"}
    assert all(text.isdigit() for text in column(orders(store), "Timestamp") if text)


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
