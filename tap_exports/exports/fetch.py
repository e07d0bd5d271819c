"""Exporter: makes a validated file for a window: reuse or request an export, wait, download, validate."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from tap_exports import errors
from tap_exports.exports.polling import PendingExports
from tap_exports.exports.requester import ExportRequester
from tap_exports.files.checked import CheckedFile
from tap_exports.files.csv_file import CheckResult, CsvFile
from tap_exports.files.file_kinds import reject_text_with_commas
from tap_exports.files.row_keys import KeyColumn
from tap_exports.store.download import Downloader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tap_exports.exports.requester import ExportOptions, StreamExports
    from tap_exports.store.client import Client
    from tap_exports.store.download import Download
    from tap_exports.store.models import Export
    from tap_exports.window import Window


logger = logging.getLogger("tap-exports")


class ExportSlot(NamedTuple):
    """A place among the exports that may be pending at the store: wait for it unless it is held, and give it back."""

    acquire: Callable[[], None]
    release: Callable[[], None]


_CHECK_EXPORT = "Check the export in the store, then run again: an export that cannot be used is replaced by a new one."
"""The hint for an export that cannot be used, if the error has none."""


@dataclass(frozen=True)
class CheckedExport(CheckedFile):
    """A validated file, with its export and window."""

    export: Export
    window: Window
    reused: bool
    ready_at: datetime | None = None
    """When it was found ready, by the store's clock; None if it was ready before any poll."""
    refresh: bool = False
    """Whether the window belongs to the refresh."""
    state: Mapping[str, str | float] = field(default_factory=dict)
    """Fields for the stream's state entry after the window's records."""
    at_cap: tuple[CheckedExport, ...] = ()
    """Exports of longer windows that reached the row cap before this one; their files are closed."""

    @property
    def made_in(self) -> float | None:
        """Seconds from its request until it was found ready; None if unknown."""
        created = self.export.created_at
        if self.reused or created is None:
            return None
        return max(0.0, (self.ready_at - created).total_seconds()) if self.ready_at else 0.0


class Exporter:
    """Exports windows to checked files. It may be used from several threads.

    `wait` waits some seconds for an export's id, and may return early.
    """

    def __init__(
        self, client: Client, options: ExportOptions, wait: Callable[[int, float], None] | None = None
    ) -> None:
        self.client = client
        self.options = options
        self.line_breaks = threading.Lock()
        """Held by the thread that finds out whether the store's files end without a line break."""
        self.no_line_break = False
        """Whether a second export of a window has confirmed it."""
        self.requester = ExportRequester(client, options)
        self.downloader = Downloader(client)
        self.pending = PendingExports(client, options, wait)

    def fetch(self, source: StreamExports, window: Window, slot: ExportSlot) -> CheckedExport:
        """The validated file of one window, from an own export that can be reused, else from a new one.

        A suspect file (see errors.py) is replaced by one fresh export of the window. If that one is suspect for the
        same reason, zero bytes, a missing line break at the end, and rows that are equal in every cell are accepted;
        another blank or repeated key is an error. `slot` is held while an export is pending. The caller must not use
        the file if `checked.capped`.
        """
        return _WindowFetch(self, source, window, slot).run()


@dataclass
class _WindowFetch:
    """One window's way to a validated file."""

    exporter: Exporter
    source: StreamExports
    window: Window
    slot: ExportSlot
    suspicions: set[type[errors.SuspectFile]] = field(default_factory=set)
    """What was suspect about an earlier export of the window: accepted if another one confirms it."""
    where: str = ""
    """The present export, for log lines."""

    def run(self) -> CheckedExport:
        code = self.source.code
        export = self.source.take(self.window)
        with ExitStack() as held:
            while True:
                reused = export is not None
                if export is None:
                    self.slot.acquire()
                    export = self.exporter.requester.create(self.source, self.window)
                else:
                    logger.info("%s: reusing export %d of %s", code, export.id, self.window)
                try:
                    return self._deliver(export, reused=reused)
                except (errors.InvalidFile, errors.ExportStuck, errors.StoreRefused) as error:
                    is_suspect = isinstance(error, errors.SuspectFile) and type(error) not in self.suspicions
                    if isinstance(error, (errors.Unauthorized, errors.MissingScope)) or not (reused or is_suspect):
                        raise
                    if reused:
                        logger.warning("%s: export %d cannot be reused: %s", code, export.id, error)
                    else:
                        logger.warning("%s. Requesting a fresh export of the window", str(error).rstrip("."))
                    if isinstance(error, errors.SuspectFile):
                        self.suspicions.add(type(error))
                    if isinstance(error, errors.NoLineBreak):
                        held.enter_context(self.exporter.line_breaks)
                        if self.exporter.no_line_break:  # another window's second export has confirmed it
                            return self._deliver(export, reused=reused)
                export = self.source.take(self.window) if reused and not self.suspicions else None

    def _deliver(self, export: Export, *, reused: bool) -> CheckedExport:
        """From an export to its validated file: wait, download, validate."""
        self.where = f"stream {self.source.code}, export {export.id}, window {self.window}"
        ready_at = None
        try:
            if not export.available:
                self.slot.acquire()
                export = self.exporter.pending.ready(export, reused=reused)
                ready_at = self.exporter.client.time.now()
            self.slot.release()
            file = self._file(export.id)
            return CheckedExport(**vars(file), export=export, window=self.window, reused=reused, ready_at=ready_at)
        except errors.TapExportsError as error:
            error.hint = error.hint or _CHECK_EXPORT
            error.at(self.where)
            raise

    def _file(self, export_id: int) -> CheckedFile:
        """The file. An invalid one is downloaded once more."""
        try:
            return self.exporter.downloader.read(export_id, partial(self._read, export_id))
        except errors.SuspectFile:
            raise
        except errors.InvalidFile as error:
            logger.warning("%s (%s); downloading it once more", error.what, self.where)
            return self.exporter.downloader.read(export_id, partial(self._read, export_id))

    def _read(self, export_id: int, download: Download) -> CheckedFile:
        csv = CsvFile(download.file, self.exporter.options.encoding)
        try:
            file = self._check(csv, download)
            if csv.size and not file.checked.capped and not csv.ends_with_line_break:
                self._accept_missing_line_break(export_id, download)
        except BaseException:
            csv.close()
            raise
        return file

    def _check(self, csv: CsvFile, download: Download) -> CheckedFile:
        try:
            header, _ = csv.head(0)
        except errors.ZeroBytes:
            if errors.ZeroBytes not in self.suspicions:
                raise
            logger.warning("Two exports of a window have zero bytes: accepted as an empty window (%s)", self.where)
            return CheckedFile(csv, [], CheckResult(0, capped=False), download.size, download.sha256)
        layout = self.source.layout.of(header)
        keys = [
            KeyColumn(column.name, position, column.type.converter(self.exporter.options.zone))
            for position, column in enumerate(layout.columns)
            if column.name in layout.file_keys
        ]
        if self.source.layout.current is None and not keys:
            reject_text_with_commas(header)
        checked = csv.check(
            keys,
            numbers=layout.number_columns,
            unique=not layout.numbered,
            cap=self.exporter.options.cap,
            drop_copies=errors.InvalidKey in self.suspicions,
        )
        if checked.copies:
            message = "%d rows equal another row in every cell, also in a second export: kept once (%s)"
            logger.warning(message, len(checked.copies), self.where)
        return CheckedFile(csv, header, checked, download.size, download.sha256)

    def _accept_missing_line_break(self, export_id: int, download: Download) -> None:
        """Accept a file without a line break at its end, where two downloads, and once in a run two exports, agree."""
        again = self.exporter.downloader.get(export_id)
        with closing(CsvFile(again.file, self.exporter.options.encoding)) as csv:
            if again.sha256 != download.sha256:
                csv.head(0)
                raise errors.InvalidFile("the file has no line break at its end, and two downloads of it differ")
        if errors.NoLineBreak in self.suspicions:
            self.exporter.no_line_break = True
        if not self.exporter.no_line_break:
            raise errors.NoLineBreak("the file has no line break at its end, so it may be truncated")
        logger.warning("No line break at the end, in two downloads and in a second export: accepted (%s)", self.where)
