"""Common parts of all requests: sessions, pauses, addresses, and descriptions of failures."""

from __future__ import annotations

import logging
import random
import re
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import requests
from requests import exceptions

from tap_exports.errors import LocalTrouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_exports.clock import Timings

CA_HINT = "Check the address. For a CA of your own, set REQUESTS_CA_BUNDLE to its file."
_UNTRUSTED = re.compile(r"certificate verify failed: (.*?)\.? \(_ssl")


class _NoQueries(logging.Filter):
    """Removes queries from what urllib3 logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = re.sub(r"\?[^\s\"']*", "?…", record.getMessage()), ()
        record.exc_info = None
        return True


# urllib3 logs each path with its query at debug level, and whole addresses in a warning about malformed headers.
# A signed link's query is a secret, also where SINGER_SDK_LOG_CONFIG turns these lines on.
logging.getLogger("urllib3").setLevel(logging.ERROR)
for _name in ("", ".connection", ".connectionpool", ".poolmanager", ".response", ".util.retry"):
    logging.getLogger(f"urllib3{_name}").addFilter(_NoQueries())


class Transient(Exception):
    """A failure that may pass; `retry_after` is in seconds, `maybe_done` says whether the call may have had effect."""

    def __init__(self, reason: str, retry_after: float = 0.0, *, maybe_done: bool = True) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.maybe_done = maybe_done


class PlainSession(requests.Session):
    """A session that adds no credentials, which a .netrc file would do otherwise, and follows no redirects."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__()
        self.auth = lambda request: request
        self.headers.update(headers)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None for every response, so that addresses of redirects are not even parsed."""

    def open(self, method: str, url: str, timings: Timings, **options: Any) -> requests.Response:  # noqa: ANN401
        """Send a request. `http` is used on loopback only, and past any proxy, which could read the token."""
        parts = urlsplit(url)
        options["proxies"] = {"no_proxy": parts.hostname or ""} if parts.scheme == "http" else {}
        options["timeout"] = (timings.connect_seconds, timings.read_seconds)
        try:
            return self.request(method, url, allow_redirects=False, stream=True, **options)
        except requests.RequestException:
            raise
        except (OSError, TypeError, ValueError) as error:
            # Without the cause's text: a proxy's address may contain a password.
            raise LocalTrouble(
                f"the proxy or certificates set in the environment cannot be used ({type(error).__name__})",
                "Check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE.",
            ) from None


def pauses(timings: Timings) -> Iterator[float]:
    """The pauses between tries, in seconds: exponential, with full jitter, one fewer than tries."""
    for n in range(timings.tries - 1):
        longest = min(timings.longest_pause, 2**n)
        yield min(0.1, timings.longest_pause) + random.uniform(0, longest)  # noqa: S311 - spreads requests


def retry_after(response: requests.Response, now: datetime, longest: float) -> float | None:
    """Seconds to wait by the `Retry-After` header, at most `longest`; None without a valid one."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), longest)
    moment = http_date(text)
    return None if moment is None else min(max(0.0, (moment - now).total_seconds()), longest)


def http_date(text: str | None) -> datetime | None:
    """The instant of an HTTP date, in UTC; None where it is not a date."""
    try:
        moment = parsedate_to_datetime(text or "")
        return moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)
    except (TypeError, ValueError, OverflowError):
        return None


def origin(url: str, base: str = "") -> tuple[str, str] | None:
    """Scheme and host of an address; None where it is invalid or contains credentials."""
    try:
        parts = urlsplit(urljoin(base, url))
    except ValueError:
        return None
    return (parts.scheme, parts.hostname) if parts.hostname and "@" not in parts.netloc else None


def was_sent(error: requests.RequestException) -> bool:
    """Whether a failed request may have reached the store. A TLS error may occur while the response is read."""
    return not (
        isinstance(error, (exceptions.ConnectTimeout, exceptions.ProxyError))
        or re.search("NewConnectionError|NameResolutionError", str(error))
    )


def describe(error: Exception, timings: Timings) -> str:
    """A short description of a failed request, without its address, which may be signed."""
    found = f"{type(error).__name__} {error}"
    for text, words in (
        ("SSLError", "the TLS handshake or certificate verification failed"),
        ("ProxyError", "the proxy (HTTPS_PROXY) refused the connection or was not reached"),
        ("ConnectTimeout", f"no connection within {timings.connect_seconds:g} seconds"),
        ("Read timed out", f"no response within {timings.read_seconds:g} seconds"),
        ("ContentDecodingError", "the response's compression is invalid"),
        ("NameResolutionError", "the host's name cannot be resolved"),
        ("Connection broken", "the response ended early"),
        ("refused", "the connection was refused"),
    ):
        if text in found:
            return words
    return "the connection broke"


def certificate_error(error: Exception) -> str | None:
    """Why a host's certificate is not trusted, in OpenSSL's words, which no setting ignores; None for another error."""
    found = _UNTRUSTED.search(str(error)) if isinstance(error, exceptions.SSLError) else None
    return found[1] if found else None
