"""The right to have an export pending at the store, of which there are only so many over all streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable


class GivenUp(Exception):
    """The reader has given up the stream that somebody waits to make an export for."""


class ExportSlots:
    """Counts what is pending. Whoever calls it holds the lock of its news.

    Args:
        news: Notified when one is given back.
        most: How many there are.
    """

    def __init__(self, news: threading.Condition, most: int) -> None:
        self.news = news
        self._most = most
        self.pending = 0

    @property
    def free(self) -> bool:
        """Whether there is one to take."""
        return self.pending < self._most

    def take(self) -> bool:
        """Count one more, if that is allowed now."""
        if not self.free:
            return False
        self.pending += 1
        return True

    def give(self) -> None:
        """Count one less."""
        self.pending -= 1
        self.news.notify_all()


class ExportSlot:
    """One of them, held at first by whoever has taken it.

    Args:
        slots: Where it is from.
        go_on: Raises where waiting for it has become useless.
    """

    def __init__(self, slots: ExportSlots, go_on: Callable[[], None]) -> None:
        self._slots = slots
        self._go_on = go_on
        self._held = True

    def acquire(self) -> None:
        """Wait for it; at once where it is held already, and is still of use.

        Raises:
            GivenUp: Or whatever else `go_on` does.
        """
        with self._slots.news:
            self._go_on()
            while not self._held:
                self._held = self._slots.take()
                if not self._held:
                    self._slots.news.wait()
                    self._go_on()

    def release(self) -> None:
        """Give it back, if it is held."""
        with self._slots.news:
            if self._held:
                self._held = False
                self._slots.give()
