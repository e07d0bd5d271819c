"""HTTP on a loopback port, with connections that can break on request."""

from __future__ import annotations

import socket
import struct
import sys
import threading
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from werkzeug.exceptions import ClientDisconnected
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request

from tap_exports.sandbox.reply import Reply, Transmission

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = "127.0.0.1"
POLL_SECONDS = 0.02
STOP_SECONDS = 2.0
# Linger for 0 seconds: closing sends an RST.
RESET = struct.pack("ii", 1, 0)


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
        self._send(self.server.answer(request))

    def _send(self, reply: Reply) -> None:
        self.close_connection |= reply.transmission is not Transmission.WHOLE or reply.declared is not None
        if reply.transmission is Transmission.RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        if reply.transmission in {Transmission.DROP, Transmission.RESET}:
            return
        if reply.transmission is Transmission.AWAY:
            self.server.close_for(reply.seconds, but=self.connection)
        length = len(reply.body) if reply.declared is None else reply.declared
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.transmission is Transmission.AWAY:
            self.send_header("Connection", "close")  # so that the client connects again, and is refused
        if reply.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(
                reply.body[: reply.keep] if reply.transmission in {Transmission.CUT, Transmission.STALL} else reply.body
            )
        if reply.transmission is Transmission.STALL:
            self.server.stopping.wait(reply.seconds)

    def date_time_string(self, timestamp: float | None = None) -> str:  # noqa: ARG002
        return self.server.date()

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        pass


class Server(ThreadedWSGIServer):
    """Answers requests on one port.

    Raises:
        OSError: When the port is taken.
    """

    daemon_threads = True

    def __init__(self, port: int, answer: Callable[[Request], Reply], date: Callable[[], str]) -> None:
        self.answer = answer
        self.date = date
        self._connections: set[socket.socket] = set()
        self._closed = threading.Condition()
        self.stopping = threading.Event()
        self._closing: threading.Thread | None = None
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

    def close_for(self, seconds: float | None, but: socket.socket) -> None:
        """Close the port and all connections but one, until some seconds have passed or `reopen` is called."""
        with self._closed:
            if self._closing is not None or self.stopping.is_set():
                return
            self._reopening.clear()
            gone = threading.Event()
            self._closing = threading.Thread(target=self._stay_closed, args=(seconds, but, gone), daemon=True)
            self._closing.start()
        gone.wait()

    def reopen(self) -> None:
        """Listen again."""
        with self._closed:
            away = self._closing
            self._reopening.set()
        if away is not None:
            away.join()

    def _stay_closed(self, seconds: float | None, but: socket.socket, gone: threading.Event) -> None:
        self._close_port()
        # A bound socket that does not listen refuses connections, and keeps the port reserved.
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.socket.bind((HOST, self.port))
            self._close_connections(but)
        finally:
            gone.set()
        self._reopening.wait(seconds)
        with self._closed:
            self._closing = None
            if self.stopping.is_set():
                self.socket.close()
            else:
                self.socket.listen()
                self._begin()

    def stop(self) -> None:
        """Close the port and all connections."""
        self.stopping.set()
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
