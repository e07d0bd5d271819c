"""Calls that control a practice store from another process, below `/sandbox/` on the API's port."""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tap_exports.sandbox.export import rfc3339
from tap_exports.sandbox.faults import Fault
from tap_exports.sandbox.instants import instant
from tap_exports.sandbox.reply import json_reply
from tap_exports.sandbox.request_handler import parsed

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Request

    from tap_exports.sandbox.export import Export
    from tap_exports.sandbox.reply import Reply
    from tap_exports.sandbox.store import Store

PREFIX = "/sandbox/"


def _plain(value: object) -> object:
    """A value that JSON supports."""
    if isinstance(value, datetime):
        return rfc3339(value)
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _export(export: Export) -> dict[str, object]:
    document = asdict(export)
    document.pop("window")
    return {**document, "type": export.type, "created_at": export.created_at, **export.window._asdict()}


class Control:
    """These calls need no token, have no rate limit and are not in the log."""

    def __init__(self, store: Store, deliveries: Callable[[], object]) -> None:
        self._store = store
        self._calls: dict[tuple[str, str], Callable[[Request], object]] = {
            ("GET", "log"): lambda _: self._store.log,
            ("GET", "exports"): lambda _: [_export(one) for one in self._store.exports],
            ("GET", "deliveries"): lambda _: deliveries(),
            ("GET", "rows"): self._rows,
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear_faults,
            ("POST", "advance"): self._advance,
            ("POST", "columns"): self._switch,
        }

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        name = request.path[len(PREFIX) :].strip("/")
        call = self._calls.get((request.method, name))
        if call is None:
            known = [f"{method} {PREFIX}{what}" for method, what in self._calls]
            return json_reply(404, {"detail": "No such call.", "calls": known})
        try:
            return json_reply(200, _plain(call(request)))
        except (ValueError, KeyError, TypeError) as error:
            return json_reply(400, {"detail": str(error)})

    def _rows(self, request: Request) -> object:
        start, end = instant(request.args.get("date_from")), instant(request.args.get("date_to"))
        if start is None or end is None:
            raise ValueError("date_from and date_to must be RFC 3339, with their offset")
        return self._store.rows(request.args.get("type", ""), start, end)

    def _add_fault(self, request: Request) -> object:
        self._store.add_fault(Fault.from_json(parsed(request)))
        return {}

    def _clear_faults(self, _: Request) -> object:
        self._store.clear_faults()
        return {}

    def _advance(self, request: Request) -> object:
        step = parsed(request)
        if not isinstance(step, dict):
            raise ValueError('A step is a JSON object such as {"days": 1}')  # noqa: TRY004
        self._store.advance(timedelta(**step))
        return {"now": self._store.now}

    def _switch(self, request: Request) -> object:
        what = parsed(request)
        if not isinstance(what, dict):
            raise ValueError('Name a column: {"object": "order", "key": "vip", "enabled": true}')  # noqa: TRY004
        switch = self._store.enable_column if what.get("enabled", True) else self._store.disable_column
        switch(str(what["object"]), str(what["key"]))
        return {}
