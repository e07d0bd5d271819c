"""The API's rate limit: four requests a second for one token."""

from __future__ import annotations

import math
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_exports.clock import Clock

RATE = 4
"""Requests per second for one token: the API's published limit."""
_LONGEST_WAY = 1.0
"""The most seconds that a request without a response is assumed to take to the store."""
_STEP = 0.02
"""Seconds between two checks of whether a response has arrived."""


class RateLimiter:
    """At most four requests per second, over all threads; others wait.

    The store counts a request when it arrives, which is at some time between the sending and the response: the first
    one of a connection takes longer. So each of four places is free again a second after the response. At first, that
    is a second after the start of the process: another one, such as a discovery, may have ended just then.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next_lock = threading.Lock()
        """Held by the thread that sends next."""
        self._lock = threading.Lock()
        self._free_at = [clock.monotonic() - clock.process_seconds() + clock.timings.rate_seconds] * RATE
        """When each place is free again, in monotonic seconds."""
        self._not_before = -math.inf

    @contextmanager
    def take(self) -> Iterator[None]:
        """Wait until a request may be sent; it is sent, and answered, in this context."""
        with self._next_lock:
            self._clock.sleep(0)  # raises Stopped if the run has ended
            while (left := max(self._not_before, min(self._free_at)) - self._clock.monotonic()) > 0:
                self._clock.sleep(min(left, _STEP))  # a response, or hold(), changes it
            with self._lock:
                place = self._free_at.index(min(self._free_at))
                counted_until = self._clock.monotonic() + _LONGEST_WAY + self._clock.timings.rate_seconds
                self._free_at[place] = counted_until
        try:
            yield
        finally:
            with self._lock:
                if self._free_at[place] == counted_until:  # otherwise another request has the place meanwhile
                    self._free_at[place] = self._clock.monotonic() + self._clock.timings.rate_seconds

    def hold(self, seconds: float) -> None:
        """Send no request for so many seconds, as `Retry-After` demands."""
        self._not_before = max(self._not_before, self._clock.monotonic() + seconds)
