"""Faults on request: what fails, and where."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Place(str, Enum):
    """Where a fault occurs; also the name of a request in the log."""

    TYPES = "types"  # GET exports/types/
    LIST = "list"  # GET exports/
    CREATE = "create"  # POST exports/
    POLL = "poll"  # GET exports/{id}/
    LINK = "link"  # GET exports/{id}/download/
    FILE = "file"  # anything on the file host
    STORE = "store"  # GET store/
    METADATA = "metadata"  # GET metadata/
    WEBHOOKS = "webhooks"  # anything on webhooks/
    WEBHOOK = "webhook"  # a delivery from the store; never in the log
    UNKNOWN = "unknown"  # no such address; only in the log
    ANY = "any"  # any request; only in a fault


class FaultKind(str, Enum):
    """The kinds of faults.

    Deliveries of webhooks (`Place.WEBHOOK`) support only `lost`, `slow`, `body` and `unknown_status`.
    """

    STATUS = "status"  # an answer with `status`, `headers` and `body`
    REFUSE = "refuse"  # the connection is closed without an answer
    RESET = "reset"  # the same with an RST
    HANG = "hang"  # no answer for `seconds` (None: until the store stops), then the connection is closed
    SLOW = "slow"  # the right answer, after `seconds`
    CUT = "cut"  # the right length is declared, `keep` bytes are sent, the connection is closed
    OVERLONG = "overlong"  # the whole body is sent, but only `keep` bytes are declared
    WRONG_LENGTH = "wrong_length"  # the whole body is sent, more is declared, the connection is closed
    STALL = "stall"  # the right length is declared, `keep` bytes are sent, then none for `seconds`, as after `hang`
    EMPTY = "empty"  # 200 with an empty body
    HTML = "html"  # 200 with an HTML page
    BODY = "body"  # 200 with `body`
    JSON = "json"  # 200 with `document` as JSON
    REDIRECT = "redirect"  # `status` (302 when left at 503) to `location`
    LOST = "lost"  # the request takes effect, and the connection is closed without an answer
    AWAY = "away"  # the right answer; then the port is closed for `seconds` (None: until faults are cleared)
    EXPIRE = "expire"  # the link has expired
    NEVER_READY = "never_ready"  # the export that is created stays pending
    UNKNOWN_STATUS = "unknown_status"  # exports in the answer have the status `value`


@dataclass(frozen=True)
class Fault:
    """A fault.

    Place and kind may be given by value: `Fault("create", "status", status=503, times=2)`.
    """

    place: Place
    kind: FaultKind
    times: int | None = 1  # None: always
    after: int = 0  # number of matching requests that pass first
    export_type: str | None = None  # only requests that concern this type
    status: int = 503  # for `status` and `redirect`
    headers: Mapping[str, str] = field(default_factory=dict)  # for `status`, further headers of the answer
    body: bytes | str | None = None  # for `status` and `body`
    document: object = None  # for `json`
    seconds: float | None = None  # for `hang`, `slow`, `stall` and `away`
    # For `cut`, `stall` and `overlong`, in bytes. By default, a cut keeps about half of the rows, all whole, and
    # an overlong body is cut in its last row.
    keep: int | None = None
    location: str = ""  # for `redirect`
    value: str = "failed"  # for `unknown_status`

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", Place(self.place))
        object.__setattr__(self, "kind", FaultKind(self.kind))

    @property
    def content(self) -> bytes:
        """The body in bytes."""
        body = self.body or b""
        return body.encode() if isinstance(body, str) else body

    @classmethod
    def from_json(cls, document: object) -> Fault:
        """Read a fault from JSON, its fields by name.

        Raises:
            ValueError: When it is invalid.
        """
        if not isinstance(document, dict):
            raise ValueError("A fault is a JSON object")  # noqa: TRY004
        known = {one.name for one in fields(cls)}
        if strange := set(document) - known:
            raise ValueError(f"A fault has no {', '.join(sorted(strange))}; it has {', '.join(sorted(known))}")
        try:
            return cls(**document)
        except TypeError as error:
            raise ValueError("A fault needs a place and a kind") from error


class PendingFaults:
    """The faults that have not occurred yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[_PendingFault] = []

    def add(self, fault: Fault) -> None:
        """Add a fault."""
        with self._lock:
            self._pending.append(_PendingFault(fault, fault.after, fault.times))

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._pending.clear()

    def take(self, place: Place, export_type: str | None) -> Fault | None:
        """The fault of a request: of those that match, the one that was added first."""
        with self._lock:
            hit: _PendingFault | None = None
            for pending in self._pending:
                if not pending.fits(place, export_type):
                    continue
                if pending.after > 0:
                    pending.after -= 1
                elif hit is None:
                    hit = pending
            return self._used(hit) if hit is not None else None

    def _used(self, pending: _PendingFault) -> Fault:
        if pending.left is not None:
            pending.left -= 1
            if not pending.left:
                self._pending.remove(pending)
        return pending.fault


@dataclass(eq=False)
class _PendingFault:
    fault: Fault
    after: int
    left: int | None

    def fits(self, place: Place, export_type: str | None) -> bool:
        anywhere = self.fault.place is Place.ANY and place is not Place.WEBHOOK
        return (anywhere or self.fault.place is place) and self.fault.export_type in {None, export_type}
