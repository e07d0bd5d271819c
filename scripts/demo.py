"""`make demo`: a practice store into PostgreSQL by Meltano, and once more when time has moved on.

Real processes from end to end: the Exports API over HTTP, `meltano run tap-exports target-postgres` on this
repository's own `meltano.yml`, a PostgreSQL server. All of it runs on this machine and is gone at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import os
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

from tap_exports.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = ROOT / ".demo"
SCHEMA = "tap_exports"
STREAMS = 13
ORDERS = 10
BEHIND, AHEAD = timedelta(days=4), timedelta(days=3)
# They tell which export a row came from, and change with each: not a change of the object.
PROVENANCE = ["date_from", "date_to", "export_id"]
TAIL = 25

HINT = """
To load a real store, copy .env.example to .env, fill in its first two blocks (the store, its token, your
database), and then:

    .venv/bin/meltano run nightly
"""


class Table(NamedTuple):
    """What one stream's table holds after the second run."""

    name: str
    rows: int
    added: int
    changed: int


def say(text: str = "") -> None:
    """Print at once: whoever waits wants to see where things are."""
    print(text, flush=True)


def main() -> int:
    """Run the demo.

    Returns:
        0 where all 13 tables have rows, the second run brought new and changed ones, and each bookmark moved.
    """
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--days", type=int, default=50, help="days of history at the practice store")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="for Meltano's project; emptied first")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Terminated; everything is stopped."))
    try:
        return demo(given.days, given.folder)
    except MeltanoFailed as failure:
        lines = failure.log.read_text(errors="replace").splitlines()
        say("\n".join(["", *lines[-TAIL:], "", str(failure)]))
    except KeyboardInterrupt:
        say("\nInterrupted; everything is stopped.")
    return 1


def demo(days: int, folder: Path) -> int:
    """The story, from an empty machine to the report."""
    say("1. Meltano and its plugins (installed once, about half a minute) …")
    install_plugins()
    shutil.rmtree(folder, ignore_errors=True)
    now = datetime.now(timezone.utc) - BEHIND
    with Sandbox(now=now, days=days, orders_per_day=ORDERS) as store, postgres() as address:
        settings = {f"TAP_EXPORTS_{name.upper()}": str(value) for name, value in store.config.items()}
        settings["TARGET_POSTGRES_SQLALCHEMY_URL"] = sqlalchemy(address)
        meltano = Meltano(folder, settings)
        say(f"   its log: {os.path.relpath(meltano.log)}")

        say(f"2. A practice store with {days} days of history, and an empty PostgreSQL: the full load …")
        load(meltano)
        first = meltano.bookmarks()
        with psycopg.connect(address, autocommit=True) as connection:
            remember(connection)

            store.advance(AHEAD)
            say(f"3. {AHEAD.days} days later at the store: the same command again, now incremental …")
            load(meltano)
            tables = list(compare(connection))
        second = meltano.bookmarks()
    say()
    report(tables, second)
    faults = verdict(tables, first, second)
    say("\n".join(["", *faults]) if faults else HINT)
    return 1 if faults else 0


def load(meltano: Meltano) -> None:
    """The command that a user would schedule."""
    started = time.monotonic()
    meltano.run("run", "tap-exports", "target-postgres")
    say(f"   meltano run tap-exports target-postgres: {time.monotonic() - started:.0f} s")


def fingerprints(connection: psycopg.Connection) -> Iterator[tuple[str, sql.Composed]]:
    """Each table's name, and a query for its rows: the key, and a hash of what the store said."""
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
    """Keep what each table holds now, beside it in the database."""
    connection.execute("CREATE SCHEMA before")
    for name, rows in fingerprints(connection):
        connection.execute(sql.SQL("CREATE TABLE {} AS {}").format(sql.Identifier("before", name), rows))


def compare(connection: psycopg.Connection) -> Iterator[Table]:
    """What each table holds now beside what was remembered."""
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
        mark = bookmarks.get(one.name, "none")
        say(f"{one.name:<26}{one.rows:>8,}{one.added:>8,}{one.changed:>9,}   {mark}")


def verdict(tables: list[Table], first: dict[str, str], second: dict[str, str]) -> list[str]:
    """What is not as it should be, one line for each fault."""
    faults = [f"{one.name} is empty." for one in tables if not one.rows]
    if len(tables) != STREAMS:
        faults.append(f"There are {len(tables)} tables, and should be {STREAMS}.")
    if not any(one.added for one in tables):
        faults.append("The second run added nothing.")
    if not any(one.changed for one in tables):
        faults.append("The second run changed nothing.")
    faults += [f"The bookmark of {name} did not move." for name in first if second.get(name) == first[name]]
    return faults


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
