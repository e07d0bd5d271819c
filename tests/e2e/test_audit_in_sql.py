"""The queries of docs/audit.md over export_log, run in PostgreSQL after a load."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from hashlib import sha256

import plumbing
import pytest

from tap_exports.sandbox import Sandbox

pytestmark = pytest.mark.e2e

NOW = datetime(2026, 3, 3, 12, 34, 56, tzinfo=timezone.utc)


@pytest.fixture
def queries():
    """The SQL in order: all loads, and windows after a gap."""
    text = (plumbing.ROOT / "docs" / "audit.md").read_text()
    return re.findall(r"^```sql\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_audit_queries_show_every_load_and_a_gap(meltano, database, queries):
    loads, gaps = queries
    with Sandbox(now=NOW, frozen=True, rate_limit=None, days=30, orders_per_day=2, row_cap=40) as store:
        project = meltano(
            store.config | {"window_days": 10, "max_window_days": 10, "max_export_rows": 40, "lookback_days": 2},
            TARGET_POSTGRES_SQLALCHEMY_URL=plumbing.sqlalchemy(database),
            TAP_EXPORTS__SELECT='["order_list.*", "order_line_items.*", "export_log.*"]',
        )
        project.run("run", "tap-exports", "target-postgres", timeout=300)
        store.advance(timedelta(days=1))
        project.run("run", "tap-exports", "target-postgres", timeout=300)
        found = plumbing.query(database, loads)
        used = [e for e in store.exports if e.type in {"order_list", "order_line_items"} and e.downloads]
        full = plumbing.query(database, "SELECT export_id FROM tap_exports.export_log WHERE at_cap")
        assert full
        assert len(found) + len(full) == len(used)
        last = used[-1]
        window = tuple(instant.replace(tzinfo=None) for instant in (last.date_from, last.date_to))
        digest = sha256(store.csv(last.type, last.date_from, last.date_to)).hexdigest()
        assert (last.type, *window, digest) in {(*row[:3], row[6]) for row in found}
    assert all(row[4] == 0 and (row[5] is None or row[5] >= timedelta(0)) for row in found)
    assert any(row[5] is not None for row in found)
    assert plumbing.query(database, gaps) == []
    kept = "NOT at_cap AND NOT refresh AND type = 'order_line_items'"
    second = f"SELECT min(date_to) FROM tap_exports.export_log WHERE {kept}"
    plumbing.query(
        database,
        f"DELETE FROM tap_exports.export_log WHERE type = 'order_line_items' AND date_from = ({second})",
    )
    assert [kind for kind, *_ in plumbing.query(database, gaps)] == ["order_line_items"]
