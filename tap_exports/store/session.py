"""How one call of the Admin API is sent until it is answered, and what its answers mean."""

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
_PASSING = frozenset({408, 425, _TOO_MANY, 500, 502, 503, 504})
_FEW_TRIES = 3
"""How often an answer of the wrong shape is asked for again: it seldom passes."""

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of an answer, unpacked; a page of a list has some thousands."""
_BLOCK = 64 * 1024

_SECRET = 8
"""Characters from which a secret is looked for in answers: a shorter one would be found in any word."""

SCOPES = {
    "exports/types/": "exports:read",
    "exports/": "exports:read",
    "store/": "store:read",
    "metadata/": "metadata:read",
    "webhooks/": "webhooks:read",
}


class AnswerLost(Exception):
    """A create call of which nobody knows whether the store made an export.

    Args:
        trouble: In words.
        retry_after: Seconds that the store asks to wait; 0 where it does not.
    """

    def __init__(self, trouble: str, retry_after: float = 0.0) -> None:
        super().__init__(trouble)
        self.retry_after = retry_after


class _Passing(Exception):
    """Trouble that may pass.

    Args:
        trouble: In words.
        retry_after: Seconds that the store asks to wait, if it does.
        maybe_done: Whether what was asked for may have been done all the same.
        misshapen: Whether it was JSON of the wrong shape.
    """

    def __init__(
        self, trouble: str, *, retry_after: float | None = None, maybe_done: bool = True, misshapen: bool = False
    ) -> None:
        super().__init__(trouble)
        self.retry_after = retry_after
        self.maybe_done = maybe_done
        self.misshapen = misshapen


@dataclass(frozen=True)
class Connection:
    """Where the store is and who asks."""

    api_url: str
    """The Admin API's address, ending in `/`."""
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
    """A session that does not follow redirects, and does not read where they lead either."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None, whatever the answer says."""


class ApiSession:
    """Sends calls with the API's headers, within the rate rate_limiter, again after passing trouble.

    Args:
        connection: Where the store is and who asks.
        clock: To wait with.
    """

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
        """Star a secret wherever an answer repeats it.

        Args:
            secret: Besides the token.
        """
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
        """Send one call until it is answered.

        Args:
            method: The HTTP method.
            path: Below the API's address, or a whole address of its origin.
            parse: Makes the result of the answer's JSON.
            json: The body.
            params: The query.

        Raises:
            Unauthorized: 401.
            MissingScope: 403.
            StoreRefused: 400, 404 and other refusals, and redirects, which are not followed.
            StoreTrouble: Trouble that outlasted every retry.
            AnswerLost: If a POST may have taken effect, and its answer did not arrive.
            Stopped: If the run ends meanwhile.
        """
        url = urljoin(self._connection.api_url, path)
        place = f"{method} {urlsplit(url).path.removeprefix(urlsplit(self._connection.api_url).path)}"
        trouble, misshapen = "", 0
        rest = pauses(self._clock.timings)
        while True:
            self.rate_limiter.take()
            status = 0
            try:
                response = self._request(method, url, json, params)
                status = response.status_code
                return self._answer(response, place, parse)
            except requests.RequestException as error:
                if why := certificate_error(error):
                    told = f"{place} was not sent: the certificate of {urlsplit(url).hostname} is not trusted, {why}"
                    raise StoreRefused(told, CA_HINT) from None
                trouble, asked, maybe_done = describe(error, self._clock.timings), None, was_sent(error)
            except _Passing as error:
                trouble, asked, maybe_done = str(error), error.retry_after, error.maybe_done
                misshapen += error.misshapen
            finally:
                self.request_counter.add(place, status)
            if method == "POST" and maybe_done:
                raise AnswerLost(trouble, asked or 0.0)
            pause = next(rest, None)
            if pause is None or misshapen >= _FEW_TRIES:
                break
            wait = max(pause, asked or 0.0)  # a store that says 1 again and again is given more and more time
            self._logger.warning("%s: %s; trying again in %.1f s", place, trouble, wait)
            self._clock.sleep(wait)
        host = urlsplit(url).hostname
        raise StoreTrouble(
            f"{place} at {host} did not work: {trouble}",
            "Check api_url or store and the network; run again: what the target has is kept.",
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
        self.time.heard(response.headers.get("Date"))
        return response

    def _answer(self, response: requests.Response, place: str, parse: Callable[[Any], T]) -> T:
        """What an answer says.

        Raises:
            _Passing: If requester again may help.
            StoreRefused: If it would not.
        """
        status = response.status_code
        content = _content(response, place)
        if 200 <= status < 300:  # noqa: PLR2004
            try:
                nothing = response.request.method == "DELETE"  # whatever its answer holds, it is done
                return parse(None) if nothing else parse(api.json_of(content))
            except api.WrongShape as error:
                raise _Passing(str(error), misshapen=error.is_json) from None
        if status not in _PASSING:
            raise self._refusal(place, response, content)
        asked = retry_after(response, self.time.now(), self._clock.timings.longest_retry_after)
        if status == _TOO_MANY:
            self.rate_limiter.hold(1.0 if asked is None else asked)
        raise _Passing(f"the answer is {status}", retry_after=asked, maybe_done=status != _TOO_MANY)

    def _starred(self, text: str) -> str:
        """What an answer says, without the secrets that it may repeat."""
        for secret in self._secrets:
            if len(secret) >= _SECRET:
                text = text.replace(secret, "***")
        return text

    def _refusal(self, place: str, response: requests.Response, content: bytes) -> StoreRefused:
        """The error for an answer that requester again would not change."""
        status = response.status_code
        words = api.words_of(content, self._starred)
        said = f"{place} was answered {status}" + (f": {words}" if words else "")
        if status == 401:  # noqa: PLR2004
            return Unauthorized(said, "The store does not accept access_token: create a new one for this store.")
        if status == 403:  # noqa: PLR2004
            scope = next((s for path, s in SCOPES.items() if f" {path}" in place), "exports:read")
            if not place.startswith("GET"):
                scope = scope.replace(":read", ":write")
            return MissingScope(said, f"Give the token the scope {scope}, or admin:{scope.rpartition(':')[2]}.")
        if status == 404:  # noqa: PLR2004
            gone = any(part.isdigit() for part in place.split("/"))
            hint = "The store no longer has it." if gone else "Check store or api_url: it ends in /api/admin/."
            return NotFound(said, hint)
        if response.is_redirect or 300 <= status < 400:  # noqa: PLR2004
            to = origin(response.headers.get("Location", ""), base=response.url)
            where = f"{to[0]}://{to[1]}" if to else "an invalid address"
            return StoreRefused(f"{said}, a redirect to {where}", "Set api_url to an address that answers itself.")
        return StoreRefused(said, "Correct the setting named in the response, or contact the store's support.")

    def _session(self) -> requests.Session:
        """This thread's own session: nobody promises that one can be shared."""
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


def _content(response: requests.Response, place: str) -> bytes:
    """An answer's body, which is held in memory: so there is a bound to it."""
    content = bytearray()
    for block in response.iter_content(_BLOCK):
        content += block
        if len(content) > LARGEST_ANSWER:
            response.close()
            raise StoreRefused(
                f"{place} was answered with more than {LARGEST_ANSWER:,} bytes",
                "This is no answer of the Admin API: check store or api_url.",
            )
    return bytes(content)
