"""The clock that whoever waits is given, so that tests can give another."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timezone

from tap_exports.errors import Stopped


class Clock:
    """Wall time, monotonic time, and a sleep that ends when the run does."""

    def __init__(self) -> None:
        self._stopping = threading.Event()

    def now(self) -> datetime:
        """This machine's time, in UTC."""
        return datetime.now(timezone.utc)

    def monotonic(self) -> float:
        """Seconds that only ever grow, whatever is done to the machine's time."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait.

        Args:
            seconds: How long; nothing or less returns at once.

        Raises:
            Stopped: If the run ends before or meanwhile.
        """
        if self._stopping.wait(max(0.0, seconds)):
            raise Stopped

    def stop(self) -> None:
        """End the sleep of everybody who waits, now and from now on."""
        self._stopping.set()
