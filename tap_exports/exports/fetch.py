"""Exporter: makes a validated file for a window: reuse or request an export, wait, download, validate."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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
from tap_exports.exports.polling import PendingExports, PollSchedule
from tap_exports.exports.requester import ExportPolicy, ExportRequester
from tap_exports.files.checked import CheckedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import datetime

    from tap_exports.clock import Clock
    from tap_exports.exports.concurrency import ExportSlot
    from tap_exports.exports.export_files import ExportFiles
    from tap_exports.exports.requester import StreamExports
    from tap_exports.store.client import Client
    from tap_exports.store.models import Export
    from tap_exports.window import Window

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
        files: ExportFiles,
        clock: Clock,
        policy: ExportPolicy,
        wait: Callable[[int, float], None] | None = None,
    ) -> None:
        self._client = client
        self._files = files
        self._clock = clock
        self._policy = policy
        self._wait = wait or (lambda _, seconds: clock.sleep(seconds))
        self._logger = logging.getLogger("tap-exports")
        self._confirming = threading.Lock()
        first_poll = clock.timings.first_poll_seconds
        self.timeout_seconds = policy.timeout_seconds
        self.requester = ExportRequester(client, clock, policy)
        self._schedule = PollSchedule(policy.poll_seconds, first_poll)
        self._pending = PendingExports(client, clock, first_poll)

    def fetch(self, source: StreamExports, window: Window, slot: ExportSlot) -> CheckedExport:
        """The validated file of one window, from an own export that can be reused, else from a new one.

        A suspect file (see errors.py) is replaced by one fresh export of the window. If that one is suspect for the
        same reason, zero bytes, a missing line break at the end, and rows that are equal in every cell are accepted;
        another blank or repeated key is an error. `slot` is held while an export is pending. The caller must not use
        the file if `checked.capped`.

        Raises:
            TapExportsError: With the place of the error.
        """
        suspicions: set[type[SuspectFile]] = set()
        export = source.take(window)
        with ExitStack() as held:
            while True:
                reused = export is not None
                if export is None:
                    export = self._create(source, window, slot)
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
                        held.enter_context(self._confirmation())
                        if self._files.no_final_line_break:  # another window's second export has confirmed it
                            return self._deliver(source, window, export, slot, suspicions, reused=reused)
                export = source.take(window) if reused and not suspicions else None

    def _create(self, source: StreamExports, window: Window, slot: ExportSlot) -> Export:
        slot.acquire()
        try:
            return self.requester.create(source, window)
        except TapExportsError as error:
            raise error.at(f"stream {source.code}, window {window}")  # noqa: B904 - the same error

    @contextmanager
    def _confirmation(self) -> Iterator[None]:
        """One thread at a time finds out whether the store's files end without a line break."""
        while not self._confirming.acquire(timeout=0.25):
            self._clock.sleep(0)
        try:
            yield
        finally:
            self._confirming.release()

    def _deliver(  # noqa: PLR0913 - the parts of one delivery
        self,
        source: StreamExports,
        window: Window,
        export: Export,
        slot: ExportSlot,
        suspicions: Collection[type[SuspectFile]],
        *,
        reused: bool,
    ) -> CheckedExport:
        """From an export to its validated file: wait, download, validate."""
        where = f"stream {source.code}, export {export.id}, window {window}"
        ready_at = None
        try:
            if not export.available:
                slot.acquire()
                export = self.ready(export, reused=reused)
                ready_at = self._client.time.now()
            slot.release()
            file = self._files.get(source, export.id, suspicions, where)
            return CheckedExport(**vars(file), export=export, window=window, reused=reused, ready_at=ready_at)
        except TapExportsError as error:
            error.hint = error.hint or _CHECK_EXPORT
            raise error.at(where)  # noqa: B904 - the same error

    def ready(self, export: Export, *, reused: bool = False) -> Export:
        """Wait until the store has made an export. The API has no failed state, so only a timeout ends the wait.

        Args:
            reused: Whether the export's age counts as time waited.

        Raises:
            ExportStuck: If it is not ready in time.
        """
        began = self._clock.monotonic()
        if reused:
            if export.created_at is not None:
                began -= max(0.0, (self._client.time.now() - export.created_at).total_seconds())
            export = self._client.export(export.id)  # the list may be old
        self._pending.add(export)
        try:
            return self._await(export, began, learns=not reused)
        finally:
            self._pending.remove(export)

    def _await(self, export: Export, began: float, *, learns: bool) -> Export:
        deadline = began + self._policy.timeout_seconds
        pending_at = 0.0
        while not export.available:
            now = self._clock.monotonic()
            if now >= deadline:
                raise ExportStuck(
                    f"export {export.id} was still pending after {(now - began) / 60:.3g} minutes",
                    "Run again: the next run requests half of the window. Or raise export_timeout_minutes.",
                )
            pause = min(self._schedule.pause(now - began), deadline - now)
            self._wait(export.id, pause)
            woken = self._clock.monotonic() < now + pause
            export = self._pending.poll(export, alone=woken)
            if export.available and learns:
                self._schedule.learn(pending_at, self._clock.monotonic() - began)
            pending_at = self._clock.monotonic() - began
        return export
