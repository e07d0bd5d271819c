"""Two nights whose files differ in ways that must not affect columns, types or keys."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import plumbing
import pytest

from tap_exports.sandbox import Fault, Sandbox

pytestmark = pytest.mark.e2e

NOW = datetime(2026, 3, 3, 12, 34, 56, tzinfo=timezone.utc)
FIRST = {
    "dispute_list": "ID,Status,Reason\r\n1,open,fraud\r\n2,open,lost\r\n",
    "order_line_items": "Order Number,SKU,Quantity\r\n1001,A,1\r\n1001,B,2\r\n1001,A,3\r\n1002,B,4\r\n",
}
SECOND = {
    "dispute_list": "ID,Status\r\n1,won\r\n3,open\r\n",
    "order_line_items": "Order Number,SKU,Quantity\r\n1001,C,5\r\n1001,A,1\r\n1001,A,6\r\n1003,A,7\r\n",
}
QUERIES = {
    "dispute_list": "SELECT id, status, reason FROM tap_exports.dispute_list ORDER BY 1",
    "order_line_items": "SELECT order_number, export_line, quantity FROM tap_exports.order_line_items ORDER BY 1, 2",
    "current lines": """
SELECT order_number, export_line, quantity FROM (
  SELECT *, max(export_id) OVER (PARTITION BY order_number) AS newest FROM tap_exports.order_line_items) AS lines
WHERE export_id = newest ORDER BY 1, 2
""",
}


@pytest.fixture(scope="module")
def nights(server, numbers, tmp_path_factory):
    """The rows of both nights, by query."""
    name = f"e2e_{next(numbers)}"
    plumbing.query(server, f"CREATE DATABASE {name}")
    database = server.replace("/postgres?", f"/{name}?")
    types = {"types": [{"code": code, "name": code} for code in FIRST]}
    found = []
    with Sandbox(now=NOW, rate_limit=None, days=3, orders_per_day=1) as store:
        settings = store.config | {"reuse_exports_minutes": 0}
        variables = {f"TAP_EXPORTS_{key.upper()}": str(value) for key, value in settings.items()}
        variables["TARGET_POSTGRES_SQLALCHEMY_URL"] = plumbing.sqlalchemy(database)
        project = plumbing.Meltano(tmp_path_factory.mktemp("nights") / "project", variables)
        for bodies in (FIRST, SECOND):
            store.clear_faults()
            store.add_fault(Fault("types", "json", document=types, times=None))
            for code, body in bodies.items():
                store.add_fault(Fault("file", "body", body=body, export_type=code, times=None))
            project.run("run", "tap-exports", "target-postgres", timeout=300)
            found.append({name: plumbing.query(database, query) for name, query in QUERIES.items()})
            store.advance(timedelta(days=1))
    return found


def test_a_removed_column_keeps_its_values_in_the_table(nights):
    first, second = (night["dispute_list"] for night in nights)
    assert first == [(1, "open", "fraud"), (2, "open", "lost")]
    assert second == [(1, "won", "fraud"), (2, "open", "lost"), (3, "open", None)]


def test_an_edited_order_changes_no_other_lines_key(nights):
    first, second = (night["order_line_items"] for night in nights)
    assert first == [("1001", "A#1", 1), ("1001", "A#2", 3), ("1001", "B#1", 2), ("1002", "B#1", 4)]
    assert second == [
        ("1001", "A#1", 1), ("1001", "A#2", 6), ("1001", "B#1", 2), ("1001", "C#1", 5),
        ("1002", "B#1", 4), ("1003", "A#1", 7),
    ]  # fmt: skip
    current = [row for row in nights[1]["current lines"] if row[0] == "1001"]
    assert current == [("1001", "A#1", 1), ("1001", "A#2", 6), ("1001", "C#1", 5)]
