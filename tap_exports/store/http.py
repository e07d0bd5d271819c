"""How requests are sent: at what rate, with which pauses, and what their failures mean."""

from __future__ import annotations

import logging
import math
import re
import threading
from collections import deque
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import backoff
import requests

from tap_exports.errors import LocalTrouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_exports.clock import Clock, Timings

RATE = 4
"""Requests in a second for one token: the API's published limit."""


class _NoQueries(logging.Filter):
    """Cuts queries off whatever urllib3 writes."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = re.sub(r"\?[^\s\"']*", "?…", record.getMessage()), ()
        record.exc_info = None
        return True


# urllib3 writes each path with its query at debug level, and whole addresses in a warning about odd headers:
# a signed link's query is a secret, also where SINGER_SDK_LOG_CONFIG asks for these lines.
logging.getLogger("urllib3").setLevel(logging.ERROR)
for _name in ("", ".connection", ".connectionpool", ".poolmanager", ".response", ".util.retry"):
    logging.getLogger(f"urllib3{_name}").addFilter(_NoQueries())


class RateLimiter:
    """At most four requests in a second, over all threads; more wait for their turn."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._turnstile = threading.Lock()
        """Held by the thread that is next, also while it waits."""
        self._lock = threading.Lock()
        self._sent: deque[float] = deque([-math.inf] * RATE, maxlen=RATE)
        """When the last requests were sent, by the clock's monotonic seconds."""
        self._not_before = -math.inf
        self.requests = 0
        self.throttled = 0

    def take(self) -> None:
        """Wait for a turn.

        Raises:
            Stopped: If the run ends meanwhile.
        """
        with self._turnstile:
            while (left := self._left()) > 0:  # hold() may have been called meanwhile
                self._clock.sleep(left)
            self._clock.sleep(0)
            with self._lock:
                self.requests += 1
                self._sent.append(self._clock.monotonic())

    def _left(self) -> float:
        """Seconds until there may be a turn."""
        with self._lock:
            free = self._sent[0] + self._clock.timings.rate_seconds
            return max(self._not_before, free) - self._clock.monotonic()

    def hold(self, seconds: float) -> None:
        """Send nothing for so many seconds, as the store asks."""
        with self._lock:
            self.throttled += 1
            self._not_before = max(self._not_before, self._clock.monotonic() + seconds)


def pauses(timings: Timings) -> Iterator[float]:
    """The pauses between tries, in seconds: growing, with full jitter, one fewer than there are tries."""
    growing = backoff.expo(base=2, factor=1, max_value=timings.longest_pause)
    next(growing)  # the generator's first value is for its own protocol
    for _ in range(timings.tries - 1):
        yield min(0.1, timings.longest_pause) + backoff.full_jitter(next(growing))


def retry_after(response: requests.Response, now: datetime, longest: float) -> float | None:
    """What a `Retry-After` header asks for.

    Args:
        response: The answer.
        now: The time that an HTTP date is compared with.
        longest: Seconds; more are not waited.

    Returns:
        Seconds; None where there is no readable header.
    """
    text = response.headers.get("Retry-After", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return min(float(text), longest)
    moment = http_date(text)
    return None if moment is None else min(max(0.0, (moment - now).total_seconds()), longest)


def http_date(text: str | None) -> datetime | None:
    """The instant that an HTTP date names.

    Args:
        text: A header's value.

    Returns:
        In UTC; None where it is no date.
    """
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)
    except (TypeError, ValueError, OverflowError):
        return None


def origin(url: str, base: str = "") -> tuple[str, str, int | None] | None:
    """Scheme, host and port of an address.

    Args:
        url: The address.
        base: What it is relative to, if it is.

    Returns:
        Two that are equal are one origin, however they are written; None where it is none, or has
        credentials in it.
    """
    try:
        parts = urlsplit(urljoin(base, url))
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname and "@" not in parts.netloc else None


def was_sent(error: requests.RequestException) -> bool:
    """Whether a failed request may have reached the store.

    Args:
        error: What `requests` raised.

    Returns:
        False where no connection came about. A TLS connection may also break while the answer is read.
    """
    cause = str(error)
    return not (
        isinstance(error, (requests.exceptions.ConnectTimeout, requests.exceptions.ProxyError))
        or "NewConnectionError" in cause
        or "NameResolutionError" in cause
        or "CERTIFICATE_VERIFY_FAILED" in cause
    )


def in_words(error: requests.RequestException, timings: Timings) -> str:
    """A failed request in a few words, without its address: that may be signed.

    Args:
        error: What `requests` raised.
    """
    cause = str(error)
    kinds = (
        (requests.exceptions.SSLError, "the TLS certificate or handshake was refused"),
        (requests.exceptions.ProxyError, "the proxy of the environment (HTTPS_PROXY) refused or was not reached"),
        (requests.exceptions.ConnectTimeout, f"no connection within {timings.connect_seconds:g} seconds"),
        (requests.exceptions.ReadTimeout, f"no answer within {timings.read_seconds:g} seconds"),
        (requests.exceptions.ChunkedEncodingError, "the answer broke off"),
        (requests.exceptions.ContentDecodingError, "the answer's compression is broken"),
        (requests.exceptions.TooManyRedirects, "too many redirects"),
    )
    for kind, words in kinds:
        if isinstance(error, kind):
            return words
    if "NameResolutionError" in cause:
        return "the host's name is not known"
    if "refused" in cause:
        return "the connection was refused"
    if "Read timed out" in cause:
        return f"no answer within {timings.read_seconds:g} seconds"
    return "the connection broke"


_DISTRUST = re.compile(r"certificate verify failed: (.*?)\.? \(_ssl")


def distrust(error: requests.RequestException) -> str | None:
    """Why a host's certificate is not trusted: no passing trouble, and nothing that a setting could switch off.

    Args:
        error: What `requests` raised.

    Returns:
        OpenSSL's own words; None where it was something else.
    """
    found = _DISTRUST.search(str(error)) if isinstance(error, requests.exceptions.SSLError) else None
    return found[1] if found else None


CA_HINT = "Is this the right address? A CA of your own goes into a file that REQUESTS_CA_BUNDLE names."


def bad_environment(error: Exception) -> LocalTrouble:
    """The error for what `requests` makes of an environment that it cannot follow.

    Args:
        error: What it raised: none of its own, and told by its kind alone, for a proxy's address has a password.
    """
    return LocalTrouble(
        f"the environment's proxy or certificates cannot be used ({type(error).__name__})",
        "Look at HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE.",
    )


def proxies_for(url: str) -> dict[str, str]:
    """What to say of proxies: those of the environment are right, but none for a host on this machine.

    A practice store is spoken to without TLS, so that a proxy would read the token.

    Args:
        url: Where a request goes.
    """
    parts = urlsplit(url)
    return {"no_proxy": parts.hostname or ""} if parts.scheme == "http" else {}


class ServerClock:
    """The store's time, by the `Date` header of its answers: windows end by it, whatever this machine thinks.

    Args:
        clock: This machine's.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: tuple[datetime, float] | None = None
        self._told = False
        self._logger = logging.getLogger("tap-exports")

    def heard(self, date_header: str | None) -> None:
        """Take notice of an answer's `Date`.

        Args:
            date_header: Its value, whole seconds in UTC.
        """
        moment = http_date(date_header)
        if moment is None:
            return
        here = self._clock.now()
        ahead = moment - here
        # Dates are whole seconds, and an answer takes a moment: within two seconds the clocks agree. From here
        # on only monotonic time counts, so that a jump of this machine's clock moves no window's end.
        self._heard = (moment if abs(ahead) > timedelta(seconds=2) else here, self._clock.monotonic())
        if abs(ahead) > timedelta(minutes=5) and not self._told:
            self._told = True
            self._logger.warning("This machine's clock and the store's differ by %s; the store's is used", abs(ahead))

    def now(self) -> datetime:
        """The store's time, in UTC."""
        if self._heard is None:
            return self._clock.now()
        moment, at = self._heard
        return moment + timedelta(seconds=self._clock.monotonic() - at)
