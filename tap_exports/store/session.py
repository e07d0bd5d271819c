"""One call of the Admin API: rate limit, retries, and errors by status."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin, urlsplit

import requests

from tap_exports.errors import MissingScope, NotFound, StoreRefused, StoreTrouble, Unauthorized
from tap_exports.store import models as api
from tap_exports.store.http import CA_HINT, bad_environment, certificate_error, describe, origin, proxies_for, was_sent
from tap_exports.store.rate_limit import RateLimiter
from tap_exports.store.request_counter import RequestCounter
from tap_exports.store.retry import pauses, retry_after
from tap_exports.store.server_clock import ServerClock

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

SCOPES = {
    "exports/types/": "exports:read",
    "exports/": "exports:read",
    "store/": "store:read",
    "metadata/": "metadata:read",
    "webhooks/": "webhooks:read",
}


class AnswerLost(Exception):
    """A POST that may have taken effect, although its response did not arrive; `retry_after` is in seconds."""

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class _Transient(Exception):
    """A response that may differ next time; `maybe_done` says whether the call may have taken effect."""

    def __init__(
        self, reason: str, *, retry_after: float | None = None, maybe_done: bool = True, misshapen: bool = False
    ) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.maybe_done = maybe_done
        self.misshapen = misshapen


@dataclass(frozen=True)
class Connection:
    """The address and the headers of requests."""

    api_url: str
    """It ends in `/`."""
    token: str = field(repr=False)
    api_version: str
    user_agent: str


class _Bearer(requests.auth.AuthBase):
    """The token, and no other credential: without this, a .netrc file would replace it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Session(requests.Session):
    """A session that does not follow redirects, and does not parse their addresses either."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None for every response."""


class ApiSession:
    """Sends calls with the API's headers, within the rate limit, and retries them after transient errors."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._local = threading.local()
        self._secrets = {connection.token}
        self._logger = logging.getLogger("tap-exports")
        self.rate_limiter = RateLimiter(clock)
        self.time = ServerClock(clock)
        self.request_counter = RequestCounter()

    def keep_secret(self, secret: str) -> None:
        """Mask a secret, besides the token, in errors that quote a response."""
        self._secrets.add(secret)

    def send(
        self,
        method: str,
        path: str,
        parse: Callable[[Any], T],
        *,
        json: dict[str, Any] | None = None,
        params: dict[str, str] | None = None,
    ) -> T:
        """Send one call, and return the parsed JSON of its response.

        `path` is below the API's address, or a full address on its origin.

        Raises:
            Unauthorized: 401.
            MissingScope: 403.
            StoreRefused: 400, 404 and other refusals, and redirects, which are not followed.
            StoreTrouble: A transient error that outlasted every retry.
            AnswerLost: If a POST may have taken effect, and its response did not arrive.
            Stopped: If the run ends meanwhile.
        """
        url = urljoin(self._connection.api_url, path)
        place = f"{method} {urlsplit(url).path.removeprefix(urlsplit(self._connection.api_url).path)}"
        reason, misshapen = "", 0
        rest = pauses(self._clock.timings)
        while True:
            in_flight = self.rate_limiter.take()
            status = 0
            try:
                with in_flight:
                    response = self._request(method, url, json, params)
                status = response.status_code
                return self._answer(response, place, parse)
            except requests.RequestException as error:
                if why := certificate_error(error):
                    untrusted = f"the certificate of {urlsplit(url).hostname} is not trusted, {why}"
                    raise StoreRefused(f"{place} was not sent: {untrusted}", CA_HINT) from None
                reason, seconds, maybe_done = describe(error, self._clock.timings), None, was_sent(error)
            except _Transient as error:
                reason, seconds, maybe_done = str(error), error.retry_after, error.maybe_done
                misshapen += error.misshapen
            finally:
                self.request_counter.add(place, status)
            if method == "POST" and maybe_done:
                raise AnswerLost(reason, seconds or 0.0)
            pause = next(rest, None)
            if pause is None or misshapen >= _FEW_TRIES:
                break
            wait = max(pause, seconds or 0.0)  # pauses grow even if `Retry-After` stays at 1
            self._logger.warning("%s: %s; retrying in %.1f s", place, reason, wait)
            self._clock.sleep(wait)
        host = urlsplit(url).hostname
        raise StoreTrouble(
            f"{place} at {host} failed: {reason}",
            "Check api_url or store, and the network, then run again: what was loaded is kept.",
        )

    def _request(
        self, method: str, url: str, json: dict[str, Any] | None, params: dict[str, str] | None
    ) -> requests.Response:
        try:
            response = self._session().request(
                method,
                url,
                json=json,
                params=params,
                allow_redirects=False,
                timeout=(self._clock.timings.connect_seconds, self._clock.timings.read_seconds),
                stream=True,
                proxies=proxies_for(url),
            )
        except requests.RequestException:
            raise
        except (OSError, TypeError, ValueError) as error:
            raise bad_environment(error) from None
        self.time.update(response.headers.get("Date"))
        return response

    def _answer(self, response: requests.Response, place: str, parse: Callable[[Any], T]) -> T:
        """The result of a response.

        Raises:
            _Transient: If a retry may help.
            StoreRefused: If it cannot.
        """
        status = response.status_code
        content = _content(response, place, self._clock.timings.largest_response)
        if 200 <= status < 300:  # noqa: PLR2004
            try:
                deleted = response.request.method == "DELETE"  # its body does not matter
                return parse(None) if deleted else parse(api.json_of(content))
            except api.WrongShape as error:
                raise _Transient(str(error), misshapen=error.is_json) from None
        if status not in _RETRIED:
            raise self._refusal(place, response, content)
        seconds = retry_after(response, self.time.now(), self._clock.timings.longest_retry_after)
        if status == _TOO_MANY:
            self.rate_limiter.hold(1.0 if seconds is None else seconds)
        raise _Transient(f"the response is {status}", retry_after=seconds, maybe_done=status != _TOO_MANY)

    def _masked(self, text: str) -> str:
        """A response's text, with secrets masked."""
        for secret in self._secrets:
            if len(secret) >= _SECRET:
                text = text.replace(secret, "***")
        return text

    def _refusal(self, place: str, response: requests.Response, content: bytes) -> StoreRefused:
        """The error for a response that a retry would not change."""
        status = response.status_code
        words = api.error_message(content, self._masked)
        message = f"{place} was answered {status}" + (f": {words}" if words else "")
        if status == 401:  # noqa: PLR2004
            return Unauthorized(message, "The store does not accept access_token: create a new one for this store.")
        if status == 403:  # noqa: PLR2004
            scope = next((s for path, s in SCOPES.items() if f" {path}" in place), "exports:read")
            if not place.startswith("GET"):
                scope = scope.replace(":read", ":write")
            return MissingScope(message, f"Give the token the scope {scope}, or admin:{scope.rpartition(':')[2]}.")
        if status == 404:  # noqa: PLR2004
            gone = any(part.isdigit() for part in place.split("/"))
            hint = "The store no longer has it." if gone else "Check store or api_url: it ends in /api/admin/."
            return NotFound(message, hint)
        if response.is_redirect or 300 <= status < 400:  # noqa: PLR2004
            to = origin(response.headers.get("Location", ""), base=response.url)
            where = f"{to[0]}://{to[1]}" if to else "an invalid address"
            return StoreRefused(
                f"{message}, a redirect to {where}", "Set api_url to an address that does not redirect."
            )
        return StoreRefused(message, "Correct the setting named in the response, or contact the store's support.")

    def _session(self) -> requests.Session:
        """This thread's own session: `requests` does not promise that threads can share one."""
        if not hasattr(self._local, "session"):
            session = _Session()
            session.auth = _Bearer(self._connection.token)
            session.headers.update(
                {
                    "Accept": "application/json",
                    "X-29Next-Api-Version": self._connection.api_version,
                    "User-Agent": self._connection.user_agent,
                }
            )
            self._local.session = session
        session_: requests.Session = self._local.session
        return session_


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
