"""The signed download: another host, no credential, a file that is gone when it is closed."""

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
_PACKED = frozenset({"gzip", "deflate", "compress", "br", "zstd"})

_LINKS = 3
"""How many fresh links a file is tried with when the host refuses them."""


@dataclass(frozen=True)
class Download:
    """A file that arrived."""

    file: IO[bytes]
    """Unnamed and on disk; it vanishes when it is closed, and when the process dies."""
    size: int
    """Bytes, with the transport's compression undone."""
    sha256: str
    whole: bool
    """False where the download was stopped on purpose."""


class _Passing(Exception):
    def __init__(self, trouble: str, wait: float | None = None) -> None:
        super().__init__(trouble)
        self.wait = wait


class _Session(requests.Session):
    """A session without any credential: file hosts refuse a link that comes with one.

    Args:
        user_agent: What to call oneself.
        check: Sees each address before a request goes there, those that redirects lead to among them.
    """

    def __init__(self, user_agent: str, check: Callable[[str], object]) -> None:
        super().__init__()
        self._check = check
        self.auth = lambda request: request  # without it, a .netrc file would add one
        self.max_redirects = 3
        self.headers["User-Agent"] = user_agent
        self.headers["Accept-Encoding"] = "gzip"  # of which we can tell whether it is whole

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Add none after a redirect either, where `requests` would ask the .netrc file again."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # noqa: ANN401
        """Every request passes here, the first one and each that a redirect leads to."""
        self._check(request.url or "")
        return super().send(request, **options)


class Downloader:
    """Gets files by their signed links.

    Args:
        link: Makes a fresh link for an export's id. It is asked before every try: links are short-lived.
        clock: To wait with.
        time: The store's time, for `Retry-After` as a date.
        user_agent: What to call oneself.
        insecure: Whether links and their redirects may be `http`, as those of a store on this machine are.
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
        """Download the file of an export.

        Args:
            export_id: The export's id; it has to be available.
            at_most: Stop after so many bytes, for a look at the head of a file.

        Returns:
            The file, whole by its declared length unless it was stopped on purpose.

        Raises:
            InvalidFile: If its length cannot be verified.
            LinkExpired: If the host refuses one fresh link after another.
            StoreTrouble: If trouble outlasts every retry.
            LocalTrouble: If the disk is full.
            Stopped: If the run ends meanwhile.
        """
        refused = 0
        trouble = ""
        rest = pauses(self._clock.timings)
        while True:
            wait = next(rest, None)
            try:
                return self._fetch(self._link(export_id), at_most)
            except LinkExpired as error:
                refused += 1
                if refused == _LINKS:
                    raise
                trouble, wait = error.what, min(wait or 0.0, 1.0)
            except _Passing as error:
                trouble, wait = str(error), wait and max(wait, error.wait or 0.0)
            if wait is None:
                break
            self._logger.warning("Download of export %d: %s; trying again in %.1f s", export_id, trouble, wait)
            self._clock.sleep(wait)
        raise StoreTrouble(f"the file could not be downloaded: {trouble}", "Run again: the export is taken over.")

    def _fetch(self, url: str, at_most: int | None) -> Download:
        host = self._host(url, "the link to the file")
        timeout, proxies = (self._clock.timings.connect_seconds, self._clock.timings.read_seconds), proxies_for(url)
        why = None
        way = f"a redirect of the file host {host}"
        with _Session(self._user_agent, lambda hop: self._host(hop, way)) as session:
            try:
                with session.get(url, stream=True, timeout=timeout, proxies=proxies) as response:
                    self._judge(response, host)
                    return self._save(response, at_most)
            except requests.RequestException as error:
                why, trouble = certificate_error(error), describe(error, self._clock.timings)
            except OSError as error:
                raise bad_environment(error) from None
            except ValueError:  # what urllib makes of an odd address in a redirect
                trouble = "a redirect leads to no address"
        # Outside of the handler: the error's own words hold the signed address.
        if why:
            raise StoreRefused(f"the certificate of the file host {host} is not trusted, {why}", CA_HINT)
        raise _Passing(f"{trouble} (host {host})")

    def _host(self, url: str, way: str) -> str:
        """The host of an address on the way to a file.

        Raises:
            StoreRefused: If what goes there could be read on its way.
        """
        scheme, host, _ = origin(url) or ("", "", None)
        if scheme != "https" and not (scheme == "http" and self._insecure):
            raise StoreRefused(f"{way} leads to {host or 'no host'} and is not https", "It is not followed.")
        return host

    def _judge(self, response: requests.Response, host: str) -> None:
        status = response.status_code
        if status == 200:  # noqa: PLR2004
            return
        if status in (400, 401, 403, 404, 410):
            raise LinkExpired(
                f"the file host {host} refused the link ({status})",
                "Look whether the export still has a file in the store.",
            )
        raise _Passing(
            f"the file host {host} answers {status}",
            retry_after(response, self._time.now(), self._clock.timings.longest_retry_after),
        )

    def _save(self, response: requests.Response, at_most: int | None) -> Download:
        chunked = response.headers.get("Transfer-Encoding", "").lower() == "chunked"
        declared = response.headers.get("Content-Length")
        if declared is None and not chunked:
            raise InvalidFile("the file host does not say how long the file is, so that a cut one would not be noticed")
        digest, size, whole = sha256(), 0, True
        file: IO[bytes] | None = None
        try:
            file = tempfile.TemporaryFile(prefix="tap-exports-")  # noqa: SIM115 - closed by whoever reads it
            for block in _blocks(response):
                size += file.write(block)
                digest.update(block)
                self._clock.sleep(0)  # the run may have ended: a long download need not
                if at_most is not None and size >= at_most:
                    whole = False
                    break
            file.flush()
            if whole and not chunked:
                _verify_length(response.raw.tell(), declared)
        except BaseException as error:
            if file is not None:
                with suppress(OSError):  # a full disk is told once more by what is still in the buffer
                    file.close()
            if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
                raise LocalTrouble(
                    f"the file could not be kept in {tempfile.tempdir}: {error.strerror or error}",
                    "Make room there, or set TMPDIR to a directory with more.",
                ) from None
            raise
        return Download(file, size, digest.hexdigest(), whole)


def _blocks(response: requests.Response) -> Iterator[bytes]:
    """A file's bytes, with the transport's compression undone.

    Raises:
        _Passing: If that is broken, or ends early.
        InvalidFile: If it is a compression that was not asked for.
    """
    encodings = [word.strip().lower() for word in response.headers.get("Content-Encoding", "").split(",")]
    packed = [word.removeprefix("x-") for word in encodings if word.removeprefix("x-") in _PACKED]
    if not packed:  # other words are no compression, though some hosts send them
        return response.iter_content(BLOCK)
    if packed != ["gzip"]:
        told = f"the file host packs the file as {', '.join(packed)}, of which nobody can tell whether it is whole"
        raise InvalidFile(told, "Only gzip is asked for: look at what stands between the tap and the file host.")
    # Ours to undo: urllib3 takes a gzip stream that ends before its end for a whole one.
    del response.raw.headers["Content-Encoding"]
    return _unpacked(response.iter_content(BLOCK))


def _unpacked(blocks: Iterable[bytes]) -> Iterator[bytes]:
    member = zlib.decompressobj(_GZIP)
    rest = None
    plain = False
    try:
        for block in blocks:
            plain = plain or (rest is None and bool(block) and not _GZIP_MAGIC.startswith(block[:2]))
            rest = block
            if plain:  # labelled gzip, but sent as it is
                yield block
                continue
            while rest := rest.lstrip(b"\0") if member.eof else rest:  # some pad with zeros
                if member.eof:  # one stream may follow another
                    member = zlib.decompressobj(_GZIP)
                yield member.decompress(rest, BLOCK)
                rest = member.unconsumed_tail or member.unused_data
        if not plain:
            yield member.flush()
    except zlib.error:
        raise _Passing("the answer's compression is broken") from None
    if not plain and not member.eof and rest is not None:  # no byte at all is an empty file, whatever it is said to be
        raise _Passing("the answer's compression ends early")


def _verify_length(arrived: int, declared: str | None) -> None:
    if declared != str(arrived):
        raise _Passing(f"{arrived} bytes arrived where {declared} were declared")
