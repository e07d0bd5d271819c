"""The exports of a store, and when each is ready."""

from __future__ import annotations

import heapq
import threading
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from tap_exports.sandbox.export import Export

if TYPE_CHECKING:
    from tap_exports.sandbox.clock import Clock
    from tap_exports.sandbox.export import Window
    from tap_exports.sandbox.options import Options

FIRST_ID = 42


class ExportQueue:
    """All exports of a store.

    Nothing runs in the background: `parallel_exports` are made at once, the others wait first in, first out,
    and the time at which each is ready is known when it is requested.
    """

    def __init__(self, options: Options, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._lock = threading.Lock()
        self._exports: dict[int, Export] = {}
        self._free = [datetime.min.replace(tzinfo=timezone.utc)] * max(1, options.parallel_exports)

    def create(self, window: Window, *, never_ready: bool = False) -> Export:
        """Add an export. One that is never ready delays no other."""
        with self._lock:
            started = max(window.now, self._free[0])
            export = Export(FIRST_ID + len(self._exports), window, started, None)
            if not never_ready:
                needed = self._options.ready_seconds
                seconds = needed(export) if callable(needed) else needed
                export = replace(export, ready_at=started + timedelta(seconds=seconds))
                heapq.heapreplace(self._free, started + timedelta(seconds=seconds))
            self._exports[export.id] = export
        with self._clock.changed:
            self._clock.changed.notify_all()
        return export

    def get(self, number: int) -> Export | None:
        """One export."""
        return self._exports.get(number)

    @property
    def all(self) -> list[Export]:
        """All, oldest first."""
        with self._lock:
            return list(self._exports.values())

    def count_download(self, number: int) -> None:
        """Count a download of an export."""
        with self._lock:
            one = self._exports[number]
            self._exports[number] = replace(one, downloads=one.downloads + 1)
