"""Handles every request: logs it, applies a fault if one matches, and answers it."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tap_exports.sandbox.faults import Fault, FaultKind, Place
from tap_exports.sandbox.reply import Reply, Transmission, json_reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Request

    from tap_exports.sandbox.store import Store

HTML = b"<!doctype html><html><head><title>Sorry</title></head><body><h1>Be right back</h1></body></html>\n"
OVERLONG_BY = 7


def parsed(request: Request) -> object:
    """The body as JSON; None when invalid."""
    try:
        return json.loads(request.get_data())
    except ValueError:
        return None


@dataclass(frozen=True)
class Call:
    """A request that has been logged."""

    request: Request
    place: Place
    body: object  # the parsed JSON, or None
    parts: tuple[str, ...] = ()  # of the path, such as the id of an export
    fault: Fault | None = None

    def has_fault(self, kind: FaultKind) -> bool:
        """Whether its fault is of this kind."""
        return self.fault is not None and self.fault.kind is kind


def _status(fault: Fault) -> Reply:
    kind = "application/json" if fault.content[:1] in {b"{", b"["} else "text/html"
    return Reply(fault.status, fault.content, {"Content-Type": kind, **fault.headers})


def _redirect(fault: Fault) -> Reply:
    status = fault.status if 300 <= fault.status < 400 else 302  # noqa: PLR2004
    return Reply(status, b"", {"Location": fault.location})


REPLACEMENTS: dict[FaultKind, Callable[[Fault], Reply]] = {
    FaultKind.STATUS: _status,
    FaultKind.REFUSE: lambda _: Reply(0, transmission=Transmission.DROP),
    FaultKind.RESET: lambda _: Reply(0, transmission=Transmission.RESET),
    FaultKind.HANG: lambda _: Reply(0, transmission=Transmission.DROP),
    FaultKind.EMPTY: lambda _: Reply(200, b"", {"Content-Type": "text/csv"}),
    FaultKind.HTML: lambda _: Reply(200, HTML, {"Content-Type": "text/html; charset=utf-8"}),
    FaultKind.BODY: lambda fault: Reply(200, fault.content, {"Content-Type": "text/csv"}),
    FaultKind.JSON: lambda fault: json_reply(200, fault.document),
    FaultKind.REDIRECT: _redirect,
}
"""Answers that replace the right one; the request has no effect."""


def _cut(reply: Reply, fault: Fault) -> Reply:
    keep = fault.keep
    if keep is None:
        # After a whole row, so that only the length shows the cut.
        half = len(reply.body) // 2
        keep = reply.body.rfind(b"\n", 0, half) + 1 or half
    return replace(reply, transmission=Transmission.CUT, keep=keep)


def _overlong(reply: Reply, fault: Fault) -> Reply:
    declared = len(reply.body) - OVERLONG_BY if fault.keep is None else fault.keep
    return replace(reply, declared=max(0, declared))


DISTORTIONS: dict[FaultKind, Callable[[Reply, Fault], Reply]] = {
    FaultKind.CUT: _cut,
    FaultKind.OVERLONG: _overlong,
    FaultKind.WRONG_LENGTH: lambda reply, _: replace(reply, declared=len(reply.body) + OVERLONG_BY),
    FaultKind.STALL: lambda reply, fault: replace(
        _cut(reply, fault), transmission=Transmission.STALL, seconds=fault.seconds
    ),
    FaultKind.AWAY: lambda reply, fault: replace(reply, transmission=Transmission.AWAY, seconds=fault.seconds),
    FaultKind.LOST: lambda reply, _: replace(reply, transmission=Transmission.DROP),
}
"""Changes of the right answer."""


class RequestHandler(ABC):
    """Handles the requests of one host."""

    host: str  # its name in the log

    def __init__(self, store: Store) -> None:
        self._store = store

    @abstractmethod
    def place(self, request: Request) -> tuple[Place, tuple[str, ...]]:
        """Which call a request is, and the parts of its path."""

    @abstractmethod
    def export_type(self, call: Call) -> str | None:
        """The type of export that a call concerns."""

    @abstractmethod
    def handle(self, call: Call) -> Reply:
        """The right answer."""

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        place, parts = self.place(request)
        call = Call(request, place, parsed(request), parts)
        number = self._store.request_log.open(
            host=self.host,
            place=place.value,
            method=request.method,
            path=request.path,
            query=dict(request.args),
            headers=dict(request.headers),
            body=call.body,
        )
        fault = self._store.pending_faults.take(place, self.export_type(call))
        if fault is not None and fault.kind is FaultKind.HANG:
            self._store.request_log.close(number, None, fault.kind)
            self._store.stopping.wait(fault.seconds)
            return REPLACEMENTS[FaultKind.HANG](fault)
        if fault is not None and fault.kind is FaultKind.SLOW:
            self._store.stopping.wait(fault.seconds if fault.seconds is not None else 1.0)
        reply = self._replied(replace(call, fault=fault))
        answered = reply.transmission not in {Transmission.DROP, Transmission.RESET}
        self._store.request_log.close(number, reply.status if answered else None, fault.kind if fault else None)
        return reply

    def _replied(self, call: Call) -> Reply:
        fault = call.fault
        if fault is not None and fault.kind in REPLACEMENTS:
            return REPLACEMENTS[fault.kind](fault)
        reply = self.handle(call)
        if fault is not None and fault.kind in DISTORTIONS:
            return DISTORTIONS[fault.kind](reply, fault)
        return reply
