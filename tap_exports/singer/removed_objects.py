"""RemovedObjectsStream: with a ledger, a record for each object that no export contains any more."""

from __future__ import annotations

import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import typing as th

from tap_exports.ledger.removed import REMOVED_OBJECTS, RemovedObjects
from tap_exports.singer.bookmark import Bookmark
from tap_exports.singer.own_stream import OwnStream, column
from tap_exports.window import rfc3339

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Record

    from tap_exports.context import RunContext
    from tap_exports.ledger import RemovedObject


class RemovedObjectsStream(OwnStream):
    """Objects that were removed from the store, and those that returned.

    Records are written after the last window of the stream that had the objects. The stream has its own position in the
    state; records after that position are written again.
    """

    primary_keys = ("stream", "object_key")
    replication_key = "last_date_to"
    schema: ClassVar[dict[str, Any]] = th.PropertiesList(
        column("stream", th.StringType, "The stream that had the object.", required=True),
        column(
            "object_key",
            th.StringType,
            "The object's key: the column's value as text, or a JSON array of the values of several columns.",
            required=True,
        ),
        column("removed_at", th.DateTimeType, "When the tap found it gone; null if it has returned since."),
        column("last_export_id", th.IntegerType, "The newest export that contained it."),
        column("last_date_to", th.DateTimeType, "End of that export's window."),
    ).to_dict()

    def __init__(self, tap: Tap, run: RunContext) -> None:
        super().__init__(tap, REMOVED_OBJECTS, run)

    @cached_property
    def _removed(self) -> RemovedObjects | None:
        ledger = self.run.ledger
        return RemovedObjects(ledger, Bookmark(REMOVED_OBJECTS, self.tap_state).get("ledger")) if ledger else None

    def write(self, stream: str) -> None:
        """Write the removed objects of a stream, after its newest windows.

        Raises:
            SettingsError: If a map of this stream fails.
        """
        if self.selected and self._removed is not None:
            self._removed.find(stream, self.run.start, self.run.client.time.now())
            for _ in self._written():
                pass

    def _written(self) -> Iterator[Record]:
        if self._removed is None:
            return
        count = 0
        for row in self._removed.rows():
            record = _record(row)
            self.write_own(record)
            yield record
            count += 1
        if count and (position := self._removed.finish(self.run.client.time.now())):
            Bookmark(REMOVED_OBJECTS, self.tap_state).set("ledger", position)
            self.tap.state_writer.write_state(self.tap_state)

    @override
    def sync_records(self) -> Iterator[Record]:
        with self.failing_alone():
            yield from self._written()


def _record(row: RemovedObject) -> dict[str, Any]:
    return {
        "stream": row.stream,
        "object_key": row.object_key,
        "removed_at": row.removed_at and rfc3339(row.removed_at),
        "last_export_id": row.last_export_id,
        "last_date_to": rfc3339(row.last_date_to),
    }
