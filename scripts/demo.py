"""`make demo`: load a practice store into PostgreSQL with Meltano, advance the store, and load it again.

It runs real processes: the Exports API over HTTP, a PostgreSQL server, and `meltano run tap-exports target-postgres`
with this repository's `meltano.yml`. All of them run on this machine, and are stopped at the end.
`make demo-picture` also writes the output to docs/demo.svg.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import shutil
import signal
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psycopg
from plumbing import ROOT, Meltano, MeltanoFailed, install_plugins, postgres, sqlalchemy
from psycopg import sql
from rich.console import Console
from rich.text import Text

from tap_exports.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = ROOT / ".demo"
SCHEMA = "tap_exports"
TABLES = 14  # 13 export types and export_log
ORDERS = 10
BEHIND, AHEAD = timedelta(days=4), timedelta(days=3)
# Columns of the export that a row came from; a change in them is not a change of the object.
PROVENANCE = ["date_from", "date_to", "export_id"]
TAIL = 25

HINT = """
To load a real store, copy .env.example to .env, fill in its first two blocks (store, token and start date;
database), and run:

    .venv/bin/meltano run nightly
"""
PRINTED: list[str] = []


class Table(NamedTuple):
    """One stream's table after the second run."""

    name: str
    rows: int
    added: int
    changed: int


def say(text: str = "") -> None:
    """Print a line without delay, and keep it for the picture."""
    PRINTED.append(text)
    print(text, flush=True)


def main() -> int:
    """Run the demo; return 0 if all tables have rows, the second run changed some, and each bookmark moved."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--days", type=int, default=50, help="days of history at the practice store")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="for Meltano's project; emptied first")
    parser.add_argument("--picture", type=Path, help="write the output to this SVG file")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Terminated; everything is stopped."))
    try:
        return demo(given.days, given.folder, given.picture)
    except MeltanoFailed as failure:
        lines = failure.log.read_text(errors="replace").splitlines()
        say("\n".join(["", *lines[-TAIL:], "", str(failure)]))
    except KeyboardInterrupt:
        say("\nInterrupted; everything is stopped.")
    return 1


def demo(days: int, folder: Path, image: Path | None) -> int:
    """All steps of the demo."""
    say("1. Installing Meltano's plugins (once, about half a minute) …")
    install_plugins()
    shutil.rmtree(folder, ignore_errors=True)
    now = datetime.now(timezone.utc) - BEHIND
    with Sandbox(now=now, days=days, orders_per_day=ORDERS) as store, postgres() as address:
        settings = {f"TAP_EXPORTS_{name.upper()}": str(value) for name, value in store.config.items()}
        settings["TARGET_POSTGRES_SQLALCHEMY_URL"] = sqlalchemy(address)
        meltano = Meltano(folder, settings)
        say(f"   Meltano's log: {os.path.relpath(meltano.log)}")

        say(f"2. First load: a practice store with {days} days of history into an empty PostgreSQL …")
        load(meltano)
        first = meltano.bookmarks()
        with psycopg.connect(address, autocommit=True) as connection:
            remember(connection)

            store.advance(AHEAD)
            say(f"3. {AHEAD.days} days later at the store: the same command, now incremental …")
            load(meltano)
            tables = list(compare(connection))
        second = meltano.bookmarks()
    say()
    report(tables, second)
    faults = verdict(tables, first, second)
    say("\n".join(["", *faults]) if faults else HINT)
    if image and not faults:
        image.write_text(picture())
    return 1 if faults else 0


def load(meltano: Meltano) -> None:
    """The command that a user would schedule."""
    started = time.monotonic()
    meltano.run("run", "tap-exports", "target-postgres")
    say(f"   meltano run tap-exports target-postgres: {time.monotonic() - started:.0f} s")


def fingerprints(connection: psycopg.Connection) -> Iterator[tuple[str, sql.Composed]]:
    """Each table's name, and a query for its rows: the key, and a hash of the columns from the store."""
    found = connection.execute(
        """
        SELECT class.relname, array_agg(attribute.attname::text)
        FROM pg_class AS class
        JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
        JOIN pg_index AS index ON index.indrelid = class.oid AND index.indisprimary
        JOIN pg_attribute AS attribute
          ON attribute.attrelid = class.oid AND attribute.attnum = ANY (index.indkey)
        WHERE namespace.nspname = %s
        GROUP BY class.relname ORDER BY class.relname
        """,
        [SCHEMA],
    )
    for name, key in found.fetchall():
        columns = connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s",
            [SCHEMA, name],
        )
        loaders = [column for (column,) in columns.fetchall() if column.startswith("_sdc_")]
        yield (
            name,
            sql.SQL(
                "SELECT jsonb_build_array({key}) AS key, md5((to_jsonb(r) - {aside}::text[])::text) AS hash"
                " FROM {table} AS r"
            ).format(
                key=sql.SQL(", ").join(map(sql.Identifier, key)),
                aside=sql.Literal(PROVENANCE + loaders),
                table=sql.Identifier(SCHEMA, name),
            ),
        )


def remember(connection: psycopg.Connection) -> None:
    """Copy the keys and hashes of each table's rows into the schema `before`."""
    connection.execute("CREATE SCHEMA before")
    for name, rows in fingerprints(connection):
        connection.execute(sql.SQL("CREATE TABLE {} AS {}").format(sql.Identifier("before", name), rows))


def compare(connection: psycopg.Connection) -> Iterator[Table]:
    """Compare each table with its copy from before the second run."""
    for name, rows in fingerprints(connection):
        counted = connection.execute(
            sql.SQL(
                "SELECT count(*), count(*) FILTER (WHERE before.key IS NULL),"
                " count(*) FILTER (WHERE before.hash <> now.hash)"
                " FROM ({rows}) AS now LEFT JOIN {before} AS before USING (key)"
            ).format(rows=rows, before=sql.Identifier("before", name))
        ).fetchone()
        yield Table(name, *counted or (0, 0, 0))


def report(tables: list[Table], bookmarks: dict[str, str]) -> None:
    """One line for each table."""
    say(f"{'table':<26}{'rows':>8}{'added':>8}{'changed':>9}   bookmark")
    for one in tables:
        mark = bookmarks.get(one.name, "")
        say(f"{one.name:<26}{one.rows:>8,}{one.added:>8,}{one.changed:>9,}   {mark}")


def verdict(tables: list[Table], first: dict[str, str], second: dict[str, str]) -> list[str]:
    """One line for each result that is wrong."""
    faults = [f"{one.name} is empty." for one in tables if not one.rows]
    if len(tables) != TABLES:
        faults.append(f"There are {len(tables)} tables; {TABLES} are expected.")
    if not any(one.added for one in tables):
        faults.append("The second run added nothing.")
    if not any(one.changed for one in tables):
        faults.append("The second run changed nothing.")
    faults += [f"The bookmark of {name} did not move." for name in first if second.get(name) == first[name]]
    return faults


def picture() -> str:
    """The printed lines as an SVG image, which needs no fonts from the network."""
    lines = ["$ make demo", *PRINTED[:-1]]  # without the hint
    console = Console(record=True, width=1 + max(map(len, lines)), file=io.StringIO())
    for line in lines:
        console.print(Text(line))
    image = console.export_svg(title="make demo", unique_id="demo")
    return re.sub(r"@font-face \{.*?\}\n\s*", "", image, flags=re.DOTALL)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
