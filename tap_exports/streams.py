"""ExportStream: the sync of one stream, from the plan to the bookmark."""

from __future__ import annotations

import sys
from dataclasses import fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE
from singer_sdk.singerlib.messages import StateMessage

from tap_exports.errors import ExportStuck, TapExportsError
from tap_exports.exports.requester import StreamExports
from tap_exports.exports.stream_queue import StreamQueue
from tap_exports.exports.window_size import StreamMemory
from tap_exports.files.records import Records
from tap_exports.schema.layout import Layout
from tap_exports.schema.stream_layout import Key
from tap_exports.singer import batches as batch_files
from tap_exports.singer.bookmark import Bookmark
from tap_exports.singer.catalog_stream import CatalogStream
from tap_exports.singer.recording import Recording, fingerprint_of
from tap_exports.window import rfc3339

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from singer_sdk import Tap
    from singer_sdk.batch import BaseBatchFileEncoding
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.metrics import Counter

    from tap_exports.context import RunContext
    from tap_exports.exports.fetch import CheckedExport
    from tap_exports.singer.compat import BatchConfig
    from tap_exports.singer.writer import MessageWriter


class ExportStream(CatalogStream):
    """The stream of one export type."""

    is_sorted = True

    def __init__(self, tap: Tap, code: str, run: RunContext) -> None:
        super().__init__(tap, code, run)
        self.source = StreamExports(code, self.layout)
        self._records_yielded = 0
        self._written = 0
        """Records of the current window, before maps."""

    # Sync

    @override
    def begin(self) -> None:
        with self.failing_alone():
            if (key := self.bookmark.key) is not None:  # the key that an earlier run chose
                self.layout.remember(Key(key, self.bookmark.line_identity))
            if self.has_columns:
                self.report_columns("the catalog")
                self.write_schema()

    @override
    def sync_records(self) -> Iterator[Record]:
        """Write the records of each validated file, then move the bookmark and write STATE.

        The scheduler plans windows and prepares their files ahead: create or reuse, wait, download, validate.
        """
        with self.failing_alone(), self.get_record_counter() as counter, self.get_sync_timer():
            for export, records in self._files():
                for batch in self._to_write(export, records):
                    if self.is_plain and not self._is_test:
                        self._writer.write_records(self.name, batch, self.version)
                    else:
                        yield from self._mapped(batch)
                    self._counted(batch, counter)
                    if self._has_enough:
                        self._writer.flush()
                        return  # the window is not whole: its bookmark stays
                self._finish(export, records)
            self._recording.write_removals()

    @override
    def get_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> Iterator[tuple[BaseBatchFileEncoding, list[str]]]:
        """The same with batch files in place of RECORD messages."""
        with self.failing_alone(), self.get_record_counter() as counter, self.get_sync_timer():
            for export, records in self._files():
                rows = (record for batch in self._to_write(export, records) for record in self._counted(batch, counter))
                for manifest in batch_files.written(self.tap_name, self.name, batch_config, rows):
                    yield batch_config.encoding, manifest
                self._finish(export, records)  # only now: the window's last batch is written
            self._recording.write_removals()

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        for _, records in self._files():
            for batch in self._batches(records):
                yield from batch

    def _files(self) -> Iterator[tuple[CheckedExport, Records]]:
        """The checked files of this run's windows, in order, with their records; writes SCHEMA when it changes."""
        if self.name in self.run.failures or self.is_removed:
            return
        self.run.scheduler.add(self.queue(ahead=False))
        for export in self._checked():
            try:
                if export.header:
                    self._apply_header(export)
                records = self._records(export)
            except TapExportsError as error:
                raise error.at(_where(self.name, export))  # noqa: B904 - the same error
            yield export, records

    def _checked(self) -> Iterator[CheckedExport]:
        """The checked files; if an export is not ready in time, STATE makes the next run request less."""
        try:
            yield from self.run.scheduler.files(self.name)
        except ExportStuck as error:
            if not self._is_test:
                self._keep(error.state)
                self.tap.write_message(StateMessage(value=self.tap_state))
            raise

    def _keep(self, state: Mapping[str, str | float]) -> None:
        for field, value in state.items():
            self.bookmark.set(field, value)

    def queue(self, *, ahead: bool = True) -> StreamQueue:
        """The stream's queue for the scheduler; with `ahead`, work may begin before the reader reaches the stream."""
        full = self.replication_method == REPLICATION_FULL_TABLE
        return StreamQueue(
            self.source,
            bookmark=None if full else self.bookmark.position,
            memory=StreamMemory(**{field.name: self.bookmark.get(field.name) for field in fields(StreamMemory)}),
            newest_only=self._is_test,
            ahead=ahead,
        )

    def _apply_header(self, export: CheckedExport) -> None:
        """Use a file's columns; write SCHEMA if they changed."""
        if self.layout.has_new_columns(export.header):  # the merchant may have added a column
            self.run.learn_definitions()
            self.layout.knowledge = self.run.knowledge
        is_first = self.layout.current is None
        if self.layout.apply(export.header):
            self.use_schema()
            self.register_maps()
            self.write_schema()
        if is_first:
            self.report_columns(f"export {export.export.id}")
        if not self._is_test and self.layout.current:
            self.bookmark.remember_key(*Key.of(self.layout.current))

    def _records(self, export: CheckedExport) -> Records:
        layout = (self.layout.current if export.header else None) or Layout(self.name, (), ())
        records = Records(export, export.window, export.export.id, layout, self.selected_columns, self.run.zone)
        if self.config["on_invalid_value"] == "fail":
            records.refuse_invalid()
        return records

    def _to_write(self, export: CheckedExport, records: Records) -> Iterator[list[dict[str, Any]]]:
        """The records to write: with a ledger, those that are new or have changed."""
        if self._is_test or self.run.ledger is None:
            return self._batches(records)
        return self._recording.to_write(
            export, self.layout.current, self.selected_columns, lambda: self._batches(records)
        )

    @cached_property
    def _recording(self) -> Recording:
        return Recording(
            self.name,
            self.run,
            self.bookmark,
            fingerprint=fingerprint_of(self.config, self.tap.plugin_version),
            incremental=self.replication_method != REPLICATION_FULL_TABLE,
            write_state=lambda: self.tap.state_writer.write_state(self.tap_state),
        )

    def clear_ledger_position(self) -> None:
        """Clear the ledger position in the state if this run does not record what it sends."""
        if not self._recording.is_on:
            self._recording.clear_position()

    def _counted(self, batch: list[dict[str, Any]], counter: Counter) -> list[dict[str, Any]]:
        counter.increment(len(batch))
        self._written += len(batch)
        self.run.progress.rows += len(batch)
        return batch

    def _batches(self, records: Records) -> Iterator[list[dict[str, Any]]]:
        for batch in records.batches():
            self.run.clock.sleep(0)  # a signal ends the run between two batches
            yield batch

    def _mapped(self, batch: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Write records one by one, as the SDK does, through the stream's maps."""
        for record in batch:
            if self._has_enough:
                return
            self._records_yielded += 1
            with self.mapping("fails at a record"):
                self.write_record(record)
            yield record

    def _finish(self, export: CheckedExport, records: Records) -> None:
        """After a window's last record: log warnings and the export, move the bookmark, write STATE."""
        where = _where(self.name, export)
        for line in records.invalid.lines(export.checked.rows):
            self.logger.warning("%s (%s)", line, where)
        if nul := export.csv.nul_characters:
            self.logger.warning("%d NUL characters were removed, which databases cannot hold (%s)", nul, where)
        if self._is_test:
            return  # earlier windows were not requested
        invalid = sum(records.invalid.counts.values())
        self.run.summary.streams[self.name].add(export, written=self._written, invalid=invalid)
        self._written = 0
        if (log := self.run.export_log) is not None:
            log.note(export, invalid)
        self._recording.finish()
        self._keep(export.state)
        moves = self.replication_method != REPLICATION_FULL_TABLE and not export.refresh
        if moves and self.bookmark.advance(export.window.end):
            self.tap.state_writer.write_state(self.tap_state)
        else:  # the state writer skips an equal STATE, but some targets emit only one that no record follows
            self.tap.write_message(StateMessage(value=self.tap_state))

    @property
    def bookmark(self) -> Bookmark:
        """The stream's entry in the state."""
        return Bookmark(self.name, self.tap_state)

    def check_bookmark(self) -> None:
        """Warn of a bookmark that cannot be used. The SDK removes a part of the state when the sync begins."""
        if fault := self.bookmark.unusable:
            self.logger.warning("%s: its bookmark entry cannot be used: %s. Starting from start_date", self.name, fault)
        position = self.bookmark.position
        if position and position > self.run.client.time.now():
            warning = "%s: its bookmark %s is in the future; until then only the look-back is requested"
            self.logger.warning(warning, self.name, rfc3339(position))

    # `--test`: one record of the newest window, no batch files, no state

    @override
    def get_batch_config(self, config: Mapping[str, Any]) -> BatchConfig | None:
        return None if self._is_test else super().get_batch_config(config)  # a batch file contains a whole window

    @property
    def _is_test(self) -> bool:
        return self.ABORT_AT_RECORD_COUNT is not None

    @property
    def _has_enough(self) -> bool:
        return self.ABORT_AT_RECORD_COUNT is not None and self._records_yielded >= self.ABORT_AT_RECORD_COUNT

    @property
    def _writer(self) -> MessageWriter:
        return self.tap.message_writer  # type: ignore[return-value]  # TapExports.message_writer_class


def _where(code: str, export: CheckedExport) -> str:
    return f"stream {code}, export {export.export.id}, window {export.window}"
