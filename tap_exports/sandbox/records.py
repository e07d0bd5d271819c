"""What a store remembers: exports, requests, webhooks and their deliveries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tap_exports.sandbox.faults import Fault, Place
    from tap_exports.sandbox.metadata import Definition


@dataclass(eq=False)
class Export:
    """An export, and what its file shows: which objects, as of when, in which columns."""

    type: str  # its code
    date_from: datetime  # included
    date_to: datetime  # included or not: an option
    created_at: datetime  # later events have not happened
    merchant: tuple[Definition, ...] = ()  # a merchant's own columns
    where: Mapping[str, str] = field(default_factory=dict)  # texts by header that all rows have: a dashboard's filter
    id: int = 0
    ready_at: datetime | None = None  # None for one that never gets ready
    downloads: int = 0  # times that its file was sent, whole or not

    def status(self, now: datetime) -> str:
        """Its status at a moment, one of the API's two."""
        return "available" if self.ready_at is not None and self.ready_at <= now else "pending"


@dataclass(eq=False)
class Request:
    """One request and its answer."""

    time: datetime  # on the store's clock
    host: str  # `api` or `file`
    place: Place
    method: str  # of HTTP
    path: str  # without the query
    query: dict[str, str]  # the last value of a repeated name
    headers: dict[str, str]
    body: Any  # the parsed JSON, or None
    number: int | None  # in the path: the id of an export or a webhook
    status: int | None = None  # None without an answer, or before it
    fault: Fault | None = None


@dataclass(eq=False)
class Webhook:
    """One registration."""

    id: int
    created_at: datetime
    target: str
    events: list[str]
    secret_key: str = ""
    name: str = ""
    active: bool = True
    api_version: str = "2024-04-01"

    def as_json(self) -> dict[str, object]:
        """As the API answers it, without the secret."""
        hidden = {"created_at", "secret_key"}
        return {name: value for name, value in vars(self).items() if name not in hidden}


@dataclass(eq=False)
class Delivery:
    """One delivery of `export.created`; the practice store does not retry it."""

    export_id: int
    event_id: str
    time: datetime  # its start, on the store's clock
    status: int | None  # None without an answer
    fault: Fault | None
