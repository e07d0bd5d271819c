"""Discovery: the columns of each type, from the head of an export.

The header is that of the newest available export; the sample, which may relax a type, is from the newest with rows. For
types without an export, a small one is created, for all types at once. If that fails, the columns that the API
documents are used.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from tap_exports.errors import TapExportsError, Unauthorized
from tap_exports.files.csv_file import CsvFile
from tap_exports.files.file_kinds import reject_text_with_commas
from tap_exports.schema.layout import SAMPLE_ROWS, Layout, decide, relaxed, standard_layout
from tap_exports.window import Window, own_boundary

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_exports.exports.fetch import Exporter
    from tap_exports.exports.requester import StreamExports
    from tap_exports.store.client import Client
    from tap_exports.store.download import Downloader
    from tap_exports.store.models import Export

_SAMPLE_BYTES = 1024 * 1024
_RECENT = timedelta(days=31)
_SMALL = timedelta(days=7)
_MOST_READ = 3
"""The most exports of a type that are read to find rows."""


class _Head(NamedTuple):
    """The head of an export's file."""

    export_id: int
    header: list[str]
    sample: list[list[str]]


@dataclass(frozen=True)
class Discovery:
    """Finds the columns of streams for which there is no catalog."""

    client: Client
    downloader: Downloader
    exporter: Exporter
    encoding: str
    settle: timedelta
    """The delay between now and the end of a new export's window."""
    may_create: bool = True

    def run(self, sources: Iterable[StreamExports]) -> dict[str, Layout]:
        """A layout for each stream.

        Raises:
            Unauthorized: If the store does not accept the token.
        """
        found: dict[str, Layout] = {}
        pending: list[tuple[StreamExports, Export]] = []
        for source in sources:
            heads, export = self._from_list(source)
            export = export or (None if heads else self._create(source))
            if export is not None:
                pending.append((source, export))
            else:
                found[source.code] = _layout(source, heads)
        for source, export in pending:
            found[source.code] = _layout(source, self._from_pending(source, export))
        return found

    def _from_list(self, source: StreamExports) -> tuple[list[_Head], Export | None]:
        """The heads of the newest available exports, up to one with rows; else a recent pending export."""
        try:
            recent = (self.client.time.now() - _RECENT).date()
            exports = list(self.client.exports(source.code, recent))
            if not any(e.available for e in exports):
                exports = list(self.client.exports(source.code))
        except Unauthorized:
            raise
        except TapExportsError as error:
            logger.warning("%s: its exports cannot be listed: %s", source.code, error)
            return [], None
        source.seen.update(e.id for e in exports)
        newest = sorted((e for e in exports if e.type == source.code), key=_made, reverse=True)
        heads: list[_Head] = []
        for export in [e for e in newest if e.available][:_MOST_READ]:
            heads += self._read(source, export)
            if heads and heads[-1].sample:
                break
        since = self.client.time.now() - timedelta(hours=1)
        fresh = [e for e in newest if not e.available and e.created_at and e.created_at > since]
        return heads, fresh[0] if fresh and not heads else None

    def _create(self, source: StreamExports) -> Export | None:
        if not self.may_create:
            return None
        end = own_boundary(self.client.time.now() - self.settle)
        try:
            return self.exporter.requester.create(source, Window(end - _SMALL, end))
        except Unauthorized:
            raise
        except TapExportsError as error:
            logger.warning("%s: no export can be created to detect its columns: %s", source.code, error)
            return None

    def _from_pending(self, source: StreamExports, export: Export) -> list[_Head]:
        try:
            return self._read(source, self.exporter.ready(export, reused=True))
        except Unauthorized:
            raise
        except TapExportsError as error:
            logger.warning("%s: no columns detected from export %d: %s", source.code, export.id, error)
            return []

    def _read(self, source: StreamExports, export: Export) -> list[_Head]:
        """The head of an export's file; empty where it cannot be read."""
        try:
            download = self.downloader.get(export.id, at_most=_SAMPLE_BYTES)
            csv = CsvFile(download.file, self.encoding, partial=not download.whole)
            try:
                header, sample = csv.head(SAMPLE_ROWS)
            finally:
                csv.close()
            if not decide(source.code, header, source.layout.knowledge).keys:
                reject_text_with_commas(header)
        except Unauthorized:
            raise
        except TapExportsError as error:
            logger.warning("%s: export %d cannot be read: %s", source.code, export.id, error)
            return []
        return [_Head(export.id, header, sample)]


def _layout(source: StreamExports, heads: list[_Head]) -> Layout:
    """The columns of the newest header; the rows of the last file that was read may relax types."""
    knowledge = source.layout.knowledge
    if not heads:
        logger.warning("%s: no export is available; using the columns that the API documents", source.code)
        return standard_layout(source.code, knowledge)
    newest, last = heads[0], heads[-1]
    rows = len(last.sample)
    logger.info("%s: %d columns detected from export %d", source.code, len(newest.header), newest.export_id)
    if rows:
        logger.debug("%s: types compared with %d rows of export %d", source.code, rows, last.export_id)
    return relaxed(decide(source.code, newest.header, knowledge), last.header, last.sample, knowledge)


def _made(export: Export) -> tuple[float, int]:
    return (export.created_at.timestamp() if export.created_at else 0.0, export.id)


logger = logging.getLogger("tap-exports")
