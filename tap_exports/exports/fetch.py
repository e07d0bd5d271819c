"""One window's way to a validated file: reuse or request an export, wait, download, validate."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_exports.errors import (
    ErrorPage,
    ExportStuck,
    InvalidFile,
    InvalidKey,
    MissingScope,
    NoLineBreak,
    StoreRefused,
    StoreTrouble,
    SuspectFile,
    TapExportsError,
    Unauthorized,
    ZeroBytes,
)
from tap_exports.exports.polling import PendingExports, PollSchedule
from tap_exports.exports.requester import ExportRequester, Patience
from tap_exports.exports.stream_exports import StreamExports
from tap_exports.files.checked import CheckedFile
from tap_exports.files.csv_file import Checked, CsvFile
from tap_exports.files.row_keys import KeyColumn
from tap_exports.store.models import Export, ExportStatus
from tap_exports.store.retry import pauses

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import datetime, tzinfo

    from tap_exports.clock import Clock
    from tap_exports.exports.concurrency import ExportSlot
    from tap_exports.schema.layout import Layout
    from tap_exports.store.client import Client
    from tap_exports.store.download import Download, Downloader
    from tap_exports.window import Window

__all__ = ["CheckedExport", "Exporter", "Patience", "Reading", "StreamExports"]

_CHECK_EXPORT = "Check the export in the store, then run again: an export that cannot be used is replaced by a new one."
"""What to do about an export that cannot be used, unless the error says something else."""


@dataclass(frozen=True)
class Reading:
    """How files are read."""

    encoding: str
    max_rows: int
    zone: tzinfo


@dataclass(frozen=True)
class CheckedExport(CheckedFile):
    """A file that may be used, and where it came from."""

    export: Export
    window: Window
    taken_over: bool
    ready_at: datetime | None = None
    """When it was found ready, by the store's clock; None where it was so at the first sight of it."""
    refresh: bool = False
    """Whether the window is of the older history, which is exported again."""
    state: Mapping[str, str | float] = field(default_factory=dict)
    """What the stream's state entry keeps once the window's records are written."""
    halved: tuple[CheckedExport, ...] = ()
    """Exports at the cap in whose place this is the first one; their files are closed."""

    @property
    def made_in(self) -> float:
        """Seconds from its request until it was found ready; 0 where that is unknown."""
        created = self.export.created_at
        if self.taken_over or created is None or self.ready_at is None:
            return 0.0
        return max(0.0, (self.ready_at - created).total_seconds())


class Exporter:
    """Makes checked files of windows. It may be used from several threads.

    Args:
        client: The API.
        downloader: Gets the files.
        clock: To wait with.
        patience: How long to wait, and for what.
        reading: How files are read.
        wait: Waits for an export's id, so many seconds at most; it may return early when there is news.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the stations it joins
        self,
        client: Client,
        downloader: Downloader,
        clock: Clock,
        patience: Patience,
        reading: Reading,
        wait: Callable[[int, float], None] | None = None,
    ) -> None:
        self._client = client
        self._downloader = downloader
        self._clock = clock
        self._patience = patience
        self._reading = reading
        self._wait = wait or (lambda _, seconds: clock.sleep(seconds))
        self._logger = logging.getLogger("tap-exports")
        self._confirming = threading.Lock()
        self._open_ends = False
        """Whether a second export of a window has confirmed that files end without a line break."""
        first_poll = clock.timings.first_poll_seconds
        self.timeout_seconds = patience.timeout_seconds
        self.requester = ExportRequester(client, clock, patience)
        self._pace = PollSchedule(patience.poll_seconds, first_poll)
        self._pending = PendingExports(client, clock, first_poll)

    def fetch(self, source: StreamExports, window: Window, slot: ExportSlot) -> CheckedExport:
        """The validated file of one window, from an own export that can be reused, else from a new one.

        A suspect file is replaced by one fresh export of the window. If that is suspect in the same way, the contract
        says for each kind whether it is accepted. `slot` is held while an export is pending. The file may not be used
        if `checked.capped`.

        Raises:
            TapExportsError: Saying where; nothing is left behind.
        """
        suspicions: set[type[SuspectFile]] = set()
        export = source.take(window)
        reused = export is not None
        if export is not None:
            self._logger.info("%s: reusing export %d of %s", source.code, export.id, window)
        with ExitStack() as held:
            while True:
                export = export or self._create(source, window, slot)
                try:
                    return self._deliver(source, window, export, slot, suspicions, taken_over=reused)
                except (InvalidFile, ExportStuck, StoreRefused) as error:
                    is_suspect = isinstance(error, SuspectFile) and type(error) not in suspicions
                    if isinstance(error, (Unauthorized, MissingScope)) or not (reused or is_suspect):
                        raise
                    if reused:
                        self._logger.warning("%s: export %d cannot be reused: %s", source.code, export.id, error)
                    else:
                        self._logger.warning("%s. Requesting a fresh export of the window", str(error).rstrip("."))
                    if isinstance(error, SuspectFile):
                        suspicions.add(type(error))
                    if isinstance(error, NoLineBreak):
                        held.enter_context(self._confirmation())
                        if self._open_ends:
                            continue  # another window's second export has confirmed it
                export = source.take(window) if reused and not suspicions else None
                reused = export is not None

    def _create(self, source: StreamExports, window: Window, slot: ExportSlot) -> Export:
        slot.acquire()
        try:
            return self.requester.create(source, window)
        except TapExportsError as error:
            raise error.at(f"stream {source.code}, window {window}")  # noqa: B904 - the same error

    @contextmanager
    def _confirmation(self) -> Iterator[None]:
        """Whether files end without a line break is confirmed by one window at a time, once per run."""
        while not self._confirming.acquire(timeout=0.25):
            self._clock.sleep(0)
        try:
            yield
        finally:
            self._confirming.release()

    def _deliver(  # noqa: PLR0913 - an export, what it is of, and what is known
        self,
        source: StreamExports,
        window: Window,
        export: Export,
        slot: ExportSlot,
        suspicions: Collection[type[SuspectFile]],
        *,
        taken_over: bool,
    ) -> CheckedExport:
        """From an export to its validated file: wait, download, validate; a file with bad content once more."""
        where = f"stream {source.code}, export {export.id}, window {window}"
        ready_at = None
        try:
            if export.status is not ExportStatus.AVAILABLE:
                slot.acquire()
                export = self.ready(export, taken_over=taken_over)
                ready_at = self._client.time.now()
            slot.release()
            try:
                file = self._validated(source, export, suspicions, where)
            except SuspectFile:
                raise
            except InvalidFile as error:
                self._logger.warning("%s (%s); downloading it once more", error.what, where)
                file = self._validated(source, export, suspicions, where)
            return CheckedExport(**vars(file), export=export, window=window, taken_over=taken_over, ready_at=ready_at)
        except TapExportsError as error:
            error.hint = error.hint or _CHECK_EXPORT
            raise error.at(where)  # noqa: B904 - the same error

    def ready(self, export: Export, *, taken_over: bool = False) -> Export:
        """Wait until the store has made an export. The API has no failed state: only a deadline ends it.

        Args:
            export: The export.
            taken_over: Whether an earlier run asked for it; its age then counts as waited.

        Raises:
            ExportStuck: If it is not ready in time.
        """
        began = self._clock.monotonic()
        if taken_over:
            if export.created_at is not None:
                began -= max(0.0, (self._client.time.now() - export.created_at).total_seconds())
            export = self._client.export(export.id)  # what the list said may be long ago
        self._pending.add(export)
        try:
            return self._await(export, began, learns=not taken_over)
        finally:
            self._pending.remove(export)

    def _await(self, export: Export, began: float, *, learns: bool) -> Export:
        deadline = began + self._patience.timeout_seconds
        pending_at = 0.0
        while export.status is not ExportStatus.AVAILABLE:
            now = self._clock.monotonic()
            if now >= deadline:
                raise ExportStuck(
                    f"export {export.id} was still pending after {(now - began) / 60:.3g} minutes",
                    "Run again: half of the window is requested then. Or raise export_timeout_minutes.",
                )
            pause = min(self._pace.pause(now - began), deadline - now)
            self._wait(export.id, pause)
            woken = self._clock.monotonic() < now + pause
            export = self._pending.poll(export, alone=woken)
            if export.status is ExportStatus.AVAILABLE and learns:
                self._pace.learn(pending_at, self._clock.monotonic() - began)
            pending_at = self._clock.monotonic() - began
        return export

    def _validated(
        self, source: StreamExports, export: Export, suspicions: Collection[type[SuspectFile]], where: str
    ) -> CheckedFile:
        """Download and validate; an error page in place of the file is transient."""
        rest = pauses(self._clock.timings)
        while True:
            download = self._downloader.get(export.id)
            csv = CsvFile(download.file, self._reading.encoding)
            try:
                file = self._check(source, csv, download, suspicions, where)
                if csv.size and not file.checked.capped and not csv.ends_with_line_break:
                    self._accept_open_end(export, download, suspicions, where)
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
            return CheckedFile(csv, [], Checked(0, capped=False), download.size, download.sha256)
        layout = source.layout.of(header)
        keys = self._keys(layout)
        if source.layout.current is None and not keys and _reads_like_text(header):
            raise InvalidFile(f"the file is text, not an export: {', '.join(header)[:60]!r}")
        checked = csv.check(
            keys,
            numbers=layout.number_columns,
            unique=not layout.numbered,
            cap=self._reading.max_rows,
            drop_copies=InvalidKey in suspicions,
        )
        if checked.copies:
            said = "%d rows equal another row in every cell, in a second export too: kept once (%s)"
            self._logger.warning(said, len(checked.copies), where)
        return CheckedFile(csv, header, checked, download.size, download.sha256)

    def _accept_open_end(
        self, export: Export, download: Download, suspicions: Collection[type[SuspectFile]], where: str
    ) -> None:
        """Accept a file without a line break at its end, where two downloads and a second export agree.

        Raises:
            InvalidFile: If two downloads differ; ErrorPage if the second one is such a page.
            NoLineBreak: If no second export has confirmed it in this run.
        """
        again = self._downloader.get(export.id)
        with closing(CsvFile(again.file, self._reading.encoding)) as csv:
            if again.sha256 != download.sha256:
                csv.head(0)
                raise InvalidFile("the file has no line break at its end, and two downloads of it differ")
        if NoLineBreak in suspicions:
            self._open_ends = True
        if not self._open_ends:
            raise NoLineBreak("the file has no line break at its end, so it may have been cut")
        self._logger.warning("No line break at the end, in two downloads and in a second export: accepted (%s)", where)

    def _keys(self, layout: Layout) -> list[KeyColumn]:
        position = {column.name: n for n, column in enumerate(layout.columns)}
        return [
            KeyColumn(key, position[key], layout.columns[position[key]].type.converter(self._reading.zone))
            for key in layout.file_keys
        ]


def _reads_like_text(header: list[str]) -> bool:
    """Whether a header is prose with commas in it: a space behind one, or a sentence's end."""
    return any(cell[:1].isspace() for cell in header[1:]) or header[-1].rstrip().endswith((".", "!", "?"))
