"""Faults on request: what fails, and where."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

Place = Literal[
    "types",  # GET exports/types/
    "list",  # GET exports/
    "create",  # POST exports/
    "poll",  # GET exports/{id}/
    "link",  # GET exports/{id}/download/
    "file",  # anything on the file host
    "store",  # GET store/
    "metadata",  # GET metadata/
    "webhooks",  # anything on webhooks/
    "webhook",  # a delivery from the store; never in the log
    "unknown",  # no such address; only in the log
    "any",  # any request; only in a fault
]
"""Where a fault occurs; also the name of a request in the log."""

Kind = Literal[
    "status",  # an answer with `status`, `headers` and `body`
    "refuse",  # the connection is closed without an answer
    "reset",  # the same with an RST
    "hang",  # no answer for `seconds` (None: until the store stops), then the connection is closed
    "slow",  # the right answer, after `seconds`
    "cut",  # the right length is declared, `keep` bytes are sent, the connection is closed
    "overlong",  # the whole body is sent, but only `keep` bytes are declared
    "wrong_length",  # the whole body is sent, more is declared, the connection is closed
    "stall",  # the right length is declared, `keep` bytes are sent, then none for `seconds`, as after `hang`
    "empty",  # 200 with an empty body
    "html",  # 200 with an HTML page
    "body",  # 200 with `body`
    "json",  # 200 with `document` as JSON
    "redirect",  # `status` (302 when left at 503) to `location`
    "lost",  # the request takes effect, and the connection is closed without an answer
    "away",  # the right answer; then the port is closed for `seconds` (None: until faults are cleared)
    "expire",  # the link has expired
    "never_ready",  # the export that is created stays pending
    "unknown_status",  # exports in the answer have the status `value`
]
"""The kinds of faults. Deliveries of webhooks support only `lost`, `slow`, `body` and `unknown_status`."""
UNANSWERED = {"refuse", "reset", "hang", "lost"}
"""Kinds that end the connection without an answer."""
BREAKING = UNANSWERED | {"cut", "overlong", "wrong_length", "stall", "away"}
"""Kinds after which the connection is closed."""


@dataclass
class Fault:
    """A fault, such as `Fault("create", "status", status=503, times=2)`."""

    place: Place
    kind: Kind
    times: int | None = 1  # None: always
    after: int = 0  # number of matching requests that pass first
    export_type: str | None = None  # only requests that concern this type
    status: int = 503  # for `status` and `redirect`
    headers: Mapping[str, str] = field(default_factory=dict)  # for `status`, further headers of the answer
    body: bytes | str = b""  # for `status` and `body`
    document: object = None  # for `json`
    seconds: float | None = None  # for `hang`, `slow`, `stall` and `away`
    # For `cut`, `stall` and `overlong`, in bytes. By default, a cut keeps about half of the rows, all whole, and
    # an overlong body is cut in its last row.
    keep: int | None = None
    location: str = ""  # for `redirect`
    value: str = "failed"  # for `unknown_status`

    def __post_init__(self) -> None:
        for text, known in ((self.place, get_args(Place)), (self.kind, get_args(Kind))):
            if text not in known:
                raise ValueError(f"{text!r} is not one of {', '.join(known)}")

    @property
    def content(self) -> bytes:
        """The body in bytes."""
        return self.body.encode() if isinstance(self.body, str) else self.body

    @classmethod
    def from_json(cls, document: Any) -> Fault:  # noqa: ANN401
        """Read a fault from JSON, its fields by name; an invalid one is a ValueError."""
        try:
            return cls(**document)
        except TypeError as error:
            known = ", ".join(one.name for one in fields(cls))
            raise ValueError(f"A fault is a JSON object with place and kind; its fields are {known}") from error

    def concerns(self, place: Place, export_type: str | None) -> bool:
        """Whether it is for a request like this one."""
        anywhere = self.place == "any" and place != "webhook"
        return (anywhere or self.place == place) and self.export_type in {None, export_type}


class PendingFaults:
    """The faults that have not occurred yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Add a fault."""
        self._pending.append(replace(fault))  # a copy, whose numbers are counted down

    def clear(self) -> None:
        """Remove all faults."""
        self._pending.clear()

    def take(self, place: Place, export_type: str | None) -> Fault | None:
        """The fault of a request: of those that match, the one that was added first."""
        with self._lock:
            hit = None
            for fault in self._pending:
                if not fault.concerns(place, export_type):
                    continue
                if fault.after:
                    fault.after -= 1
                elif hit is None:
                    hit = fault
            if hit is not None and hit.times is not None:
                hit.times -= 1
                if not hit.times:
                    self._pending.remove(hit)
            return hit
