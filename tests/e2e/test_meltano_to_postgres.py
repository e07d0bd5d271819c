"""The main job: a store over HTTP, the tap, Meltano and target-postgres, and the tables afterwards."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone

import plumbing
import pytest

from tap_exports.sandbox import Sandbox
from tap_exports.window import own_boundary
from tests.e2e.tables import tables

pytestmark = pytest.mark.e2e

NOW = datetime(2026, 3, 3, 12, 34, 56, tzinfo=timezone.utc)
SETTLE, LOOKBACK = timedelta(minutes=5), timedelta(days=7)
TYPES = {
    "order_list": {
        "order_number": "text",
        "order_date": "timestamp without time zone",
        "total_incl_tax": "numeric",
        "shipping_postcode": "text",
    },
    "order_line_items": {"quantity": "bigint", "is_upsell": "boolean", "sku": "text"},
    "customer_list": {"customer_id": "bigint", "phone_number": "text", "accepts_marketing": "boolean"},
}


def rfc3339(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def check_provenance(table, store):
    """Each row names its export and that export's window."""
    exports = {export.id: export for export in store.exports}
    for row in table.rows:
        export = exports[row["export_id"]]
        assert export.type == table.code
        assert row["date_from"] == export.date_from.replace(tzinfo=None)
        assert row["date_to"] == export.date_to.replace(tzinfo=None)
        assert row["invalid_values"] is None


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="open"),
        pytest.param({"date_to_included": True, "line_ids": False}, id="closed", marks=pytest.mark.slow),
    ],
)
def test_a_full_load_and_then_an_incremental_one_bring_every_cell(meltano, database, options):
    """With or without `date_to` in a window, with or without line ids."""
    with Sandbox(now=NOW, frozen=True, rate_limit=None, days=35, orders_per_day=12, **options) as store:
        config = store.config | {"window_days": 20, "lookback_days": LOOKBACK.days, "refresh_days": 0}
        project = meltano(config, TARGET_POSTGRES_SQLALCHEMY_URL=plumbing.sqlalchemy(database))

        project.run("run", "tap-exports", "target-postgres", timeout=300)
        end = own_boundary(store.now - SETTLE)
        assert project.bookmarks() == dict.fromkeys(store.types, rfc3339(end))
        loaded = {}
        for table in tables(database, store):
            loaded[table.code] = table.expected(store.rows(table.code, store.start_date, end))
            assert loaded[table.code], table.code
            assert table.by_key() == loaded[table.code]
            check_provenance(table, store)
            for name, wanted in TYPES.get(table.code, {}).items():
                assert table.types[name] == wanted, name

        store.advance(timedelta(days=3))
        before = len(store.exports)
        newest = own_boundary(store.now - SETTLE)
        project.run("run", "tap-exports", "target-postgres", timeout=300)
        assert Counter(export.type for export in store.exports[before:]) == dict.fromkeys(store.types, 1)
        assert project.bookmarks() == dict.fromkeys(store.types, rfc3339(newest))
        changed = set()
        for table in tables(database, store):
            again = table.expected(store.rows(table.code, end - LOOKBACK, newest))
            was = loaded[table.code]
            assert again.keys() - was.keys(), table.code
            if any(was[key] != row for key, row in again.items() if key in was):
                changed.add(table.code)
            assert table.by_key() == was | again
            check_provenance(table, store)
        assert {"order_list", "customer_list"} <= changed
