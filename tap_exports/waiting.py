"""When to look at an export that the store is making."""

from __future__ import annotations

import random
import threading


class Pace:
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

    def learn(self, seconds: float) -> None:
        """Take notice of an export that was found ready.

        Args:
            seconds: How long after its making.
        """
        with self._lock:
            self._usual = seconds if self._usual is None else 0.7 * self._usual + 0.3 * seconds

    def pause(self, waited: float) -> float:
        """How long to wait before the next look.

        Args:
            waited: Seconds since the export was asked for.

        Returns:
            Seconds: until just before an export usually is ready, then a tenth of the time that it took
            already; longer where so many are pending that looks would use up the rate budget.
        """
        fair = max(self._first_look, self.pending / self._looks_a_second)
        until_usual = 0.9 * self._usual - waited if self._usual else 0.0
        pause = min(max(fair, until_usual, 0.1 * waited), self._poll)
        return pause * random.uniform(0.9, 1.0)  # noqa: S311 - spreads looks, guards nothing
