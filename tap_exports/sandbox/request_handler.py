"""Handles every request: logs it, applies a fault if one matches, and answers it."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_exports.sandbox.faults import UNANSWERED
from tap_exports.sandbox.records import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.wrappers import Request as HttpRequest

    from tap_exports.sandbox.faults import Fault, Place
    from tap_exports.sandbox.records import Export
    from tap_exports.sandbox.store import Store

HTML = b"<!doctype html><html><head><title>Sorry</title></head><body><h1>Be right back</h1></body></html>\n"


class Reply(NamedTuple):
    """An answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}  # without `Content-Length`
    fault: Fault | None = None  # with which it is sent


def json_reply(status: int, document: object, **headers: str) -> Reply:
    """An answer in JSON; in names of headers, `_` stands for `-`."""
    body = json.dumps(document, ensure_ascii=False).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, body, {"Content-Type": "application/json", **named})


def parsed(request: HttpRequest) -> Any:  # noqa: ANN401
    """The body as JSON; None when invalid."""
    try:
        return json.loads(request.get_data())
    except ValueError:
        return None


def _replacement(fault: Fault) -> Reply | None:
    """The answer that replaces the right one, which then has no effect; None for a fault of another kind."""
    status, content, headers = 200, fault.content, fault.headers
    match fault.kind:
        case "refuse" | "reset" | "hang" | "empty" | "body":
            pass
        case "status":
            status = fault.status
        case "redirect":
            status = fault.status if 300 <= fault.status < 400 else 302  # noqa: PLR2004
            headers = {"Location": fault.location}
        case "html":
            content = HTML
        case "json":
            content = json.dumps(fault.document, ensure_ascii=False).encode()
        case _:
            return None
    kinds = {b"{": "application/json", b"[": "application/json", b"<": "text/html; charset=utf-8"}
    return Reply(status, content, {"Content-Type": kinds.get(content[:1], "text/csv"), **headers})


class RequestHandler(ABC):
    """Handles the requests of one host."""

    host: str  # its name in the log

    def __init__(self, store: Store) -> None:
        self._store = store

    @abstractmethod
    def _place(self, request: HttpRequest) -> tuple[Place, int | None]:
        """Which call a request is, and the number in its path."""

    @abstractmethod
    def _handle(self, request: Request) -> Reply:
        """The right answer."""

    def _export(self, request: Request) -> Export | None:
        """The export in a request's path."""
        return self._store.export(request.number) if request.place in {"poll", "link", "file"} else None

    def _export_type(self, request: Request) -> str | None:
        """The type of export that a request concerns."""
        if request.place == "create" and isinstance(request.body, dict):
            return str(request.body.get("type"))
        export = self._export(request)
        return export.type if export else request.query.get("type")

    def answer(self, http: HttpRequest) -> Reply:
        """Answer one request."""
        place, number = self._place(http)
        request = Request(
            time=self._store.now,
            host=self.host,
            place=place,
            number=number,
            method=http.method,
            path=http.path,
            query=dict(http.args),
            headers=dict(http.headers),
            body=parsed(http),
        )
        self._store.log.append(request)
        fault = request.fault = self._store.pending_faults.take(request.place, self._export_type(request))
        if fault is not None and fault.kind in {"hang", "slow"}:
            self._store.stopping.wait(fault.seconds)
        reply = (_replacement(fault) if fault else None) or self._handle(request)
        if fault is None or fault.kind not in UNANSWERED:
            request.status = reply.status
        return reply._replace(fault=fault)
