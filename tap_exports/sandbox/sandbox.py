"""The practice store with its servers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tap_exports.sandbox.api import PREFIX, Api
from tap_exports.sandbox.clock import rfc3339
from tap_exports.sandbox.faults import Fault
from tap_exports.sandbox.files import Files
from tap_exports.sandbox.options import Options
from tap_exports.sandbox.request_handler import Reply, json_reply, parsed
from tap_exports.sandbox.store import Store
from tap_exports.sandbox.webhooks import WebhookSender

if TYPE_CHECKING:
    from typing_extensions import Self
    from werkzeug.wrappers import Request

    from tap_exports.sandbox.server import Server

CONTROL_PREFIX = "/sandbox/"
STOP_SECONDS = 2.0


def _control(store: Store, request: Request) -> Reply:
    """Answer a call from another process that controls the store: without a token, a rate limit and the log."""
    try:
        match request.method, request.path.removeprefix(CONTROL_PREFIX):
            case "POST", "faults":
                store.add_fault(Fault.from_json(parsed(request)))
            case "DELETE", "faults":
                store.clear_faults()
            case "POST", "advance":
                store.advance(timedelta(**parsed(request)))
            case _:
                return json_reply(404, {"detail": "No such call."})
    except (ValueError, TypeError) as error:
        return json_reply(400, {"detail": str(error)})
    return json_reply(200, {"now": rfc3339(store.now)})


class Sandbox(Store):
    """A practice store: the Exports API and its file host, on two loopback ports.

    It answers from `start` (or the start of a `with` block) to `stop`. Any free ports are used by default. `changes`
    are single options by name, over those in `options`.
    """

    def __init__(self, options: Options | None = None, *, port: int = 0, file_port: int = 0, **changes: object) -> None:
        super().__init__(replace(options or Options(), **changes))  # type: ignore[arg-type]
        self._ports = (port, file_port)
        self._servers: list[Server] = []
        self._sender = WebhookSender(self)

    def start(self) -> Self:
        """Listen on both ports.

        Raises:
            OSError: When a port is taken.
            ModuleNotFoundError: When werkzeug is not installed.
        """
        # Imported here, so that the command can name the missing extra.
        from tap_exports.sandbox.server import Server  # noqa: PLC0415

        api, files = Api(self, self._sender), Files(self)

        def answer(request: Request) -> Reply:
            return _control(self, request) if request.path.startswith(CONTROL_PREFIX) else api.answer(request)

        try:
            for port, answers in zip(self._ports, (answer, files.answer), strict=True):
                self._servers.append(Server(self, port, answers))
        except OSError:
            self.stop()
            raise
        self.api_url = f"{self._servers[0].origin}{PREFIX}"
        self.file_origin = self._servers[1].origin
        return self

    def stop(self) -> None:
        """Close both ports and all connections."""
        self.stopping.set()
        for server in self._servers:
            server.stop()
        self._servers.clear()
        self._sender.stop(STOP_SECONDS)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def clear_faults(self) -> None:
        """Remove all faults, and open ports that a fault has closed."""
        super().clear_faults()
        for server in self._servers:
            server.reopen()
