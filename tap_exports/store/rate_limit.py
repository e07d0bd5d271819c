"""The API's rate limit: four requests a second for one token."""

from __future__ import annotations

import math
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_exports.clock import Clock

RATE = 4
"""Requests per second for one token: the API's published limit."""


class RateLimiter:
    """At most four requests per second, over all threads; others wait."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next_lock = threading.Lock()
        """Held by the thread that sends next."""
        self._lock = threading.Lock()
        self._sent: deque[float] = deque([-math.inf] * RATE, maxlen=RATE)
        """When the last four requests were sent, in monotonic seconds."""
        self._not_before = -math.inf
        self.requests = 0
        self.throttled = 0

    def take(self) -> None:
        """Wait until a request may be sent.

        Raises:
            Stopped: If the run ends meanwhile.
        """
        with self._next_lock:
            while (left := self._left()) > 0:  # hold() may be called meanwhile
                self._clock.sleep(left)
            self._clock.sleep(0)
            with self._lock:
                self.requests += 1
                self._sent.append(self._clock.monotonic())

    def _left(self) -> float:
        """Seconds until a request may be sent."""
        with self._lock:
            free = self._sent[0] + self._clock.timings.rate_seconds
            return max(self._not_before, free) - self._clock.monotonic()

    def hold(self, seconds: float) -> None:
        """Send no request for so many seconds, as `Retry-After` demands."""
        with self._lock:
            self.throttled += 1
            self._not_before = max(self._not_before, self._clock.monotonic() + seconds)
