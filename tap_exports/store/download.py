"""The download by a signed link: from another host, without credentials, into an unnamed temporary file."""

from __future__ import annotations

import gzip
import io
import logging
import tempfile
import zlib
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from typing import IO, TYPE_CHECKING, TypeVar, cast
from urllib.parse import urljoin

import requests
from urllib3.exceptions import HTTPError

from tap_exports.errors import ErrorPage, InvalidFile, LinkExpired, LocalTrouble, StoreRefused, StoreTrouble
from tap_exports.store import http

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_exports.store.client import Client

T = TypeVar("T")

BLOCK = 256 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_COMPRESSIONS = frozenset({"gzip", "deflate", "compress", "br", "zstd"})
_REDIRECTS = 3
_LINKS = 3
"""How many links are requested for a file if the host refuses them."""

logger = logging.getLogger("tap-exports")


@dataclass(frozen=True)
class Download:
    """A downloaded file."""

    file: IO[bytes]
    """Unnamed and on disk; the system deletes it when it is closed, or when the process ends."""
    size: int
    """Decompressed bytes."""
    sha256: str
    whole: bool
    """False where the download was stopped on purpose."""


class Downloader:
    """Downloads files by their signed links, each requested before every try, because they are short-lived.

    Links and redirects may be `http` where the API is, as with a practice store on this machine.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._insecure = client.connection.api_url.startswith("http:")

    def get(self, export_id: int, at_most: int | None = None) -> Download:
        """Download the file of an available export; stop after `at_most` bytes if only its head is needed.

        The declared length of the file has been verified, unless it was stopped. A full disk is LocalTrouble.
        """
        return self.read(export_id, lambda download: download, at_most)

    def read(self, export_id: int, use: Callable[[Download], T], at_most: int | None = None) -> T:
        """What `use` makes of the file. An error page, or a failed download, is transient."""
        refused = 0
        for pause in [*http.pauses(self._client.clock.timings), None]:
            try:
                return use(self._fetch(self._client.link(export_id), at_most))
            except LinkExpired as error:
                refused += 1
                if refused == _LINKS:
                    raise
                reason, wait = error.what, min(pause or 0.0, 1.0)
            except ErrorPage as error:
                reason, wait = error.what, pause or 0.0
            except http.Transient as error:
                reason, wait = str(error), max(pause or 0.0, error.retry_after)
            if pause is not None:
                logger.warning("Download of export %d: %s; retrying in %.1f s", export_id, reason, wait)
                self._client.clock.sleep(wait)
        raise StoreTrouble(f"the file could not be downloaded: {reason}", "Run again: the export is reused.")

    def _fetch(self, url: str, at_most: int | None) -> Download:
        host = self._host(url, "the link to the file")
        timings, why = self._client.clock.timings, None
        headers = {"User-Agent": self._client.connection.user_agent, "Accept-Encoding": "gzip"}
        with http.PlainSession(headers) as session:
            try:
                for _ in range(_REDIRECTS + 1):
                    with session.open("GET", url, timings) as response:
                        if not response.is_redirect:
                            self._check_status(response, host)
                            return self._save(response, at_most)
                    url = urljoin(url, response.headers["Location"])
                    self._host(url, f"a redirect of the file host {host}")
                reason = "too many redirects"
            except (requests.RequestException, HTTPError) as error:  # urllib3's while the body is read
                why, reason = http.certificate_error(error), http.describe(error, timings)
            except ValueError:
                reason = "a redirect has an invalid address"
        # Outside of the handler, because the error's text contains the signed link.
        if why:
            raise StoreRefused(f"the certificate of the file host {host} is not trusted, {why}", http.CA_HINT)
        raise http.Transient(f"{reason} (host {host})")

    def _host(self, url: str, way: str) -> str:
        """The host of a link or a redirect, which must be encrypted."""
        scheme, host = http.origin(url) or ("", "")
        if scheme != "https" and not (scheme == "http" and self._insecure):
            raise StoreRefused(f"{way} leads to {host or 'no host'} and is not https", "It is not followed.")
        return host

    def _check_status(self, response: requests.Response, host: str) -> None:
        status = response.status_code
        if status in (400, 401, 403, 404, 410):
            raise LinkExpired(
                f"the file host {host} refused the link ({status})",
                "Check in the store's dashboard that the export still has a file.",
            )
        if status != 200:  # noqa: PLR2004
            raise http.Transient(f"the file host {host} answers {status}", self._client.retry_after(response) or 0.0)

    def _save(self, response: requests.Response, at_most: int | None) -> Download:
        chunked = response.headers.get("Transfer-Encoding", "").lower() == "chunked"
        declared = response.headers.get("Content-Length")
        if declared is None and not chunked:
            raise InvalidFile("the file host does not declare the file's length, so truncation would not be noticed")
        digest, size, whole = sha256(), 0, True
        source = _decompressed(response)
        try:
            with ExitStack() as closing:
                file = closing.enter_context(tempfile.TemporaryFile(prefix="tap-exports-"))
                while whole and (block := source.read(BLOCK)):
                    size += file.write(block)
                    digest.update(block)
                    self._client.clock.sleep(0)  # raises Stopped if the run has ended
                    whole = at_most is None or size < at_most
                file.flush()
                if whole and not chunked and declared != str(arrived := response.raw.tell()):
                    raise http.Transient(f"{arrived} bytes arrived, {declared} were declared")
                closing.pop_all()
                return Download(file, size, digest.hexdigest(), whole)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise http.Transient("the response's compression ends early or is invalid") from None
        except OSError as error:
            raise LocalTrouble(
                f"the file could not be stored in {tempfile.tempdir}: {error.strerror or error}",
                "Free some space there, or set TMPDIR to another directory.",
            ) from None


def _decompressed(response: requests.Response) -> IO[bytes]:
    """A file's decompressed bytes; the compression must be gzip, because its end can be verified."""
    encodings = response.headers.get("Content-Encoding", "").lower().replace("x-", "").replace(",", " ").split()
    used = [word for word in encodings if word in _COMPRESSIONS]
    if used not in ([], ["gzip"]):
        raise InvalidFile(
            f"the file host compresses the file with {', '.join(used)}, so truncation would not be noticed",
            "The tap accepts gzip only: check the proxies between the tap and the file host.",
        )
    response.raw.auto_close = False  # as a BufferedReader needs it
    body = io.BufferedReader(response.raw, BLOCK)
    if not used or body.peek(2)[:2] != _GZIP_MAGIC:  # another word is not a compression; or labelled, but plain
        return body
    return cast("IO[bytes]", gzip.GzipFile(fileobj=body))  # because urllib3 accepts a truncated gzip stream
