"""Calls that control a practice store from another process, below `/sandbox/` on the API's port."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tap_exports.sandbox.export import rfc3339
from tap_exports.sandbox.faults import Fault
from tap_exports.sandbox.reply import json_reply
from tap_exports.sandbox.request_handler import parsed

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Request

    from tap_exports.sandbox.reply import Reply
    from tap_exports.sandbox.store import Store

PREFIX = "/sandbox/"


class Control:
    """These calls need no token, have no rate limit and are not in the log."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._calls: dict[tuple[str, str], Callable[[object], None]] = {
            ("POST", "faults"): lambda body: store.add_fault(Fault.from_json(body)),
            ("DELETE", "faults"): lambda _: store.clear_faults(),
            ("POST", "advance"): self._advance,
        }

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        call = self._calls.get((request.method, request.path.removeprefix(PREFIX)))
        if call is None:
            known = [f"{method} {PREFIX}{name}" for method, name in self._calls]
            return json_reply(404, {"detail": "No such call.", "calls": known})
        try:
            call(parsed(request))
        except (ValueError, TypeError) as error:
            return json_reply(400, {"detail": str(error)})
        return json_reply(200, {"now": rfc3339(self._store.now)})

    def _advance(self, step: object) -> None:
        if not isinstance(step, dict):
            raise TypeError('A step is a JSON object such as {"days": 1}')
        self._store.advance(timedelta(**step))
