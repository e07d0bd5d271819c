"""A store's tables in the warehouse, compared with the files of its exports: row by row, cell by cell."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.shops import Shop
    from tap_exports.sandbox import Export

Key = tuple[str, ...]
STREAMS = 13
EXPORT_LOG = "export_log"


@dataclass
class Comparison:
    """The comparison of one store, with its differences.

    Attributes:
        shop: The store.
        start: Where its history starts in the tables. Exports that only showed the columns are left out.
    """

    shop: Shop
    start: datetime
    tables: int = 0
    rows: int = 0
    cells: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, code: str, key: list[str], rows: list[dict[str, Any]]) -> None:
        """Compare one table."""
        exports = [one for one in self._exports() if one.type == code]
        wanted: dict[Key, dict[str, str]] = {}
        for export in exports:
            text = self.shop.store.file(export.id).decode()
            for cells in csv.DictReader(io.StringIO(text, newline="")):
                row = {_column(header): cell for header, cell in cells.items()}
                wanted[tuple(row[name] for name in key)] = row
        actual = {tuple(str(row[name]) for name in key): row for row in rows}
        self.tables += 1
        self.rows += len(rows)
        wrong = [f"{one} is missing" for one in wanted.keys() - actual.keys()]
        wrong += [f"{one} is in no export" for one in actual.keys() - wanted.keys()]
        for one in wanted.keys() & actual.keys():
            for name, text in wanted[one].items():
                self.cells += 1
                if name not in actual[one] or not _same(text, actual[one][name]):
                    wrong.append(f"{one}: {name}: {text!r} became {actual[one].get(name)!r}")
        # The exports cover the history without a gap, so that together they have all rows of the store.
        until = self.start
        for export in sorted(exports, key=lambda one: one.date_from):
            if export.date_from > until:
                wrong.append(f"no export from {until} to {export.date_from}")
            until = max(until, export.date_to)
        self.wrong += [f"{self.shop.schema}.{code}: {text}" for text in wrong]

    def add_log(self, rows: list[dict[str, Any]]) -> None:
        """Compare the log of exports: each one is in it, and no other."""
        wanted = {(one.id, one.type, one.date_from, one.date_to) for one in self._exports()}
        times = ("date_from", "date_to")
        actual = {(row["export_id"], row["type"], *(_utc(row[name]) for name in times)) for row in rows}
        self.tables += 1
        self.rows += len(rows)
        self.cells += 4 * len(rows)
        self.wrong += [f"{self.shop.schema}.{EXPORT_LOG}: {one[:2]}" for one in wanted ^ actual]

    def _exports(self) -> list[Export]:
        return [
            one for one in self.shop.store.exports if one.date_from >= self.start and one.id not in self.shop.unused
        ]


def compare(database: str, shop: Shop, start: datetime) -> Comparison:
    """Compare all tables of a store with the files of its exports.

    Each row must be the one of the newest export that holds its key. So no row is missing or too many, whether the
    store has changed an object meanwhile or not.
    """
    found = Comparison(shop, start)
    with psycopg.connect(database, row_factory=dict_row) as base:
        for code, key in _tables(base, shop.schema):
            table = sql.Identifier(shop.schema, code)
            rows = base.execute(sql.SQL("SELECT * FROM {}").format(table)).fetchall()
            if code == EXPORT_LOG:
                found.add_log(rows)
            else:
                found.add(code, key, rows)
    if found.tables != STREAMS + 1:
        found.wrong.append(f"{found.tables} tables instead of {STREAMS + 1}")
    return found


def _tables(base: psycopg.Connection[dict[str, Any]], schema: str) -> Iterator[tuple[str, list[str]]]:
    """Each table with its key."""
    statement = """
        SELECT class.relname AS name, array_agg(attribute.attname::text) AS key
        FROM pg_class AS class
        JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
        JOIN pg_index AS index ON index.indrelid = class.oid AND index.indisprimary
        JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid AND attribute.attnum = ANY (index.indkey)
        WHERE namespace.nspname = %s GROUP BY class.relname ORDER BY class.relname
    """
    for one in base.execute(statement, [schema]).fetchall():
        yield one["name"], sorted(one["key"])


def _column(header: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", header.lower()).strip("_")


def _same(text: str, value: object) -> bool:
    """Whether a cell of the table has the value of the file's text."""
    if value is None:
        return not text
    if isinstance(value, bool):
        return text == str(value)
    if isinstance(value, (int, float, Decimal)):
        try:
            return Decimal(text) == Decimal(str(value))
        except InvalidOperation:
            return False
    if isinstance(value, datetime):
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return moment == _utc(value)
    return text == (value.isoformat() if isinstance(value, date) else str(value))


def _utc(moment: datetime) -> datetime:
    """An instant in UTC; a column without a zone is in UTC."""
    return moment.replace(tzinfo=moment.tzinfo or timezone.utc)
