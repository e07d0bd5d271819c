"""The clock and the timings of a run, injected so that tests can give others."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime, timezone

from tap_exports.errors import Stopped


@dataclass(frozen=True)
class Timings:
    """The pauses, timeouts and limits of a run, in seconds unless named otherwise."""

    rate_seconds: float = 1.02
    """How long after its response a request counts; four may count at a time."""
    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    tries: int = 10
    """How often a request is sent before a transient error becomes final: about two minutes in all."""
    longest_pause: float = 60.0
    longest_retry_after: float = 300.0
    lost_create_seconds: float = 60.0
    """How long the list is searched for the export of a create call whose response was lost."""
    first_poll_seconds: float = 1.0
    """The delay before the first poll of an export, until the run knows how long exports take."""
    grace_seconds: float = 1.8
    """How long an orderly end may take after a signal."""
    finish_line_seconds: float = 8.0
    """How long finishing the line that is being written to a slow target may take after a signal."""
    largest_response: int = 64 * 1024 * 1024
    """The most bytes of an API response, which is held in memory; a page of a hundred exports has 30,000."""


class Clock:
    """Wall time, monotonic time, and a sleep that ends when the run does."""

    def __init__(self, timings: Timings | None = None) -> None:
        self.timings = timings or Timings()
        self._stopping = threading.Event()

    def now(self) -> datetime:
        """This machine's time, in UTC."""
        return datetime.now(timezone.utc)

    def monotonic(self) -> float:
        """Seconds that never go back, whatever happens to the machine's time."""
        return time.monotonic()

    def process_seconds(self) -> float:
        """CPU seconds of this process, which started at least so long ago."""
        return time.process_time()

    def sleep(self, seconds: float) -> None:
        """Wait; raise Stopped if the run has ended, or ends meanwhile."""
        if self._stopping.wait(max(0.0, seconds)):
            raise Stopped

    def stop(self) -> None:
        """End every sleep, now and in the future."""
        self._stopping.set()
