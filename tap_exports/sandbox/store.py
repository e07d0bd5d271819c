"""A practice store without its servers: its data, exports, faults and requests."""

from __future__ import annotations

import csv
import io
import threading
from collections import OrderedDict
from datetime import datetime, time, timedelta, timezone
from hashlib import blake2b
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from tap_exports.sandbox.clock import Clock
from tap_exports.sandbox.csv_renderer import CsvRenderer
from tap_exports.sandbox.dataset import Dataset
from tap_exports.sandbox.export import Status, Window, rfc3339
from tap_exports.sandbox.exports import ExportQueue
from tap_exports.sandbox.faults import FaultKind, PendingFaults
from tap_exports.sandbox.merchant import Merchant
from tap_exports.sandbox.request_log import RequestLog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_exports.sandbox.export import Export
    from tap_exports.sandbox.faults import Fault
    from tap_exports.sandbox.merchant import MetadataType
    from tap_exports.sandbox.options import Options
    from tap_exports.sandbox.request_log import Request

FILES_KEPT = 8


def derived(seed: int, what: str) -> str:
    """A secret that follows from the seed."""
    return blake2b(f"{seed}/{what}".encode(), digest_size=16).hexdigest()


class Store:
    """One practice store. `api_url` ends in a slash; both addresses are empty until the servers run."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.api_url = ""
        self.file_origin = ""
        self.token = options.token or f"sbx_{derived(options.seed, 'token')}"
        self.stopping = threading.Event()
        self.clock = Clock(options.now, frozen=options.frozen)
        day = (self.clock.now() - timedelta(days=options.days)).date()
        self.start_date = datetime.combine(day, time(), timezone.utc)
        self.pending_faults = PendingFaults()
        self.merchant = Merchant(campaigns_app=options.campaigns_app)
        self.dataset = Dataset(options, self.start_date)
        self.renderer = CsvRenderer(options, self.dataset)
        self.export_queue = ExportQueue(options, self.clock)
        self.request_log = RequestLog(self.clock)
        self._files: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def config(self) -> dict[str, object]:
        """Settings with which the tap reads this store from its first day."""
        return {"api_url": self.api_url, "access_token": self.token, "start_date": rfc3339(self.start_date)}

    @property
    def now(self) -> datetime:
        """The store's now."""
        return self.clock.now()

    @property
    def log(self) -> list[Request]:
        """All requests so far, oldest first."""
        return self.request_log.entries

    @property
    def exports(self) -> list[Export]:
        """All exports so far, oldest first."""
        return self.export_queue.all

    @property
    def types(self) -> tuple[str, ...]:
        """The codes of the types of export."""
        return tuple(self.renderer.types)

    def count(self, place: str | None = None, status: int | None = None) -> int:
        """The number of requests, of one place or with one status."""
        return self.request_log.count(place, status)

    def peak_requests_per_second(self) -> int:
        """The most requests to the API in any one second of the store's clock."""
        return self.request_log.peak_per_second()

    def add_fault(self, fault: Fault) -> None:
        """Add a fault."""
        self.pending_faults.add(fault)

    def clear_faults(self) -> None:
        """Remove all faults."""
        self.pending_faults.clear()

    def advance(self, step: timedelta) -> None:
        """Move the store's clock forward."""
        self.clock.advance(step)

    def add_column(self, owner: str, key: str, name: str, kind: MetadataType) -> None:
        """Add a metadata definition, whose column is in exports from now on."""
        self.merchant.add(owner, key, name, kind)

    def make_export(
        self, code: str, date_from: datetime, date_to: datetime, where: Mapping[str, str] | None = None
    ) -> Export:
        """Make an export in the dashboard, without the API and its log; `where` is a filter: header and text."""
        window = self.window(code, date_from, date_to)
        return self.create_export(window._replace(where=tuple((where or {}).items())))

    def csv(self, code: str, date_from: datetime, date_to: datetime) -> bytes:
        """The file of an export created now. An unknown type is a KeyError."""
        return self.renderer.csv(self.window(code, date_from, date_to))

    def rows(self, code: str, date_from: datetime, date_to: datetime) -> list[dict[str, str]]:
        """The rows of that file, by header; each cell is text."""
        text = self.csv(code, date_from, date_to).decode(self.options.encoding).removeprefix("\ufeff")
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def file(self, export_id: int) -> bytes:
        """The file of an export, with the data of its creation. The last few are kept.

        Raises:
            KeyError: When there is no such export.
        """
        export = self.export_queue.get(export_id)
        if export is None:
            raise KeyError(f"No export {export_id}")
        with self._lock:
            if export_id not in self._files:
                self._files[export_id] = self.renderer.csv(export.window)
                if len(self._files) > FILES_KEPT:
                    self._files.popitem(last=False)
            self._files.move_to_end(export_id)
            return self._files[export_id]

    def window(self, code: str, date_from: datetime, date_to: datetime) -> Window:
        """A window as of now."""
        return Window(code, date_from, date_to, self.now, self.merchant.enabled())

    def create_export(self, window: Window, *, never_ready: bool = False) -> Export:
        """Add an export."""
        return self.export_queue.create(window, never_ready=never_ready)

    def export_json(self, export: Export, fault: Fault | None = None) -> dict[str, object]:
        """An Export as the API answers it."""
        status = export.status(self.now)
        nulled = self.options.null_dates
        document: dict[str, object] = {
            "id": export.id,
            "created_at": self._api_time(export.created_at),
            "type": export.type,
            "status": status.value,
            "date_from": None if nulled else self._api_time(export.date_from),
            "date_to": None if nulled else self._api_time(export.date_to),
            "url": f"{self.api_url}exports/{export.id}/",
        }
        if fault is not None and fault.kind is FaultKind.UNKNOWN_STATUS:
            document["status"] = fault.value
        elif self.options.omit_status and status is Status.PENDING:
            del document["status"]
        return document

    def _api_time(self, moment: datetime) -> str:
        if self.options.api_times == "offset":
            return moment.astimezone(ZoneInfo(self.options.timezone)).isoformat(timespec="microseconds")
        return rfc3339(moment)

    def list_url(self, path: str) -> str:
        """The address of a list, as its `next` links have it."""
        parts = urlsplit(f"{self.api_url}{path}")
        if self.options.next_links == "no_port":
            parts = parts._replace(netloc=parts.hostname or "")
        elif self.options.next_links == "other_scheme":
            parts = parts._replace(scheme="http" if parts.scheme == "https" else "https")
        return parts.geturl()
