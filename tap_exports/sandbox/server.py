"""HTTP on a loopback port, with connections that can break on request."""

from __future__ import annotations

import socket
import struct
import sys
import threading
from contextlib import contextmanager, suppress
from email.utils import format_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from werkzeug.exceptions import ClientDisconnected
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request

from tap_exports.sandbox.faults import BREAKING, UNANSWERED, Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_exports.sandbox.request_handler import Reply
    from tap_exports.sandbox.store import Store

HOST = "127.0.0.1"
POLL_SECONDS = 0.02
STOP_SECONDS = 2.0
# Linger for 0 seconds: closing sends an RST.
RESET = struct.pack("ii", 1, 0)
WRONG_BYTES = 7


def _distorted(reply: Reply) -> tuple[bytes, int]:
    """The bytes to send of an answer's body, and the length to declare."""
    body, length = reply.body, len(reply.body)
    match reply.fault:
        case Fault(kind="cut" | "stall", keep=keep):
            # After a whole row, so that only the length shows the cut.
            half = body.rfind(b"\n", 0, length // 2) + 1 or length // 2
            return body[: half if keep is None else keep], length
        case Fault(kind="overlong", keep=keep):
            return body, max(0, length - WRONG_BYTES) if keep is None else keep
        case Fault(kind="wrong_length"):
            return body, length + WRONG_BYTES
    return body, length


class _Handler(WSGIRequestHandler):
    """Keeps connections open, which werkzeug's own handler closes."""

    protocol_version = "HTTP/1.1"
    # Otherwise the body follows the head 40 ms later on a connection that stays open.
    disable_nagle_algorithm = True
    server: Server

    def run_wsgi(self) -> None:
        self.environ = self.make_environ()
        request = Request(self.environ)
        # Read first: an unread body would be parsed as the next request.
        request.get_data(cache=True)
        reply = self.server.answer(request)
        kind = reply.fault.kind if reply.fault else ""
        self.close_connection |= kind in BREAKING
        if kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        if kind == "away" and reply.fault:
            with self.server.closed_port(reply.fault.seconds, but=self.connection):
                self._send(reply)
        elif kind not in UNANSWERED:
            self._send(reply)
        if kind == "stall" and reply.fault:
            self.server.store.stopping.wait(reply.fault.seconds)

    def _send(self, reply: Reply) -> None:
        body, length = _distorted(reply)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.fault and reply.fault.kind == "away":
            self.send_header("Connection", "close")  # so that the client connects again, and is refused
        if reply.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:  # noqa: ARG002
        return format_datetime(self.server.store.now, usegmt=True)

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        pass


class Server(ThreadedWSGIServer):
    """Answers requests on one port; one that is taken is an OSError."""

    daemon_threads = True

    def __init__(self, store: Store, port: int, answer: Callable[[Request], Reply]) -> None:
        self.store = store
        self.answer = answer
        self._connections: set[socket.socket] = set()
        self._closed = threading.Condition()
        self._away = threading.Lock()
        self._reopening = threading.Event()
        # Bound here: werkzeug would exit when the port is taken.
        with socket.create_server((HOST, port)) as listening:
            super().__init__(HOST, port, lambda *_: (), _Handler, fd=listening.fileno())
        self._begin()

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self.serve_forever, args=(POLL_SECONDS,), daemon=True)
        self._thread.start()

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://{HOST}:{self.port}"

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        """Accept a connection."""
        with self._closed:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        """Close a connection."""
        # The usual shutdown sends a FIN first, and hides the RST.
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER):
            self.close_request(request)
        else:
            super().shutdown_request(request)
        with self._closed:
            self._connections.discard(request)
            self._closed.notify_all()

    def handle_error(self, request: object, client_address: object) -> None:
        """Print the store's own errors."""
        # A client that disconnects is not an error.
        if not isinstance(sys.exc_info()[1], (OSError, ClientDisconnected)):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    @contextmanager
    def closed_port(self, seconds: float | None, but: socket.socket) -> Iterator[None]:
        """Close the port and all connections but one; some seconds after the block, or at `reopen`, listen again."""
        if self.store.stopping.is_set() or not self._away.acquire(blocking=False):
            yield
            return
        self._close_port()
        # A bound socket that does not listen refuses connections, and keeps the port reserved.
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((HOST, self.port))
        self._close_connections(but)
        try:
            yield
            self._reopening.wait(seconds)
        finally:
            self._reopening.clear()
            if self.store.stopping.is_set():
                self.socket.close()
            else:
                self.socket.listen()
                self._begin()
            self._away.release()

    def reopen(self) -> None:
        """End a time in which the port is closed."""
        if self._away.locked():
            self._reopening.set()
            with self._away:
                pass

    def stop(self) -> None:
        """Close the port and all connections; the store must be stopping."""
        self.reopen()
        self._close_port()
        self._close_connections()
        with self._closed:
            self._closed.wait_for(lambda: not self._connections, STOP_SECONDS)

    def _close_port(self) -> None:
        self.shutdown()
        self._thread.join()

    def _close_connections(self, but: socket.socket | None = None) -> None:
        with self._closed:
            for connection in self._connections - {but}:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
