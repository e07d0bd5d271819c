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
from typing import IO, TYPE_CHECKING, Any, cast

import requests
from urllib3.exceptions import HTTPError

from tap_exports.errors import InvalidFile, LinkExpired, LocalTrouble, StoreRefused, StoreTrouble
from tap_exports.store import http

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_exports.clock import Clock
    from tap_exports.store.server_clock import ServerClock

BLOCK = 256 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_COMPRESSIONS = frozenset({"gzip", "deflate", "compress", "br", "zstd"})
_LINKS = 3
"""How many links are requested for a file if the host refuses them."""


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


class _Session(http.PlainSession):
    """`check` is called with each address before it is requested, also after a redirect."""

    def __init__(self, user_agent: str, check: Callable[[str, str], str], host: str) -> None:
        super().__init__(User_Agent=user_agent, Accept_Encoding="gzip")  # its end can be verified
        self._check = check
        self._host = host
        self.max_redirects = 3

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Add no credentials after a redirect, where `requests` would read the .netrc file again."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # noqa: ANN401
        """Called for the first request and for each redirect."""
        self._check(request.url or "", f"a redirect of the file host {self._host}")
        return super().send(request, **options)


class Downloader:
    """Downloads files by their signed links, because file hosts reject one that comes with credentials.

    `link` requests a new link for an export's id; it is called before every try, because links are short-lived.
    `insecure` allows `http` for links and redirects, which a practice store on this machine uses.
    """

    def __init__(
        self, link: Callable[[int], str], clock: Clock, time: ServerClock, user_agent: str, *, insecure: bool
    ) -> None:
        self._link = link
        self._clock = clock
        self._time = time
        self._user_agent = user_agent
        self._insecure = insecure

    def get(self, export_id: int, at_most: int | None = None) -> Download:
        """Download the file of an available export; stop after `at_most` bytes if only its head is needed.

        The declared length of the file has been verified, unless it was stopped.

        Raises:
            InvalidFile: If its length cannot be verified.
            LinkExpired: If the host rejects several new links.
            StoreTrouble: If a transient error outlasts every retry.
            LocalTrouble: If the disk is full.
            Stopped: If the run ends meanwhile.
        """
        refused = 0
        for pause in [*http.pauses(self._clock.timings), None]:
            try:
                return self._fetch(self._link(export_id), at_most)
            except LinkExpired as error:
                refused += 1
                if refused == _LINKS:
                    raise
                reason, wait = error.what, min(pause or 0.0, 1.0)
            except http.Transient as error:
                reason, wait = str(error), max(pause or 0.0, error.retry_after)
            if pause is not None:
                logging.getLogger("tap-exports").warning(
                    "Download of export %d: %s; retrying in %.1f s", export_id, reason, wait
                )
                self._clock.sleep(wait)
        raise StoreTrouble(f"the file could not be downloaded: {reason}", "Run again: the export is reused.")

    def _fetch(self, url: str, at_most: int | None) -> Download:
        host = self._host(url, "the link to the file")
        timings, why = self._clock.timings, None
        timeout, proxies = (timings.connect_seconds, timings.read_seconds), http.proxies_for(url)
        with _Session(self._user_agent, self._host, host) as session:
            try:
                with session.get(url, stream=True, timeout=timeout, proxies=proxies) as response:
                    self._check_status(response, host)
                    return self._save(response, at_most)
            except requests.RequestException as error:
                why, reason = http.certificate_error(error), http.describe(error, timings)
            except HTTPError as error:  # while the body is read
                reason = http.describe(error, timings)
            except OSError as error:
                raise http.bad_environment(error) from None
            except ValueError:  # urllib's error for an invalid address in a redirect
                reason = "a redirect has an invalid address"
        # Outside of the handler, because the error's text contains the signed link.
        if why:
            raise StoreRefused(f"the certificate of the file host {host} is not trusted, {why}", http.CA_HINT)
        raise http.Transient(f"{reason} (host {host})")

    def _host(self, url: str, way: str) -> str:
        """The host of a link or a redirect.

        Raises:
            StoreRefused: If it is not encrypted.
        """
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
            wait = http.retry_after(response, self._time.now(), self._clock.timings.longest_retry_after)
            raise http.Transient(f"the file host {host} answers {status}", wait or 0.0)

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
                    self._clock.sleep(0)  # raises Stopped if the run has ended
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
    """A file's decompressed bytes.

    Raises:
        InvalidFile: If the compression is not gzip.
    """
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
