"""What the API's documents leave open: a sync is right whichever way it is."""

from __future__ import annotations

import pytest

FACTS = [
    {"store_shape": "list"},
    {"api_times": "offset"},
    {"next_links": "other_scheme", "page_size": 1},
    {"next_links": "no_port", "page_size": 1},
    {"campaigns_app": True},
    {"unlisted_metadata": ("vip",)},
    {"null_dates": True},
    {"gzip": "mislabeled"},
    {"lone_cr": True},
    {"guarded_negatives": True, "money_format": "signs", "currencies": ("CHF", "JPY")},
    {"time_format": "am_pm_dots"},
    {"time_format": "am_pm_short"},
]


@pytest.mark.parametrize("fact", FACTS, ids=" ".join)
def test_all_orders_arrive_with_their_values(make_store, sync, fact):
    store = make_store("order_list", days=6, frozen=True, **fact)
    run = sync(store.config, streams=["order_list"])
    rows = {row["Order Number"]: row for row in store.rows("order_list", store.start_date, store.now)}
    records = {record["order_number"]: record for record in run.records("order_list")}
    assert run.failures == {}
    assert set(records) == set(rows)
    assert len(rows) > 5
    assert all(record["invalid_values"] is None for record in records.values())
    types = run.of("SCHEMA", "order_list")[0]["schema"]["properties"]
    assert types["total_incl_tax"]["type"] == ["number", "null"]
    assert types["order_date"]["format"] == "date-time"
    if "campaigns_app" in fact:
        assert types["timestamp"]["type"] == types["conversion_timestamp"]["type"] == ["integer", "null"]


def test_a_403_that_names_admin_scopes_says_which_to_give(make_store, sync, caplog):
    store = make_store(days=6, admin_scopes=True, scopes={"exports:read", "exports:write", "metadata:read"})
    assert sync(store.config, streams=["order_list"]).failures == {}
    assert "admin:read" in caplog.text


def test_a_filtered_export_of_the_dashboard_is_not_reused(make_store, sync):
    store = make_store(days=6, frozen=True)
    start, end = store.start_date, store.now.replace(second=0)
    filtered = store.make_export("order_list", start, end, where={"Status": "completed"})
    run = sync(store.config | {"end_date": end.isoformat()}, streams=["order_list"])
    assert filtered.id not in {record["export_id"] for record in run.records("order_list")}
    assert len(run.records("order_list")) == len(store.rows("order_list", start, end))
