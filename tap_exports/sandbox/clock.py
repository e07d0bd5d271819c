"""The store's clock."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone


class Clock:
    """Runs from `start` (None: the real now), or stands still when frozen; `advance` moves it forward."""

    def __init__(self, start: datetime | None = None, *, frozen: bool = False) -> None:
        self._start = (start or datetime.now(timezone.utc)).astimezone(timezone.utc)
        self._frozen = frozen
        self._origin = time.monotonic()
        self._jumped = timedelta(0)
        self.changed = threading.Condition()
        """Notified when a waiting thread must check the time again."""

    def now(self) -> datetime:
        """The store's now, in UTC."""
        ran = 0.0 if self._frozen else time.monotonic() - self._origin
        return self._start + self._jumped + timedelta(seconds=ran)

    def advance(self, step: timedelta) -> None:
        """Move forward.

        Raises:
            ValueError: When the step is negative.
        """
        if step < timedelta(0):
            raise ValueError(f"The store's clock cannot go back by {step}")
        with self.changed:
            self._jumped += step
            self.changed.notify_all()
