"""A practice store without its servers: its data, exports, faults and requests."""

from __future__ import annotations

import csv
import heapq
import io
import threading
from bisect import bisect_right
from datetime import datetime, time, timedelta, timezone
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tap_exports.sandbox.clock import Clock, rfc3339
from tap_exports.sandbox.csv_renderer import CsvRenderer
from tap_exports.sandbox.dataset import Dataset
from tap_exports.sandbox.faults import PendingFaults
from tap_exports.sandbox.metadata import Definition, definitions
from tap_exports.sandbox.records import Export

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_exports.sandbox.faults import Fault
    from tap_exports.sandbox.options import Options
    from tap_exports.sandbox.records import Delivery, Request, Webhook

FIRST_ID = 42
FILES_KEPT = 8
SECOND = timedelta(seconds=1)


class Store:
    """One practice store. `api_url` ends in a slash; both addresses are empty until the servers run."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.api_url = ""
        self.file_origin = ""
        secret = blake2b(str(options.seed).encode(), digest_size=16).hexdigest()
        self.token = options.token or f"sbx_{secret}"
        self.link_key = f"links {secret}".encode()
        self.stopping = threading.Event()
        self.clock = Clock(options.now, frozen=options.frozen)
        day = (self.now - timedelta(days=options.days)).date()
        self.start_date = datetime.combine(day, time(), timezone.utc)
        self.pending_faults = PendingFaults()
        self.definitions = definitions(campaigns_app=options.campaigns_app)
        self.renderer = CsvRenderer(options, Dataset(options, self.start_date))
        self.types = tuple(self.renderer.types)
        # Oldest first.
        self.log: list[Request] = []
        self.exports: list[Export] = []
        self.webhooks: list[Webhook] = []
        self.deliveries: list[Delivery] = []
        self._lock = threading.Lock()
        # When each of the exports that are made at once is ready.
        self._free = [datetime.min.replace(tzinfo=timezone.utc)] * options.parallel_exports
        self.file = lru_cache(maxsize=FILES_KEPT)(self._file)

    @property
    def config(self) -> dict[str, object]:
        """Settings with which the tap reads this store from its first day."""
        return {"api_url": self.api_url, "access_token": self.token, "start_date": rfc3339(self.start_date)}

    @property
    def now(self) -> datetime:
        """The store's now."""
        return self.clock.now()

    def count(self, place: str | None = None, status: int | None = None) -> int:
        """The number of requests, of one place or with one status."""
        return sum(place in {None, one.place} and status in {None, one.status} for one in self.log)

    def peak_requests_per_second(self) -> int:
        """The most requests to the API in any one second of the store's clock."""
        times = sorted(one.time for one in self.log if one.host == "api")
        return max((n - bisect_right(times, at - SECOND) for n, at in enumerate(times, start=1)), default=0)

    def add_fault(self, fault: Fault) -> None:
        """Add a fault."""
        self.pending_faults.add(fault)

    def clear_faults(self) -> None:
        """Remove all faults."""
        self.pending_faults.clear()

    def advance(self, step: timedelta) -> None:
        """Move the store's clock forward."""
        self.clock.advance(step)

    def add_column(self, owner: str, key: str, name: str, kind: str) -> None:
        """Add a metadata definition, whose column is in exports from now on."""
        self.definitions.append(Definition(len(self.definitions) + 1, owner, key, name, kind))

    def make_export(
        self,
        code: str,
        date_from: datetime,
        date_to: datetime,
        where: Mapping[str, str] | None = None,
        *,
        never_ready: bool = False,
    ) -> Export:
        """Make an export, in the dashboard if without the API; `where` is a dashboard's filter: header and text.

        Nothing runs in the background: `parallel_exports` are made at once, the others wait first in, first out,
        and the time at which each is ready is known when it is requested. One that is never ready delays no other.
        """
        with self._lock:
            export = self._as_of_now(code, date_from, date_to, where)
            export.id = FIRST_ID + len(self.exports)
            if not never_ready:
                seconds = self.options.ready_seconds
                needed = timedelta(seconds=seconds(export) if callable(seconds) else seconds)
                export.ready_at = max(export.created_at, self._free[0]) + needed
                heapq.heapreplace(self._free, export.ready_at)
            self.exports.append(export)
        self.clock.notify()
        return export

    def _as_of_now(
        self, code: str, date_from: datetime, date_to: datetime, where: Mapping[str, str] | None = None
    ) -> Export:
        merchant = tuple(one for one in self.definitions if one.enable_export)
        return Export(code, date_from, date_to, self.now, merchant, where or {})

    def export(self, number: int | None) -> Export | None:
        """An export by its id."""
        return next((one for one in self.exports if one.id == number), None)

    def csv(self, code: str, date_from: datetime, date_to: datetime) -> bytes:
        """The file of an export created now. An unknown type is a KeyError."""
        return self.renderer.csv(self._as_of_now(code, date_from, date_to))

    def rows(self, code: str, date_from: datetime, date_to: datetime) -> list[dict[str, str]]:
        """The rows of that file, by header; each cell is text."""
        text = self.csv(code, date_from, date_to).decode(self.options.encoding).removeprefix("\ufeff")
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def _file(self, export_id: int) -> bytes:
        """The file of an export, with the data of its creation. An unknown export is a KeyError."""
        export = self.export(export_id)
        if export is None:
            raise KeyError(f"No export {export_id}")
        return self.renderer.csv(export)

    def export_json(self, export: Export, fault: Fault | None = None) -> dict[str, object]:
        """An Export as the API answers it."""
        status = export.status(self.now)
        nulled = self.options.null_dates
        document: dict[str, object] = {
            "id": export.id,
            "created_at": self._api_time(export.created_at),
            "type": export.type,
            "status": status,
            "date_from": None if nulled else self._api_time(export.date_from),
            "date_to": None if nulled else self._api_time(export.date_to),
            "url": f"{self.api_url}exports/{export.id}/",
        }
        if fault is not None and fault.kind == "unknown_status":
            document["status"] = fault.value
        elif self.options.omit_status and status == "pending":
            del document["status"]
        return document

    def _api_time(self, moment: datetime) -> str:
        if self.options.api_times == "offset":
            return moment.astimezone(ZoneInfo(self.options.timezone)).isoformat(timespec="microseconds")
        return rfc3339(moment)
