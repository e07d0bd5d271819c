"""Exporter: makes a validated file for a window: reuse or request an export, wait, download, validate."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tap_exports.errors import (
    ExportStuck,
    InvalidFile,
    MissingScope,
    NoLineBreak,
    StoreRefused,
    SuspectFile,
    TapExportsError,
    Unauthorized,
)
from tap_exports.exports.export_file import ExportFile
from tap_exports.exports.polling import PendingExports
from tap_exports.exports.requester import ExportRequester
from tap_exports.files.checked import CheckedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tap_exports.clock import Clock
    from tap_exports.exports.requester import ExportOptions, StreamExports
    from tap_exports.store.client import Client
    from tap_exports.store.download import Downloader
    from tap_exports.store.models import Export
    from tap_exports.window import Window


class ExportSlot(NamedTuple):
    """A place among the exports that may be pending at the store."""

    acquire: Callable[[], None]
    """Wait for it, unless it is held."""
    release: Callable[[], None]
    """Give it back, if it is held."""


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
        self,
        client: Client,
        downloader: Downloader,
        clock: Clock,
        options: ExportOptions,
        wait: Callable[[int, float], None] | None = None,
    ) -> None:
        self.client = client
        self.downloader = downloader
        self.clock = clock
        self._logger = logging.getLogger("tap-exports")
        self._line_breaks = threading.Lock()
        """Held by the thread that finds out whether the store's files end without a line break."""
        self._confirmed: set[type[SuspectFile]] = set()
        self.options = options
        self.requester = ExportRequester(client, clock, options)
        self.pending = PendingExports(client, clock, options, wait)

    def fetch(self, source: StreamExports, window: Window, slot: ExportSlot) -> CheckedExport:
        """The validated file of one window, from an own export that can be reused, else from a new one.

        A suspect file (see errors.py) is replaced by one fresh export of the window. If that one is suspect for the
        same reason, zero bytes, a missing line break at the end, and rows that are equal in every cell are accepted;
        another blank or repeated key is an error. `slot` is held while an export is pending. The caller must not use
        the file if `checked.capped`.
        """
        suspicions: set[type[SuspectFile]] = set()
        export = source.take(window)
        with ExitStack() as held:
            while True:
                reused = export is not None
                if export is None:
                    slot.acquire()
                    export = self.requester.create(source, window)
                else:
                    self._logger.info("%s: reusing export %d of %s", source.code, export.id, window)
                try:
                    return self._deliver(source, window, export, slot, suspicions, reused=reused)
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
                        held.enter_context(self._line_breaks)
                        if NoLineBreak in self._confirmed:  # another window's second export has confirmed it
                            return self._deliver(source, window, export, slot, suspicions, reused=reused)
                export = source.take(window) if reused and not suspicions else None

    def _deliver(  # noqa: PLR0913 - the parts of one delivery
        self,
        source: StreamExports,
        window: Window,
        export: Export,
        slot: ExportSlot,
        suspicions: set[type[SuspectFile]],
        *,
        reused: bool,
    ) -> CheckedExport:
        """From an export to its validated file: wait, download, validate."""
        where = f"stream {source.code}, export {export.id}, window {window}"
        ready_at = None
        try:
            if not export.available:
                slot.acquire()
                export = self.pending.ready(export, reused=reused)
                ready_at = self.client.time.now()
            slot.release()
            file = ExportFile(
                export.id, where, source.layout, self.downloader, self.clock, self.options, suspicions, self._confirmed
            ).get()
            return CheckedExport(**vars(file), export=export, window=window, reused=reused, ready_at=ready_at)
        except TapExportsError as error:
            error.hint = error.hint or _CHECK_EXPORT
            error.at(where)
            raise
