"""The practice store as a whole."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from email.utils import format_datetime
from typing import TYPE_CHECKING

from tap_exports.sandbox import control
from tap_exports.sandbox.api import PREFIX, Api
from tap_exports.sandbox.control import Control
from tap_exports.sandbox.exports import rfc3339
from tap_exports.sandbox.files import Files
from tap_exports.sandbox.links import Links
from tap_exports.sandbox.options import Options
from tap_exports.sandbox.request_handler import Desk
from tap_exports.sandbox.state import State, derived
from tap_exports.sandbox.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta
    from types import TracebackType

    from typing_extensions import Self
    from werkzeug.wrappers import Request as HttpRequest

    from tap_exports.sandbox.exports import Export
    from tap_exports.sandbox.faults import Fault
    from tap_exports.sandbox.merchant import MetadataType
    from tap_exports.sandbox.reply import Reply
    from tap_exports.sandbox.request_log import Request
    from tap_exports.sandbox.server import Server
    from tap_exports.sandbox.webhook_sender import Delivery
    from tap_exports.sandbox.webhooks import Webhook

STOP_SECONDS = 2.0


class Sandbox:
    """A practice store: the Exports API and its file host, on two ports of this machine.

    It answers from `start` (or the start of a `with` block) to `stop`.

    Args:
        options: What the store is like; the defaults when None.
        port: Of the API; 0 for any free one.
        file_port: Of the file host; 0 for any free one.
        **changes: Single options by name, over those in `options`.
    """

    def __init__(self, options: Options | None = None, *, port: int = 0, file_port: int = 0, **changes: object) -> None:
        self.options = replace(options or Options(), **changes)  # type: ignore[arg-type]
        self._ports = (port, file_port)
        self._state = State(self.options)
        self._links = Links(derived(self.options.seed, "links"), self.options.link_seconds)
        self._webhooks = Webhooks(self._state)
        self._servers: list[Server] = []

    def start(self) -> Self:
        """Begin to answer.

        Raises:
            OSError: When a port is taken.
            ModuleNotFoundError: When werkzeug is not installed.
        """
        # Here, so that the command line can say what is missing.
        from tap_exports.sandbox.server import Server  # noqa: PLC0415

        state = self._state
        api, files = Api(state, self._links, self._webhooks), Files(state, self._links)
        api_desk = Desk("api", state, api.place, api.export_type, api.handle)
        file_desk = Desk("file", state, files.place, files.export_type, files.handle)
        controls = Control(self)

        def answer(request: HttpRequest) -> Reply:
            ours = request.path.startswith(control.PREFIX)
            return controls.answer(request) if ours else api_desk.answer(request)

        try:
            for port, answers in zip(self._ports, (answer, file_desk.answer), strict=True):
                self._servers.append(Server(port, answers, self._date))
        except OSError:
            self.stop()
            raise
        state.api_url = f"{self._servers[0].origin}{PREFIX}"
        state.file_origin = self._servers[1].origin
        return self

    def stop(self) -> None:
        """Close both ports and all connections, and end whatever hangs."""
        self._state.stopping.set()
        for server in self._servers:
            server.stop()
        self._servers.clear()
        self._webhooks.courier.stop(STOP_SECONDS)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def api_url(self) -> str:
        """The API's full address, which ends in a slash."""
        return self._state.api_url

    @property
    def file_origin(self) -> str:
        """Scheme, host and port of the file host."""
        return self._state.file_origin

    @property
    def token(self) -> str:
        """The bearer token that the API accepts."""
        return self._state.token

    @property
    def config(self) -> dict[str, object]:
        """Settings with which the tap reads this store from the start of its history."""
        return {"api_url": self.api_url, "access_token": self.token, "start_date": rfc3339(self.start_date)}

    @property
    def start_date(self) -> datetime:
        """Where the history starts, a midnight UTC."""
        return self._state.start

    @property
    def now(self) -> datetime:
        """The store's now."""
        return self._state.clock.now()

    @property
    def log(self) -> list[Request]:
        """All requests so far, oldest first."""
        return self._state.journal.entries

    @property
    def exports(self) -> list[Export]:
        """All exports so far, oldest first."""
        return self._state.exports.all

    @property
    def webhooks(self) -> list[Webhook]:
        """The webhooks registered now."""
        return self._webhooks.all

    @property
    def deliveries(self) -> list[Delivery]:
        """All deliveries so far, oldest first."""
        return self._webhooks.courier.deliveries

    @property
    def types(self) -> tuple[str, ...]:
        """The codes of the types of export."""
        return tuple(self._state.sheets.types)

    @property
    def test_orders(self) -> tuple[str, ...]:
        """Numbers of test orders made so far, which no export shows."""
        self._state.history.grow(self.now)
        return tuple(self._state.history.test_orders)

    def count(self, place: str | None = None, status: int | None = None) -> int:
        """How many requests there were, of one place or with one status."""
        return self._state.journal.count(place, status)

    def peak_requests_per_second(self) -> int:
        """The most requests to the API in any one second of the store's clock."""
        return self._state.journal.peak_per_second()

    def add_fault(self, fault: Fault) -> None:
        """Let something go wrong."""
        self._state.faults.add(fault)

    def clear_faults(self) -> None:
        """Let nothing go wrong any more."""
        self._state.faults.clear()
        for server in self._servers:
            server.come_back()

    def advance(self, step: timedelta) -> None:
        """Let the store's clock jump forward."""
        self._state.clock.advance(step)

    def enable_column(self, owner: str, key: str) -> None:
        """Switch a merchant's column into exports asked for from now on."""
        self._state.merchant.switch(owner, key, on=True)

    def disable_column(self, owner: str, key: str) -> None:
        """Switch a merchant's column out of exports asked for from now on."""
        self._state.merchant.switch(owner, key, on=False)

    def add_column(self, owner: str, key: str, name: str, kind: MetadataType) -> None:
        """Define a new metadata column that is in exports from now on."""
        self._state.merchant.add(owner, key, name, kind)

    def make_export(
        self, code: str, date_from: datetime, date_to: datetime, where: Mapping[str, str] | None = None
    ) -> Export:
        """Make an export in the dashboard, without the API and its log.

        Args:
            code: Its type.
            date_from: Where its window starts.
            date_to: Where its window ends.
            where: Headers and the texts that all of its rows have: a filter of the dashboard's list.
        """
        window = self._state.window(code, date_from, date_to)
        return self._state.create_export(window._replace(where=tuple((where or {}).items())))

    def remove(self, code: str, key: str) -> None:
        """Let an object be gone from all exports created from now on, such as an erased customer.

        Raises:
            KeyError: When there is no such object.
        """
        kind, thing = self._state.sheets.find(code, key, self.now)
        self._state.history.remove(kind, thing, self.now)

    def vanished(self, code: str) -> list[str]:
        """Keys of the objects (for lines, ids of lines) that earlier exports held, and later ones do not."""
        return self._state.sheets.vanished(code, self.now)

    def csv(self, code: str, date_from: datetime, date_to: datetime) -> bytes:
        """The file that an export asked for now would have.

        Raises:
            KeyError: When there is no such type.
        """
        return self._state.sheets.csv(self._state.window(code, date_from, date_to))

    def file(self, export_id: int) -> bytes:
        """The file that one export has.

        Raises:
            KeyError: When there is no such export.
        """
        export = self._state.exports.get(export_id)
        if export is None:
            raise KeyError(f"No export {export_id}")
        return self._state.file(export)

    def rows(self, code: str, date_from: datetime, date_to: datetime) -> list[dict[str, str]]:
        """The rows of that file, by header; what a cell holds is text."""
        encoding = self.options.encoding
        text = self.csv(code, date_from, date_to).decode(encoding).removeprefix("\ufeff")
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def _date(self) -> str:
        return format_datetime(self.now, usegmt=True)
