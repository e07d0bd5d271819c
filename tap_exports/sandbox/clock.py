"""The store's clock."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone


def rfc3339(moment: datetime) -> str:
    """An instant in UTC with a `Z`."""
    return moment.astimezone(timezone.utc).replace(tzinfo=None).isoformat() + "Z"


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
        """Move forward; a negative step is a ValueError."""
        if step < timedelta(0):
            raise ValueError(f"The store's clock cannot go back by {step}")
        self._jumped += step
        self.notify()

    def notify(self) -> None:
        """Let waiting threads check the time again."""
        with self.changed:
            self.changed.notify_all()
