"""ExportStream: a window's way from the plan to the bookmark."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, Metadata
from singer_sdk.singerlib.messages import StateMessage

from tap_exports.errors import SettingsError, TapExportsError
from tap_exports.exports.fetch import StreamExports
from tap_exports.exports.scheduler import StreamQueue
from tap_exports.files.records import Records
from tap_exports.schema.keys import fault_of_key
from tap_exports.schema.layout import Layout, standard_layout
from tap_exports.schema.schema_changes import SchemaChanges
from tap_exports.singer import batches as batch_files
from tap_exports.singer.bookmark import REPLICATION_KEY, Bookmark
from tap_exports.singer.mapped_stream import MappedStream
from tap_exports.window import rfc3339

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    from singer_sdk import Tap
    from singer_sdk.batch import BaseBatchFileEncoding
    from singer_sdk.helpers._batch import BatchConfig
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.metrics import Counter
    from singer_sdk.singerlib import Catalog

    from tap_exports.context import RunContext
    from tap_exports.exports.fetch import CheckedExport
    from tap_exports.singer.writer import MessageWriter


class ExportStream(MappedStream):
    """The exports of one type, window by window.

    The stream's columns are unknown (`layout` is None) where no catalog was given; then the first file
    with rows tells them, and the SCHEMA message waits for it.
    """

    replication_key = REPLICATION_KEY
    is_sorted = True

    def __init__(self, tap: Tap, code: str, run: RunContext) -> None:
        self.layout: Layout | None = None
        super().__init__(tap, code, run)
        self.source = StreamExports(code, run.knowledge, None)
        self._changes = SchemaChanges(code, tap.config["on_new_column"], self.logger)

    # Columns, key and catalog

    @property
    @override
    def schema(self) -> dict[str, Any]:
        return (self.layout or standard_layout(self.name, self.run.knowledge)).schema()

    @property
    @override
    def primary_keys(self) -> list[str]:
        return list((self.layout or standard_layout(self.name, self.run.knowledge)).keys)

    @primary_keys.setter
    def primary_keys(self, new_value: Iterable[str]) -> None:
        """The layout has them: apply_catalog() reads them from the catalog itself."""

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        super().apply_catalog(catalog)
        self.replication_key = REPLICATION_KEY
        self._input_schema = None  # `schema` says it all
        if entry := catalog.get_stream(self.name):
            root = entry.metadata.root
            keys = entry.key_properties or root.table_key_properties or ()
            self.adopt(Layout.of_schema(self.name, entry.schema.to_dict(), keys, self.run.knowledge))
            if fault := fault_of_key(self.primary_keys):
                raise SettingsError(f"the catalog's stream {self.name} has for its key {fault}")
            for name in self.primary_keys:  # without them no target could tell records apart
                if found := entry.metadata.get(("properties", name)):
                    found.inclusion = Metadata.InclusionType.AUTOMATIC

    def adopt(self, layout: Layout) -> None:
        """Put a layout in force: the schema, the key, and the stream maps that are made from them.

        Args:
            layout: The stream's columns and key.
        """
        self.layout = self.source.layout = layout
        self._stream_maps = None
        if self._metadata is None or not self.tap.input_catalog:
            self._metadata = self._mask = None

    @property
    def selected_columns(self) -> set[str]:
        """Names of the columns that go out. A column that the catalog does not know follows the stream."""
        return {name for name in self.schema["properties"] if self.mask["properties", name]}

    @override
    def _write_schema_message(self) -> None:
        if self.layout is not None:  # else the first file tells it
            super()._write_schema_message()

    # The story of a sync

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[Record, Any, Any]:
        """Plan, take over or create, wait, download and check (all ahead of the reader); type, write, bookmark."""
        with self._failing_alone(), self.get_record_counter() as counter, self.get_sync_timer():
            for export, records in self._files():
                for batch in self._batches(records):
                    if self._is_plain:
                        self._writer.write_records(self.name, batch, self._stream_version)
                    else:
                        yield from self._written(batch)
                    self._count(counter, len(batch))
                    if self._has_enough:
                        self._writer.flush()
                        return  # the window is not out: its bookmark stays
                self._finish(export, records)

    @override
    def get_batch_config(self, config: Mapping[str, Any]) -> BatchConfig | None:
        return None if self._is_test else super().get_batch_config(config)  # files would hold a whole window

    @override
    def get_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> Iterator[tuple[BaseBatchFileEncoding, list[str]]]:
        with self._failing_alone(), self.get_record_counter() as counter, self.get_sync_timer():
            for export, records in self._files():
                rows = (record for batch in self._batches(records) for record in batch)
                for manifest in batch_files.written(self.tap_name, self.name, batch_config, rows):
                    yield batch_config.encoding, manifest
                self._count(counter, export.checked.rows)
                self._finish(export, records)  # only now: the window's last batch is out

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        for _, records in self._files():
            for batch in self._batches(records):
                yield from batch

    def queue(self, *, ahead: bool = True) -> StreamQueue:
        """The stream's windows, as the queue works at them.

        Args:
            ahead: Whether work may begin before the stream's turn.
        """
        full = self.replication_method == REPLICATION_FULL_TABLE
        return StreamQueue(
            self.source,
            bookmark=None if full else self.bookmark.position,
            newest_only=self._is_test,
            ahead=ahead,
        )

    @property
    def bookmark(self) -> Bookmark:
        """The stream's entry in the state."""
        return Bookmark(self.name, self.tap_state)

    def _files(self) -> Iterator[tuple[CheckedExport, Records]]:
        """The checked files of this run's windows, in order, the schema in force for each, and their records."""
        self.run.scheduler.add(queue := self.queue(ahead=False))
        if fault := self.bookmark.unusable:
            self.logger.warning("%s: its bookmark entry cannot be used: %s. Starting from start_date", self.name, fault)
        if queue.bookmark and queue.bookmark > self.run.client.time.now():
            said = "%s: its bookmark %s is yet to come; until then nothing is asked for but what the look-back reaches"
            self.logger.warning(said, self.name, rfc3339(queue.bookmark))
        if self.layout is not None:
            self._tell_columns("the catalog")
        for export in self.run.scheduler.files(self.name):
            try:
                self._meet(export)
                records = self._records(export)
            except TapExportsError as error:
                raise error.at(_where(self.name, export))  # noqa: B904 - the same error
            yield export, records
        if self.layout is None and self.source.first is not None:
            self._adopt_and_tell(self.source.first)

    def _meet(self, export: CheckedExport) -> None:
        """Hold a file's header against the schema in force, and tell the target what has changed."""
        if self.layout is None:
            if self.source.layout is not None:
                self._adopt_and_tell(self.source.layout)
                self._tell_columns(f"export {export.export.id}, the first with rows")
            return
        if not export.sample:
            return  # nothing to take a new column's type back by, and no record that would need it
        if self._changes.has_news(self.layout, export.header):
            self.run.learn_definitions()  # a merchant has switched a column into exports since
        changed = self._changes.apply(self.layout, export.header, self.run.knowledge)
        if changed is not self.layout:
            self._adopt_and_tell(changed)

    def _tell_columns(self, where: str) -> None:
        """Say where the columns came from, and which of the user's types are for none of them."""
        names = {column.name for column in self.layout.columns} if self.layout else set()
        self.logger.info("%s: %d columns, told by %s", self.name, len(names), where)
        for name in sorted(set(self.run.knowledge.column_types.get(self.name, {})) - names):
            self.logger.warning("column_types names the column %s.%s, which the stream does not have", self.name, name)

    def _adopt_and_tell(self, layout: Layout) -> None:
        self.adopt(layout)
        self.register_maps()
        self._write_schema_message()

    def _records(self, export: CheckedExport) -> Records:
        layout = self.layout or self.source.layout_of(export.header, export.sample)
        records = Records(export, export.window, export.export.id, layout, self.selected_columns, self.run.zone)
        if self.config["on_invalid_value"] == "fail":
            records.refuse_invalid()
        return records

    def _batches(self, records: Records) -> Iterator[list[dict[str, Any]]]:
        for batch in records.batches():
            self.run.clock.sleep(0)  # a signal ends the run between two batches
            yield batch

    @property
    def _writer(self) -> MessageWriter:
        return self.tap.message_writer  # type: ignore[return-value]  # TapExports.message_writer_class

    @property
    def _is_plain(self) -> bool:
        """Whether records go out as they are: no stream map, no flattening, no limit."""
        maps = self.stream_maps
        return (
            not self._is_test
            and len(maps) == 1
            and type(maps[0]) is SameRecordTransform
            and not maps[0].flattening_enabled
        )

    def _written(self, batch: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The SDK's own way of writing, record by record."""
        for record in batch:
            if self._has_enough:
                return
            self._written_records += 1
            with self._mapping("fails at a record"):
                self._write_record_message(record)
            yield record

    _written_records = 0

    @property
    def _is_test(self) -> bool:
        """Whether this is a test of the connection: the newest window alone, one record of it, and no bookmark."""
        return self.ABORT_AT_RECORD_COUNT is not None

    @property
    def _has_enough(self) -> bool:
        """Whether a test of the connection has all the records that it wants."""
        return self.ABORT_AT_RECORD_COUNT is not None and self._written_records >= self.ABORT_AT_RECORD_COUNT

    def _count(self, counter: Counter, records: int) -> None:
        counter.increment(records)
        self.run.progress.rows += records

    def _finish(self, export: CheckedExport, records: Records) -> None:
        """Every record of a window is out: say what was odd about it, move the bookmark, and tell the state."""
        where = _where(self.name, export)
        for line in records.invalid.lines(export.checked.rows):
            self.logger.warning("%s (%s)", line, where)
        if nul := export.csv.nul_characters:
            self.logger.warning("%d NUL characters were removed, which databases cannot hold (%s)", nul, where)
        if self._is_test:
            return  # nobody has asked for the windows before
        if (log := self.run.export_log) is not None:
            log.note(export, sum(records.invalid.counts.values()))
        if self.replication_method != REPLICATION_FULL_TABLE and self.bookmark.advance(export.window.end):
            self.tap.state_writer.write_state(self.tap_state)
        else:  # the same once more, which that would leave out: some targets give back only one that no record follows
            self.tap.write_message(StateMessage(value=self.tap_state))


def _where(code: str, export: CheckedExport) -> str:
    return f"stream {code}, export {export.export.id}, window {export.window}"
