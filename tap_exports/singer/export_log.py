"""ExportLog: a stream with a record for each export that a sync used, to audit a load in SQL."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import typing as th

from tap_exports.singer.own_stream import OwnStream, column
from tap_exports.window import rfc3339

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Record

    from tap_exports.context import RunContext
    from tap_exports.exports.fetch import CheckedExport

EXPORT_LOG = "export_log"


class ExportLog(OwnStream):
    """The exports that were used.

    Its records are written between those of the other streams: after the last record of a window, and before the STATE
    of that window. So it is as complete as the other streams' bookmarks, and needs no bookmark of its own.
    """

    primary_keys = ("export_id",)
    replication_key = "date_to"
    schema: ClassVar[dict[str, Any]] = th.PropertiesList(
        column("export_id", th.IntegerType, "Its id at the store, as in the records.", required=True),
        column("type", th.StringType, "Its type, which is the stream's name."),
        column("date_from", th.DateTimeType, "Start of the window."),
        column("date_to", th.DateTimeType, "End of the window."),
        column("created_at", th.DateTimeType, "When the export was created, by the store's clock."),
        column("ready_at", th.DateTimeType, "When a poll found it ready; null if it was ready before."),
        column("used_at", th.DateTimeType, "When its last record was written, by the store's clock."),
        column("file_bytes", th.IntegerType, "Size of the CSV, decompressed."),
        column("file_sha256", th.StringType, "SHA-256 of the CSV, in hex."),
        column("row_count", th.IntegerType, "Rows below the header, counted up to the row cap."),
        column("invalid_cells", th.IntegerType, "Cells that do not fit their column's type; null at the cap."),
        column("at_cap", th.BooleanType, "Whether it reached the row cap, so that none of its rows were used."),
        column("refresh", th.BooleanType, "Whether its window belongs to the refresh of older history."),
        column("reused", th.BooleanType, "Whether an earlier run requested it."),
    ).to_dict()

    def __init__(self, tap: Tap, run: RunContext) -> None:
        super().__init__(tap, EXPORT_LOG, run)

    def note(self, export: CheckedExport, invalid_cells: int) -> None:
        """Record an export whose records are all written, and those at the cap that it replaces.

        Raises:
            SettingsError: If a map of this stream fails.
        """
        if not self.selected:
            return
        used_at = self.run.client.time.now()
        for full in export.at_cap:
            self.write_own(_record(full, used_at, None, refresh=export.refresh))
        self.write_own(_record(export, used_at, invalid_cells, refresh=export.refresh))

    @override
    def sync_records(self) -> Iterator[Record]:
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
