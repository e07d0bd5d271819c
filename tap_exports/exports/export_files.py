"""ExportFiles: an export's file, downloaded and validated as a whole."""

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
    from datetime import tzinfo

    from tap_exports.clock import Clock
    from tap_exports.exports.requester import StreamExports
    from tap_exports.schema.layout import Layout
    from tap_exports.store.download import Download, Downloader


@dataclass(frozen=True)
class FileOptions:
    """How files are read."""

    encoding: str
    max_rows: int
    zone: tzinfo


class ExportFiles:
    """Downloads and validates files. It may be used from several threads."""

    def __init__(self, downloader: Downloader, clock: Clock, options: FileOptions) -> None:
        self._downloader = downloader
        self._clock = clock
        self._options = options
        self._logger = logging.getLogger("tap-exports")
        self.no_final_line_break = False
        """Whether a second export of a window has confirmed that files end without a line break."""

    def get(
        self, source: StreamExports, export_id: int, suspicions: Collection[type[SuspectFile]], where: str
    ) -> CheckedFile:
        """Download and validate. An error page is transient; any other invalid file is downloaded once more.

        Raises:
            TapExportsError: If the file cannot be downloaded or is invalid.
        """
        try:
            return self._downloaded(source, export_id, suspicions, where)
        except SuspectFile:
            raise
        except InvalidFile as error:
            self._logger.warning("%s (%s); downloading it once more", error.what, where)
            return self._downloaded(source, export_id, suspicions, where)

    def _downloaded(
        self, source: StreamExports, export_id: int, suspicions: Collection[type[SuspectFile]], where: str
    ) -> CheckedFile:
        rest = pauses(self._clock.timings)
        while True:
            download = self._downloader.get(export_id)
            csv = CsvFile(download.file, self._options.encoding)
            try:
                file = self._check(source, csv, download, suspicions, where)
                if csv.size and not file.checked.capped and not csv.ends_with_line_break:
                    self._accept_missing_line_break(export_id, download, suspicions, where)
            except ErrorPage as error:
                csv.close()
                if (wait := next(rest, None)) is None:
                    raise StoreTrouble(error.what, "Run again: the export is reused.") from None
                self._logger.warning("%s (%s); downloading again in %.1f s", error.what, where, wait)
                self._clock.sleep(wait)
            except BaseException:
                csv.close()
                raise
            else:
                return file

    def _check(
        self,
        source: StreamExports,
        csv: CsvFile,
        download: Download,
        suspicions: Collection[type[SuspectFile]],
        where: str,
    ) -> CheckedFile:
        try:
            header, _ = csv.head(0)
        except ZeroBytes:
            if ZeroBytes not in suspicions:
                raise
            self._logger.warning("Two exports of a window have zero bytes: accepted as an empty window (%s)", where)
            return CheckedFile(csv, [], CheckResult(0, capped=False), download.size, download.sha256)
        layout = source.layout.of(header)
        keys = self._keys(layout)
        if source.layout.current is None and not keys:
            reject_text_with_commas(header)
        checked = csv.check(
            keys,
            numbers=layout.number_columns,
            unique=not layout.numbered,
            cap=self._options.max_rows,
            drop_copies=InvalidKey in suspicions,
        )
        if checked.copies:
            message = "%d rows equal another row in every cell, also in a second export: kept once (%s)"
            self._logger.warning(message, len(checked.copies), where)
        return CheckedFile(csv, header, checked, download.size, download.sha256)

    def _accept_missing_line_break(
        self, export_id: int, download: Download, suspicions: Collection[type[SuspectFile]], where: str
    ) -> None:
        """Accept a file without a line break at its end, where two downloads and a second export agree.

        Raises:
            InvalidFile: If two downloads differ; ErrorPage if the second one is such a page.
            NoLineBreak: If no second export has confirmed it in this run.
        """
        again = self._downloader.get(export_id)
        with closing(CsvFile(again.file, self._options.encoding)) as csv:
            if again.sha256 != download.sha256:
                csv.head(0)
                raise InvalidFile("the file has no line break at its end, and two downloads of it differ")
        if NoLineBreak in suspicions:
            self.no_final_line_break = True
        if not self.no_final_line_break:
            raise NoLineBreak("the file has no line break at its end, so it may be truncated")
        self._logger.warning("No line break at the end, in two downloads and in a second export: accepted (%s)", where)

    def _keys(self, layout: Layout) -> list[KeyColumn]:
        position = {column.name: n for n, column in enumerate(layout.columns)}
        return [
            KeyColumn(key, position[key], layout.columns[position[key]].type.converter(self._options.zone))
            for key in layout.file_keys
        ]
