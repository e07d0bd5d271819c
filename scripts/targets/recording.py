"""The tap's output in two runs with a practice store, and the store's rows at those times."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_exports.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterable

    from targets.readers import Tables

TAP = Path(sys.executable).parent / "tap-exports"
NOW = datetime(2026, 3, 3, 12, 34, 37, tzinfo=timezone.utc)  # the second of the tap's own boundaries
SETTLE = timedelta(minutes=5)
LOOKBACK = 8
NEW_COLUMN = "gift_budget"
DIFFICULT = [
    {"Customer ID": str(2**53 + 1), "First Name": "007", "Line1": 'two\nlines, "quoted", \N{GRINNING FACE}'},
    {"Customer ID": str(2**53 + 2), "Last Name": "  leading and trailing ", "Total Spent": "12345678901234567.89"},
    {"Customer ID": "900001", "Last Name": "NULL", "Tags": "a\tb\\n'c'", "Total Spent": "0.10"},
    {"Customer ID": "900002", "Postcode": "00501", "Line2": "=1+1", "Total Spent": "-9999999999.99"},
    {"Customer ID": "900003", "Date Joined": "2026-02-07T23:59:59.123456Z", "Line1": "cr\r\nlf"},
]


@dataclass(frozen=True)
class Sync:
    """What the tap printed in one run, and the store's own rows at that time.

    Attributes:
        messages: File of Singer messages.
        rows: The store's rows by stream, under the names of the tap's columns.
        filled: The number of rows in which the new column must be filled.
    """

    messages: Path
    rows: Tables
    filled: int = 0


def record(folder: Path, settings: dict[str, Any] | None = None) -> list[Sync]:
    """Run the tap twice: a first load, and one two days later, during which a column is added.

    The output is stored in `folder`, which replaces `{folder}` in `settings`.
    """
    settings = json.loads(json.dumps(settings or {}).replace("{folder}", str(folder)))
    with Sandbox(now=NOW, frozen=True, rate_limit=None, days=25, orders_per_day=4) as store:
        end = NOW - SETTLE
        body = _difficult_file(store, end)
        store.add_fault(Fault("file", "body", times=None, export_type="customer_list", body=body))
        first = Sync(folder / "first.jsonl", _rows_of(store, store.start_date, end))
        customers = csv.DictReader(io.StringIO(body.decode(), newline=""))
        first.rows["customer_list"] = [{_name_of(key): cell for key, cell in row.items()} for row in customers]
        _run_tap(folder, store.config | settings, {}, first.messages)

        store.clear_faults()
        store.advance(timedelta(days=2))
        start, end = end - timedelta(days=LOOKBACK), end + timedelta(days=2)
        middle = start + timedelta(days=5)
        rows = _rows_of(store, start, end)
        watcher = threading.Thread(target=_add_column, args=(store, start), daemon=True)
        watcher.start()
        config = {
            "window_days": 5,
            "max_window_days": 5,
            "lookback_days": LOOKBACK,
            "refresh_days": 0,
            "max_concurrent_exports": 1,
            "reuse_exports_minutes": 0,
        }
        with first.messages.open() as lines:
            state = last_state(lines)
        _run_tap(folder, store.config | config | settings, state, folder / "second.jsonl")
        watcher.join(1)
        filled = sum(bool(row["Gift Budget"]) for row in store.rows("order_list", middle, end))
    filled = 0 if settings.get("on_new_column") == "ignore" else filled
    return [first, Sync(folder / "second.jsonl", rows, filled)]


def last_state(messages: Iterable[str]) -> Any:  # noqa: ANN401
    """The value of the last STATE message."""
    return [json.loads(line)["value"] for line in messages if line.startswith('{"type":"STATE"')][-1]


def _add_column(store: Sandbox, start: datetime) -> None:
    """Add the merchant's column after the first window's file was downloaded."""
    while not any(one.downloads for one in store.exports if (one.type, one.date_from) == ("order_list", start)):
        time.sleep(0.005)
    store.add_column("order", NEW_COLUMN, "Gift Budget", "decimal")


def _name_of(header: str) -> str:
    """The tap's column for a header of the practice store's."""
    return re.sub(r"[^a-z0-9]+", "_", header.lower()).strip("_")


def _rows_of(store: Sandbox, start: datetime, end: datetime) -> Tables:
    return {
        code: [{_name_of(header): cell for header, cell in row.items()} for row in store.rows(code, start, end)]
        for code in store.types
    }


def _run_tap(folder: Path, config: dict[str, object], state: object, messages: Path) -> None:
    """Run the tap, with its output in a file."""
    (folder / "tap.json").write_text(json.dumps(config))
    (folder / "state.json").write_text(json.dumps(state))
    command: list[str | Path] = [TAP, "--config", folder / "tap.json", "--state", folder / "state.json"]
    with messages.open("wb") as sink, (folder / "tap.log").open("ab") as log:
        subprocess.run(command, stdout=sink, stderr=log, check=True)


def _difficult_file(store: Sandbox, end: datetime) -> bytes:
    """The store's file of customers, with difficult rows at its end."""
    text = store.csv("customer_list", store.start_date, end).decode()
    header = next(csv.reader(io.StringIO(text)))
    sink = io.StringIO(newline="")
    writer = csv.DictWriter(sink, header, restval="")
    base = {"Date Joined": "2026-02-07T00:00:00Z", "Is Blocked": "True", "Accepts Marketing": "False"}
    writer.writerows(base | row for row in DIFFICULT)
    return (text + sink.getvalue()).encode()
