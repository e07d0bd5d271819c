"""What PostgreSQL holds, and what a store's rows are there, read without any of the tap's own code."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, datetime
from decimal import Decimal

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

OURS = {"date_from", "date_to", "export_id", "export_line", "invalid_values"}

LINE_NAMES = ("variant_id", "product_id", "sku", "title")
"""The first of these columns identifies a line."""
# Reads a cell by its column's type in PostgreSQL, without code of the tap.
READ = {
    "text": str,
    "character varying": str,
    "bigint": int,
    "numeric": Decimal,
    "boolean": {"True": True, "False": False}.__getitem__,
    "date": date.fromisoformat,
    "timestamp without time zone": lambda text: datetime.fromisoformat(text.removesuffix("Z")),
}


def snake(header):
    return re.sub(r"[^a-z0-9]+", "_", header.lower()).strip("_")


class Table:
    """One stream's table in PostgreSQL."""

    def __init__(self, connection, code):
        self.code = code
        self.types = dict(
            connection.execute(
                "SELECT column_name, data_type FROM information_schema.columns"
                " WHERE table_schema = 'tap_exports' AND table_name = %s",
                [code],
            ).fetchall()
        )
        self.key = [
            name
            for (name,) in connection.execute(
                "SELECT attname FROM pg_index"
                " JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)"
                " WHERE indisprimary AND indrelid = %s::regclass ORDER BY array_position(indkey::int[], attnum::int)",
                [f"tap_exports.{code}"],
            )
        ]
        cursor = connection.cursor(row_factory=dict_row)
        self.rows = cursor.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier("tap_exports", code))).fetchall()

    def by_key(self):
        """Key → the store's own cells."""
        own = [name for name in self.types if not name.startswith("_sdc_") and name not in OURS]
        return {tuple(row[name] for name in self.key): {name: row[name] for name in own} for row in self.rows}

    def expected(self, rows):
        """Key → typed cells of the store's rows, and every key once."""
        found, lines = {}, Counter()
        for row in rows:
            cells = {snake(header): text for header, text in row.items()}
            typed = {name: READ[self.types[name]](text) if text else None for name, text in cells.items()}
            key = [typed[name] for name in self.key if name != "export_line"]
            if "export_line" in self.key:
                line = next(cells[name] for name in LINE_NAMES if name in cells)
                lines[(*key, line)] += 1
                key.append(f"{line}#{lines[(*key, line)]}")
            found[tuple(key)] = typed
        assert len(found) == len(rows), f"{self.code}: {self.key} is not a key"
        return found


def tables(database, store):
    with psycopg.connect(database) as connection:
        return [Table(connection, code) for code in store.types]
