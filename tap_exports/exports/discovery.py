"""Discovery: the columns of each type, from the head of an export.

The header is that of the newest available export; the sample, which may relax a type, is from the newest with rows. For
types without an export, a small one is created, for all types at once. If that fails, the columns that the API
documents are used.
"""

from __future__ import annotations

import logging
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from tap_exports.errors import TapExportsError, Unauthorized
from tap_exports.files.csv_file import CsvFile
from tap_exports.files.file_kinds import reject_text_with_commas
from tap_exports.schema.layout import SAMPLE_ROWS, Layout, decide, relaxed, standard_layout
from tap_exports.window import Window, own_boundary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_exports.exports.fetch import Exporter
    from tap_exports.exports.requester import StreamExports
    from tap_exports.store.models import Export

_SAMPLE_BYTES = 1024 * 1024
_RECENT = timedelta(days=31)
_SMALL = timedelta(days=7)
_MOST_READ = 3
"""The most exports of a type that are read to find rows."""

logger = logging.getLogger("tap-exports")


class _Head(NamedTuple):
    """The head of an export's file."""

    export_id: int
    header: list[str]
    sample: list[list[str]]


@contextmanager
def _warned(source: StreamExports, what: str) -> Iterator[None]:
    """Log an error as a WARNING, and go on; an invalid token ends the run."""
    try:
        yield
    except Unauthorized:
        raise
    except TapExportsError as error:
        logger.warning("%s: %s: %s", source.code, what, error)


@dataclass(frozen=True)
class Discovery:
    """Finds the columns of streams for which there is no catalog."""

    exporter: Exporter
    may_create: bool = True

    def run(self, sources: Sequence[StreamExports]) -> dict[str, Layout]:
        """A layout for each stream. Only an invalid token is an error."""
        heads: dict[str, list[_Head]] = {}
        pending: list[tuple[StreamExports, Export]] = []
        for source in sources:
            heads[source.code], export = self._from_list(source)
            export = export or (None if heads[source.code] else self._created(source))
            if export is not None:
                pending.append((source, export))
        for source, export in pending:
            with _warned(source, f"no columns detected from export {export.id}"):
                heads[source.code] = self._read(source, self.exporter.pending.ready(export, reused=True))
        return {source.code: _layout(source, heads[source.code]) for source in sources}

    def _from_list(self, source: StreamExports) -> tuple[list[_Head], Export | None]:
        """The heads of the newest available exports, up to one with rows; else a recent pending export."""
        heads: list[_Head] = []
        pending: list[Export] = []
        client = self.exporter.client
        with _warned(source, "its exports cannot be listed"):
            exports = list(client.exports(source.code, (client.time.now() - _RECENT).date()))
            if not any(export.available for export in exports):
                exports = list(client.exports(source.code))
            source.seen.update(export.id for export in exports)
            newest = sorted((e for e in exports if e.type == source.code), key=_made, reverse=True)
            for export in [export for export in newest if export.available][:_MOST_READ]:
                heads += self._read(source, export)
                if heads and heads[-1].sample:
                    break
            hour_ago = (client.time.now() - timedelta(hours=1)).timestamp()
            pending = [export for export in newest if not export.available and _made(export)[0] > hour_ago]
        return heads, pending[0] if pending and not heads else None

    def _created(self, source: StreamExports) -> Export | None:
        export = None
        if self.may_create:
            end = own_boundary(self.exporter.client.time.now() - self.exporter.options.settle)
            with _warned(source, "no export can be created to detect its columns"):
                export = self.exporter.requester.create(source, Window(end - _SMALL, end))
        return export

    def _read(self, source: StreamExports, export: Export) -> list[_Head]:
        """The head of an export's file; empty where it cannot be read."""
        heads = []
        with _warned(source, f"export {export.id} cannot be read"):
            download = self.exporter.downloader.get(export.id, at_most=_SAMPLE_BYTES)
            with closing(CsvFile(download.file, self.exporter.options.encoding, partial=not download.whole)) as csv:
                header, sample = csv.head(SAMPLE_ROWS)
            if not decide(source.code, header, source.layout.knowledge).keys:
                reject_text_with_commas(header)
            heads.append(_Head(export.id, header, sample))
        return heads


def _layout(source: StreamExports, heads: list[_Head]) -> Layout:
    """The columns of the newest header; the rows of the last file that was read may relax types."""
    knowledge = source.layout.knowledge
    if not heads:
        logger.warning("%s: no export is available; using the columns that the API documents", source.code)
        return standard_layout(source.code, knowledge)
    newest, last = heads[0], heads[-1]
    logger.info("%s: %d columns detected from export %d", source.code, len(newest.header), newest.export_id)
    if rows := len(last.sample):
        logger.debug("%s: types compared with %d rows of export %d", source.code, rows, last.export_id)
    return relaxed(decide(source.code, newest.header, knowledge), last.header, last.sample, knowledge)


def _made(export: Export) -> tuple[float, int]:
    return (export.created_at.timestamp() if export.created_at else 0.0, export.id)
