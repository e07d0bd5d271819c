"""When to look at an export that the store is making."""

from __future__ import annotations

import random
import threading

_MANY = 3.0
"""Seconds between looks at one export from which on so many are pending that none can be favoured."""


class PollSchedule:
    """The pauses between looks: learned from how long the earlier exports of this run took.

    Args:
        poll_seconds: The longest pause.
        first_look: The shortest, and the first one as long as nothing was learned.
        looks_a_second: How many looks there may be in a second, over all that is pending.
    """

    def __init__(self, poll_seconds: float, first_look: float, looks_a_second: float) -> None:
        self._poll = poll_seconds
        self._first_look = first_look
        self._looks_a_second = looks_a_second
        self._lock = threading.Lock()
        self._usual: float | None = None
        self.pending = 0

    def learn(self, pending_at: float, found_at: float) -> None:
        """Take notice of an export that was found ready.

        Args:
            pending_at: When it was last seen pending, in seconds after its making; 0 if it never was.
            found_at: When it was found ready, likewise.
        """
        # It got ready in between. Never seen pending, it may have been ready for long: look earlier next time.
        ready_at = (pending_at + found_at) / 2 if pending_at else 0.9 * found_at
        with self._lock:
            self._usual = ready_at if self._usual is None else (self._usual + ready_at) / 2

    def pause(self, waited: float) -> float:
        """How long to wait before the next look.

        Args:
            waited: Seconds since the export was asked for.

        Returns:
            Seconds: until an export usually is ready, then a tenth of the time that it took already; longer
            where so many are pending that looks would use up the rate rate_limiter.
        """
        fair = self.pending / self._looks_a_second
        if self._usual is None:
            pause = max(self._first_look, fair, 0.1 * waited)
        else:
            # A few exports may be looked at more closely once they are due; many would use up the rate_limiter.
            least = fair if fair > _MANY else min(fair / 2, self._first_look)
            pause = max(1.03 * self._usual - waited, 0.1 * waited, least)
        return min(pause, self._poll) * random.uniform(0.95, 1.0)  # noqa: S311 - spreads looks, guards nothing
