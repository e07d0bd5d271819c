"""The pauses between retries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import backoff

from tap_exports.store.server_clock import http_date

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    import requests

    from tap_exports.clock import Timings


def pauses(timings: Timings) -> Iterator[float]:
    """The pauses between tries, in seconds: exponential, with full jitter, one fewer than tries."""
    growing = backoff.expo(base=2, factor=1, max_value=timings.longest_pause)
    next(growing)  # the generator's first value is for its own protocol
    for _ in range(timings.tries - 1):
        yield min(0.1, timings.longest_pause) + backoff.full_jitter(next(growing))


def retry_after(response: requests.Response, now: datetime, longest: float) -> float | None:
    """Seconds to wait by the `Retry-After` header, at most `longest`; None without a valid one."""
    text = response.headers.get("Retry-After", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return min(float(text), longest)
    moment = http_date(text)
    return None if moment is None else min(max(0.0, (moment - now).total_seconds()), longest)
