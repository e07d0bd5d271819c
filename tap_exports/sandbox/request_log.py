"""The log of a store's requests."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tap_exports.sandbox.clock import Clock
    from tap_exports.sandbox.faults import FaultKind, Place

SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Request:
    """One request and its answer."""

    n: int  # from 1 on
    at: float  # on this machine's monotonic clock, in seconds
    time: datetime  # on the store's clock
    host: str  # `api` or `file`
    place: str  # a value of `Place`
    method: str  # of HTTP
    path: str  # without the query
    query: Mapping[str, str] = field(default_factory=dict)  # the last value of a repeated name
    headers: Mapping[str, str] = field(default_factory=dict)  # as they were sent
    body: object = None  # the parsed JSON, or None
    status: int | None = None  # None without an answer, or before it
    fault: str | None = None  # its kind


class RequestLog:
    """All requests so far."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: list[Request] = []

    @property
    def entries(self) -> list[Request]:
        """All requests so far, oldest first."""
        with self._lock:
            return list(self._entries)

    def open(self, **what: object) -> int:
        """Add a request, and return its number."""
        with self._lock:
            number = len(self._entries) + 1
            came = Request(n=number, at=time.monotonic(), time=self._clock.now(), **what)  # type: ignore[arg-type]
            self._entries.append(came)
            return number

    def close(self, number: int, status: int | None, fault: FaultKind | None) -> None:
        """Record the answer, just before it is sent."""
        with self._lock:
            self._entries[number - 1] = replace(
                self._entries[number - 1], status=status, fault=fault.value if fault else None
            )

    def count(self, place: Place | str | None = None, status: int | None = None) -> int:
        """The number of requests, of one place or with one status."""
        return sum(
            1
            for entry in self.entries
            if (place is None or entry.place == place) and (status is None or entry.status == status)
        )

    def peak_per_second(self) -> int:
        """The most requests to the API in any one second of the store's clock."""
        window: deque[datetime] = deque()
        peak = 0
        for moment in sorted(entry.time for entry in self.entries if entry.host == "api"):
            while window and window[0] <= moment - SECOND:
                window.popleft()
            window.append(moment)
            peak = max(peak, len(window))
        return peak
