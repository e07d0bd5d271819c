"""The calls below `exports/`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tap_exports.sandbox.export import Status
from tap_exports.sandbox.faults import FaultKind, Place
from tap_exports.sandbox.files import file_path
from tap_exports.sandbox.instants import day, instant
from tap_exports.sandbox.paging import list_reply
from tap_exports.sandbox.reply import json_reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_exports.sandbox.export import Export
    from tap_exports.sandbox.links import Links
    from tap_exports.sandbox.reply import Reply
    from tap_exports.sandbox.request_handler import Call
    from tap_exports.sandbox.store import Store

REQUIRED = "This field is required."
BAD_INSTANT = "Datetime has wrong format. Use YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
BAD_DAY = "Enter a valid date."


class ExportCalls:
    """The calls below `exports/`."""

    def __init__(self, store: Store, links: Links) -> None:
        self._store = store
        self._links = links

    def export_type(self, call: Call) -> str | None:
        """The type of export that a call concerns."""
        if call.place is Place.CREATE and isinstance(call.body, dict):
            return str(call.body.get("type"))
        if call.place is Place.LIST:
            return call.request.args.get("type")
        if call.place in {Place.POLL, Place.LINK}:
            export = self._export(call)
            return export.type if export else None
        return None

    def types(self, _: Call) -> Reply:
        """`GET exports/types/`."""
        types = [{"code": one.code, "name": one.name} for one in self._store.renderer.types.values()]
        return json_reply(200, {"types": types})

    def create(self, call: Call) -> Reply:
        """`POST exports/`."""
        if not isinstance(call.body, dict):
            return json_reply(400, {"detail": "JSON parse error"})
        if errors := self._errors(call.body):
            return json_reply(400, errors)
        start, end = instant(call.body["date_from"]), instant(call.body["date_to"])
        assert start is not None and end is not None  # noqa: S101, PT018
        window = self._store.window(str(call.body["type"]), start, end)
        export = self._store.create_export(window, never_ready=call.has_fault(FaultKind.NEVER_READY))
        document = self._store.export_json(export, call.fault)
        if document.get("status") == Status.AVAILABLE.value:
            document["status"] = Status.PENDING.value
        return json_reply(201, document)

    def get(self, call: Call) -> Reply:
        """`GET exports/{id}/`."""
        export = self._export(call)
        if export is None:
            return json_reply(404, {"detail": "Not found."})
        return json_reply(200, self._store.export_json(export, call.fault))

    def link(self, call: Call) -> Reply:
        """`GET exports/{id}/download/`."""
        export = self._export(call)
        now = self._store.clock.now()
        if export is None:
            return json_reply(404, {"detail": "Not found."})
        if export.status(now) is not Status.AVAILABLE:
            return json_reply(400, {"detail": "Export is not available for download yet."})
        path = self._links.sign(file_path(export), now, expired=call.has_fault(FaultKind.EXPIRE))
        return json_reply(200, {"url": f"{self._store.file_origin}{path}"})

    def page(self, call: Call) -> Reply:
        """`GET exports/`."""
        query = call.request.args.to_dict()
        if errors := self._filter_errors(query):
            return json_reply(400, errors)
        exports = [export for export in self._store.exports if self._matches(export, query)]
        if self._store.options.list_order == "newest":
            exports.reverse()
        return list_reply(self._store, "exports/", exports, query, lambda one: self._store.export_json(one, call.fault))

    def _export(self, call: Call) -> Export | None:
        return self._store.export_queue.get(int(call.parts[0])) if call.parts else None

    def _errors(self, body: Mapping[str, object]) -> dict[str, list[str]]:
        errors = {name: [REQUIRED] for name in ("type", "date_from", "date_to") if body.get(name) is None}
        if "type" not in errors and body["type"] not in self._store.renderer.types:
            errors["type"] = [f'"{body["type"]}" is not a valid choice.']
        moments = {}
        for name in ("date_from", "date_to"):
            moments[name] = instant(body.get(name))
            if name not in errors and moments[name] is None:
                errors[name] = [BAD_INSTANT]
        start, end = moments["date_from"], moments["date_to"]
        if start is not None and end is not None and end < start:
            errors["date_to"] = ["date_to must not be before date_from."]
        return errors

    def _filter_errors(self, query: Mapping[str, str]) -> dict[str, list[str]]:
        errors = {}
        if query.get("type") and query["type"] not in self._store.renderer.types:
            message = f"Select a valid choice. {query['type']} is not one of the available choices."
            errors["type"] = [message]
        for name in ("date_created_from", "date_created_to"):
            if query.get(name) and day(query[name]) is None:
                errors[name] = [BAD_DAY]
        return errors

    def _matches(self, export: Export, query: Mapping[str, str]) -> bool:
        options = self._store.options
        created = export.created_at.astimezone(ZoneInfo(options.list_timezone or options.timezone)).date()
        start, end = day(query.get("date_created_from", "")), day(query.get("date_created_to", ""))
        return (
            query.get("type") in {None, "", export.type}
            and (start is None or created >= start)
            and (end is None or created <= end)
        )
