"""One window's way to a checked file: take over or create, wait, download, check."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from tap_exports.api import Export, ExportStatus
from tap_exports.client import AnswerLost, Client
from tap_exports.columns import SAMPLE_ROWS
from tap_exports.csvfile import Checked, CsvFile, KeyColumn
from tap_exports.errors import (
    BadFile,
    BadToken,
    ExportStuck,
    MissingScope,
    StoreRefused,
    StoreTrouble,
    TapExportsError,
)
from tap_exports.names import column_names
from tap_exports.source import Source
from tap_exports.transport import pauses
from tap_exports.waiting import Pace

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, tzinfo

    from tap_exports.clock import Clock
    from tap_exports.columns import Layout
    from tap_exports.download import Downloader
    from tap_exports.windows import Window

__all__ = ["CheckedExport", "Exporter", "Patience", "Permit", "Reading", "Source"]

_FIRST_LOOK = 1.0
"""Seconds before the first look at an export, as long as nothing is known of how long they take."""
_LOOKS_A_SECOND = 3.0
"""How much of the rate budget looks may use; the rest is for creating and downloading."""
_JUST_NOW = timedelta(minutes=2)
"""How much older than a lost create call its export may say that it is."""
_STILL_AT_IT = 1.0
"""Seconds before the list is asked for a lost one: the store may still be at the call that a proxy gave up."""
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


@dataclass(frozen=True)
class Reading:
    """How files are read."""

    encoding: str
    max_rows: int
    zone: tzinfo


class Permit(Protocol):
    """The right to have one export pending at the store."""

    def acquire(self) -> None:
        """Wait for it; at once where it is held already."""

    def release(self) -> None:
        """Give it back, if it is held."""


@dataclass(frozen=True)
class CheckedExport:
    """A file that may be used, and where it came from."""

    export: Export
    window: Window
    csv: CsvFile
    header: list[str]
    sample: list[list[str]]
    checked: Checked
    size: int
    """Bytes on disk."""
    sha256: str
    taken_over: bool


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
        self.pace = Pace(patience.poll_seconds, _FIRST_LOOK, _LOOKS_A_SECOND)

    def look_up(self, source: Source) -> list[Window]:
        """Ask the store's list, once for a stream, for exports that may be taken over.

        Args:
            source: The stream's exports.

        Returns:
            Their windows.
        """
        if not self._patience.reuse:
            return []
        now = self._client.time.now()
        oldest = now - self._patience.reuse
        # The list filters by day, of a zone that nobody has published: one more is asked for.
        for export in self._client.exports(source.code, (oldest - timedelta(days=1)).date()):
            source.seen.add(export.id)
            if export.type == source.code and self._usable(export, now, oldest):
                source.recent.append(export)
        return [e.window for e in source.recent if e.window]

    def fetch(self, source: Source, window: Window, permit: Permit) -> CheckedExport:
        """The checked file of one window.

        Args:
            source: The stream's exports.
            window: What of.
            permit: Held while an export is pending, given back once the store has made it.

        Returns:
            The file; `checked.capped` says that it may not be used.

        Raises:
            TapExportsError: Saying where; nothing is left behind.
        """
        while (export := source.take(window)) is not None:
            self._logger.info("%s: taking over export %d of %s", source.code, export.id, window)
            try:
                return self._bring(source, window, export, permit=permit, taken_over=True)
            except (BadToken, MissingScope):
                raise
            except (BadFile, ExportStuck, StoreRefused) as error:
                self._logger.warning("%s: export %d of an earlier run is of no use: %s", source.code, export.id, error)
        permit.acquire()
        try:
            export = self.create(source, window)
        except TapExportsError as error:
            raise error.at(f"stream {source.code}, window {window}")  # noqa: B904 - the same error
        return self._bring(source, window, export, permit=permit, taken_over=False)

    def _bring(
        self, source: Source, window: Window, export: Export, *, permit: Permit, taken_over: bool
    ) -> CheckedExport:
        """The rest of the way, once there is an export."""
        where = f"stream {source.code}, export {export.id}, window {window}"
        try:
            if export.status is not ExportStatus.AVAILABLE:
                permit.acquire()
                export = self.ready(export, taken_over=taken_over)
            permit.release()
            try:
                return self._file(source, window, export, taken_over=taken_over)
            except BadFile as error:
                self._logger.warning("%s (%s); fetching it once more", error.what, where)
            return self._file(source, window, export, taken_over=taken_over)
        except TapExportsError as error:
            error.hint = error.hint or _LOOK_AT_IT
            raise error.at(where)  # noqa: B904 - the same error

    def _usable(self, export: Export, now: datetime, oldest: datetime) -> bool:
        """Whether an export is recent, has all of its window, and is not stuck already."""
        made, window = export.created_at, export.window
        if made is None or window is None or made < oldest or made < window.end:
            return False
        return export.status is ExportStatus.AVAILABLE or (now - made).total_seconds() < self._patience.timeout_seconds

    def create(self, source: Source, window: Window) -> Export:
        """Ask for an export; where the answer is lost, the list decides before anything is sent again.

        Args:
            source: The stream's exports.
            window: What of.

        Raises:
            StoreTrouble: If no answer arrives, and no export turns up in the list either.
        """
        trouble = ""
        asked_at = self._client.time.now()
        for pause in pauses():
            try:
                export = self._client.create(source.code, window)
            except AnswerLost as lost:
                trouble = str(lost)
            else:
                source.seen.add(export.id)
                return self._covering(export, window)
            wait = max(pause, _STILL_AT_IT)
            self._logger.warning(
                "%s: the answer to a create call was lost (%s); asking the list in %.1f s", source.code, trouble, wait
            )
            self._clock.sleep(wait)
            if found := self._made_since(source, window, asked_at):
                return found
        raise StoreTrouble(f"no export could be asked for: {trouble}", "Run again: what was made is taken over.")

    def _made_since(self, source: Source, window: Window, asked_at: datetime) -> Export | None:
        """The newest export of a window that may be the answer to a lost create call."""
        day = (asked_at - timedelta(days=1)).date()
        found = [
            export
            for export in self._client.exports(source.code, day)
            if export.type == source.code
            and export.window == window
            and export.id not in source.seen
            and (export.created_at is None or export.created_at >= asked_at - _JUST_NOW)
        ]
        if not found:
            return None
        export = max(found, key=lambda e: e.id)
        source.seen.add(export.id)
        return export

    def _covering(self, export: Export, window: Window) -> Export:
        """Refuse an export that the store has made of less than was asked for."""
        made = export.window
        if made and (made.start > window.start or made.end < window.end):
            raise StoreRefused(
                f"the store made export {export.id} of {made} where {window} was asked for",
                "Tell the maintainers: this store rounds windows.",
            )
        return export

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

    def _file(self, source: Source, window: Window, export: Export, *, taken_over: bool) -> CheckedExport:
        """Download and check."""
        download = self._downloader.get(export.id)
        csv = CsvFile(download.file, self._reading.encoding, has_nul=download.has_nul)
        try:
            header, sample = csv.head(SAMPLE_ROWS)
            layout = source.layout_for(header, sample)
            keys = self._keys(layout, header)
            checked = csv.check(keys, numbered=layout.numbered, cap=self._reading.max_rows)
            if not checked.capped:
                csv.refuse_open_end()
            source.layout_of(header, sample)  # only now: a bad file does not tell the columns
        except BaseException:
            csv.close()
            raise
        return CheckedExport(
            export,
            window,
            csv,
            header,
            sample,
            checked,
            download.size,
            download.sha256,
            taken_over=taken_over,
        )

    def _keys(self, layout: Layout, header: list[str]) -> list[KeyColumn]:
        names = column_names(header)
        types = {column.name: column.type for column in layout.columns}
        if types and not set(types) & set(names):
            raise BadFile(
                "the file has not one of the stream's columns",
                "Discover again if the store has renamed them all.",
            )
        missing = [key for key in layout.file_keys if key not in names]
        if missing:
            raise BadFile(
                f"the file has no column {', '.join(missing)}, which is the stream's key",
                "Set primary_keys for this stream, or discover again.",
            )
        return [
            KeyColumn(key, names.index(key), types[key].converter(self._reading.zone) if key in types else None)
            for key in layout.file_keys
        ]
