"""StreamLedger: which records of a window must be sent, and the position for the state."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_exports.ledger.digests import SumOfDigests, digest_of_text, digests_of, keys_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tap_exports.ledger.coverage import Export
    from tap_exports.ledger.database import Ledger

    Record = dict[str, Any]
    Batches = Callable[[], Iterable[list[Record]]]

_DAY = 86400
_LATEST_DAYS, _SPREAD_DAYS = 90, 30
_TOGETHER = 2000
"""Records for one commit: fewer cost more commits, more cost more memory."""

_STORE_OBJECTS = """
INSERT INTO objects (stream, key, digest, sent, held, removed_at, reported) VALUES (?, ?, ?, ?, ?, NULL, ?)
ON CONFLICT (stream, key) DO UPDATE SET
    digest = excluded.digest, sent = excluded.sent, held = excluded.held,
    removed_at = NULL, reported = excluded.reported
"""
_HOLD_OBJECTS = "UPDATE objects SET held = ? WHERE stream = ? AND key = ?"
_STORE_PARENTS = "INSERT OR REPLACE INTO parents (stream, key, digest, sent) VALUES (?, ?, ?, ?)"


class _Past(NamedTuple):
    """A recorded window: its export, and the time of recording."""

    export_id: int
    at: int


class _Object(NamedTuple):
    """A recorded object."""

    digest: bytes | None
    sent: int
    held: int
    removed_at: int | None
    reported: int | None


class StreamLedger:
    """One stream's part of the ledger, for one run.

    `position` is that of the given state. `keys` are the key columns; `parent` are those of a line item's parent.
    `identity` (key columns and their types) identifies the objects; if it changes, all objects are new. `fingerprint`
    identifies the form in which the target receives records.
    """

    def __init__(  # noqa: PLR0913 - keyword arguments
        self,
        ledger: Ledger,
        name: str,
        *,
        position: object,
        keys: Sequence[str],
        parent: Sequence[str] = (),
        identity: str = "",
        fingerprint: str = "",
    ) -> None:
        self._name = name
        self._ledger = ledger
        self._keys, self._parent = keys, parent
        self._id = self._floor = 0
        self._windows: dict[int, _Past] = {}
        self._position = 0
        """Of the window that is being recorded; 0 for none."""
        self._may_move = not set(parent) <= set(keys)
        with ledger.transaction():
            self._start(position, identity, fingerprint)

    def _start(self, position: object, identity: str, fingerprint: str) -> None:
        ledger, db = self._ledger, self._ledger.db
        self._id = ledger.stream_id(self._name)
        row = db.execute("SELECT identity, fingerprint, floor FROM streams WHERE id = ?", (self._id,)).fetchone()
        known = ledger.known(self._id, position)
        windows = db.execute("SELECT position, export_id, at FROM windows WHERE stream = ?", (self._id,))
        self._windows = {number: _Past(export_id, at) for number, export_id, at in windows}
        if row[0] and row[0] != identity:
            for table in ("objects", "parents"):
                db.execute(f"DELETE FROM {table} WHERE stream = ?", (self._id,))  # noqa: S608
            clear = "UPDATE streams SET coverage = '[]', withheld_below = NULL, withheld_until = NULL WHERE id = ?"
            db.execute(clear, (self._id,))
        if known is None or row[:2] != (identity, fingerprint):
            self._floor = ledger.newest_position()
            change = "UPDATE streams SET identity = ?, fingerprint = ?, floor = ? WHERE id = ?"
            db.execute(change, (identity, fingerprint, self._floor, self._id))
        else:
            self._floor = row[2]
            self._forget_after(known)

    def _forget_after(self, position: int) -> None:
        """Forget the digests that are newer than a position."""
        if max(self._windows, default=0) > position:
            for table in ("objects", "parents"):
                statement = f"UPDATE {table} SET digest = NULL WHERE stream = ? AND sent > ?"  # noqa: S608
                self._ledger.db.execute(statement, (self._id, position))

    # One window

    def changed(self, export: Export, batches: Batches) -> Iterator[list[Record]]:
        """The records to send; each is recorded before it is returned.

        `batches` reads the export's records from the start; for line items it is called twice.
        """
        self._export = export
        with self._ledger.transaction():
            if self._position:  # that window was abandoned, so its records may not have been sent
                self._forget_after(self._position - 1)
            self._position = self._ledger.new_position(self._id, export.at, export)
            self._windows[self._position] = _Past(export.id, int(export.at.timestamp()))
        yield from self._changed_lines(batches) if self._parent else self._changed_objects(batches)
        if self._ledger.failed:  # records that were already returned are sent twice
            yield from batches()

    def finish(self) -> str:
        """Record that all records of the window were sent; return the position for the state."""
        position, self._position = self._position, 0
        with self._ledger.transaction():
            self._ledger.cover(self._id, self._export)
        return self._ledger.text_of(position)

    def _is_withheld(self, key: str, stored: bytes | None, digest: bytes, sent: int) -> bool:
        """Whether the target has this record, and received it recently enough."""
        if stored != digest or sent <= self._floor:
            return False
        days = (self._windows[self._position].at - self._windows[sent].at) / _DAY
        early = _LATEST_DAYS - _SPREAD_DAYS
        return days < early or days < early + zlib.crc32(key.encode()) % _SPREAD_DAYS

    def _newest(self, held: int) -> int:
        """Of the window that contained an object so far and the open one, the one with the later export."""
        return self._position if self._export.id >= self._windows[held].export_id else held

    # Objects

    def _changed_objects(self, batches: Batches) -> Iterator[list[Record]]:
        unread = iter(batches())
        while True:
            changed: list[Record] = []
            with self._ledger.transaction():
                for batch in unread:
                    changed += self._compared(batch)
                    if len(changed) >= _TOGETHER:
                        break
            if self._ledger.failed or not changed:
                return
            yield changed

    def _compared(self, batch: Sequence[Record]) -> list[Record]:
        keys = keys_of(batch, self._keys)
        known = self._objects(keys)
        changed, store, hold = [], [], []
        for record, key, digest in zip(batch, keys, digests_of(batch), strict=True):
            row = known.get(key)
            if row and row.removed_at is None and self._is_withheld(key, row.digest, digest, row.sent):
                hold.append(key)
            else:
                changed.append(record)
                store.append((key, digest))
        self._store(known, store, hold)
        return changed

    def _objects(self, keys: Sequence[str]) -> dict[str, _Object]:
        rows = self._ledger.by_key("digest, sent, held, removed_at, reported", "objects", self._id, keys)
        return {key: _Object(*row) for key, row in rows.items()}

    def _store(
        self, known: Mapping[str, _Object], sent: Iterable[tuple[str, bytes | None]], held: Iterable[str]
    ) -> None:
        """Record the objects of the open window: those that are sent with their digests, and those only held."""
        rows = []
        for key, digest in sent:
            newest, reported = self._position, None
            if row := known.get(key):
                newest = self._newest(row.held)
                reported = row.reported if row.removed_at is None else self._position
            rows.append((self._id, key, digest, self._position, newest, reported))
        self._ledger.db.executemany(_STORE_OBJECTS, rows)
        holds = [(self._newest(known[key].held), self._id, key) for key in held]
        self._ledger.db.executemany(_HOLD_OBJECTS, holds)

    # Line items

    def _changed_lines(self, batches: Batches) -> Iterator[list[Record]]:
        changed: set[str] = set()
        with self._ledger.transaction():
            changed = self._changed_parents(batches())
        if not changed or self._ledger.failed:
            return
        for batch in batches():
            parents = keys_of(batch, self._parent)
            if lines := [line for line, parent in zip(batch, parents, strict=True) if parent in changed]:
                yield lines

    def _changed_parents(self, batches: Iterable[Sequence[Record]]) -> set[str]:
        """The parents with a line that is new, changed, gone, returned, or from another parent."""
        totals = SumOfDigests()
        changed = set()
        for batch in batches:
            keys, parents = keys_of(batch, self._keys), keys_of(batch, self._parent)
            totals.add(parents, digests_of(batch))
            known = self._objects(keys)
            store, hold = [], []
            for key, parent in zip(keys, parents, strict=True):
                row, place = known.get(key), digest_of_text(parent) if self._may_move else None
                if row and row.removed_at is None and row.digest == place:
                    hold.append(key)
                    continue
                store.append((key, place))
                if row:  # it has returned, or its parent was another one
                    changed.add(parent)
            self._store(known, store, hold)
        rows = self._ledger.by_key("digest, sent", "parents", self._id, list(totals))
        for parent in totals:
            digest, sent = rows.get(parent, (None, 0))
            if not self._is_withheld(parent, digest, totals.digest(parent), sent):
                changed.add(parent)
        stored = ((self._id, parent, totals.digest(parent), self._position) for parent in changed)
        self._ledger.db.executemany(_STORE_PARENTS, stored)
        return changed
