"""RemovedObjects: objects that no export contains any more, and those that returned."""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from tap_exports.ledger.coverage import oldest_export

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_exports.ledger.database import Ledger

REMOVED_OBJECTS = "removed_objects"
MOST_AT_ONCE = 0.05
"""A larger share of a stream is more likely an error of the store than a deletion."""

_ANY_EXPORT = 1 << 62
"""More than the id of any export: with it, `_GONE` selects all objects of the range that are not removed."""
_GONE = """
stream = :stream AND removed_at IS NULL AND held IN (
    SELECT position FROM windows WHERE stream = :stream AND export_id < :below AND date_from >= :start
)
"""
_REMOVE = f"UPDATE objects SET removed_at = :at, reported = :position WHERE {_GONE}"  # noqa: S608
_ROWS = """
SELECT streams.name, objects.key, objects.removed_at, windows.export_id, windows.date_to
FROM objects JOIN streams ON streams.id = objects.stream JOIN windows ON windows.position = objects.held
WHERE objects.reported > ? AND streams.scope = ? ORDER BY objects.reported
"""


@dataclass(frozen=True)
class RemovedObject:
    """An object that was removed; if `removed_at` is None, it has returned."""

    stream: str
    object_key: str
    removed_at: datetime | None
    last_export_id: int
    last_date_to: datetime


class RemovedObjects:
    """The removals that the given state does not include, for one run.

    `position` is that of the stream `removed_objects` in the state.
    """

    def __init__(self, ledger: Ledger, position: object) -> None:
        self._ledger = ledger
        self._logger = logging.getLogger("tap-exports")
        self._confirmed = 0
        if not ledger.failed:
            try:
                with ledger.transaction():
                    self._id = ledger.stream_id(REMOVED_OBJECTS)
                    self._confirmed = ledger.known(self._id, position) or 0
            except sqlite3.Error as error:
                ledger.fail(error)

    def find(self, stream: str, start: datetime, at: datetime) -> None:
        """Find the removed objects of a stream, whose windows begin at `start`."""
        if not self._ledger.failed:
            try:
                with self._ledger.transaction():
                    self._find(stream, int(start.timestamp()), int(at.timestamp()))
            except sqlite3.Error as error:
                self._ledger.fail(error)

    def _find(self, stream: str, start: int, at: int) -> None:
        ledger = self._ledger
        number = ledger.stream_id(stream)
        statement = "SELECT withheld_below, withheld_until FROM streams WHERE id = ?"
        below, until = ledger.execute(statement, (number,)).fetchone()
        ranges = ledger.coverage(number)
        oldest = oldest_export(ranges, start)
        if below is not None and oldest > until:  # a second cycle agrees
            self._remove(number, below, start, at)
            below = until = None
        gone = self._count(_GONE, stream=number, below=oldest, start=start)
        objects = self._count(_GONE, stream=number, below=_ANY_EXPORT, start=start) if gone else 0
        if gone > MOST_AT_ONCE * objects:
            if below is None:
                below, until = oldest, max(part[2] for part in ranges)
            said = (
                "%s: %d of %d objects are missing from the exports. This is unusual; removed_objects reports them only "
            )
            said += "if they are still missing after every part of the history was exported once more."
            self._logger.warning(said, stream, gone, objects)
        else:
            below = until = None
            if gone:
                self._remove(number, oldest, start, at)
        ledger.execute("UPDATE streams SET withheld_below = ?, withheld_until = ? WHERE id = ?", (below, until, number))

    def _count(self, condition: str, **values: int) -> int:
        return int(self._ledger.execute(f"SELECT count(*) FROM objects WHERE {condition}", values).fetchone()[0])  # noqa: S608

    def _remove(self, stream: int, below: int, start: int, at: int) -> None:
        position = self._ledger.new_position(self._id, 0, 0, 0, at)
        values = {"stream": stream, "below": below, "start": start, "at": at, "position": position}
        self._ledger.execute(_REMOVE, values)

    def rows(self) -> Iterator[RemovedObject]:
        """All removals and returns that the given state does not include."""
        if self._ledger.failed:
            return
        try:
            for stream, key, removed, export_id, date_to in self._ledger.execute(
                _ROWS, (self._confirmed, self._ledger.scope)
            ):
                yield RemovedObject(stream, key, _instant(removed) if removed else None, export_id, _instant(date_to))
        except sqlite3.Error as error:
            self._ledger.fail(error)

    def finish(self, at: datetime) -> str | None:
        """The position for the state after all rows were sent; None after an error."""
        if not self._ledger.failed:
            try:
                with self._ledger.transaction():
                    position = self._ledger.new_position(self._id, 0, 0, 0, int(at.timestamp()))
            except sqlite3.Error as error:
                self._ledger.fail(error)
            else:
                self._confirmed = position
                return self._ledger.text_of(position)
        return None


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
