"""The practice store with its servers."""

from __future__ import annotations

from dataclasses import replace
from email.utils import format_datetime
from typing import TYPE_CHECKING

from tap_exports.sandbox import control
from tap_exports.sandbox.api import PREFIX, Api
from tap_exports.sandbox.control import Control
from tap_exports.sandbox.files import Files
from tap_exports.sandbox.links import Links
from tap_exports.sandbox.options import Options
from tap_exports.sandbox.store import Store, derived
from tap_exports.sandbox.webhook_sender import WebhookSender
from tap_exports.sandbox.webhooks import WebhookCalls

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self
    from werkzeug.wrappers import Request as HttpRequest

    from tap_exports.sandbox.reply import Reply
    from tap_exports.sandbox.server import Server
    from tap_exports.sandbox.webhook_sender import Delivery, Webhook

STOP_SECONDS = 2.0


class Sandbox(Store):
    """A practice store: the Exports API and its file host, on two loopback ports.

    It answers from `start` (or the start of a `with` block) to `stop`.

    Args:
        options: The defaults when None.
        port: Of the API; 0 for any free one.
        file_port: Of the file host; 0 for any free one.
        **changes: Single options by name, over those in `options`.
    """

    def __init__(self, options: Options | None = None, *, port: int = 0, file_port: int = 0, **changes: object) -> None:
        super().__init__(replace(options or Options(), **changes))  # type: ignore[arg-type]
        self._ports = (port, file_port)
        self._servers: list[Server] = []
        self._webhook_sender = WebhookSender(self)

    def start(self) -> Self:
        """Listen on both ports.

        Raises:
            OSError: When a port is taken.
            ModuleNotFoundError: When werkzeug is not installed.
        """
        # Imported here, so that the command can name the missing extra.
        from tap_exports.sandbox.server import Server  # noqa: PLC0415

        links = Links(derived(self.options.seed, "links"), self.options.link_seconds)
        api, files = Api(self, links, WebhookCalls(self, self._webhook_sender)), Files(self, links)
        controls = Control(self)

        def answer(request: HttpRequest) -> Reply:
            own = request.path.startswith(control.PREFIX)
            return controls.answer(request) if own else api.answer(request)

        try:
            for port, answers in zip(self._ports, (answer, files.answer), strict=True):
                self._servers.append(Server(port, answers, lambda: format_datetime(self.now, usegmt=True)))
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
        self._webhook_sender.stop(STOP_SECONDS)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def webhooks(self) -> list[Webhook]:
        """The webhooks registered now."""
        return self._webhook_sender.webhooks

    @property
    def deliveries(self) -> list[Delivery]:
        """All deliveries so far, oldest first."""
        return self._webhook_sender.deliveries

    def clear_faults(self) -> None:
        """Remove all faults, and open ports that a fault has closed."""
        super().clear_faults()
        for server in self._servers:
            server.reopen()
