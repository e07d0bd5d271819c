"""The download by a signed link: from another host, without credentials, into an unnamed temporary file."""

from __future__ import annotations

import logging
import tempfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import IO, TYPE_CHECKING, Any

import requests

from tap_exports.errors import InvalidFile, LinkExpired, LocalTrouble, StoreRefused, StoreTrouble
from tap_exports.store.http import CA_HINT, bad_environment, certificate_error, describe, origin, proxies_for
from tap_exports.store.retry import pauses, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_exports.clock import Clock
    from tap_exports.store.server_clock import ServerClock

BLOCK = 256 * 1024

_GZIP = 16 + zlib.MAX_WBITS
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


class _Transient(Exception):
    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class _Session(requests.Session):
    """A session without credentials, because file hosts reject a signed link that comes with some.

    `check` is called with each address before it is requested, also after a redirect.
    """

    def __init__(self, user_agent: str, check: Callable[[str], object]) -> None:
        super().__init__()
        self._check = check
        self.auth = lambda request: request  # otherwise a .netrc file would add credentials
        self.max_redirects = 3
        self.headers["User-Agent"] = user_agent
        self.headers["Accept-Encoding"] = "gzip"  # its end can be verified

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Add no credentials after a redirect, where `requests` would read the .netrc file again."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # noqa: ANN401
        """Called for the first request and for each redirect."""
        self._check(request.url or "")
        return super().send(request, **options)


class Downloader:
    """Downloads files by their signed links.

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
        self._logger = logging.getLogger("tap-exports")

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
        reason = ""
        rest = pauses(self._clock.timings)
        while True:
            wait = next(rest, None)
            try:
                return self._fetch(self._link(export_id), at_most)
            except LinkExpired as error:
                refused += 1
                if refused == _LINKS:
                    raise
                reason, wait = error.what, min(wait or 0.0, 1.0)
            except _Transient as error:
                reason, wait = str(error), wait and max(wait, error.wait or 0.0)
            if wait is None:
                break
            self._logger.warning("Download of export %d: %s; retrying in %.1f s", export_id, reason, wait)
            self._clock.sleep(wait)
        raise StoreTrouble(f"the file could not be downloaded: {reason}", "Run again: the export is reused.")

    def _fetch(self, url: str, at_most: int | None) -> Download:
        host = self._host(url, "the link to the file")
        timeout, proxies = (self._clock.timings.connect_seconds, self._clock.timings.read_seconds), proxies_for(url)
        why = None
        way = f"a redirect of the file host {host}"
        with _Session(self._user_agent, lambda hop: self._host(hop, way)) as session:
            try:
                with session.get(url, stream=True, timeout=timeout, proxies=proxies) as response:
                    self._check_status(response, host)
                    return self._save(response, at_most)
            except requests.RequestException as error:
                why, reason = certificate_error(error), describe(error, self._clock.timings)
            except OSError as error:
                raise bad_environment(error) from None
            except ValueError:  # urllib's error for an invalid address in a redirect
                reason = "a redirect has an invalid address"
        # Outside of the handler, because the error's text contains the signed link.
        if why:
            raise StoreRefused(f"the certificate of the file host {host} is not trusted, {why}", CA_HINT)
        raise _Transient(f"{reason} (host {host})")

    def _host(self, url: str, way: str) -> str:
        """The host of a link or a redirect.

        Raises:
            StoreRefused: If it is not encrypted.
        """
        scheme, host, _ = origin(url) or ("", "", None)
        if scheme != "https" and not (scheme == "http" and self._insecure):
            raise StoreRefused(f"{way} leads to {host or 'no host'} and is not https", "It is not followed.")
        return host

    def _check_status(self, response: requests.Response, host: str) -> None:
        status = response.status_code
        if status == 200:  # noqa: PLR2004
            return
        if status in (400, 401, 403, 404, 410):
            raise LinkExpired(
                f"the file host {host} refused the link ({status})",
                "Check in the store's dashboard that the export still has a file.",
            )
        raise _Transient(
            f"the file host {host} answers {status}",
            retry_after(response, self._time.now(), self._clock.timings.longest_retry_after),
        )

    def _save(self, response: requests.Response, at_most: int | None) -> Download:
        chunked = response.headers.get("Transfer-Encoding", "").lower() == "chunked"
        declared = response.headers.get("Content-Length")
        if declared is None and not chunked:
            raise InvalidFile("the file host does not declare the file's length, so truncation would not be noticed")
        digest, size, whole = sha256(), 0, True
        file: IO[bytes] | None = None
        try:
            file = tempfile.TemporaryFile(prefix="tap-exports-")  # noqa: SIM115 - the reader closes it
            for block in _blocks(response):
                size += file.write(block)
                digest.update(block)
                self._clock.sleep(0)  # raises Stopped if the run has ended
                if at_most is not None and size >= at_most:
                    whole = False
                    break
            file.flush()
            if whole and not chunked:
                _verify_length(response.raw.tell(), declared)
        except BaseException as error:
            if file is not None:
                with suppress(OSError):  # closing flushes the buffer, which fails again on a full disk
                    file.close()
            if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
                raise LocalTrouble(
                    f"the file could not be stored in {tempfile.tempdir}: {error.strerror or error}",
                    "Free some space there, or set TMPDIR to another directory.",
                ) from None
            raise
        return Download(file, size, digest.hexdigest(), whole)


def _blocks(response: requests.Response) -> Iterator[bytes]:
    """A file's decompressed bytes.

    Raises:
        _Transient: If the compression is invalid, or ends early.
        InvalidFile: If the compression is not gzip.
    """
    encodings = [word.strip().lower() for word in response.headers.get("Content-Encoding", "").split(",")]
    used = [word.removeprefix("x-") for word in encodings if word.removeprefix("x-") in _COMPRESSIONS]
    if not used:  # some hosts send other words, which are not compressions
        return response.iter_content(BLOCK)
    if used != ["gzip"]:
        raise InvalidFile(
            f"the file host compresses the file with {', '.join(used)}, so truncation would not be noticed",
            "The tap accepts gzip only: check the proxies between the tap and the file host.",
        )
    # Decompressed here, because urllib3 accepts a truncated gzip stream.
    del response.raw.headers["Content-Encoding"]
    return _decompressed(response.iter_content(BLOCK))


def _decompressed(blocks: Iterable[bytes]) -> Iterator[bytes]:
    member = zlib.decompressobj(_GZIP)
    rest = None
    plain = False
    try:
        for block in blocks:
            plain = plain or (rest is None and bool(block) and not _GZIP_MAGIC.startswith(block[:2]))
            rest = block
            if plain:  # labelled gzip, but not compressed
                yield block
                continue
            while rest := rest.lstrip(b"\0") if member.eof else rest:  # some hosts pad with zeros
                if member.eof:  # another gzip stream follows
                    member = zlib.decompressobj(_GZIP)
                yield member.decompress(rest, BLOCK)
                rest = member.unconsumed_tail or member.unused_data
        if not plain:
            yield member.flush()
    except zlib.error:
        raise _Transient("the response's compression is invalid") from None
    if not plain and not member.eof and rest is not None:  # without a single byte, the file is empty
        raise _Transient("the response's compression ends early")


def _verify_length(arrived: int, declared: str | None) -> None:
    if declared != str(arrived):
        raise _Transient(f"{arrived} bytes arrived, {declared} were declared")
