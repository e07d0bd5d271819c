"""The Admin API: authorization, rate limit and endpoints."""

from __future__ import annotations

import re
import threading
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from tap_exports.sandbox.export_calls import ExportCalls
from tap_exports.sandbox.faults import Place
from tap_exports.sandbox.options import Scope
from tap_exports.sandbox.reply import json_reply
from tap_exports.sandbox.request_handler import RequestHandler
from tap_exports.sandbox.store_calls import StoreCalls

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from werkzeug.wrappers import Request

    from tap_exports.sandbox.clock import Clock
    from tap_exports.sandbox.links import Links
    from tap_exports.sandbox.reply import Reply
    from tap_exports.sandbox.request_handler import Call
    from tap_exports.sandbox.store import Store
    from tap_exports.sandbox.webhooks import WebhookCalls

PREFIX = "/api/admin/"
VERSION_HEADER = "X-29Next-Api-Version"
VERSIONS = frozenset({"2024-04-01", "2023-02-10"})
SECOND = timedelta(seconds=1)


class Endpoint(NamedTuple):
    """One call of the API."""

    method: str
    path: str
    place: Place
    scope: Scope


ENDPOINTS = (
    Endpoint("GET", r"exports/types/", Place.TYPES, Scope.EXPORTS_READ),
    Endpoint("GET", r"exports/", Place.LIST, Scope.EXPORTS_READ),
    Endpoint("POST", r"exports/", Place.CREATE, Scope.EXPORTS_WRITE),
    Endpoint("GET", r"exports/([0-9]+)/", Place.POLL, Scope.EXPORTS_READ),
    Endpoint("GET", r"exports/([0-9]+)/download/", Place.LINK, Scope.EXPORTS_READ),
    Endpoint("GET", r"store/", Place.STORE, Scope.STORE_READ),
    Endpoint("GET", r"metadata/", Place.METADATA, Scope.METADATA_READ),
    Endpoint("GET", r"webhooks/", Place.WEBHOOKS, Scope.WEBHOOKS_READ),
    Endpoint("POST", r"webhooks/", Place.WEBHOOKS, Scope.WEBHOOKS_WRITE),
    Endpoint("DELETE", r"webhooks/([0-9]+)/", Place.WEBHOOKS, Scope.WEBHOOKS_WRITE),
)


def endpoints(request: Request) -> list[tuple[Endpoint, tuple[str, ...]]]:
    """The endpoints with a request's path, the one with its method first, and the parts of the path."""
    if not request.path.startswith(PREFIX):
        return []
    path = request.path[len(PREFIX) :]
    found = [(one, match.groups()) for one in ENDPOINTS if (match := re.fullmatch(one.path, path))]
    return sorted(found, key=lambda pair: pair[0].method != request.method)


class RateLimit:
    """A number of requests in any one second of the store's clock; None for no limit."""

    def __init__(self, limit: int | None, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._passed: deque[datetime] = deque()

    def passes(self) -> bool:
        """Whether one more request may pass now; a rejected request does not count."""
        if self._limit is None:
            return True
        with self._lock:
            now = self._clock.now()
            while self._passed and self._passed[0] <= now - SECOND:
                self._passed.popleft()
            if len(self._passed) >= self._limit:
                return False
            self._passed.append(now)
            return True


class Api(RequestHandler):
    """The Admin API of one store."""

    host = "api"

    def __init__(self, store: Store, links: Links, webhooks: WebhookCalls) -> None:
        super().__init__(store)
        self._limit = RateLimit(store.options.rate_limit, store.clock)
        self._exports = ExportCalls(store, links)
        calls = StoreCalls(store)
        self._calls: dict[Place, Callable[[Call], Reply]] = {
            Place.TYPES: self._exports.types,
            Place.LIST: self._exports.page,
            Place.CREATE: self._exports.create,
            Place.POLL: self._exports.get,
            Place.LINK: self._exports.link,
            Place.STORE: calls.store,
            Place.METADATA: calls.metadata,
            Place.WEBHOOKS: webhooks.call,
        }

    def place(self, request: Request) -> tuple[Place, tuple[str, ...]]:
        """Its endpoint, and the parts of its path."""
        found = endpoints(request)
        return (found[0][0].place, found[0][1]) if found else (Place.UNKNOWN, ())

    def export_type(self, call: Call) -> str | None:
        """The type of export that a call concerns."""
        return self._exports.export_type(call)

    def handle(self, call: Call) -> Reply:
        """Answer a call, or reject it."""
        found = [endpoint for endpoint, _ in endpoints(call.request)]
        refusal = self._unauthenticated(call.request) or self._not_allowed(call.request, found)
        return refusal or self._calls[call.place](call)

    def _unauthenticated(self, request: Request) -> Reply | None:
        """Reject a request without a token, above the limit, or without a version."""
        authorization = request.headers.get("Authorization", "")
        if authorization != f"Bearer {self._store.token}":
            missing = "Authentication credentials were not provided."
            detail = "Invalid token." if authorization else missing
            return json_reply(401, {"detail": detail}, {"WWW-Authenticate": "Bearer"})
        if not self._limit.passes():
            return json_reply(429, {"detail": "Request was throttled."}, {"Retry-After": "1"})
        if request.headers.get(VERSION_HEADER) not in VERSIONS:
            return json_reply(400, {"detail": f"{VERSION_HEADER} is missing or not a known version."})
        return None

    def _not_allowed(self, request: Request, found: list[Endpoint]) -> Reply | None:
        """Reject an unknown path, a wrong method, and a missing scope."""
        if not found:
            return json_reply(404, {"detail": "Not found."})
        if found[0].method != request.method:
            allowed = {"Allow": ", ".join(one.method for one in found)}
            return json_reply(405, {"detail": f'Method "{request.method}" not allowed.'}, allowed)
        if found[0].scope not in self._store.options.scopes:
            detail = "You do not have permission to perform this action."
            if self._store.options.admin_scopes:
                scope = found[0].scope.value
                detail = f"This action needs the scope {scope} or admin:{scope.partition(':')[2]}."
            return json_reply(403, {"detail": detail})
        return None
