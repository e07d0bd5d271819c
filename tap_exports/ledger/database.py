"""Ledger: the SQLite file, its positions, and its failures."""

from __future__ import annotations

import errno
import json
import logging
import os
import secrets
import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from tap_exports.errors import SettingsError
from tap_exports.ledger.coverage import cover

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tap_exports.ledger.coverage import Export

_APPLICATION = 0x74617065
_VERSION = 1
_CACHE_KIB = 32 * 1024
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
_STEP = 1_000_000
"""The largest step between positions. Steps are random, so that two copies of a ledger rarely use the same one."""
_VARIABLES = 500
_SCHEMA = """
CREATE TABLE ledger (id TEXT NOT NULL);
CREATE TABLE streams (
    id INTEGER PRIMARY KEY,
    scope TEXT NOT NULL,                     -- the store
    name TEXT NOT NULL,
    identity TEXT NOT NULL DEFAULT '',       -- key columns; another key means other objects
    fingerprint TEXT NOT NULL DEFAULT '',
    floor INTEGER NOT NULL DEFAULT 0,        -- digests up to this position are forgotten
    coverage TEXT NOT NULL DEFAULT '[]',     -- JSON: [start, end, export id], as in coverage.py
    withheld_below INTEGER,                  -- removals of objects last held before this export wait …
    withheld_until INTEGER,                  -- … until every range is covered by an export after this one
    UNIQUE (scope, name)
);
CREATE TABLE windows (
    position INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    export_id INTEGER NOT NULL,
    date_from INTEGER NOT NULL,
    date_to INTEGER NOT NULL,
    at INTEGER NOT NULL
);
CREATE TABLE objects (
    stream INTEGER NOT NULL,
    key TEXT NOT NULL,
    digest BLOB,                             -- null: forgotten; of a line item with its own id: of its parent's key
    sent INTEGER NOT NULL,                   -- position of the window in which it was last sent
    held INTEGER NOT NULL,                   -- position of the window with the newest export that held it
    removed_at INTEGER,
    reported INTEGER,                        -- position of its last removal or return
    PRIMARY KEY (stream, key)
) WITHOUT ROWID;
CREATE INDEX reported ON objects (reported) WHERE reported IS NOT NULL;
CREATE TABLE parents (
    stream INTEGER NOT NULL,
    key TEXT NOT NULL,
    digest BLOB,
    sent INTEGER NOT NULL,
    PRIMARY KEY (stream, key)
) WITHOUT ROWID;
"""


class _Connection(sqlite3.Connection):
    """A connection that reports a damaged schema as such: SQLite's own message may be invalid UTF-8."""

    def execute(self, *arguments: Any) -> sqlite3.Cursor:  # noqa: ANN401
        try:
            return super().execute(*arguments)
        except UnicodeDecodeError:
            raise sqlite3.DatabaseError("malformed database schema") from None


class Ledger:
    """A ledger that only this run uses, until it is closed or the process ends.

    After an error of the file (`failed`), it is not used any more. `scope` is the store, which separates the streams of
    several stores.

    Raises:
        SettingsError: If another run uses the file, or this user cannot read and write it.
    """

    def __init__(self, path: Path, scope: str = "") -> None:
        self.path = path
        self.scope = scope
        self.failed = False
        self.id = ""
        self._warned = False
        self._logger = logging.getLogger("tap-exports")
        self._connection = sqlite3.connect(":memory:")  # used if the file cannot be opened
        try:
            self._open()
        except OSError as error:
            if error.errno not in _DISK:
                raise self._unusable(error.strerror or "") from None
            self.fail(error)
        except SettingsError:
            self.close()
            raise
        except sqlite3.Error as error:
            text = str(error)
            if "locked" in text:
                self.close()
                hint = "Wait until that run has ended, or use a ledger of its own for each pipeline."
                raise SettingsError(f"ledger: {path} is in use by another run", hint) from None
            if "unable to open" in text or "readonly" in text:
                self.close()
                raise self._unusable(text) from None
            self.fail(error)

    def _unusable(self, reason: str) -> SettingsError:
        return SettingsError(f"ledger: {self.path} cannot be opened: {reason}", "Correct the path or its permissions.")

    def _open(self) -> None:
        with suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL, 0o600))
        self.close()
        self._connection = connection = sqlite3.connect(self.path, timeout=0, isolation_level=None, factory=_Connection)
        connection.execute(
            "PRAGMA locking_mode = EXCLUSIVE"
        )  # the operating system's lock, which ends with the process
        is_new = self._is_new(connection)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", f"cache_size = -{_CACHE_KIB}"):
            connection.execute(f"PRAGMA {pragma}")
        with self.transaction():
            if is_new:
                self._create(connection)
        (self.id,) = connection.execute("SELECT id FROM ledger").fetchone()
        problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if problem != "ok":
            raise sqlite3.DatabaseError(" ".join(problem.split()))

    def _is_new(self, connection: sqlite3.Connection) -> bool:
        if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            return True
        if connection.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
            raise SettingsError(f"ledger: {self.path} is another program's database", "Correct the path.")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != _VERSION:
            raise SettingsError(
                f"ledger: {self.path} has the format {version}; this version of the tap uses {_VERSION}",
                "Use the version of the tap that wrote it, or another path.",
            )
        return False

    def _create(self, connection: sqlite3.Connection) -> None:
        for statement in _SCHEMA.split(";\n"):
            connection.execute(statement)
        connection.execute("INSERT INTO ledger VALUES (?)", (secrets.token_hex(8),))
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {_VERSION}")

    def close(self) -> None:
        """Release the file."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def fail(self, error: Exception) -> None:
        """Continue without the ledger, and forget its digests, because records are sent without being recorded."""
        self.failed = True
        self._logger.warning(
            "ledger: %s cannot be used (%s); everything is sent and nothing is recorded. "
            "Check the disk. If this persists, delete the file.",
            self.path,
            error,
        )
        try:
            self._connection.execute("UPDATE streams SET floor = (SELECT coalesce(max(position), 0) FROM windows)")
        except sqlite3.Error:
            if self.id:  # a ledger; deleting it needs no disk space
                with suppress(OSError):
                    self.path.unlink()

    def warn_unknown(self) -> None:
        """Warn once in a run that the ledger does not have the state's position."""
        if not self._warned:
            self._warned = True
            self._logger.warning(
                "ledger: %s is not the one of the state: it is new, another one or an older copy. "
                "Everything is sent again.",
                self.path,
            )

    # Statements

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction: committed at the end, or rolled back after an error."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # some errors have already rolled it back
                self._connection.execute("ROLLBACK")
            raise

    def execute(self, statement: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> sqlite3.Cursor:
        """Run one statement."""
        return self._connection.execute(statement, values)

    def execute_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row."""
        self._connection.executemany(statement, rows)

    def by_key(self, columns: str, table: str, stream: int, keys: Sequence[str]) -> dict[str, Any]:
        """The other columns of rows, by their keys."""
        found: dict[str, Any] = {}
        for n in range(0, len(keys), _VARIABLES):
            part = keys[n : n + _VARIABLES]
            marks = ",".join("?" * len(part))
            statement = f"SELECT key, {columns} FROM {table} WHERE stream = ? AND key IN ({marks})"  # noqa: S608
            found.update((row[0], row[1:]) for row in self._connection.execute(statement, (stream, *part)))
        return found

    def coverage(self, stream: int) -> list[tuple[int, int, int]]:
        """Which export last covered each range of a stream's time, as in coverage.py."""
        try:
            (text,) = self.execute("SELECT coverage FROM streams WHERE id = ?", (stream,)).fetchone()
            return [(int(start), int(end), int(export_id)) for start, end, export_id in json.loads(text)]
        except (TypeError, ValueError):
            raise sqlite3.DatabaseError("coverage cannot be read") from None

    def cover(self, stream: int, export: Export) -> None:
        """Record that a complete export covered its window."""
        covered = cover(self.coverage(stream), *export.seconds, export.id)
        self.execute("UPDATE streams SET coverage = ? WHERE id = ?", (json.dumps(covered), stream))

    def cover_empty(self, name: str, export: Export) -> None:
        """Record a complete export of a stream that has no header, and so no records."""
        if not self.failed:
            try:
                with self.transaction():
                    self.cover(self.stream_id(name), export)
            except sqlite3.Error as error:
                self.fail(error)

    # Positions

    def stream_id(self, name: str) -> int:
        """The id of a stream, which is added if it is new."""
        stream = (self.scope, name)
        self.execute("INSERT OR IGNORE INTO streams (scope, name) VALUES (?, ?)", stream)
        return int(self.execute("SELECT id FROM streams WHERE scope = ? AND name = ?", stream).fetchone()[0])

    def forget(self, name: str) -> None:
        """Forget a stream's digests, because the run sends its records without recording them."""
        if not self.failed:
            try:
                self.execute(
                    "UPDATE streams SET floor = (SELECT coalesce(max(position), 0) FROM windows) "
                    "WHERE scope = ? AND name = ?",
                    (self.scope, name),
                )
            except sqlite3.Error as error:
                self.fail(error)

    def newest_position(self) -> int:
        """The newest position of any stream."""
        return int(self.execute("SELECT coalesce(max(position), 0) FROM windows").fetchone()[0])

    def new_position(self, stream: int, export_id: int, date_from: int, date_to: int, at: int) -> int:
        """A new position for a window. Times are in seconds since the epoch."""
        position = self.newest_position() + 1 + secrets.randbelow(_STEP)
        statement = (
            "INSERT INTO windows (position, stream, export_id, date_from, date_to, at) VALUES (?, ?, ?, ?, ?, ?)"
        )
        self.execute(statement, (position, stream, export_id, date_from, date_to, at))
        return position

    def text_of(self, position: int) -> str:
        """A position in the form of the state."""
        return f"{self.id}:{position}"

    def known(self, stream: int, text: object) -> int | None:
        """The position in a state's text, if a window of the stream has it; else None."""
        name, _, number = text.partition(":") if isinstance(text, str) else ("", "", "")
        if name != self.id or not number.isdecimal() or len(number) > len(str(1 << 62)):
            return None
        statement = "SELECT position FROM windows WHERE position = ? AND stream = ?"
        row = self.execute(statement, (int(number), stream)).fetchone()
        return row and int(row[0])
