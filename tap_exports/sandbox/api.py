"""The Admin API: authorization, rate limit and calls."""

from __future__ import annotations

import re
import threading
from base64 import b64decode, b64encode
from collections import deque
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from tap_exports.sandbox.files import link_to
from tap_exports.sandbox.request_handler import Reply, RequestHandler, json_reply
from tap_exports.sandbox.webhooks import EVENT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from werkzeug.wrappers import Request as HttpRequest

    from tap_exports.sandbox.faults import Place
    from tap_exports.sandbox.records import Request
    from tap_exports.sandbox.store import Store
    from tap_exports.sandbox.webhooks import WebhookSender

PREFIX = "/api/admin/"
VERSION_HEADER = "X-29Next-Api-Version"
VERSIONS = {"2024-04-01", "2023-02-10"}
REQUIRED = "This field is required."
BAD_INSTANT = "Datetime has wrong format. Use YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."


class Endpoint(NamedTuple):
    """One call of the API."""

    method: str
    path: str
    place: Place
    scope: str
    call: Callable[[Request], Reply]


def _detail(status: int, text: str, **headers: str) -> Reply:
    return json_reply(status, {"detail": text}, **headers)


def _instant(text: object) -> datetime | None:
    """An RFC 3339 instant; None when invalid or without an offset."""
    try:
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


class Api(RequestHandler):
    """The Admin API of one store."""

    host = "api"

    def __init__(self, store: Store, sender: WebhookSender) -> None:
        super().__init__(store)
        self._sender = sender
        self._limit = store.options.rate_limit
        self._passed: deque[datetime] = deque(maxlen=self._limit or 0)
        self._lock = threading.Lock()
        self._endpoints = [
            Endpoint("GET", r"exports/types/", "types", "exports:read", self._types),
            Endpoint("GET", r"exports/", "list", "exports:read", self._list),
            Endpoint("POST", r"exports/", "create", "exports:write", self._create),
            Endpoint("GET", r"exports/([0-9]+)/", "poll", "exports:read", self._poll),
            Endpoint("GET", r"exports/([0-9]+)/download/", "link", "exports:read", self._link),
            Endpoint("GET", r"store/", "store", "store:read", self._get_store),
            Endpoint("GET", r"metadata/", "metadata", "metadata:read", self._metadata),
            Endpoint("GET", r"webhooks/", "webhooks", "webhooks:read", self._webhooks),
            Endpoint("POST", r"webhooks/", "webhooks", "webhooks:write", self._register),
            Endpoint("DELETE", r"webhooks/([0-9]+)/", "webhooks", "webhooks:write", self._remove),
        ]

    def _found(self, method: str, path: str) -> list[tuple[Endpoint, re.Match[str]]]:
        """The endpoints with a path, the one with the method first."""
        if not path.startswith(PREFIX):
            return []
        found = [(one, re.fullmatch(one.path, path.removeprefix(PREFIX))) for one in self._endpoints]
        matches = [(one, match) for one, match in found if match]
        return sorted(matches, key=lambda pair: pair[0].method != method)

    def _place(self, request: HttpRequest) -> tuple[Place, int | None]:
        for endpoint, match in self._found(request.method, request.path):
            return endpoint.place, int(match[1]) if match.lastindex else None
        return "unknown", None

    def _handle(self, request: Request) -> Reply:
        found = [endpoint for endpoint, _ in self._found(request.method, request.path)]
        return self._unauthenticated(request) or self._not_allowed(request, found) or found[0].call(request)

    def _unauthenticated(self, request: Request) -> Reply | None:
        """Reject a request without a token, above the limit, or without a version."""
        authorization = request.headers.get("Authorization", "")
        if authorization != f"Bearer {self._store.token}":
            text = "Invalid token." if authorization else "Authentication credentials were not provided."
            return _detail(401, text, WWW_Authenticate="Bearer")
        if not self._passes():
            return _detail(429, "Request was throttled.", Retry_After="1")
        if request.headers.get(VERSION_HEADER) not in VERSIONS:
            return _detail(400, f"{VERSION_HEADER} is missing or not a known version.")
        return None

    def _passes(self) -> bool:
        """Whether the rate limit allows one more request now; a rejected request does not count."""
        with self._lock:
            now = self._store.now
            full = self._limit and len(self._passed) == self._limit
            if full and self._passed[0] > now - timedelta(seconds=1):
                return False
            self._passed.append(now)
            return True

    def _not_allowed(self, request: Request, found: list[Endpoint]) -> Reply | None:
        """Reject an unknown path, a wrong method, and a missing scope."""
        if not found:
            return _detail(404, "Not found.")
        if found[0].method != request.method:
            return _detail(405, f'Method "{request.method}" not allowed.', Allow=", ".join(one.method for one in found))
        scope = found[0].scope
        if scope in self._store.options.scopes:
            return None
        if self._store.options.admin_scopes:
            return _detail(403, f"This action needs the scope {scope} or admin:{scope.partition(':')[2]}.")
        return _detail(403, "You do not have permission to perform this action.")

    def _types(self, _: Request) -> Reply:
        types = [{"code": one.code, "name": one.name} for one in self._store.renderer.types.values()]
        return json_reply(200, {"types": types})

    def _create(self, request: Request) -> Reply:
        body = request.body if isinstance(request.body, dict) else {}
        start, end = _instant(body.get("date_from")), _instant(body.get("date_to"))
        errors = {name: [REQUIRED] for name in ("type", "date_from", "date_to") if body.get(name) is None}
        if body.get("type") not in (None, *self._store.types):
            errors["type"] = [f'"{body["type"]}" is not a valid choice.']
        for name, moment in (("date_from", start), ("date_to", end)):
            if moment is None:
                errors.setdefault(name, [BAD_INSTANT])
        if start is not None and end is not None and end < start:
            errors["date_to"] = ["date_to must not be before date_from."]
        if errors or start is None or end is None:
            return json_reply(400, errors)
        never_ready = request.fault is not None and request.fault.kind == "never_ready"
        export = self._store.make_export(body["type"], start, end, never_ready=never_ready)
        document = self._store.export_json(export, request.fault)
        if document.get("status") == "available":
            document["status"] = "pending"
        return json_reply(201, document)

    def _poll(self, request: Request) -> Reply:
        export = self._export(request)
        if export is None:
            return _detail(404, "Not found.")
        return json_reply(200, self._store.export_json(export, request.fault))

    def _link(self, request: Request) -> Reply:
        export = self._export(request)
        if export is None:
            return _detail(404, "Not found.")
        if export.status(self._store.now) != "available":
            return _detail(400, "Export is not available for download yet.")
        expired = request.fault is not None and request.fault.kind == "expire"
        return json_reply(200, {"url": link_to(self._store, export, expired=expired)})

    def _list(self, request: Request) -> Reply:
        options, kind = self._store.options, request.query.get("type")
        zone = ZoneInfo(options.list_timezone or options.timezone)
        try:
            first = date.fromisoformat(request.query.get("date_created_from") or "0001-01-01")
            last = date.fromisoformat(request.query.get("date_created_to") or "9999-12-31")
        except ValueError:
            return _detail(400, "Enter a valid date.")
        exports = [
            self._store.export_json(one, request.fault)
            for one in self._store.exports
            if kind in {None, "", one.type} and first <= one.created_at.astimezone(zone).date() <= last
        ]
        return self._page(request, exports[::-1] if options.list_order == "newest" else exports)

    def _page(self, request: Request, entries: list[dict[str, Any]]) -> Reply:
        """A page of a list, with a cursor that stays valid when entries are added; ids rise or fall."""
        ids, first, size = [entry["id"] for entry in entries], 0, self._store.options.page_size
        if cursor := request.query.get("cursor"):
            last = int(b64decode(cursor))
            first = sum(one <= last if ids == sorted(ids) else one >= last for one in ids)
        following = None
        if first + size < len(ids):
            cursor = b64encode(str(ids[first + size - 1]).encode()).decode()
            following = self._next_link(request.path, {**request.query, "cursor": cursor})
        return json_reply(200, {"next": following, "previous": None, "results": entries[first : first + size]})

    def _next_link(self, path: str, query: Mapping[str, str]) -> str:
        api = urlsplit(self._store.api_url)._replace(path=path, query=urlencode(query))
        how = self._store.options.next_links
        if how == "no_port":
            api = api._replace(netloc=api.hostname or "")
        if how == "other_scheme":
            api = api._replace(scheme="http" if api.scheme == "https" else "https")
        return api.geturl()

    def _get_store(self, _: Request) -> Reply:
        document = {"name": "Practice Store", "subdomain": "sandbox", "timezone": self._store.options.timezone}
        return json_reply(200, [document] if self._store.options.store_shape == "list" else document)

    def _metadata(self, request: Request) -> Reply:
        hidden = self._store.options.unlisted_metadata
        return self._page(request, [one.as_json() for one in self._store.definitions if one.key not in hidden])

    def _webhooks(self, request: Request) -> Reply:
        return self._page(request, [one.as_json() for one in self._store.webhooks])

    def _register(self, request: Request) -> Reply:
        body = request.body if isinstance(request.body, dict) else {}
        errors = {name: [REQUIRED] for name in ("target", "events") if not body.get(name)}
        if body.get("events") not in (None, [EVENT]):
            errors["events"] = [f'Only "{EVENT}" is a valid choice here.']
        return json_reply(400, errors) if errors else json_reply(201, self._sender.register(body).as_json())

    def _remove(self, request: Request) -> Reply:
        return Reply(204) if self._sender.remove(request.number) else _detail(404, "Not found.")
