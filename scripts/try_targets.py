"""`make targets`: one sync of a practice store into one Singer target after another, compared cell by cell.

The tap runs twice, and what it prints is kept: a first load, with a few hostile rows among the customers, and an
incremental one, with a look-back, in the middle of which the merchant adds a column. Each target, in a virtual
environment of its own, then reads the one and the other. What it wrote is compared with the store. What is
found is told in docs/targets.md.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import plumbing
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from tap_exports.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Row = dict[str, Any]
Tables = dict[str, list[Row]]

TAP = Path(sys.executable).parent / "tap-exports"
NOW = datetime(2026, 3, 3, 12, 34, 56, tzinfo=timezone.utc)
SETTLE = timedelta(minutes=5)
LOOKBACK = 8
NEW_COLUMN = "gift_budget"
HOSTILE = [
    {"Customer ID": str(2**53 + 1), "First Name": "007", "Line1": 'two\nlines, "quoted", \N{GRINNING FACE}'},
    {"Customer ID": str(2**53 + 2), "Last Name": "  leading and trailing ", "Total Spent": "12345678901234567.89"},
    {"Customer ID": "900001", "Last Name": "NULL", "Tags": "a\tb\\n'c'", "Total Spent": "0.10"},
    {"Customer ID": "900002", "Postcode": "00501", "Line2": "=1+1", "Total Spent": "-9999999999.99"},
    {"Customer ID": "900003", "Date Joined": "2026-02-07T23:59:59.123456Z", "Line1": "cr\r\nlf"},
]

DUMP_DUCKDB = """
import duckdb, json, sys
base = duckdb.connect(sys.argv[1], read_only=True)
tables = {}
for schema, name in base.execute("SELECT table_schema, table_name FROM information_schema.tables").fetchall():
    answer = base.execute(f'SELECT * FROM "{schema}"."{name}"')
    names = [column[0] for column in answer.description]
    tables[name] = [dict(zip(names, row)) for row in answer.fetchall()]
json.dump(tables, sys.stdout, default=str)
"""


@dataclass
class Sync:
    """What the tap printed in one run, and the store's own rows at that time.

    Attributes:
        messages: File of Singer messages.
        rows: The store's rows by stream, under the names of the tap's columns.
        filled: How many rows have the new column filled.
    """

    messages: Path
    rows: Tables
    filled: int = 0


@dataclass
class Target:
    """A target to try.

    Attributes:
        name: Its command.
        requirements: What pip installs.
        upserts: Whether it is to keep one row for each key.
        config: Its settings, `{folder}` standing for where it is to write and `{server}` for PostgreSQL.
        read: What it wrote, given its environment's Python, the folder and the server.
        mapper: Settings of a mapper between the tap and the target.
    """

    name: str
    requirements: list[str]
    upserts: bool
    config: dict[str, Any]
    read: Callable[[Path, Path, str], Tables]
    mapper: dict[str, Any] | None = None

    @property
    def title(self) -> str:
        """Package and version."""
        return self.requirements[0].replace("==", " ") + (" behind the mapper" if self.mapper else "")


class Finding(NamedTuple):
    """How one sync came out.

    Attributes:
        ended: The exit code, with the last line of the log where it is not 0.
        state: Whether the target gave back the tap's last state.
        rows: Rows found and rows expected, over all tables.
        tables: Tables whose count is as expected.
        wrong: By kind of cell, how many differ; with an example.
        filled: Rows with the new column filled, and how many were expected.
    """

    ended: str
    state: bool = False
    rows: tuple[int, int] = (0, 0)
    tables: tuple[int, int] = (0, 0)
    wrong: dict[str, tuple[int, str]] = {}  # noqa: RUF012
    cells: int = 0
    filled: tuple[int, int] = (0, 0)

    @property
    def perfect(self) -> bool:
        """Whether all is as in the store."""
        pairs = (self.rows, self.tables, self.filled)
        return self.ended == "0" and self.state and not self.wrong and all(found == wanted for found, wanted in pairs)


def read_jsonl(_: Path, folder: Path, __: str) -> Tables:
    """Files of JSON lines, numbers exact."""
    tables: Tables = {}
    for path in sorted(folder.glob("*.jsonl")):
        lines = path.read_text().split("\n")
        tables.setdefault(path.stem.split("-")[0], []).extend(
            json.loads(line, parse_float=Decimal) for line in lines if line
        )
    return tables


def read_csv(_: Path, folder: Path, __: str) -> Tables:
    """CSV files, of any number of runs."""
    tables: Tables = {}
    for path in sorted(folder.glob("*.csv")):
        text = path.read_bytes().decode()
        tables.setdefault(path.stem.split("-")[0], []).extend(csv.DictReader(io.StringIO(text, newline="")))
    return tables


def read_sqlite(_: Path, folder: Path, __: str) -> Tables:
    """All tables of a SQLite file."""
    with contextlib.closing(sqlite3.connect(folder / "out.db")) as base:
        base.row_factory = sqlite3.Row
        names = [name for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: [dict(row) for row in base.execute(f'SELECT * FROM "{name}"')] for name in names}  # noqa: S608


def read_duckdb(python: Path, folder: Path, _: str) -> Tables:
    """All tables of a DuckDB file, read by the target's own library."""
    answer = subprocess.run([python, "-c", DUMP_DUCKDB, folder / "out.duckdb"], capture_output=True, check=True)
    tables: Tables = json.loads(answer.stdout, parse_float=Decimal)
    return tables


def read_postgres(_: Path, __: Path, server: str) -> Tables:
    """All tables of the schema."""
    with psycopg.connect(server, row_factory=dict_row) as base:
        names = base.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'shop'").fetchall()
        statement = sql.SQL("SELECT * FROM shop.{}")
        return {
            one["table_name"]: base.execute(statement.format(sql.Identifier(one["table_name"]))).fetchall()
            for one in names
        }


# From some release after 1.2.2 on, DuckDB takes the first row of the file that this target hands it for a header.
DUCKDB = Target(
    "target-duckdb",
    ["target-duckdb==0.8.0", "duckdb==1.2.2"],
    upserts=True,
    config={"path": "{folder}/out.duckdb", "default_target_schema": "shop"},
    read=read_duckdb,
)
JSONL = Target(
    "target-jsonl",
    plumbing.pins("target-jsonl"),
    upserts=False,
    config={"destination_path": "{folder}"},
    read=read_jsonl,
)
CSV = Target(
    "target-csv",
    ["meltanolabs-target-csv==0.5.0"],
    upserts=False,
    config={"output_path": "{folder}", "file_naming_scheme": "{stream_name}-{timestamp}.csv"},
    read=read_csv,
)
POSTGRES = Target(
    "target-postgres",
    ["meltanolabs-target-postgres==0.8.1"],
    upserts=True,
    config={"sqlalchemy_url": "{server}", "default_target_schema": "shop", "load_method": "upsert"},
    read=read_postgres,
)
SQLITE = Target(
    "target-sqlite", ["target-sqlite==0.2.0"], upserts=True, config={"database": "{folder}/out"}, read=read_sqlite
)
OLD_CSV = Target(
    "target-csv",
    ["target-csv==0.3.0", "setuptools==80.9.0"],
    upserts=False,
    config={"destination_path": "{folder}", "disable_collection": True},
    read=read_csv,
)
MAPPER = ["meltano-map-transform==0.12.3"]
MAPPED = Target(
    "target-jsonl",
    plumbing.pins("target-jsonl"),
    upserts=False,
    config={"destination_path": "{folder}"},
    read=read_jsonl,
    mapper={"stream_maps": {"customer_list": {"email": None, "email_hash": "md5(email or '')"}}},
)
TARGETS = [JSONL, POSTGRES, DUCKDB, CSV, SQLITE, OLD_CSV, MAPPED]


def name_of(header: str) -> str:
    """The tap's column for a header of the practice store's."""
    return re.sub(r"[^a-z0-9]+", "_", header.lower()).strip("_")


def rows_of(store: Sandbox, start: datetime, end: datetime) -> Tables:
    """The store's rows, by stream and the tap's columns."""
    return {
        code: [{name_of(header): cell for header, cell in row.items()} for row in store.rows(code, start, end)]
        for code in store.types
    }


def run_tap(folder: Path, config: dict[str, object], state: object, messages: Path) -> None:
    """What the tap prints, into a file."""
    (folder / "tap.json").write_text(json.dumps(config))
    (folder / "state.json").write_text(json.dumps(state))
    command: list[str | Path] = [TAP, "--config", folder / "tap.json", "--state", folder / "state.json"]
    with messages.open("wb") as sink, (folder / "tap.log").open("ab") as log:
        subprocess.run(command, stdout=sink, stderr=log, check=True)


def last_state(messages: Iterable[str]) -> Any:  # noqa: ANN401
    """The value of the last STATE message."""
    return [json.loads(line)["value"] for line in messages if line.startswith('{"type":"STATE"')][-1]


def hostile_file(store: Sandbox, end: datetime) -> bytes:
    """The store's own file of customers with hostile rows at its end."""
    text = store.csv("customer_list", store.start_date, end).decode()
    header = next(csv.reader(io.StringIO(text)))
    sink = io.StringIO(newline="")
    writer = csv.DictWriter(sink, header, restval="")
    base = {"Date Joined": "2026-02-07T00:00:00Z", "Is Blocked": "True", "Accepts Marketing": "False"}
    writer.writerows(base | row for row in HOSTILE)
    return (text + sink.getvalue()).encode()


def record(folder: Path) -> list[Sync]:
    """Let the tap run twice; what it printed and what the store had."""
    with Sandbox(now=NOW, frozen=True, rate_limit=None, days=25, orders_per_day=4) as store:
        end = NOW - SETTLE
        body = hostile_file(store, end)
        store.add_fault(Fault("file", "body", times=None, export_type="customer_list", body=body))  # type: ignore[arg-type]
        first = Sync(folder / "first.jsonl", rows_of(store, store.start_date, end))
        customers = csv.DictReader(io.StringIO(body.decode(), newline=""))
        first.rows["customer_list"] = [{name_of(key): cell for key, cell in row.items()} for row in customers]
        run_tap(folder, store.config, {}, first.messages)

        store.clear_faults()
        store.advance(timedelta(days=2))
        start, end = end - timedelta(days=LOOKBACK), end + timedelta(days=2)
        middle = start + timedelta(days=5)
        second = Sync(folder / "second.jsonl", rows_of(store, start, end))

        def merchant() -> None:
            """Add a column once the first window's file was read, and never before."""
            while not any(one.downloads for one in store.exports if (one.type, one.date_from) == ("order_list", start)):
                time.sleep(0.005)
            store.add_column("order", NEW_COLUMN, "Gift Budget", "decimal")  # type: ignore[arg-type]

        watcher = threading.Thread(target=merchant, daemon=True)
        watcher.start()
        config = store.config | {
            "window_days": 5,
            "lookback_days": LOOKBACK,
            "max_concurrent_exports": 1,
        }
        with first.messages.open() as lines:
            state = last_state(lines)
        run_tap(folder, config | {"reuse_exports_minutes": 0}, state, second.messages)
        watcher.join(1)
        second.filled = sum(bool(row["Gift Budget"]) for row in store.rows("order_list", middle, end))
    return [first, second]


def feed(target: Target, sync: Sync, folder: Path, server: str) -> tuple[str, str]:
    """Let the target read one run of the tap; its exit code or last words, and its stdout."""
    command = plumbing.virtual_environment(target.requirements) / target.name
    text = json.dumps(target.config).replace("{folder}", str(folder)).replace("{server}", plumbing.sqlalchemy(server))
    (folder / "config.json").write_text(text)
    messages = sync.messages
    if target.mapper:
        (folder / "map.json").write_text(json.dumps(target.mapper))
        messages = folder / f"mapped-{sync.messages.name}.txt"
        mapper: list[str | Path] = [
            plumbing.virtual_environment(MAPPER) / "meltano-map-transform",
            "--config",
            folder / "map.json",
        ]
        with sync.messages.open("rb") as source, messages.open("wb") as sink:
            subprocess.run(mapper, stdin=source, stdout=sink, stderr=subprocess.DEVNULL, check=True, cwd=folder)
    with messages.open("rb") as source:
        done = subprocess.run(
            [command, "--config", folder / "config.json"],
            stdin=source,
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
        )
    (folder / f"{sync.messages.stem}.log").write_text(done.stderr)
    words = [line for line in done.stderr.splitlines() if line.strip()]
    return "0" if not done.returncode else f"{done.returncode}: {words[-1] if words else ''}", done.stdout


def kinds_of(messages: Path) -> tuple[dict[str, dict[str, str]], dict[str, list[str]]]:
    """By stream, the kind of each column and the key."""
    kinds, keys = {}, {}
    with messages.open() as lines:
        for line in lines:
            if line.startswith('{"type":"SCHEMA"'):
                message = json.loads(line)
                columns = message["schema"]["properties"].items()
                kinds[message["stream"]] = {name: one.get("format") or one["type"][0] for name, one in columns}
                keys[message["stream"]] = message["key_properties"]
    return kinds, keys


def instant(value: object) -> datetime:
    """A time in UTC; one without a zone is taken as UTC, as targets do that drop it."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)


def plain(value: object, kind: str) -> object:
    """A cell of either side as what it means."""
    if value is None or value == "":
        return None
    try:
        if kind in {"integer", "number"}:
            return Decimal(str(value))
        if kind == "boolean":
            return str(value).lower() in {"true", "1"}
        return instant(value) if kind == "date-time" else str(value)
    except (ValueError, InvalidOperation):
        return f"unreadable: {value}"


def identity(row: Row, key: list[str]) -> tuple[str, ...]:
    """A row's key as text."""
    return tuple(str(row[name]) for name in key)


@dataclass
class Comparison:
    """Counts what differs between the store's rows and a target's."""

    cells: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def differs(self, kind: str, example: str) -> None:
        """Count one, and keep the first of a kind as the example."""
        self.counts[kind] += 1
        self.examples.setdefault(kind, example)

    def table(
        self, found: dict[tuple[str, ...], Row], wanted: dict[tuple[str, ...], Row], kinds: dict[str, str]
    ) -> None:
        """Compare two tables by key, cell by cell."""
        for key, row in wanted.items():
            other = found.get(key)
            if other is None:
                self.differs("missing row", str(key))
                continue
            for name in row.keys() & kinds.keys():
                left, right = plain(row[name], kinds[name]), plain(other.get(name), kinds[name])
                self.cells += 1
                if left != right:
                    self.differs(kinds[name], f"{name}: {row[name]!r} became {other.get(name)!r}")


def compare(target: Target, syncs: list[Sync], tables: Tables) -> dict[str, Any]:
    """What the target wrote, against the store's rows of these syncs."""
    kinds, keys = kinds_of(syncs[-1].messages)
    seen, counts, comparison = 0, [], Comparison()
    for code, columns in kinds.items():
        hidden = {
            name
            for name, value in (target.mapper or {"stream_maps": {}})["stream_maps"].get(code, {}).items()
            if value is None
        }
        key, all_rows = keys[code], [row for sync in syncs for row in sync.rows[code]]
        wanted = {identity(row, key): row for row in all_rows}
        rows = tables.get(code, [])
        seen += len(rows)
        counts.append(len(rows) - (len(wanted) if target.upserts else len(all_rows)))
        visible = {name: kind for name, kind in columns.items() if name not in hidden}
        comparison.table({identity(row, key): row for row in rows}, wanted, visible)
    filled = sum(plain(row.get(NEW_COLUMN), "number") is not None for row in tables.get("order_list", []))
    return {
        "rows": (seen, seen - sum(counts)),
        "tables": (counts.count(0), len(counts)),
        "wrong": {kind: (number, comparison.examples[kind]) for kind, number in comparison.counts.items()},
        "cells": comparison.cells,
        "filled": (filled, syncs[-1].filled),
    }


def attempt(target: Target, syncs: list[Sync], folder: Path, server: str = "") -> Iterator[Finding]:
    """Feed a target one sync after another; how each came out."""
    folder.mkdir()
    for number, sync in enumerate(syncs, start=1):
        ended, answer = feed(target, sync, folder, server)
        lines = [line for line in answer.splitlines() if line.strip()]
        with sync.messages.open() as source:
            state = bool(lines) and json.loads(lines[-1]) == last_state(source)
        try:
            tables = target.read(plumbing.virtual_environment(target.requirements) / "python", folder, server)
            found = compare(target, syncs[:number], tables)
        except (subprocess.CalledProcessError, sqlite3.Error, KeyError) as error:
            yield Finding(f"{ended} (unreadable: {error!r})", state)
            return
        yield Finding(ended, state, **found)


def tell(target: Target, findings: Iterable[Finding]) -> bool:
    """Print one target's lines; whether all is well."""
    print(f"\n{target.title}")
    well = True
    for name, one in zip(("first load", "second load"), findings, strict=False):
        well &= one.perfect
        state = "given back" if one.state else "not given back"
        print(f"  {name}: exit {one.ended}, state {state}, rows {one.rows[0]} of {one.rows[1]}, "
              f"tables {one.tables[0]} of {one.tables[1]}, {one.cells} cells compared, "
              f"new column filled {one.filled[0]} of {one.filled[1]}")  # fmt: skip
        for kind, (number, example) in one.wrong.items():
            print(f"    {number} differ, {kind}: {example}")
    return well


def main() -> None:
    """Try all, or those that are named."""
    chosen = [one for one in TARGETS if not sys.argv[1:] or any(word in one.title for word in sys.argv[1:])]
    folder = Path(tempfile.mkdtemp(prefix="tap-exports-targets-"))
    try:
        syncs = record(folder)
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(plumbing.postgres()) if POSTGRES in chosen else ""
            for number, target in enumerate(chosen):
                try:
                    tell(target, attempt(target, syncs, folder / str(number), server))
                except subprocess.CalledProcessError as error:  # noqa: PERF203
                    print(f"\n{target.title}\n  {Path(error.cmd[0]).name} failed with exit code {error.returncode}")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
