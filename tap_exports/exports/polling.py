"""When to poll an export that the store is making, and how: with one call for all that are pending."""

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
"""Exports that are read in search of the pending ones; those beyond are polled one by one."""


class PollSchedule:
    """The pauses between polls: learned from how long the earlier exports of this run took.

    Args:
        poll_seconds: The longest pause.
        first_look: The shortest, and the first one as long as nothing was learned.
    """

    def __init__(self, poll_seconds: float, first_look: float) -> None:
        self._poll = poll_seconds
        self._first_look = first_look
        self._lock = threading.Lock()
        self._usual: float | None = None

    def learn(self, pending_at: float, found_at: float) -> None:
        """Take notice of an export that was found ready; both times are seconds since its request.

        Args:
            pending_at: When it was last seen pending; 0 if it never was.
            found_at: When it was found ready.
        """
        # It became ready in between. Never seen pending, it may have been ready for long: poll earlier next time.
        ready_at = (pending_at + found_at) / 2 if pending_at else 0.9 * found_at
        with self._lock:
            self._usual = ready_at if self._usual is None else (self._usual + ready_at) / 2

    def pause(self, waited: float) -> float:
        """Seconds until the next poll of an export that was requested so many seconds ago."""
        least = self._first_look if self._usual is None else max(1.03 * self._usual - waited, self._first_look / 2)
        pause = max(least, 0.1 * waited)
        return min(pause, self._poll) * random.uniform(0.95, 1.0)  # noqa: S311 - spreads polls, guards nothing


class PendingExports:
    """The exports that this run waits for, as the store has them. For several threads.

    Args:
        client: The API.
        clock: To know how old an answer is.
        fresh_seconds: How long the store's list is used before it is read again.
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
        """Wait for it no more."""
        self._pending.pop(export.id, None)

    def poll(self, export: Export, *, alone: bool = False) -> Export:
        """An export as it is now; where several are pending, from one list of them all, a few seconds old at most.

        Args:
            export: The export, which was added.
            alone: Whether an answer that is not of this instant is too old.
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
