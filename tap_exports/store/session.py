"""One call of the Admin API: rate limit, retries, and errors by status."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin, urlsplit

import requests

from tap_exports.errors import MissingScope, NotFound, StoreRefused, StoreTrouble, Unauthorized
from tap_exports.store import http
from tap_exports.store.models import WrongShape, error_message
from tap_exports.store.rate_limit import RateLimiter

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_exports.clock import Clock

T = TypeVar("T")

_TOO_MANY = 429
_RETRIED = frozenset({408, 425, _TOO_MANY, 500, 502, 503, 504})
_FEW_TRIES = 3
"""How often a call is sent if the response has the wrong shape, which rarely passes."""
_BLOCK = 64 * 1024
_SECRET = 8
"""Length from which a secret is masked in responses: a shorter one occurs in ordinary words."""


class AnswerLost(http.Transient):
    """A POST that may have taken effect, although its response did not arrive."""


@dataclass(frozen=True)
class Connection:
    """The address and the headers of requests."""

    api_url: str
    """It ends in `/`."""
    token: str = field(repr=False)
    api_version: str
    user_agent: str


class _OfThread(threading.local):
    """Each thread's own session: `requests` does not promise that threads can share one."""

    def __init__(self, connection: Connection) -> None:
        self.session = http.PlainSession(
            {
                "Authorization": f"Bearer {connection.token}",
                "Accept": "application/json",
                "X-29Next-Api-Version": connection.api_version,
                "User-Agent": connection.user_agent,
            }
        )


class ServerClock:
    """The store's time, from the `Date` header of its answers. Windows end by it, not by this machine's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: tuple[datetime, float] | None = None
        self._warned = False

    def update(self, date_header: str | None) -> None:
        """Learn the store's time from an answer's `Date` header, whole seconds in UTC."""
        moment = http.http_date(date_header)
        if moment is None:
            return
        here = self._clock.now()
        ahead = abs(moment - here)
        # Dates are whole seconds, and a response takes time, so clocks within two seconds agree. Between responses
        # only monotonic time counts, so that a change of this machine's clock does not move a window's end.
        self._known = (moment if ahead > timedelta(seconds=2) else here, self._clock.monotonic())
        if ahead > timedelta(minutes=5) and not self._warned:
            self._warned = True
            warning = "This machine's clock and the store's differ by %s; the store's is used"
            logging.getLogger("tap-exports").warning(warning, ahead)

    def now(self) -> datetime:
        """The store's time, in UTC."""
        if self._known is None:
            return self._clock.now()
        moment, at = self._known
        return moment + timedelta(seconds=self._clock.monotonic() - at)


class ApiSession:
    """Sends calls with the API's headers, within the rate limit, and retries them after transient errors."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self.connection = connection
        self.clock = clock
        self._of_thread = _OfThread(connection)
        self._secrets = {connection.token}
        self._lock = threading.Lock()
        self._rate_limiter = RateLimiter(clock)
        self._logger = logging.getLogger("tap-exports")
        self.time = ServerClock(clock)
        self.request_counter: Counter[tuple[str, int]] = Counter()
        """By endpoint, such as `GET exports/{id}/`, and status; 0 means that there was no response."""

    def send(
        self,
        method: str,
        path: str,
        parse: Callable[[Any], T],
        *,
        body: dict[str, Any] | None = None,
        params: dict[str, str | None] | None = None,
    ) -> T:
        """Send one call, and return the parsed JSON of its response.

        `path` is below the API's address, or a full address on its origin.
        """
        url = urljoin(self.connection.api_url, path)
        place = f"{method} {urlsplit(url).path.removeprefix(urlsplit(self.connection.api_url).path)}"
        misshapen = 0
        rest = http.pauses(self.clock.timings)
        while True:
            try:
                return self._answer(self._sent(method, url, place, json=body, params=params), place, parse)
            except requests.RequestException as error:
                if why := http.certificate_error(error):
                    untrusted = f"the certificate of {urlsplit(url).hostname} is not trusted, {why}"
                    raise StoreRefused(f"{place} was not sent: {untrusted}", http.CA_HINT) from None
                reason, seconds, maybe_done = http.describe(error, self.clock.timings), 0.0, http.was_sent(error)
            except WrongShape as error:
                reason, seconds, maybe_done = str(error), 0.0, True
                misshapen += 1
            except http.Transient as error:
                reason, seconds, maybe_done = str(error), error.retry_after, error.maybe_done
            if method == "POST" and maybe_done:
                raise AnswerLost(reason, seconds)
            pause = next(rest, None)
            if pause is None or misshapen >= _FEW_TRIES:
                break
            wait = max(pause, seconds)  # pauses grow even if `Retry-After` stays at 1
            self._logger.warning("%s: %s; retrying in %.1f s", place, reason, wait)
            self.clock.sleep(wait)
        raise StoreTrouble(
            f"{place} at {urlsplit(url).hostname} failed: {reason}",
            "Check api_url or store, and the network, then run again: what was loaded is kept.",
        )

    def _sent(self, method: str, url: str, place: str, **options: Any) -> requests.Response:  # noqa: ANN401
        status = 0
        with self._rate_limiter.take():
            try:
                response = self._of_thread.session.open(method, url, self.clock.timings, **options)
                status = response.status_code
            finally:
                with self._lock:
                    self.request_counter[re.sub("/[0-9]+/", "/{id}/", place), status] += 1
        self.time.update(response.headers.get("Date"))
        return response

    def _answer(self, response: requests.Response, place: str, parse: Callable[[Any], T]) -> T:
        """The result of a response, or an error: Transient where a retry may help, WrongShape where a few may."""
        status = response.status_code
        content = _content(response, place, self.clock.timings.largest_response)
        if 200 <= status < 300:  # noqa: PLR2004
            return parse(None if response.request.method == "DELETE" else json_of(content))  # its body does not matter
        if status not in _RETRIED:
            raise self._refusal(place, response, error_message(content, self._masked))
        seconds = self.retry_after(response)
        if status == _TOO_MANY:
            self._rate_limiter.hold(1.0 if seconds is None else seconds)
        raise http.Transient(f"the response is {status}", seconds or 0.0, maybe_done=status != _TOO_MANY)

    def retry_after(self, response: requests.Response) -> float | None:
        """Seconds to wait by a response's `Retry-After` header; None without a valid one."""
        return http.retry_after(response, self.time.now(), self.clock.timings.longest_retry_after)

    def _masked(self, text: str) -> str:
        """A response's text, with secrets masked."""
        for secret in self._secrets:
            if len(secret) >= _SECRET:
                text = text.replace(secret, "***")
        return text

    def _refusal(self, place: str, response: requests.Response, words: str) -> StoreRefused:
        """The error for a response that a retry would not change."""
        status = response.status_code
        message = f"{place} was answered {status}" + (f": {words}" if words else "")
        if status == 401:  # noqa: PLR2004
            return Unauthorized(message, "The store does not accept access_token: create a new one for this store.")
        if status == 403:  # noqa: PLR2004
            method, _, path = place.partition(" ")
            right = "read" if method == "GET" else "write"
            return MissingScope(message, f"Give the token the scope {path.split('/')[0]}:{right}, or admin:{right}.")
        if status == 404:  # noqa: PLR2004
            gone = any(part.isdigit() for part in place.split("/"))
            hint = "The store no longer has it." if gone else "Check store or api_url: it ends in /api/admin/."
            return NotFound(message, hint)
        if 300 <= status < 400:  # noqa: PLR2004
            to = http.origin(response.headers.get("Location", ""), base=response.url)
            where = f"{to[0]}://{to[1]}" if to else "an invalid address"
            return StoreRefused(
                f"{message}, a redirect to {where}", "Set api_url to an address that does not redirect."
            )
        return StoreRefused(message, "Correct the setting named in the response, or contact the store's support.")


def _content(response: requests.Response, place: str, limit: int) -> bytes:
    """A response's body, of limited size because it is held in memory."""
    content = bytearray()
    for block in response.iter_content(_BLOCK):
        content += block
        if len(content) > limit:
            response.close()
            raise StoreRefused(
                f"{place} was answered with more than {limit:,} bytes",
                "This is not the Admin API: check store or api_url.",
            )
    return bytes(content)


def json_of(content: bytes) -> Any:  # noqa: ANN401
    """The JSON of a response's body; anything else, such as HTML, is Transient."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        kind = "an empty body" if not content.strip() else "a body that is not JSON"
        raise http.Transient(f"the response has {kind}") from None
