"""A listener for `export.created`, after which an export is polled at once.

The vendor's documents disagree on whether the event is sent when an export is created or when it is ready. So a
delivery only causes a poll, and polling continues in any case.
"""

from __future__ import annotations

import hmac
import json
import logging
import secrets
import socket
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from hashlib import sha256
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit

from tap_exports.clock import Clock
from tap_exports.errors import LocalTrouble, TapExportsError, Unauthorized
from tap_exports.store.client import Client
from tap_exports.store.models import id_of
from tap_exports.store.session import AnswerLost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LARGEST_BODY = 1024 * 1024
"""Bytes of a delivery; an export's is a few hundred."""

_LIMITS = {
    "connection_limit": 100,
    "channel_timeout": 20,  # seconds without a byte; the store itself gives up a delivery by then
    "cleanup_interval": 5,
    "max_request_header_size": 64 * 1024,
    "max_request_body_size": LARGEST_BODY + 1,  # waitress refuses the size itself too
}
_STOP_CHECK = 0.25
"""Seconds between two checks of whether the run has ended."""

logger = logging.getLogger("tap-exports")


class ReadyNotifier:
    """Wakes the thread that waits for an export, also if it starts to wait after the delivery."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._ready: set[int] = set()

    def notify(self, export_id: int) -> None:
        """Wake the thread that waits for this export, now or later."""
        with self._changed:
            self._ready.add(export_id)
            self._changed.notify_all()

    def wait(self, export_id: int, seconds: float) -> None:
        """Wait for an export's delivery, for so many seconds at most, or until the run ends."""
        until = self._clock.monotonic() + seconds
        while (left := until - self._clock.monotonic()) > 0:
            self._clock.sleep(0)
            with self._changed:
                if self._changed.wait_for(lambda: export_id in self._ready, timeout=min(left, _STOP_CHECK)):
                    self._ready.remove(export_id)
                    return


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Whether a delivery was signed with the secret, over its raw bytes or its re-serialised JSON.

    The guide's sample signs `json.dumps` of the parsed body; live deliveries were reported to verify over
    the raw bytes. The signature is hexadecimal HMAC-SHA256.
    """
    key, given, signed = secret.encode(), signature.strip().lower().encode("utf-8", "replace"), [body]
    with suppress(ValueError, RecursionError):
        signed.append(json.dumps(json.loads(body)).encode())
    return any(hmac.compare_digest(hmac.new(key, one, sha256).hexdigest().encode(), given) for one in signed)


class Listener:
    """Receives deliveries over HTTP and notifies of the exports in them.

    Responses: 200 for a delivery, also a repeated one; 401 for an invalid signature; 405 and 404 for another method
    or path; 413 for more than 1 MiB; 400 for anything else. Never 410, which makes the store disable the webhook.

    `listen` is `host:port`; port 0 is a free one. `path` is percent-encoded; empty accepts any path.
    """

    def __init__(self, listen: str, path: str, secret: str, notifier: ReadyNotifier) -> None:
        from waitress import create_server  # noqa: PLC0415 - an extra

        self._path = unquote(path)
        self._secret = secret
        self._notifier = notifier
        self._refused: Counter[str] = Counter()
        host, _, port = listen.rpartition(":")
        host = host.strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listening = socket.create_server((host, int(port)), family=family)
        except OSError as error:
            raise LocalTrouble(
                f"webhook_listen: cannot listen on {listen}: {error.strerror or error}",
                "Use a free port of an address of this machine.",
            ) from None
        self.port: int = listening.getsockname()[1]
        logging.getLogger("waitress").setLevel(logging.CRITICAL)  # it logs the errors of clients
        self._open: dict[int, Any] = {}
        self._server = create_server(self._application, self._open, sockets=[listening], threads=1, **_LIMITS)
        self._thread = threading.Thread(target=self._server.run, name="webhook", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening, and close all connections."""
        from waitress.wasyncore import close_all  # noqa: PLC0415 - an extra

        # In the server's own thread, which ends when nothing is open. If it wakes by itself just now, it has already
        # closed the trigger.
        with suppress(OSError):
            self._server.trigger.pull_trigger(lambda: close_all(self._open, ignore_all=True))
        self._thread.join(timeout=1.0)
        self._server.task_dispatcher.shutdown(timeout=1.0)

    def _application(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """The WSGI application; one thread runs it."""
        status = self._answer(environ)
        start_response(f"{status.value} {status.phrase}", [("Content-Length", "0")])
        return []

    def _answer(self, environ: Mapping[str, Any]) -> HTTPStatus:
        if environ["REQUEST_METHOD"] != "POST":
            return HTTPStatus.METHOD_NOT_ALLOWED
        if self._path and environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace") != self._path:
            self._warn("the path is not that of webhook_target_url")
            return HTTPStatus.NOT_FOUND
        body = cast("IO[bytes]", environ["wsgi.input"]).read()
        if not is_signed(body, environ.get("HTTP_X_29NEXT_SIGNATURE", ""), self._secret):
            self._warn("the signature is wrong")
            return HTTPStatus.UNAUTHORIZED
        try:
            export_id = id_of(json.loads(body)["data"])
        except (ValueError, TypeError, KeyError, RecursionError):
            return HTTPStatus.BAD_REQUEST
        logger.debug("Webhook: export %d", export_id)
        self._notifier.notify(export_id)  # a repeated delivery only causes another poll
        return HTTPStatus.OK

    def _warn(self, why: str) -> None:
        """Warn of the 1st, 10th, 100th … rejected delivery, because anyone can send them."""
        self._refused[why] += 1
        if str(self._refused[why]).strip("0") == "1":
            logger.warning("%d deliveries to the webhook listener rejected so far: %s", self._refused[why], why)


@contextmanager
def webhook(
    client: Client, notifier: ReadyNotifier, listen: str, target: str | None, secret: str | None
) -> Iterator[None]:
    """Listen, with a registration at the store if `webhook_target_url` is set.

    Without `target`, the user registers the webhook; without `secret`, a random one is used.
    """
    secret = secret or secrets.token_hex(32)
    listener = Listener(listen, urlsplit(target).path or "/" if target else "", secret, notifier)
    webhook_id = None
    try:
        webhook_id = _registered(client, target, secret) if target else None
        yield
    finally:
        listener.close()
        try:
            if webhook_id is not None:
                # With a clock of its own, because a signal may have stopped the run.
                Client(client.connection, Clock(client.clock.timings)).remove_webhook(webhook_id)
        except TapExportsError as error:
            logger.warning("The webhook could not be removed from the store; the next run removes it: %s", error)


def _registered(client: Client, target: str, secret: str) -> int | None:
    """The id of a new registration, after removing those with this address that an earlier run left.

    If the store rejects it, polling continues, with a WARNING.
    """
    try:
        for webhook_id in client.webhooks(target):
            client.remove_webhook(webhook_id)
        try:
            return client.register_webhook(target, secret)
        except AnswerLost:  # the list shows whether it is registered
            if not (found := client.webhooks(target)):
                raise
            return found[0]
    except Unauthorized:
        raise
    except (TapExportsError, AnswerLost) as error:
        logger.warning("The webhook could not be registered; polling continues without it: %s", error)
        return None
