"""ExportFile: an export's file, downloaded and validated as a whole."""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_exports.errors import ErrorPage, InvalidFile, InvalidKey, NoLineBreak, StoreTrouble, SuspectFile, ZeroBytes
from tap_exports.files.checked import CheckedFile
from tap_exports.files.csv_file import CheckResult, CsvFile
from tap_exports.files.file_kinds import reject_text_with_commas
from tap_exports.files.row_keys import KeyColumn
from tap_exports.store.http import pauses

if TYPE_CHECKING:
    from collections.abc import Collection

    from tap_exports.clock import Clock
    from tap_exports.exports.requester import ExportOptions
    from tap_exports.schema.layout import Layout
    from tap_exports.schema.stream_layout import StreamLayout
    from tap_exports.store.download import Download, Downloader

logger = logging.getLogger("tap-exports")


@dataclass(frozen=True)
class ExportFile:
    """The file of an available export. `where` is its place for log lines."""

    export_id: int
    where: str
    layout: StreamLayout
    downloader: Downloader
    clock: Clock
    options: ExportOptions
    suspicions: Collection[type[SuspectFile]]
    """What was suspect about an earlier export of the window: accepted if this one confirms it."""
    confirmed: set[type[SuspectFile]]
    """What is true of all files in this run: NoLineBreak, if a second export of a window has confirmed it."""

    def get(self) -> CheckedFile:
        """Download and validate. An error page is transient; any other invalid file is downloaded once more.

        Raises:
            TapExportsError: If the file cannot be downloaded or is invalid.
        """
        try:
            return self._downloaded()
        except SuspectFile:
            raise
        except InvalidFile as error:
            logger.warning("%s (%s); downloading it once more", error.what, self.where)
            return self._downloaded()

    def _downloaded(self) -> CheckedFile:
        rest = pauses(self.clock.timings)
        while True:
            download = self.downloader.get(self.export_id)
            csv = CsvFile(download.file, self.options.encoding)
            try:
                file = self._check(csv, download)
                if csv.size and not file.checked.capped and not csv.ends_with_line_break:
                    self._accept_missing_line_break(download)
            except ErrorPage as error:
                csv.close()
                if (wait := next(rest, None)) is None:
                    raise StoreTrouble(error.what, "Run again: the export is reused.") from None
                logger.warning("%s (%s); downloading again in %.1f s", error.what, self.where, wait)
                self.clock.sleep(wait)
            except BaseException:
                csv.close()
                raise
            else:
                return file

    def _check(self, csv: CsvFile, download: Download) -> CheckedFile:
        try:
            header, _ = csv.head(0)
        except ZeroBytes:
            if ZeroBytes not in self.suspicions:
                raise
            logger.warning("Two exports of a window have zero bytes: accepted as an empty window (%s)", self.where)
            return CheckedFile(csv, [], CheckResult(0, capped=False), download.size, download.sha256)
        layout = self.layout.of(header)
        keys = self._keys(layout)
        if self.layout.current is None and not keys:
            reject_text_with_commas(header)
        checked = csv.check(
            keys,
            numbers=layout.number_columns,
            unique=not layout.numbered,
            cap=self.options.cap,
            drop_copies=InvalidKey in self.suspicions,
        )
        if checked.copies:
            message = "%d rows equal another row in every cell, also in a second export: kept once (%s)"
            logger.warning(message, len(checked.copies), self.where)
        return CheckedFile(csv, header, checked, download.size, download.sha256)

    def _accept_missing_line_break(self, download: Download) -> None:
        """Accept a file without a line break at its end, where two downloads and a second export agree.

        Raises:
            InvalidFile: If two downloads differ; ErrorPage if the second one is such a page.
            NoLineBreak: If no second export has confirmed it in this run.
        """
        again = self.downloader.get(self.export_id)
        with closing(CsvFile(again.file, self.options.encoding)) as csv:
            if again.sha256 != download.sha256:
                csv.head(0)
                raise InvalidFile("the file has no line break at its end, and two downloads of it differ")
        if NoLineBreak in self.suspicions:
            self.confirmed.add(NoLineBreak)
        if NoLineBreak not in self.confirmed:
            raise NoLineBreak("the file has no line break at its end, so it may be truncated")
        logger.warning("No line break at the end, in two downloads and in a second export: accepted (%s)", self.where)

    def _keys(self, layout: Layout) -> list[KeyColumn]:
        position = {column.name: n for n, column in enumerate(layout.columns)}
        return [
            KeyColumn(key, position[key], layout.columns[position[key]].type.converter(self.options.zone))
            for key in layout.file_keys
        ]
