"""The exports that a store was asked for, and when each is ready."""

from __future__ import annotations

import heapq
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_exports.sandbox.clock import Clock
    from tap_exports.sandbox.csv_renderer import Window
    from tap_exports.sandbox.faults import Fault
    from tap_exports.sandbox.merchant import Definition
    from tap_exports.sandbox.options import Options

FIRST_ID = 41


class Status(str, Enum):
    """All that the API says about an export's progress."""

    PENDING = "pending"
    AVAILABLE = "available"


@dataclass(frozen=True)
class Export:
    """One export.

    Attributes:
        id: As the API has it.
        type: Its type's code.
        date_from: Where its window starts.
        date_to: Where its window ends.
        created_at: When it was asked for.
        started_at: When its turn came, or will come.
        ready_at: When its file is there, or will be; None for never.
        merchant: The merchant's own columns at that time.
        where: Pairs of a header and a text that all of its rows have: a filter of the dashboard.
        changes: What is wrong with its file.
        links: How many links to its file were handed out.
        downloads: How many times its file was sent, whole or not.
    """

    id: int
    type: str
    date_from: datetime
    date_to: datetime
    created_at: datetime
    started_at: datetime
    ready_at: datetime | None
    merchant: tuple[Definition, ...] = ()
    where: tuple[tuple[str, str], ...] = ()
    changes: tuple[Fault, ...] = ()
    links: int = 0
    downloads: int = 0

    def status(self, now: datetime) -> Status:
        """Its status at a moment."""
        ready = self.ready_at is not None and self.ready_at <= now
        return Status.AVAILABLE if ready else Status.PENDING


def rfc3339(moment: datetime) -> str:
    """An instant as the API writes it."""
    return moment.astimezone(timezone.utc).replace(tzinfo=None).isoformat() + "Z"


class Exports:
    """All exports of a store.

    Nothing runs in the background: so many are made at once, the others wait in the order of their asking,
    and when each is ready is known as soon as it is asked for.
    """

    def __init__(self, options: Options, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._lock = threading.Lock()
        self._made: dict[int, Export] = {}
        self._free = [datetime.min.replace(tzinfo=timezone.utc)] * max(1, options.parallel_exports)

    def create(self, window: Window, *, never_ready: bool = False) -> Export:
        """Ask for an export. One that is never ready dies at once and holds up no other."""
        with self._lock:
            started = max(window.now, self._free[0])
            export = Export(
                id=FIRST_ID + len(self._made) + 1,
                type=window.code,
                date_from=window.date_from,
                date_to=window.date_to,
                created_at=window.now,
                started_at=started,
                ready_at=None,
                merchant=window.merchant,
                where=window.where,
                changes=window.changes,
            )
            if not never_ready:
                needed = self._options.ready_seconds
                seconds = needed(export) if callable(needed) else needed
                ready = started + timedelta(seconds=seconds)
                heapq.heapreplace(self._free, ready)
                export = replace(export, ready_at=ready)
            self._made[export.id] = export
        with self._clock.changed:
            self._clock.changed.notify_all()
        return export

    def get(self, number: int) -> Export | None:
        """One export."""
        return self._made.get(number)

    @property
    def all(self) -> list[Export]:
        """All, oldest first."""
        with self._lock:
            return list(self._made.values())

    def count(self, number: int, *, link: bool = False, download: bool = False) -> None:
        """Count what was done with an export."""
        with self._lock:
            one = self._made[number]
            self._made[number] = replace(one, links=one.links + link, downloads=one.downloads + download)
