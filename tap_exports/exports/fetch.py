"""One window's way to a checked file: take over or create, wait, download, check."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tap_exports.errors import (
    ExportStuck,
    InvalidFile,
    MissingScope,
    StoreRefused,
    TapExportsError,
    Unauthorized,
)
from tap_exports.exports.polling import PollSchedule
from tap_exports.exports.requester import ExportRequester
from tap_exports.exports.stream_exports import StreamExports
from tap_exports.files.checked import CheckedFile
from tap_exports.files.csv_file import CsvFile, KeyColumn
from tap_exports.store.models import Export, ExportStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta, tzinfo

    from tap_exports.clock import Clock
    from tap_exports.exports.concurrency import ExportSlot
    from tap_exports.schema.layout import Layout
    from tap_exports.store.client import Client
    from tap_exports.store.download import Downloader
    from tap_exports.window import Window

__all__ = ["CheckedExport", "Exporter", "Patience", "Reading", "StreamExports"]

_FIRST_LOOK = 1.0
"""Seconds before the first look at an export, as long as nothing is known of how long they take."""
_LOOKS_A_SECOND = 3.0
"""How much of the rate rate_limiter looks may use; the rest is for creating and downloading."""
_LOOK_AT_IT = "Look at the export in the store; run again: one that stays as it is gives way to a new one."
"""What to do about an export that is of no use, where nothing else is said."""


@dataclass(frozen=True)
class Patience:
    """How long to wait, and for what."""

    poll_seconds: float
    """The longest pause between two looks at one export."""
    timeout_seconds: float
    """How long to wait for one export."""
    reuse: timedelta
    """How recently an export has to have been made to be taken over; zero switches that off."""
    settle: timedelta
    """How far ahead of its making the window of such an export has to end."""


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
    halved: tuple[CheckedExport, ...] = ()
    """Exports at the cap in whose place this is the first one; their files are closed."""


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
        self.requester = ExportRequester(client, clock, patience.reuse, patience.settle, patience.timeout_seconds)
        self.pace = PollSchedule(patience.poll_seconds, _FIRST_LOOK, _LOOKS_A_SECOND)

    def fetch(self, source: StreamExports, window: Window, slot: ExportSlot) -> CheckedExport:
        """The checked file of one window.

        Args:
            source: The stream's exports.
            window: What of.
            slot: Held while an export is pending, given back once the store has made it.

        Returns:
            The file; `checked.capped` says that it may not be used.

        Raises:
            TapExportsError: Saying where; nothing is left behind.
        """
        while (export := source.take(window)) is not None:
            self._logger.info("%s: taking over export %d of %s", source.code, export.id, window)
            try:
                return self._bring(source, window, export, slot=slot, taken_over=True)
            except (Unauthorized, MissingScope):
                raise
            except (InvalidFile, ExportStuck, StoreRefused) as error:
                self._logger.warning("%s: export %d of an earlier run is of no use: %s", source.code, export.id, error)
        slot.acquire()
        try:
            export = self.requester.create(source, window)
        except TapExportsError as error:
            raise error.at(f"stream {source.code}, window {window}")  # noqa: B904 - the same error
        return self._bring(source, window, export, slot=slot, taken_over=False)

    def _bring(
        self, source: StreamExports, window: Window, export: Export, *, slot: ExportSlot, taken_over: bool
    ) -> CheckedExport:
        """The rest of the way, once there is an export."""
        where = f"stream {source.code}, export {export.id}, window {window}"
        ready_at = None
        try:
            if export.status is not ExportStatus.AVAILABLE:
                slot.acquire()
                export = self.ready(export, taken_over=taken_over)
                ready_at = self._client.time.now()
            slot.release()
            try:
                found = self._file(source, window, export, taken_over=taken_over)
            except InvalidFile as error:
                self._logger.warning("%s (%s); fetching it once more", error.what, where)
                found = self._file(source, window, export, taken_over=taken_over)
            return replace(found, ready_at=ready_at)
        except TapExportsError as error:
            error.hint = error.hint or _LOOK_AT_IT
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
        deadline = began + self._patience.timeout_seconds
        pending_at = 0.0
        while export.status is not ExportStatus.AVAILABLE:
            now = self._clock.monotonic()
            if now >= deadline:
                raise ExportStuck(
                    f"export {export.id} was still pending after {(now - began) / 60:.3g} minutes",
                    "Raise export_timeout_minutes, or make the windows smaller with window_days.",
                )
            self._wait(export.id, min(self.pace.pause(now - began), deadline - now))
            export = self._client.export(export.id)
            if export.status is ExportStatus.AVAILABLE and not taken_over:
                self.pace.learn(pending_at, self._clock.monotonic() - began)
            pending_at = self._clock.monotonic() - began
        return export

    def _file(self, source: StreamExports, window: Window, export: Export, *, taken_over: bool) -> CheckedExport:
        """Download and check."""
        download = self._downloader.get(export.id)
        csv = CsvFile(download.file, self._reading.encoding, has_nul=download.has_nul)
        try:
            header, _ = csv.head(0)
            layout = source.layout.of(header)
            checked = csv.check(self._keys(layout), numbered=layout.numbered, cap=self._reading.max_rows)
            if not checked.capped:
                csv.refuse_open_end()
        except BaseException:
            csv.close()
            raise
        return CheckedExport(
            csv, header, checked, download.size, download.sha256, export, window, taken_over=taken_over
        )

    def _keys(self, layout: Layout) -> list[KeyColumn]:
        position = {column.name: n for n, column in enumerate(layout.columns)}
        return [
            KeyColumn(key, position[key], layout.columns[position[key]].type.converter(self._reading.zone))
            for key in layout.file_keys
        ]
