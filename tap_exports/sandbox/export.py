"""An export, and the window that it covers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tap_exports.sandbox.merchant import Definition


class Status(str, Enum):
    """The two values of `status` that the API has."""

    PENDING = "pending"
    AVAILABLE = "available"


class Window(NamedTuple):
    """What an export's file shows: which objects, as of when, in which columns."""

    code: str
    date_from: datetime  # included
    date_to: datetime  # included or not: an option
    now: datetime  # later events have not happened
    merchant: tuple[Definition, ...]  # a merchant's own columns
    where: tuple[tuple[str, str], ...] = ()  # pairs of a header and a text that all rows have: a dashboard's filter


@dataclass(frozen=True)
class Export:
    """One export; `ready_at` is None for one that never gets ready."""

    id: int
    window: Window
    started_at: datetime
    ready_at: datetime | None
    downloads: int = 0  # times that its file was sent, whole or not

    @property
    def type(self) -> str:
        """Its type's code."""
        return self.window.code

    @property
    def date_from(self) -> datetime:
        """The start of its window."""
        return self.window.date_from

    @property
    def date_to(self) -> datetime:
        """The end of its window."""
        return self.window.date_to

    @property
    def created_at(self) -> datetime:
        """When it was requested."""
        return self.window.now

    def status(self, now: datetime) -> Status:
        """Its status at a moment."""
        ready = self.ready_at is not None and self.ready_at <= now
        return Status.AVAILABLE if ready else Status.PENDING


def rfc3339(moment: datetime) -> str:
    """An instant in UTC with a `Z`."""
    return moment.astimezone(timezone.utc).replace(tzinfo=None).isoformat() + "Z"
