"""The number of requests, by endpoint and status."""

from __future__ import annotations

import re
import threading
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ID = re.compile(r"/[0-9]+/")


class RequestCounter:
    """Counts requests. It may be used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, int]] = Counter()

    def add(self, place: str, status: int) -> None:
        """Count a request, such as `GET exports/42/`; status 0 means that there was no response."""
        with self._lock:
            self._counts[_ID.sub("/{id}/", place), status] += 1

    def __iter__(self) -> Iterator[tuple[str, int, int]]:
        """Endpoint, status and count, in order."""
        with self._lock:
            return iter([(*what, count) for what, count in sorted(self._counts.items())])
