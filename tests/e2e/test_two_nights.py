"""Two nights whose files differ in ways that must not affect columns, types or keys."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import plumbing
import pytest

from tap_exports.sandbox import Fault, Sandbox

pytestmark = pytest.mark.e2e

NOW = datetime(2026, 3, 3, 12, 34, 56, tzinfo=timezone.utc)
FIRST = {
    "order_list": "Order Number,Order Date,Status\r\n1001,2026-03-01,new\r\n1002,2026-03-02,new\r\n",
    "customer_list": "Customer ID,Email\r\n1,a@example.com\r\n2,b@example.com\r\n",
    "dispute_list": "ID,Status,Reason\r\n1,open,fraud\r\n2,open,lost\r\n",
    "order_line_items": "Order Number,SKU,Quantity\r\n1001,A,1\r\n1001,B,2\r\n1001,A,3\r\n1002,B,4\r\n",
    "return_list": "Return Number,Status\r\nR1,open\r\nR2,open\r\nR1,open\r\n",
}
SECOND = {
    "order_list": "Order Number,Order Date,Status\r\n1002,2026-03-02 15:30,paid\r\n1003,2026-03-03 09:15:30,new\r\n",
    "customer_list": "Customer ID,Email\r\n1,z@example.com\r\n,c@example.com\r\n",
    "dispute_list": "ID,Status\r\n1,won\r\n3,open\r\n",
    "order_line_items": "Order Number,SKU,Quantity\r\n1001,C,5\r\n1001,A,1\r\n1001,A,6\r\n1003,A,7\r\n",
    "return_list": "Return Number,Status\r\nR1,closed\r\nR3,open\r\n",
}


@dataclass
class Night:
    """A table's rows in PostgreSQL."""

    log: str
    tables: dict[str, list[tuple]] = field(default_factory=dict)


COLUMNS = {
    "order_list": "order_number, order_date, status",
    "customer_list": "customer_id, email",
    "dispute_list": "id, status, reason",
    "order_line_items": "order_number, export_line, quantity",
    "return_list": "return_number, status",
}


@pytest.fixture(scope="module")
def nights(server, numbers, tmp_path_factory):
    """Both nights, all streams in the same two runs."""
    name = f"e2e_{next(numbers)}"
    plumbing.query(server, f"CREATE DATABASE {name}")
    database = server.replace("/postgres?", f"/{name}?")
    types = {"types": [{"code": code, "name": code} for code in FIRST]}
    found = []
    with Sandbox(now=NOW, rate_limit=None, days=3, orders_per_day=1) as store:
        settings = store.config | {"reuse_exports_minutes": 0, "timezone": "UTC"}
        variables = {f"TAP_EXPORTS_{key.upper()}": str(value) for key, value in settings.items()}
        variables["TARGET_POSTGRES_SQLALCHEMY_URL"] = plumbing.sqlalchemy(database)
        project = plumbing.Meltano(tmp_path_factory.mktemp("nights") / "project", variables)
        for bodies in (FIRST, SECOND):
            store.clear_faults()
            store.add_fault(Fault("types", "json", document=types, times=None))
            for code, body in bodies.items():
                store.add_fault(Fault("file", "body", body=body, export_type=code, times=None))
            with contextlib.suppress(plumbing.MeltanoFailed):  # the error is in the log
                project.run("run", "tap-exports", "target-postgres", timeout=300)
            found.append(Night(project.log.read_text()))
            for code, columns in COLUMNS.items():
                rows = plumbing.query(database, f"SELECT {columns} FROM tap_exports.{code} ORDER BY 1, 2")
                found[-1].tables[code] = rows
            store.advance(timedelta(days=1))
        found[-1].tables["current_lines"] = plumbing.query(database, CURRENT_LINES)
    return found


CURRENT_LINES = """
SELECT order_number, export_line, quantity FROM (
  SELECT *, max(export_id) OVER (PARTITION BY order_number) AS newest FROM tap_exports.order_line_items) AS lines
WHERE export_id = newest ORDER BY 1, 2
"""


def test_times_follow_a_night_of_whole_days(nights):
    first, second = (night.tables["order_list"] for night in nights)
    day = datetime(2026, 3, 1)  # noqa: DTZ001 - as the target's column type has it
    assert first == [("1001", day, "new"), ("1002", day.replace(day=2), "new")]
    assert second == [
        ("1001", day, "new"),
        ("1002", datetime(2026, 3, 2, 15, 30), "paid"),  # noqa: DTZ001
        ("1003", datetime(2026, 3, 3, 9, 15, 30), "new"),  # noqa: DTZ001
    ]


def test_a_blank_id_fails_the_stream_and_keeps_the_table(nights):
    first, second = (night.tables["customer_list"] for night in nights)
    assert first == second == [(1, "a@example.com"), (2, "b@example.com")]
    assert "customer_id" in nights[1].log
    assert "primary_keys" in nights[1].log


def test_a_removed_column_keeps_its_values_in_the_table(nights):
    first, second = (night.tables["dispute_list"] for night in nights)
    assert first == [(1, "open", "fraud"), (2, "open", "lost")]
    assert second == [(1, "won", "fraud"), (2, "open", "lost"), (3, "open", None)]


def test_an_edited_order_changes_no_other_lines_key(nights):
    first, second = (night.tables["order_line_items"] for night in nights)
    assert first == [("1001", "A#1", 1), ("1001", "A#2", 3), ("1001", "B#1", 2), ("1002", "B#1", 4)]
    assert second == [
        ("1001", "A#1", 1), ("1001", "A#2", 6), ("1001", "B#1", 2), ("1001", "C#1", 5),
        ("1002", "B#1", 4), ("1003", "A#1", 7),
    ]  # fmt: skip
    current = nights[1].tables["current_lines"]
    assert [row for row in current if row[0] == "1001"] == [("1001", "A#1", 1), ("1001", "A#2", 6), ("1001", "C#1", 5)]


def test_a_duplicate_row_is_kept_once_and_updated_later(nights):
    first, second = (night.tables["return_list"] for night in nights)
    assert first == [("R1", "open"), ("R2", "open")]
    assert second == [("R1", "closed"), ("R2", "open"), ("R3", "open")]
