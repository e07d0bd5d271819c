"""Readers of targets' tables, one for each kind of storage.

Arguments are the Python of the target's environment, the output folder, and the server's address. If only a library of
that environment can read the storage, a small program runs there.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sqlite3
import subprocess
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from pathlib import Path

Row = dict[str, Any]
Tables = dict[str, list[Row]]

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

DUMP_PARQUET = """
import json, sys
import pyarrow.fs, pyarrow.parquet
keys = {"access_key": "key", "secret_key": "secret", "region": "us-east-1"}
store = pyarrow.fs.S3FileSystem(**keys, endpoint_override=sys.argv[1])
tables = {}
files = store.get_file_info(pyarrow.fs.FileSelector("shop", recursive=True))
for file in sorted((one for one in files if one.is_file), key=lambda one: one.mtime):
    rows = pyarrow.parquet.read_table(store.open_input_file(file.path)).to_pylist()
    tables.setdefault(file.path.split("/")[2], []).extend(rows)
json.dump(tables, sys.stdout, default=str)
"""


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
    """All tables of a DuckDB file."""
    return _dump(python, DUMP_DUCKDB, str(folder / "out.duckdb"))


def read_parquet(python: Path, _: Path, server: str) -> Tables:
    """Parquet files in the store's only bucket, the oldest first."""
    return _dump(python, DUMP_PARQUET, server)


def read_postgres(_: Path, __: Path, server: str) -> Tables:
    """All tables of the schema."""
    with psycopg.connect(server, row_factory=dict_row) as base:
        names = base.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'shop'").fetchall()
        statement = sql.SQL("SELECT * FROM shop.{}")
        return {
            one["table_name"]: base.execute(statement.format(sql.Identifier(one["table_name"]))).fetchall()
            for one in names
        }


def _dump(python: Path, program: str, where: str) -> Tables:
    answer = subprocess.run([python, "-c", program, where], capture_output=True, check=True)
    tables: Tables = json.loads(answer.stdout, parse_float=Decimal)
    return tables
