"""Real targets, each in its own environment, and their rows."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import psycopg
from pipe import small
from psycopg import sql
from psycopg.rows import dict_row
from runs import CODE

sys.path.append(str(Path(__file__).parent.parent / "scripts"))
import plumbing
from targets.environments import environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Row = dict[str, Any]

END_SECONDS = 60.0
"""Seconds in which a target must end after its input."""
BATCH_ROWS = 20
"""Rows of a target's batch, so small that a killed target has loaded a part only."""


class Loader:
    """A running target: one process for one run of the tap, with its settings, output and log in a folder."""

    def __init__(self, command: Path, config: Mapping[str, Any], folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(config))
        self._answer, self._log = folder / "answer", folder / "log"
        with self._answer.open("wb") as answer, self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [command, "--config", folder / "config.json"],
                stdin=subprocess.PIPE,
                stdout=answer,
                stderr=log,
                env=plumbing.environment(),
                cwd=folder,
                bufsize=0,
                start_new_session=True,  # Ctrl-C is for the calling program
            )
        assert self._process.stdin is not None  # noqa: S101
        self._input = self._process.stdin
        small(self._input.fileno())

    def write(self, line: bytes) -> None:
        """Send a line, which may be incomplete.

        Raises:
            BrokenPipeError: If it has ended.
        """
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(self._input.fileno(), rest) :]

    def signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        self._process.send_signal(number)

    def end(self) -> int | None:
        """Close its input; return its exit code, or None where it had to be killed."""
        self._input.close()
        try:
            return self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return None

    @property
    def state(self) -> dict[str, Any] | None:
        """The last state that it wrote."""
        found = [json.loads(line) for line in self._answer.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return next((state for state in reversed(found) if state), None)

    @property
    def log(self) -> str:
        """The end of its log."""
        return self._log.read_text(errors="replace")[-4000:]


class Target(Protocol):
    """A target that loads into one place."""

    name: str
    upserts: bool
    """Whether it keeps one row per key."""

    def begin(self) -> Loader:
        """Start it for one run."""

    def rows(self) -> list[Row]:
        """All rows of the stream."""


class Postgres:
    """MeltanoLabs target-postgres with its own schema in a real PostgreSQL."""

    name = "target-postgres"
    upserts = True
    pins = plumbing.pins(name)

    def __init__(self, server: str, schema: str, folder: Path) -> None:
        self._server, self._folder = server, folder
        self.table = sql.Identifier(schema, CODE)
        self._config = {
            "sqlalchemy_url": plumbing.sqlalchemy(server),
            "default_target_schema": schema,
            "load_method": "upsert",
            "batch_size_rows": BATCH_ROWS,
        }

    def begin(self) -> Loader:
        """Start it for one run."""
        command = environment(self.pins) / self.name
        return Loader(command, self._config, self._folder)

    def rows(self) -> list[Row]:
        """All rows of the table; none without a table."""
        try:
            return self.ask("SELECT * FROM {}")
        except psycopg.errors.UndefinedTable:
            return []

    def ask(self, statement: str) -> list[Row]:
        """The rows of a statement; {} is replaced by the table."""
        with psycopg.connect(self._server, row_factory=dict_row, autocommit=True) as base:
            cursor = base.execute(sql.SQL(statement).format(self.table))
            return cursor.fetchall() if cursor.description else []


class JsonLines:
    """target-jsonl, which appends to files, with its own folder."""

    name = "target-jsonl"
    upserts = False
    pins = plumbing.pins(name)

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self) -> Loader:
        """Start it for one run."""
        command = environment(self.pins) / self.name
        return Loader(command, {"destination_path": str(self._folder / "out")}, self._folder)

    def rows(self) -> list[Row]:
        """All lines of all its files, numbers exact."""
        files = [path.read_text().split("\n") for path in sorted((self._folder / "out").glob("*.jsonl"))]
        return [json.loads(line, parse_float=Decimal) for lines in files for line in lines if line]


class Places:
    """Makes targets, each with its own place."""

    def __init__(self, server: str, folder: Path) -> None:
        self._server, self._folder, self._numbers = server, folder, itertools.count()

    def new(self, name: str) -> Target:
        """An empty target."""
        number = next(self._numbers)
        folder = self._folder / f"{name}-{number}"
        return Postgres(self._server, f"landing_{number}", folder) if name == Postgres.name else JsonLines(folder)


@contextlib.contextmanager
def places(folder: Path) -> Iterator[Places]:
    """Both targets, installed, and a real PostgreSQL."""
    for pins in (Postgres.pins, JsonLines.pins):
        environment(pins)
    with plumbing.postgres() as server:
        yield Places(server, folder)
