"""ExportLog: a stream with a record for each export that a sync has used, for a load to be audited in SQL."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import typing as th

from tap_exports.singer.mapped_stream import MappedStream
from tap_exports.window import rfc3339

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from singer_sdk import Tap
    from singer_sdk.batch import BaseBatchFileEncoding
    from singer_sdk.helpers._batch import BatchConfig
    from singer_sdk.helpers.types import Context, Record

    from tap_exports.context import RunContext
    from tap_exports.exports.fetch import CheckedExport

EXPORT_LOG = "export_log"


def _column(name: str, kind: Any, description: str, *, required: bool = False) -> th.Property[Any]:  # noqa: ANN401
    return th.Property(name, kind, description=description, required=required)


class ExportLog(MappedStream):
    """What each export was, and what became of it.

    Its records stand among those of the other streams: behind the last one of their window, and before the STATE
    that tells of that. So it has no bookmark of its own, and is as complete as the others' bookmarks say.
    """

    primary_keys = ("export_id",)
    replication_key = "date_to"
    selected_by_default = False
    schema: ClassVar[dict[str, Any]] = th.PropertiesList(
        _column("export_id", th.IntegerType, "Its id at the store, as in the records.", required=True),
        _column("type", th.StringType, "Its type, which is the stream's name."),
        _column("date_from", th.DateTimeType, "Start of the window."),
        _column("date_to", th.DateTimeType, "End of the window."),
        _column("created_at", th.DateTimeType, "When the store was asked for it, as the store says."),
        _column(
            "ready_at", th.DateTimeType, "When the tap found it ready; null if it was so at the first sight of it."
        ),
        _column("used_at", th.DateTimeType, "When its last record was out, by the store's clock."),
        _column("file_bytes", th.IntegerType, "Size of the CSV, with the transport's compression undone."),
        _column("file_sha256", th.StringType, "SHA-256 of the CSV, in hex."),
        _column("row_count", th.IntegerType, "Rows below the header; of a halved one, how many were counted."),
        _column("invalid_cells", th.IntegerType, "Cells that did not fit their column's type; null where halved."),
        _column(
            "halved", th.BooleanType, "Whether it was at the cap: nothing of it was used but that it was too full."
        ),
        _column("taken_over", th.BooleanType, "Whether an earlier run had asked for it."),
    ).to_dict()

    def __init__(self, tap: Tap, run: RunContext) -> None:
        super().__init__(tap, EXPORT_LOG, run)
        self._told = False
        self._counter = self.get_record_counter()

    @property
    @override
    def emit_activate_version_messages(self) -> bool:
        """Never: the records of earlier runs stay."""
        return False

    def note(self, export: CheckedExport, invalid_cells: int) -> None:
        """Write what became of an export, and of those at the cap in whose place it is.

        Args:
            export: All of its records are out.
            invalid_cells: How many of its cells did not fit.

        Raises:
            SettingsError: If a map of this stream fails.
        """
        if not self.is_wanted:
            return
        self._write_schema_message()
        used_at = self.run.client.time.now()
        for full in export.halved:
            self._write(_record(full, used_at, None))
        self._write(_record(export, used_at, invalid_cells))

    def close(self) -> None:
        """Tell how many records there were."""
        self._counter.exit()

    def _write(self, record: dict[str, Any]) -> None:
        with self._mapping("fails at a record"):
            self._write_record_message(record)
        self._counter.increment()

    @override
    def _write_schema_message(self) -> None:
        if not self._told:  # the first record may come before this stream's turn
            self.register_maps()
            super()._write_schema_message()
            self._told = True

    @override
    def _sync_records(self, context: Context | None = None, *, write_messages: bool = True) -> Iterator[Record]:  # type: ignore[override]
        """Nothing by itself: records are written when there is something to note."""
        yield from self.get_records(context)

    @override
    def get_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> Iterator[tuple[BaseBatchFileEncoding, list[str]]]:
        return iter(())

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        return iter(())


def _record(export: CheckedExport, used_at: datetime, invalid_cells: int | None) -> dict[str, Any]:
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
        "halved": export.checked.capped,
        "taken_over": export.taken_over,
    }
