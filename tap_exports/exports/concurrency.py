"""The limit of exports that are pending at the store, over all streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable


class StreamAbandoned(Exception):
    """The reader has abandoned the stream for which a worker waits."""


class ExportSlots:
    """At most `limit` pending exports. The caller holds the lock of `changed`, which is notified of each free slot."""

    def __init__(self, changed: threading.Condition, limit: int) -> None:
        self.changed = changed
        self._limit = limit
        self.pending = 0

    @property
    def free(self) -> bool:
        """Whether a slot is free."""
        return self.pending < self._limit

    def take(self) -> bool:
        """Take a slot, if one is free."""
        if not self.free:
            return False
        self.pending += 1
        return True

    def give(self) -> None:
        """Give a slot back."""
        self.pending -= 1
        self.changed.notify_all()


class ExportSlot:
    """One slot, which the caller has taken. `check` raises when the caller no longer needs it."""

    def __init__(self, slots: ExportSlots, check: Callable[[], None]) -> None:
        self._slots = slots
        self._check = check
        self._held = True

    def acquire(self) -> None:
        """Wait for the slot, unless it is held.

        Raises:
            StreamAbandoned: Or another exception of `check`.
        """
        with self._slots.changed:
            self._check()
            while not self._held:
                self._held = self._slots.take()
                if not self._held:
                    self._slots.changed.wait()
                    self._check()

    def release(self) -> None:
        """Give the slot back, if it is held."""
        with self._slots.changed:
            if self._held:
                self._held = False
                self._slots.give()
