"""Ledger: the SQLite file, its positions, and its failures."""

from __future__ import annotations

import errno
import json
import logging
import secrets
import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from tap_exports.errors import SettingsError
from tap_exports.ledger.coverage import cover

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from tap_exports.ledger.coverage import Export, Range

_APPLICATION = 0x74617065
_VERSION = 1
_CACHE_KIB = 32 * 1024
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
_STEP = 1_000_000
"""The largest step between positions. Steps are random, so that two copies of a ledger rarely use the same one."""
_VARIABLES = 500
_FORGET = "UPDATE streams SET floor = (SELECT coalesce(max(position), 0) FROM windows)"
_SCHEMA = f"""
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
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


DAMAGE = (sqlite3.Error, TypeError, ValueError, LookupError)
"""What a damaged file raises: it can be well-formed with wrong values, and SQLite's message can be invalid UTF-8."""


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
        self.db = sqlite3.connect(":memory:")  # used if the file cannot be opened
        self._warned = False
        self._logger = logging.getLogger("tap-exports")
        try:
            self._open()
        except (SettingsError, OSError, *DAMAGE) as error:
            if refusal := self._refusal(error):
                self.close()
                raise refusal from None
            self.fail(error)

    def _refusal(self, error: Exception) -> SettingsError | None:
        """The error that ends the run; None if the run continues without the ledger."""
        if isinstance(error, SettingsError):
            return error
        text = str(error)
        if "locked" in text:
            hint = "Wait until that run has ended, or use a ledger of its own for each pipeline."
            return SettingsError(f"ledger: {self.path} is in use by another run", hint)
        is_disk = isinstance(error, OSError) and error.errno in _DISK
        if is_disk or not (isinstance(error, OSError) or "unable to open" in text or "readonly" in text):
            return None
        reason = getattr(error, "strerror", text)
        return SettingsError(f"ledger: {self.path} cannot be opened: {reason}", "Correct the path or its permissions.")

    def _open(self) -> None:
        self.path.touch(0o600)
        self.close()
        self.db = sqlite3.connect(self.path, timeout=0, isolation_level="IMMEDIATE")
        self.db.execute("PRAGMA locking_mode = EXCLUSIVE")  # the operating system's lock, which ends with the process
        is_new = self._is_new()
        for pragma in ("journal_mode = WAL", "synchronous = FULL", f"cache_size = -{_CACHE_KIB}"):
            self.db.execute(f"PRAGMA {pragma}")
        with self.db:
            self.db.execute("BEGIN IMMEDIATE")
            if is_new:
                for statement in _SCHEMA.split(";\n"):
                    self.db.execute(statement)
                self.db.execute("INSERT INTO ledger VALUES (?)", (secrets.token_hex(8),))
        (self.id,) = self.db.execute("SELECT id FROM ledger").fetchone()
        problem = self.db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if problem != "ok":
            raise sqlite3.DatabaseError(" ".join(problem.split()))

    def _is_new(self) -> bool:
        if not self.db.execute("SELECT 1 FROM sqlite_master").fetchone():
            return True
        if self.db.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
            raise SettingsError(f"ledger: {self.path} is another program's database", "Correct the path.")
        version = self.db.execute("PRAGMA user_version").fetchone()[0]
        if version != _VERSION:
            raise SettingsError(
                f"ledger: {self.path} has the format {version}; this version of the tap uses {_VERSION}",
                "Use the version of the tap that wrote it, or another path.",
            )
        return False

    def close(self) -> None:
        """Release the file."""
        with suppress(sqlite3.Error):
            self.db.close()

    def fail(self, error: Exception) -> None:
        """Continue without the ledger, and forget its digests, because records are sent without being recorded."""
        if self.failed:
            return
        self.failed = True
        self._logger.warning(
            "ledger: %s cannot be used (%s); everything is sent and nothing is recorded. "
            "Check the disk. If this persists, delete the file.",
            self.path,
            error,
        )
        try:
            self.db.rollback()
            with self.db:
                self.db.execute(_FORGET)
        except sqlite3.Error:
            if self.id:  # a ledger; deleting it needs no disk space
                with suppress(OSError):
                    self.path.unlink()
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction. An error of the file ends the block; from then on, each block ends at its first statement."""
        try:
            yield
            self.db.commit()
        except DAMAGE as error:
            self.fail(error)
        except BaseException:
            with suppress(sqlite3.Error):
                self.db.rollback()
            raise

    def by_key(self, columns: str, table: str, stream: int, keys: Sequence[str]) -> dict[str, Any]:
        """The other columns of rows, by their keys."""
        found: dict[str, Any] = {}
        for n in range(0, len(keys), _VARIABLES):
            part = keys[n : n + _VARIABLES]
            marks = ",".join("?" * len(part))
            statement = f"SELECT key, {columns} FROM {table} WHERE stream = ? AND key IN ({marks})"  # noqa: S608
            found.update((row[0], row[1:]) for row in self.db.execute(statement, (stream, *part)))
        return found

    def coverage(self, stream: int) -> list[Range]:
        """Which export last covered each range of a stream's time, as in coverage.py."""
        (text,) = self.db.execute("SELECT coverage FROM streams WHERE id = ?", (stream,)).fetchone()
        return [(int(start), int(end), int(export_id)) for start, end, export_id in json.loads(text)]

    def cover(self, stream: int, export: Export) -> None:
        """Record that a complete export covered its window."""
        covered = cover(self.coverage(stream), *export.seconds, export.id)
        self.db.execute("UPDATE streams SET coverage = ? WHERE id = ?", (json.dumps(covered), stream))

    def cover_empty(self, name: str, export: Export) -> None:
        """Record a complete export of a stream that has no header, and so no records."""
        with self.transaction():
            self.cover(self.stream_id(name), export)

    def stream_id(self, name: str) -> int:
        """The id of a stream, which is added if it is new."""
        stream = (self.scope, name)
        self.db.execute("INSERT OR IGNORE INTO streams (scope, name) VALUES (?, ?)", stream)
        return int(self.db.execute("SELECT id FROM streams WHERE scope = ? AND name = ?", stream).fetchone()[0])

    def forget(self, name: str) -> None:
        """Forget a stream's digests, because the run sends its records without recording them."""
        with self.transaction():
            self.db.execute(f"{_FORGET} WHERE scope = ? AND name = ?", (self.scope, name))

    # Positions

    def newest_position(self) -> int:
        """The newest position of any stream."""
        return int(self.db.execute("SELECT coalesce(max(position), 0) FROM windows").fetchone()[0])

    def new_position(self, stream: int, at: datetime, export: Export | None = None) -> int:
        """A new position for a window, or for removals, which have no export."""
        position = self.newest_position() + 1 + secrets.randbelow(_STEP)
        window = (export.id, *export.seconds) if export else (0, 0, 0)
        self.db.execute(
            "INSERT INTO windows VALUES (?, ?, ?, ?, ?, ?)", (position, stream, *window, int(at.timestamp()))
        )
        return position

    def text_of(self, position: int) -> str:
        """A position in the form of the state; empty after an error, so that the next run sends everything."""
        return "" if self.failed else f"{self.id}:{position}"

    def known(self, stream: int, text: object) -> int | None:
        """The position in a state's text, if a window of the stream has it; else None, with one WARNING in a run."""
        if not text:
            return None
        name, _, number = str(text).partition(":")
        statement = "SELECT position FROM windows WHERE position = ? AND stream = ?"  # compared as integers
        row = self.db.execute(statement, (number, stream)).fetchone()
        if row and name == self.id:
            return int(row[0])
        if not self._warned:
            self._warned = True
            self._logger.warning(
                "ledger: %s is not the one of the state: it is new, another one or an older copy. "
                "Everything is sent again.",
                self.path,
            )
        return None
