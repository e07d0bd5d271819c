"""The streams of the tap's own records, which are written during the sync of the other streams."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import typing as th
from typing_extensions import override

from tap_exports.ledger.removed import REMOVED_OBJECTS, RemovedObjects
from tap_exports.singer.bookmark import Bookmark
from tap_exports.singer.compat import SdkStream
from tap_exports.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from singer_sdk.helpers.types import Record

    from tap_exports.exports.fetch import CheckedExport

__all__ = ["EXPORT_LOG", "REMOVED_OBJECTS", "ExportLog", "RemovedObjectsStream"]

EXPORT_LOG = "export_log"


def _schema_of(*columns: tuple[str, Any, str], keys: tuple[str, ...]) -> dict[str, Any]:
    """A JSON schema of columns: name, type, description."""
    return th.PropertiesList(
        *(th.Property(name, kind, description=text, required=name in keys) for name, kind, text in columns)
    ).to_dict()


class OwnStream(SdkStream):
    """A stream that the store does not have. Its records are messages, also with `batch_config`."""

    _has_schema = False

    @property
    @override
    def emit_activate_version_messages(self) -> bool:
        """Never, because targets would delete the records of earlier runs."""
        return False

    @override
    def get_batch_config(self, config: Mapping[str, Any]) -> None:
        return None

    @override
    def begin(self) -> None:
        if not self._has_schema:  # the first record may precede the sync of this stream
            self.write_schema()
            self._has_schema = True

    @override
    def sync_records(self) -> Iterator[Record]:
        yield from ()

    @override
    def write_record(self, record: dict[str, Any]) -> None:
        self.begin()
        super().write_record(record)


class ExportLog(OwnStream):
    """The exports that were used, to audit a load in SQL.

    Its records are written between those of the other streams: after the last record of a window, and before the STATE
    of that window. So it is as complete as the other streams' bookmarks, and needs no bookmark of its own.
    """

    primary_keys = ("export_id",)
    replication_key = "date_to"
    schema: ClassVar[dict[str, Any]] = _schema_of(
        ("export_id", th.IntegerType, "Its id at the store, as in the records."),
        ("type", th.StringType, "Its type, which is the stream's name."),
        ("date_from", th.DateTimeType, "Start of the window."),
        ("date_to", th.DateTimeType, "End of the window."),
        ("created_at", th.DateTimeType, "When the export was created, by the store's clock."),
        ("ready_at", th.DateTimeType, "When a poll found it ready; null if it was ready before."),
        ("used_at", th.DateTimeType, "When its last record was written, by the store's clock."),
        ("file_bytes", th.IntegerType, "Size of the CSV, decompressed."),
        ("file_sha256", th.StringType, "SHA-256 of the CSV, in hex."),
        ("row_count", th.IntegerType, "Rows below the header, counted up to the row cap."),
        ("invalid_cells", th.IntegerType, "Cells that do not fit their column's type; null at the cap."),
        ("at_cap", th.BooleanType, "Whether it reached the row cap, so that none of its rows were used."),
        ("refresh", th.BooleanType, "Whether its window belongs to the refresh of older history."),
        ("reused", th.BooleanType, "Whether an earlier run requested it."),
        keys=primary_keys,
    )

    def write(self, export: CheckedExport, invalid_cells: int) -> None:
        """Write an export whose records are all written, and those at the cap that it replaces."""
        if self.selected:
            used_at = self.run.client.time.now()
            for full in export.at_cap:
                self.write_record(_record(full, used_at, None, refresh=export.refresh))
            self.write_record(_record(export, used_at, invalid_cells, refresh=export.refresh))


class RemovedObjectsStream(OwnStream):
    """With a ledger, the objects that no export contains any more, and those that returned.

    Records are written after the last window of the stream that had the objects. The stream has its own position in the
    state; records after that position are written again.
    """

    primary_keys = ("stream", "object_key")
    replication_key = "last_date_to"
    schema: ClassVar[dict[str, Any]] = _schema_of(
        ("stream", th.StringType, "The stream that had the object."),
        (
            "object_key",
            th.StringType,
            "The object's key: the column's value as text, or a JSON array of the values of several columns.",
        ),
        ("removed_at", th.DateTimeType, "When the tap found it gone; null if it has returned since."),
        ("last_export_id", th.IntegerType, "The newest export that contained it."),
        ("last_date_to", th.DateTimeType, "End of that export's window."),
        keys=primary_keys,
    )

    @cached_property
    def _removed(self) -> RemovedObjects:
        return RemovedObjects(self.run.ledger, Bookmark(self.name, self.tap_state).get("ledger"))

    def write(self, stream: str) -> None:
        """Find the removed objects of a stream, after its last window; write all that the state does not confirm."""
        if self.selected:
            self._removed.find(stream, self.run.start, self.run.client.time.now())
            self._write_unconfirmed()

    def _write_unconfirmed(self) -> None:
        record = None
        for record in self._removed.rows():
            self.write_record(record)
        if record and (position := self._removed.finish(self.run.client.time.now())):
            Bookmark(self.name, self.tap_state).update({"ledger": position})
            self.write_state()

    @override
    def sync_records(self) -> Iterator[Record]:
        with self.failing_alone():  # also where no other stream is synced
            self._write_unconfirmed()
        yield from ()


def _record(export: CheckedExport, used_at: datetime, invalid_cells: int | None, *, refresh: bool) -> dict[str, Any]:
    found = export.export
    return {
        "export_id": found.id,
        "type": found.type,
        "date_from": rfc3339(export.window.start),
        "date_to": rfc3339(export.window.end),
        "created_at": found.created_at and rfc3339(found.created_at),
        "ready_at": export.ready_at and rfc3339(export.ready_at),
        "used_at": rfc3339(used_at),
        "file_bytes": export.size,
        "file_sha256": export.sha256,
        "row_count": export.checked.rows,
        "invalid_cells": invalid_cells,
        "at_cap": export.checked.capped,
        "refresh": refresh,
        "reused": export.reused,
    }
