"""When pending exports are polled, and how: with one call for all of them."""

from __future__ import annotations

import random
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

from tap_exports.errors import ExportStuck

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_exports.exports.requester import ExportOptions
    from tap_exports.store.client import Client
    from tap_exports.store.models import Export


class PollSchedule:
    """The pauses between polls, which follow how long the earlier exports of this run took.

    `longest` is the longest pause in seconds; `first` is the first pause, until an export was ready.
    """

    def __init__(self, longest: float, first: float) -> None:
        self._longest = longest
        self._first = first
        self._usual: float | None = None

    def learn(self, pending_at: float, found_at: float) -> None:
        """Record when an export was last pending (0 for never) and when it was ready, in seconds since its request."""
        # It became ready in between. If it was never pending, poll earlier next time.
        ready_at = (pending_at + found_at) / 2 if pending_at else 0.9 * found_at
        self._usual = ready_at if self._usual is None else (self._usual + ready_at) / 2

    def pause(self, waited: float) -> float:
        """Seconds until the next poll of an export that was requested so many seconds ago."""
        least = self._first if self._usual is None else max(1.03 * self._usual - waited, self._first / 2)
        pause = max(least, 0.1 * waited)
        return min(pause, self._longest) * random.uniform(0.95, 1.0)  # noqa: S311 - spreads polls, guards nothing


class PendingExports:
    """The exports that this run waits for. It may be used from several threads.

    `wait` waits some seconds for an export's id, and may return early.
    """

    def __init__(self, client: Client, options: ExportOptions, wait: Callable[[int, float], None] | None) -> None:
        self._client = client
        self._clock = clock = client.clock
        self._options = options
        self._wait = wait or (lambda _, seconds: clock.sleep(seconds))
        self._schedule = PollSchedule(options.poll_seconds, clock.timings.first_poll_seconds)
        self._lock = threading.Lock()
        self.waiting: dict[int, Export] = {}
        self._listed: dict[int, Export | None] = {}
        """What the last list has of the exports that were pending then."""
        self._fresh_until = 0.0

    def ready(self, export: Export, *, reused: bool = False) -> Export:
        """Wait until the store has made an export. If it is reused, its age counts as time waited.

        The API has no failed state, so only a timeout ends the wait: ExportStuck.
        """
        began = self._clock.monotonic()
        if reused:
            if export.created_at is not None:
                began -= max(0.0, (self._client.time.now() - export.created_at).total_seconds())
            export = self._client.export(export.id)  # the list may be old
        self.waiting[export.id] = export
        try:
            return self._await(export, began, learns=not reused)
        finally:
            del self.waiting[export.id]

    def _await(self, export: Export, began: float, *, learns: bool) -> Export:
        deadline = began + self._options.timeout_seconds
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
            export = self.poll(export, alone=woken)
            waited = self._clock.monotonic() - began
            if export.available and learns:
                self._schedule.learn(pending_at, waited)
            pending_at = waited
        return export

    def poll(self, export: Export, *, alone: bool = False) -> Export:
        """An export as it is now: from one list for all that are waited for, seconds old at most, unless `alone`."""
        if not alone and len(self.waiting) > 1:
            with self._lock:
                if self._clock.monotonic() >= self._fresh_until:
                    self._list()
                found = self._listed.get(export.id, export)  # the same where it was requested since then
            if found is not None:
                return found
        return self._client.export(export.id)

    def _list(self) -> None:
        began = self._clock.monotonic()
        pending = self.waiting.copy()
        self._listed = dict.fromkeys(pending)
        created = [export.created_at for export in pending.values() if export.created_at is not None]
        day = (min(created, default=self._client.time.now()) - timedelta(days=1)).date()
        for export in self._client.exports(None, day):
            if export.id in pending:
                self._listed[export.id] = export
            if None not in self._listed.values():
                break
        now = self._clock.monotonic()
        self._fresh_until = now + max(self._clock.timings.first_poll_seconds, 2 * (now - began))
