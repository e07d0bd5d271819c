"""A listener for `export.created` that wakes whoever waits for an export. It never tells a status.

The store's pages disagree on whether the event is sent when an export is made or when it is ready, so a
delivery only leads to a look at the API, and polling goes on as if there were none.
"""

from __future__ import annotations

import hmac
import json
import logging
import secrets
import socket
import threading
import time
from collections import Counter, OrderedDict
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from tap_exports.errors import LocalTrouble, TapExportsError, Unauthorized
from tap_exports.exports.connections import bounded_protocol
from tap_exports.store.client import AnswerLost
from tap_exports.store.models import id_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, MutableMapping

    from tap_exports.clock import Clock
    from tap_exports.store.client import Client

    _Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    _Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LARGEST_BODY = 1024 * 1024
"""Bytes of a delivery; an export's is a few hundred."""

_SIGNATURE = b"x-29next-signature"
_REMEMBERED = 10_000
_LONGEST_EVENT_ID = 100
_GLANCE = 0.25
"""Seconds between two looks at whether the run has ended."""

logger = logging.getLogger("tap-exports")


class ReadyNotifier:
    """Rings for an export, and is heard even by those who begin to listen a little later.

    Args:
        clock: Ends all waiting when the run ends.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._news = threading.Condition()
        self._rung: OrderedDict[int, None] = OrderedDict()

    def ring(self, export_id: int) -> None:
        """Wake whoever waits for an export.

        Args:
            export_id: Its id.
        """
        with self._news:
            self._rung[export_id] = None
            if len(self._rung) > _REMEMBERED:
                self._rung.popitem(last=False)
            self._news.notify_all()

    def wait(self, export_id: int, seconds: float) -> None:
        """Wait for an export's notifier.

        Args:
            export_id: The export's id.
            seconds: How long at most.

        Raises:
            Stopped: If the run ends meanwhile.
        """
        until = self._clock.monotonic() + seconds
        while (left := until - self._clock.monotonic()) > 0:
            self._clock.sleep(0)
            with self._news:
                if self._news.wait_for(lambda: export_id in self._rung, timeout=min(left, _GLANCE)):
                    del self._rung[export_id]
                    return


def signed_rightly(body: bytes, signature: str, secret: str) -> bool:
    """Whether a delivery was signed with the secret, over its raw bytes or its re-serialised JSON.

    The guide's sample signs `json.dumps` of the parsed body; live deliveries were reported to verify over
    the raw bytes.

    Args:
        body: The delivery as it came.
        signature: The header `X-29Next-Signature`: hex HMAC-SHA256.
        secret: The webhook's secret.
    """
    key, given = secret.encode(), signature.strip().lower().encode("utf-8", "replace")
    if hmac.compare_digest(hmac.new(key, body, sha256).hexdigest().encode(), given):
        return True
    try:
        again = json.dumps(json.loads(body)).encode()
    except (ValueError, RecursionError):
        return False
    return hmac.compare_digest(hmac.new(key, again, sha256).hexdigest().encode(), given)


class Listener:
    """Receives deliveries over HTTP and rings the notifier for the exports that they name.

    Answers: 200 for a delivery, also for one that came before; 401 for a wrong signature, 405 and 404 for
    another method or path, 413 for more than 1 MiB, 400 for what is no event. Never 410, at which the
    store would switch the webhook off.

    Args:
        listen: `host:port`; port 0 picks a free one.
        path: The path that deliveries come to, as an address has it; without one, any will do.
        secret: What they are signed with.
        notifier: Rung for each export.
    """

    def __init__(self, listen: str, path: str, secret: str, notifier: ReadyNotifier) -> None:
        self._path = unquote(path)
        self._secret = secret
        self._notifier = notifier
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._refused: Counter[str] = Counter()
        host, _, port = listen.rpartition(":")
        host = host.strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, int(port)), family=family)
        except OSError as error:
            raise LocalTrouble(
                f"webhook_listen {listen} cannot be listened on: {error.strerror or error}",
                "Give a free port of an address of this machine.",
            ) from None
        self.port: int = self._socket.getsockname()[1]
        self._server = self._start()

    def _start(self) -> Any:  # noqa: ANN401 - uvicorn is an extra
        import uvicorn  # noqa: PLC0415 - imported where it is used alone

        config = uvicorn.Config(
            self._receive,
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,
            http=bounded_protocol(),
            ws="none",
            timeout_keep_alive=5,
        )
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL)  # a caller's rubbish is no news
        server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=server.run, kwargs={"sockets": [self._socket]}, name="webhook", daemon=True
        )
        self._thread.start()
        while not server.started and self._thread.is_alive():
            time.sleep(0.01)
        return server

    def close(self) -> None:
        """Listen no more."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(timeout=1.0)
        self._socket.close()

    async def _receive(self, scope: MutableMapping[str, Any], receive: _Receive, send: _Send) -> None:
        """The ASGI application. The server is told of neither WebSockets nor a lifespan: all calls are HTTP."""
        status = await self._answer(scope, receive)
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    async def _answer(self, scope: MutableMapping[str, Any], receive: _Receive) -> int:
        if scope["method"] != "POST":
            return 405
        if self._path and scope["path"] != self._path:
            self._tell("the path is not that of webhook_target_url")
            return 404
        body = await _body(receive)
        if body is None:
            return 413
        return self._deliver(body, dict(scope["headers"]).get(_SIGNATURE, b"").decode("latin-1"))

    def _tell(self, why: str) -> None:
        """Warn of deliveries that are refused, ever more seldom: anybody may send such."""
        self._refused[why] += 1
        if str(self._refused[why]).strip("0") == "1":
            logger.warning("%d deliveries to the webhook listener refused so far: %s", self._refused[why], why)

    def _deliver(self, body: bytes, signature: str) -> int:
        if not signed_rightly(body, signature, self._secret):
            self._tell("the signature is wrong")
            return 401
        try:
            event = json.loads(body)
            event_id, export_id = str(event["event_id"])[:_LONGEST_EVENT_ID], id_of(event["data"])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return 400
        if event_id not in self._seen:
            self._seen[event_id] = None
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
            logger.debug("Webhook: export %d", export_id)
            self._notifier.ring(export_id)
        return 200


async def _body(receive: _Receive) -> bytes | None:
    """A request's body; None where it is too large."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            return None
        if not message.get("more_body"):
            return bytes(body)


class Webhook:
    """The listener, and its registration at the store where a public address is given.

    Args:
        listen: `host:port` to receive on.
        target: The public address of that; None leaves registering to the user.
        secret: What deliveries are signed with; None makes one up, which only registering can use.
        notifier: Rung for each export.
        client: The API.
        farewell: The API for the end, with a clock of its own: a run that a signal ends has to take its
            webhook back all the same.
    """

    def __init__(  # noqa: PLR0913 - three settings and three stations
        self,
        listen: str,
        target: str | None,
        secret: str | None,
        *,
        notifier: ReadyNotifier,
        client: Client,
        farewell: Client,
    ) -> None:
        self._client = client
        self._farewell = farewell
        self._target = target
        self._secret = secret or secrets.token_hex(32)
        self._id: int | None = None
        path = urlsplit(target).path or "/" if target else ""
        self.listener = Listener(listen, path, self._secret, notifier)

    def register(self) -> None:
        """Register at the store, and clean up what an earlier run with this address has left there.

        Without the scope, or when the store does not take it, polling has to do: a warning says so.

        Raises:
            Unauthorized: If the store does not accept the token.
        """
        if not self._target:
            return
        try:
            for webhook_id in self._registered():
                self._client.remove_webhook(webhook_id)
            try:
                self._id = self._client.register_webhook(self._target, self._secret, "tap-exports").id
            except AnswerLost:  # the store may have taken it all the same, and its list tells
                self._id = next(self._registered(), None)
                if self._id is None:
                    raise
        except Unauthorized:
            raise
        except (TapExportsError, AnswerLost) as error:
            logger.warning("The webhook could not be registered, polling goes on without it: %s", error)

    def _registered(self) -> Iterator[int]:
        """The ids of what the store has registered with this address."""
        return (webhook.id for webhook in self._client.webhooks() if webhook.target == self._target)

    def close(self) -> None:
        """Take the registration back and listen no more."""
        self.listener.close()
        if self._id is None:
            return
        try:
            self._farewell.remove_webhook(self._id)
        except TapExportsError as error:
            logger.warning("The webhook could not be removed at the store, the next run will: %s", error)
