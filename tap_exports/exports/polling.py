"""When pending exports are polled, and how: with one call for all of them."""

from __future__ import annotations

import logging
import random
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

from tap_exports.errors import StoreRefused, Unauthorized

if TYPE_CHECKING:
    from tap_exports.clock import Clock
    from tap_exports.store.client import Client
    from tap_exports.store.models import Export

_MOST_LISTED = 500
"""Exports of the list that are searched for the pending ones; the others are polled one by one."""


class PollSchedule:
    """The pauses between polls, which follow how long the earlier exports of this run took.

    `longest` is the longest pause in seconds; `first` is the first pause, until an export was ready.
    """

    def __init__(self, longest: float, first: float) -> None:
        self._longest = longest
        self._first = first
        self._lock = threading.Lock()
        self._usual: float | None = None

    def learn(self, pending_at: float, found_at: float) -> None:
        """Record when an export was last pending (0 for never) and when it was ready, in seconds since its request."""
        # It became ready in between. If it was never pending, poll earlier next time.
        ready_at = (pending_at + found_at) / 2 if pending_at else 0.9 * found_at
        with self._lock:
            self._usual = ready_at if self._usual is None else (self._usual + ready_at) / 2

    def pause(self, waited: float) -> float:
        """Seconds until the next poll of an export that was requested so many seconds ago."""
        least = self._first if self._usual is None else max(1.03 * self._usual - waited, self._first / 2)
        pause = max(least, 0.1 * waited)
        return min(pause, self._longest) * random.uniform(0.95, 1.0)  # noqa: S311 - spreads polls, guards nothing


class PendingExports:
    """The exports that this run waits for. It may be used from several threads.

    `fresh_seconds` is how long the store's list is used before it is read again.
    """

    def __init__(self, client: Client, clock: Clock, fresh_seconds: float) -> None:
        self._client = client
        self._clock = clock
        self._fresh_seconds = fresh_seconds
        self._logger = logging.getLogger("tap-exports")
        self._lock = threading.Lock()
        self._pending: dict[int, Export] = {}
        self._listed: dict[int, Export] = {}
        self._sought: set[int] = set()
        self._fresh_until = 0.0
        self._by_list = True

    def add(self, export: Export) -> None:
        """Wait for an export too."""
        self._pending[export.id] = export

    def remove(self, export: Export) -> None:
        """Stop waiting for an export."""
        self._pending.pop(export.id, None)

    def poll(self, export: Export, *, alone: bool = False) -> Export:
        """The current status of an export that was added.

        If several are pending, it comes from one list for all, which may be a few seconds old, except with `alone`.
        """
        if not alone and self._by_list and len(self._pending) > 1:
            with self._lock:
                if self._clock.monotonic() >= self._fresh_until:
                    self._list()
                if found := self._listed.get(export.id):
                    return found
                if export.id not in self._sought:
                    return export  # requested since then
        return self._client.export(export.id)

    def _list(self) -> None:
        began = self._clock.monotonic()
        pending = self._pending.copy()
        self._sought = set(pending)
        created = [export.created_at for export in pending.values() if export.created_at is not None]
        day = (min(created, default=self._client.time.now()) - timedelta(days=1)).date()
        self._listed = {}
        try:
            for n, export in enumerate(self._client.exports(None, day)):
                if export.id in pending:
                    self._listed[export.id] = export
                if len(self._listed) == len(pending) or n >= _MOST_LISTED:
                    break
        except Unauthorized:
            raise
        except StoreRefused as error:
            self._by_list = False
            self._logger.warning("Exports are polled one by one, because the list cannot be read: %s", error)
        now = self._clock.monotonic()
        self._fresh_until = now + max(self._fresh_seconds, 2 * (now - began))
