"""ExportStream: the sync of one stream, from the plan to the bookmark."""

from __future__ import annotations

from dataclasses import fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, Metadata
from singer_sdk.singerlib.messages import StateMessage
from typing_extensions import override

from tap_exports.errors import ExportStuck, SettingsError, TapExportsError
from tap_exports.exports.requester import StreamExports
from tap_exports.exports.stream_queue import StreamQueue
from tap_exports.exports.window_size import StreamMemory
from tap_exports.files.records import Records
from tap_exports.ledger import Export
from tap_exports.schema.keys import key_error
from tap_exports.schema.layout import Layout, standard_layout
from tap_exports.schema.stream_layout import Key, StreamLayout
from tap_exports.singer import batches as batch_files
from tap_exports.singer.bookmark import REPLICATION_KEY, Bookmark
from tap_exports.singer.compat import SdkStream
from tap_exports.singer.own_streams import EXPORT_LOG, REMOVED_OBJECTS, ExportLog, RemovedObjectsStream
from tap_exports.singer.recording import Recording, fingerprint_of
from tap_exports.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from singer_sdk import Tap
    from singer_sdk.batch import BaseBatchFileEncoding
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.metrics import Counter
    from singer_sdk.singerlib import Catalog

    from tap_exports.context import RunContext
    from tap_exports.exports.fetch import CheckedExport
    from tap_exports.singer.compat import BatchConfig
    from tap_exports.singer.writer import MessageWriter

    Batches = Iterator[list[dict[str, Any]]]


class ExportStream(SdkStream):
    """The stream of one export type. Without a catalog, its columns are unknown until the first file."""

    replication_key = REPLICATION_KEY
    is_sorted = True

    def __init__(self, tap: Tap, code: str, run: RunContext) -> None:
        super().__init__(tap, code, run)
        self.layout = StreamLayout(code, run.knowledge, tap.config["on_new_column"], self.logger)
        self.source = StreamExports(code, self.layout)
        self.bookmark = Bookmark(code, self.tap_state)
        self._use_schema()

    # Sync

    @override
    def begin(self) -> None:
        with self.failing_alone():
            if (key := self.bookmark.key) is not None:  # the key that an earlier run chose
                self.layout.remember(key)
            if self.has_columns:
                self._report_columns("the catalog")
                self.write_schema()

    @override
    def sync_records(self) -> Iterator[Record]:
        yield from self._sync(self._written)

    @override
    def get_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> Iterator[tuple[BaseBatchFileEncoding, list[str]]]:
        """The same with batch files in place of RECORD messages."""

        def written(batches: Batches) -> Iterator[tuple[BaseBatchFileEncoding, list[str]]]:
            records = (record for batch in batches for record in batch)
            for manifest in batch_files.written(self.tap_name, self.name, batch_config, records):
                yield batch_config.encoding, manifest

        yield from self._sync(written)

    def _sync(self, write: Callable[[Batches], Iterator[Any]]) -> Iterator[Any]:
        """Write the records of each validated file, then move the bookmark and write STATE.

        The scheduler plans windows and prepares their files ahead: create or reuse, wait, download, validate.
        """
        with self.failing_alone(), self.get_record_counter() as counter, self.get_sync_timer():
            for export in self._files():
                records = self._records(export)
                yield from write(self._to_write(export, records, counter))
                if self._is_test:
                    self._writer.flush()
                    return
                self._finish(export, records)
            removed = self.tap.streams.get(REMOVED_OBJECTS)
            if self._recording and self._recording.is_complete and isinstance(removed, RemovedObjectsStream):
                removed.write(self.name)

    def queue(self, *, ahead: bool = True) -> StreamQueue:
        """The stream's queue for the scheduler; with `ahead`, work may begin before the reader reaches the stream."""
        return StreamQueue(
            self.source,
            bookmark=None if self._is_full else self.bookmark.position,
            memory=StreamMemory(**{field.name: self.bookmark.get(field.name) for field in fields(StreamMemory)}),
            newest_only=self._is_test,
            ahead=ahead,
        )

    def _files(self) -> Iterator[CheckedExport]:
        """The checked files of this run's windows, in order."""
        if self.name in self.run.failures:
            return
        self.run.scheduler.add(self.queue(ahead=False))
        try:
            yield from self.run.scheduler.files(self.name)
        except ExportStuck as error:
            if not self._is_test:  # the next run requests less
                self.bookmark.update(error.state)
                self.tap.write_message(StateMessage(value=self.tap_state))
            raise

    def _records(self, export: CheckedExport) -> Records:
        """The records of a file; writes SCHEMA if the columns changed."""
        try:
            if export.header:
                self._apply_header(export)
            layout = self._current if export.header else Layout(self.name, (), ())
            records = Records(export, export.window, export.export.id, layout, self._selected_columns, self.run.zone)
            if self.config["on_invalid_value"] == "fail":
                records.refuse_invalid()
        except TapExportsError as error:
            raise error.at(self._where(export))  # noqa: B904 - the same error
        return records

    def _apply_header(self, export: CheckedExport) -> None:
        if self.layout.has_new_columns(export.header):  # the merchant may have added a column
            self.run.learn_definitions()
            self.layout.knowledge = self.run.knowledge
        is_first = not self.has_columns
        if self.layout.apply(export.header):
            self._use_schema()
            self.register_maps()
            self.write_schema()
        if is_first:
            self._report_columns(f"export {export.export.id}")
        if not self._is_test:
            self.bookmark.remember_key(Key.of(self._current))

    def _to_write(self, export: CheckedExport, records: Records, counter: Counter) -> Batches:
        """The records to write: with a ledger, those that are new or have changed."""

        def read() -> Batches:
            for batch in records.batches():
                self.run.clock.sleep(0)  # a signal ends the run between two batches
                yield batch

        batches = read()
        if self._recording:
            used = Export(export.export.id, export.window, self.run.client.time.now())
            batches = self._recording.to_write(used, self.layout.current, self._selected_columns, read)
        self._count = 0
        for batch in batches:
            counter.increment(len(batch))
            self._count += len(batch)
            self.run.progress.rows += len(batch)
            yield batch

    def _written(self, batches: Batches) -> Iterator[Record]:
        """Write RECORD messages; all at once where no map changes them, else one by one, as the SDK does."""
        for batch in batches:
            if self.is_plain and not self._is_test:
                self._writer.write_records(self.name, batch, self.version)
                continue
            for record in batch[: self.ABORT_AT_RECORD_COUNT]:
                self.write_record(record)
                yield record
            if self._is_test:
                return

    def _finish(self, export: CheckedExport, records: Records) -> None:
        """After a window's last record: log warnings and the export, move the bookmark, write STATE."""
        where = self._where(export)
        for line in records.invalid.lines(export.checked.rows):
            self.logger.warning("%s (%s)", line, where)
        if nul := export.csv.nul_characters:
            self.logger.warning("%d NUL characters were removed, which databases cannot hold (%s)", nul, where)
        invalid = sum(records.invalid.counts.values())
        self.run.summary.add(self.name, export, written=self._count, invalid=invalid)
        if isinstance(log := self.tap.streams.get(EXPORT_LOG), ExportLog):
            log.write(export, invalid)
        if self._recording:
            self._recording.finish()
        self.bookmark.update(export.state)
        if not self._is_full and not export.refresh and self.bookmark.advance(export.window.end):
            self.write_state()
        else:  # the state writer skips an equal STATE, but some targets emit only one that no record follows
            self.tap.write_message(StateMessage(value=self.tap_state))

    # Columns

    @property
    def has_columns(self) -> bool:
        """Whether the columns are known before the first file."""
        return self.layout.current is not None

    @property
    def _current(self) -> Layout:
        return self.layout.current or standard_layout(self.name, self.run.knowledge)

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        super().apply_catalog(catalog)
        self.replication_key = REPLICATION_KEY
        if entry := catalog.get_stream(self.name):
            keys = entry.key_properties or entry.metadata.root.table_key_properties or ()
            self.adopt(Layout.of_schema(self.name, entry.schema.to_dict(), keys, self.run.knowledge))
            if error := key_error(self.primary_keys):
                raise SettingsError(f"the catalog's key of stream {self.name} cannot be used: {error}")
            for name in self.primary_keys:  # targets identify records by them
                if found := entry.metadata.get(("properties", name)):
                    found.inclusion = Metadata.InclusionType.AUTOMATIC

    def adopt(self, layout: Layout) -> None:
        """Use the columns and the key of a catalog or of discovery."""
        self.layout.adopt(layout)
        self._use_schema()

    def _use_schema(self) -> None:
        """Let the SDK derive maps and selection from the current layout."""
        self.primary_keys = list(self._current.keys)
        self.set_schema(self._current.schema(), keep_metadata=bool(self.tap.input_catalog))

    @property
    def _selected_columns(self) -> set[str]:
        """Names of the columns to write. A column that is not in the catalog is selected with its stream."""
        return {name for name in self.schema["properties"] if self.mask["properties", name]}

    def _report_columns(self, where: str) -> None:
        """Log the source of the columns, and warn of column_types for columns that do not exist."""
        names = {column.name for column in self._current.columns}
        self.logger.info("%s: %d columns, from %s", self.name, len(names), where)
        for name in sorted(set(self.run.knowledge.column_types.get(self.name, {})) - names):
            self.logger.warning("column_types names the column %s.%s, which the stream does not have", self.name, name)

    # State

    def check_state(self) -> None:
        """Warn of a bookmark that cannot be used, and clear the position in a ledger if this run does not record."""
        if fault := self.bookmark.unusable:
            self.logger.warning("%s: its bookmark entry cannot be used: %s. Starting from start_date", self.name, fault)
        position = self.bookmark.position
        if position and position > self.run.client.time.now():
            warning = "%s: its bookmark %s is in the future; until then only the look-back is requested"
            self.logger.warning(warning, self.name, rfc3339(position))
        if self._recording is None:
            self.bookmark.clear_ledger()
            if self.run.has_ledger:
                self.run.ledger.forget(self.name)

    @cached_property
    def _recording(self) -> Recording | None:
        """None if the run does not record what it writes, as far as known before the first file."""
        if self._is_test or self._is_full or not self.run.has_ledger or self.run.ledger.failed:
            return None
        fingerprint = fingerprint_of(self.config, self.tap.plugin_version)
        return Recording(self.run.ledger, self.name, self.bookmark, fingerprint, self.write_state)

    @override
    def get_batch_config(self, config: Mapping[str, Any]) -> BatchConfig | None:
        return None if self._is_test else super().get_batch_config(config)  # a batch file contains a whole window

    @property
    def _is_test(self) -> bool:
        """Whether `--test` requests one record of the newest window, no batch files, and no state."""
        return self.ABORT_AT_RECORD_COUNT is not None

    @property
    def _is_full(self) -> bool:
        return self.replication_method == REPLICATION_FULL_TABLE

    @property
    def _writer(self) -> MessageWriter:
        return self.tap.message_writer  # type: ignore[return-value]  # TapExports.message_writer_class

    def _where(self, export: CheckedExport) -> str:
        return f"stream {self.name}, export {export.export.id}, window {export.window}"
