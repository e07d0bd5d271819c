"""Columns from the store itself: the head of an export of each type.

Of the newest available export no more is read than the header and a sample. A type without any gets one
small export made, all such types at once; where even that fails, the names in the API stand in.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tap_exports.errors import TapExportsError, Unauthorized
from tap_exports.files.csv_file import CsvFile
from tap_exports.schema.layout import SAMPLE_ROWS, Layout, decide, relaxed, standard_layout
from tap_exports.store.models import Export, ExportStatus
from tap_exports.window import Window, whole_second

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_exports.exports.fetch import Exporter
    from tap_exports.exports.stream_exports import StreamExports
    from tap_exports.store.client import Client
    from tap_exports.store.download import Downloader

_SAMPLE_BYTES = 1024 * 1024
_RECENT = timedelta(days=31)
_SMALL = timedelta(days=7)
_LOOKED_AT = 3
"""How many exports of a type are looked at for one that has rows."""


@dataclass(frozen=True)
class Discovery:
    """Finds the columns of streams of which no catalog tells.

    Args:
        client: The API.
        downloader: Gets the files.
        exporter: Has exports made.
        encoding: Of the CSVs.
        settle: How far behind now a new export's window ends.
        may_create: Whether exports may be made.
    """

    client: Client
    downloader: Downloader
    exporter: Exporter
    encoding: str
    settle: timedelta
    may_create: bool = True

    def run(self, sources: Iterable[StreamExports]) -> dict[str, Layout]:
        """The layouts of some streams.

        Args:
            sources: The streams.

        Returns:
            A layout for each.

        Raises:
            Unauthorized: If the store does not accept the token.
        """
        found: dict[str, Layout] = {}
        wanted: list[tuple[StreamExports, Export]] = []
        for source in sources:
            layout, pending = self._from_list(source)
            if layout is not None:
                found[source.code] = layout
            elif pending is not None:
                wanted.append((source, pending))
            elif (made := self._make(source)) is not None:
                wanted.append((source, made))
            else:
                found[source.code] = self._stand_in(source)
        for source, export in wanted:
            found[source.code] = self._from_new(source, export) or self._stand_in(source)
        return found

    def _from_list(self, source: StreamExports) -> tuple[Layout | None, Export | None]:
        """Columns from the newest available exports; else one that is being made already."""
        try:
            recent = (self.client.time.now() - _RECENT).date()
            exports = list(self.client.exports(source.code, recent))
            if not any(e.status is ExportStatus.AVAILABLE for e in exports):
                exports = list(self.client.exports(source.code))
        except Unauthorized:
            raise
        except TapExportsError as error:
            logger.warning("%s: its exports could not be listed: %s", source.code, error)
            return None, None
        source.seen.update(e.id for e in exports)
        newest = sorted((e for e in exports if e.type == source.code), key=_made, reverse=True)
        header_only: Layout | None = None
        for export in [e for e in newest if e.status is ExportStatus.AVAILABLE][:_LOOKED_AT]:
            layout, rows = self._peek(source, export)
            if rows:
                return layout, None
            header_only = header_only or layout
        fresh = self.client.time.now() - timedelta(hours=1)
        pending = [e for e in newest if e.status is ExportStatus.PENDING and e.created_at and e.created_at > fresh]
        return header_only, pending[0] if pending else None

    def _make(self, source: StreamExports) -> Export | None:
        if not self.may_create:
            return None
        end = whole_second(self.client.time.now() - self.settle)
        try:
            return self.exporter.requester.create(source, Window(end - _SMALL, end))
        except Unauthorized:
            raise
        except TapExportsError as error:
            logger.warning("%s: no export could be made to see its columns: %s", source.code, error)
            return None

    def _from_new(self, source: StreamExports, export: Export) -> Layout | None:
        try:
            layout, _ = self._peek(source, self.exporter.ready(export, taken_over=True))
        except Unauthorized:
            raise
        except TapExportsError as error:
            logger.warning("%s: export %d did not tell its columns: %s", source.code, export.id, error)
            return None
        return layout

    def _peek(self, source: StreamExports, export: Export) -> tuple[Layout | None, int]:
        """The layout that the head of a file tells, and how many rows it was told by."""
        try:
            download = self.downloader.get(export.id, at_most=_SAMPLE_BYTES)
            csv = CsvFile(download.file, self.encoding, has_nul=download.has_nul, partial=not download.whole)
            try:
                header, sample = csv.head(SAMPLE_ROWS)
            finally:
                csv.close()
        except Unauthorized:
            raise
        except TapExportsError as error:
            logger.warning("%s: export %d could not be looked at: %s", source.code, export.id, error)
            return None, 0
        layout = relaxed(decide(source.code, header, source.layout.knowledge), header, sample, source.layout.knowledge)
        if len(header) == 1:
            told = "%s: the file of export %d is a line of text and tells no columns: %r"
            logger.warning(told, source.code, export.id, ", ".join(header)[:60])
            return None, 0
        logger.info(
            "%s: %d columns, told by export %d and %d of its rows",
            source.code,
            len(header),
            export.id,
            len(sample),
        )
        return layout, len(sample)

    def _stand_in(self, source: StreamExports) -> Layout:
        logger.warning("%s: its columns are those that the API names; no export has told them", source.code)
        return standard_layout(source.code, source.layout.knowledge)


def _made(export: Export) -> tuple[float, int]:
    return (export.created_at.timestamp() if export.created_at else 0.0, export.id)


logger = logging.getLogger("tap-exports")
