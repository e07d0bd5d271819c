"""Common parts of all requests: addresses, proxies, descriptions of failures, and the filter on urllib3's log."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import requests

from tap_exports.errors import LocalTrouble

if TYPE_CHECKING:
    from tap_exports.clock import Timings


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


def origin(url: str, base: str = "") -> tuple[str, str, int | None] | None:
    """Scheme, host and port of an address; None where it is invalid or contains credentials."""
    try:
        parts = urlsplit(urljoin(base, url))
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname and "@" not in parts.netloc else None


def was_sent(error: requests.RequestException) -> bool:
    """Whether a failed request may have reached the store: there was a connection.

    A TLS error may also occur while the response is read.
    """
    cause = str(error)
    return not (
        isinstance(error, (requests.exceptions.ConnectTimeout, requests.exceptions.ProxyError))
        or "NewConnectionError" in cause
        or "NameResolutionError" in cause
        or "CERTIFICATE_VERIFY_FAILED" in cause
    )


def describe(error: requests.RequestException, timings: Timings) -> str:
    """A short description of a failed request, without its address, which may be signed."""
    cause = str(error)
    kinds = (
        (requests.exceptions.SSLError, "the TLS handshake or certificate verification failed"),
        (requests.exceptions.ProxyError, "the proxy (HTTPS_PROXY) refused the connection or was not reached"),
        (requests.exceptions.ConnectTimeout, f"no connection within {timings.connect_seconds:g} seconds"),
        (requests.exceptions.ReadTimeout, f"no response within {timings.read_seconds:g} seconds"),
        (requests.exceptions.ChunkedEncodingError, "the response ended early"),
        (requests.exceptions.ContentDecodingError, "the response's compression is invalid"),
        (requests.exceptions.TooManyRedirects, "too many redirects"),
    )
    for kind, words in kinds:
        if isinstance(error, kind):
            return words
    if "NameResolutionError" in cause:
        return "the host's name cannot be resolved"
    if "refused" in cause:
        return "the connection was refused"
    if "Read timed out" in cause:
        return f"no response within {timings.read_seconds:g} seconds"
    return "the connection broke"


_UNTRUSTED = re.compile(r"certificate verify failed: (.*?)\.? \(_ssl")


def certificate_error(error: requests.RequestException) -> str | None:
    """Why a host's certificate is not trusted, in OpenSSL's words; None for another error.

    It is not retried, and no setting turns the check off.
    """
    found = _UNTRUSTED.search(str(error)) if isinstance(error, requests.exceptions.SSLError) else None
    return found[1] if found else None


CA_HINT = "Check the address. For a CA of your own, set REQUESTS_CA_BUNDLE to its file."


def bad_environment(error: Exception) -> LocalTrouble:
    """The error for proxies or certificates in the environment that `requests` cannot use.

    It does not contain the cause's text: a proxy's address may contain a password.
    """
    return LocalTrouble(
        f"the proxy or certificates set in the environment cannot be used ({type(error).__name__})",
        "Check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE.",
    )


def proxies_for(url: str) -> dict[str, str]:
    """The argument `proxies` of a request: the environment's, except for `http`.

    `http` is used on loopback only, and a proxy could read the token.
    """
    parts = urlsplit(url)
    return {"no_proxy": parts.hostname or ""} if parts.scheme == "http" else {}
