"""Columns added between two windows and between two runs are loaded into PostgreSQL."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone

import plumbing
import psycopg
import pytest

from tap_exports.sandbox import Sandbox

pytestmark = pytest.mark.e2e

NOW = datetime(2026, 3, 3, 12, 34, 56, tzinfo=timezone.utc)


def orders(database, columns):
    """Types of order_list's columns in PostgreSQL, and some of its columns by window."""
    with psycopg.connect(database) as connection:
        types = dict(
            connection.execute(
                "SELECT column_name, data_type FROM information_schema.columns"
                " WHERE table_schema = 'tap_exports' AND table_name = 'order_list'"
            ).fetchall()
        )
        rows = connection.execute(
            f"SELECT date_from, {', '.join(columns)} FROM tap_exports.order_list ORDER BY order_date"
        ).fetchall()
    return types, rows


def test_new_columns_become_columns_of_the_table(meltano, database):
    first_was_read = threading.Event()
    with Sandbox(now=NOW, rate_limit=None, days=40, orders_per_day=4) as store:
        config = store.config | {
            "window_days": 10, "max_window_days": 10, "max_concurrent_exports": 1, "lookback_days": 8,
            "reuse_exports_minutes": 0, "refresh_days": 0,  # a refresh exports the first days again
        }  # fmt: skip
        project = meltano(
            config,
            TARGET_POSTGRES_SQLALCHEMY_URL=plumbing.sqlalchemy(database),
            TAP_EXPORTS__SELECT='["order_list.*"]',
        )

        def merchant():
            """Add a column after the first window's file was read."""
            while not any(export.downloads for export in store.exports if export.date_from == store.start_date):
                time.sleep(0.005)
            store.add_column("order", "gift_budget", "Gift Budget", "decimal")
            first_was_read.set()

        watcher = threading.Thread(target=merchant, daemon=True)
        watcher.start()
        project.run("run", "tap-exports", "target-postgres", timeout=300)
        assert first_was_read.is_set()
        types, rows = orders(database, ["gift_budget"])
        assert types["gift_budget"] == "numeric"
        by_window = {window: [value for start, value in rows if start == window] for window, _ in rows}
        windows = sorted(by_window)
        assert not any(by_window[windows[0]])
        assert any(by_window[windows[-1]])

        store.add_column("order", "packed_on", "Packed Date", "boolean")
        store.advance(timedelta(days=2))
        project.run("run", "tap-exports", "target-postgres", timeout=300)
        types, rows = orders(database, ["packed_date", "gift_budget"])
        assert types["packed_date"] == "boolean"
        assert types["invalid_values"] == "jsonb"
        assert types["order_date"] == "timestamp without time zone"
        assert types["customer_id"] == "bigint"
        assert types["date_to"] == "timestamp without time zone"
        recent = [packed for start, packed, _ in rows if start not in windows]
        assert recent
        assert any(packed is not None for packed in recent)
        assert all(packed is None for start, packed, _ in rows if start in windows)
