"""RemovedObjects: objects that no export contains any more, and those that returned."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tap_exports.ledger.coverage import oldest_export

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

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
_COLUMNS = ("stream", "object_key", "removed_at", "last_export_id", "last_date_to")
_ROWS = """
SELECT
    streams.name, objects.key, strftime('%Y-%m-%dT%H:%M:%SZ', objects.removed_at, 'unixepoch'),
    windows.export_id, strftime('%Y-%m-%dT%H:%M:%SZ', windows.date_to, 'unixepoch')
FROM objects JOIN streams ON streams.id = objects.stream JOIN windows ON windows.position = objects.held
WHERE objects.reported > ? AND streams.scope = ? ORDER BY objects.reported
"""


class RemovedObjects:
    """The removals that the given state does not include, for one run.

    `position` is that of the stream `removed_objects` in the state.
    """

    def __init__(self, ledger: Ledger, position: object) -> None:
        self._ledger = ledger
        self._logger = logging.getLogger("tap-exports")
        self._id = self._confirmed = 0
        with ledger.transaction():
            self._id = ledger.stream_id(REMOVED_OBJECTS)
            self._confirmed = ledger.known(self._id, position) or 0

    def find(self, stream: str, start: datetime, at: datetime) -> None:
        """Find the removed objects of a stream, whose windows begin at `start`."""
        ledger = self._ledger
        with ledger.transaction():
            number = ledger.stream_id(stream)
            since = int(start.timestamp())
            statement = "SELECT withheld_below, withheld_until FROM streams WHERE id = ?"
            below, until = ledger.db.execute(statement, (number,)).fetchone()
            ranges = ledger.coverage(number)
            oldest = oldest_export(ranges, since)
            if below is not None and oldest > until:  # a second cycle agrees
                self._remove(at, stream=number, below=below, start=since)
                below = until = None
            gone = self._count(stream=number, below=oldest, start=since)
            objects = self._count(stream=number, below=_ANY_EXPORT, start=since) if gone else 0
            if gone > MOST_AT_ONCE * objects:
                if below is None:
                    below, until = oldest, max(part[2] for part in ranges)
                self._logger.warning(
                    "%s: %d of %d objects are missing from the exports. This is unusual; removed_objects reports them "
                    "only if they are still missing after every part of the history was exported once more.",
                    stream, gone, objects,
                )  # fmt: skip
            else:
                below = until = None
                if gone:
                    self._remove(at, stream=number, below=oldest, start=since)
            statement = "UPDATE streams SET withheld_below = ?, withheld_until = ? WHERE id = ?"
            ledger.db.execute(statement, (below, until, number))

    def _count(self, **values: int) -> int:
        return int(self._ledger.db.execute(f"SELECT count(*) FROM objects WHERE {_GONE}", values).fetchone()[0])  # noqa: S608

    def _remove(self, at: datetime, **values: int) -> None:
        position = self._ledger.new_position(self._id, at)
        self._ledger.db.execute(_REMOVE, {**values, "at": int(at.timestamp()), "position": position})

    def rows(self) -> Iterator[dict[str, Any]]:
        """All removals and returns that the given state does not include: the records of `removed_objects`."""
        with self._ledger.transaction():
            for row in self._ledger.db.execute(_ROWS, (self._confirmed, self._ledger.scope)):
                yield dict(zip(_COLUMNS, row, strict=True))

    def finish(self, at: datetime) -> str:
        """The position for the state after all rows were sent; empty after an error."""
        with self._ledger.transaction():
            self._confirmed = self._ledger.new_position(self._id, at)
        return self._ledger.text_of(self._confirmed)
