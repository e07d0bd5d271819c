"""What the parts of one practice store share."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, timezone
from hashlib import blake2b
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from tap_exports.sandbox.clock import Clock
from tap_exports.sandbox.csv_renderer import Sheets, Window
from tap_exports.sandbox.dataset import History
from tap_exports.sandbox.exports import Export, Exports, rfc3339
from tap_exports.sandbox.faults import Faults
from tap_exports.sandbox.merchant import Merchant
from tap_exports.sandbox.options import ApiTimes, NextLinks
from tap_exports.sandbox.request_log import Journal

if TYPE_CHECKING:
    from tap_exports.sandbox.options import Options

FILES_KEPT = 8


def derived(seed: int, what: str) -> str:
    """Something secret that follows from the seed."""
    return blake2b(f"{seed}/{what}".encode(), digest_size=16).hexdigest()


@dataclass
class State:
    """One practice store, without its servers."""

    options: Options
    api_url: str = ""
    file_origin: str = ""
    stopping: threading.Event = field(default_factory=threading.Event)
    faults: Faults = field(default_factory=Faults)
    merchant: Merchant = field(default_factory=Merchant)

    def __post_init__(self) -> None:
        options = self.options
        self.clock = Clock(options.now, frozen=options.frozen)
        self.token = options.token or f"sbx_{derived(options.seed, 'token')}"
        day = (self.clock.now() - timedelta(days=options.days)).date()
        self.start = datetime.combine(day, time(), timezone.utc)
        self.history = History(options, self.start)
        if options.campaigns_app:
            self.merchant.install_campaigns_app()
        self.sheets = Sheets(options, self.history)
        self.exports = Exports(options, self.clock)
        self.journal = Journal(self.clock)
        self._files: OrderedDict[int, bytes] = OrderedDict()
        self._filing = threading.Lock()

    def window(self, code: str, date_from: datetime, date_to: datetime) -> Window:
        """A window as of now."""
        return Window(code, date_from, date_to, self.clock.now(), self.merchant.enabled())

    def create_export(self, window: Window, *, never_ready: bool = False) -> Export:
        """Make an export, with the faults that concern its file."""
        changes = self.faults.take_content(window.code)
        return self.exports.create(window._replace(changes=changes), never_ready=never_ready)

    def api_time(self, moment: datetime) -> str:
        """An instant as the API writes it."""
        if self.options.api_times is ApiTimes.OFFSET:
            return moment.astimezone(ZoneInfo(self.options.timezone)).isoformat(timespec="microseconds")
        return rfc3339(moment)

    def list_url(self, path: str) -> str:
        """The address of a list, as its `next` and `previous` links have it."""
        parts = urlsplit(f"{self.api_url}{path}")
        if self.options.next_links is NextLinks.NO_PORT:
            parts = parts._replace(netloc=parts.hostname or "")
        elif self.options.next_links is NextLinks.OTHER_SCHEME:
            parts = parts._replace(scheme="http" if parts.scheme == "https" else "https")
        return parts.geturl()

    def file(self, export: Export) -> bytes:
        """An export's file, as the store was when it was asked for; the last few are kept."""
        with self._filing:
            if export.id not in self._files:
                window = Window(
                    export.type,
                    export.date_from,
                    export.date_to,
                    export.created_at,
                    export.merchant,
                    export.where,
                    export.changes,
                )
                self._files[export.id] = self.sheets.csv(window)
                if len(self._files) > FILES_KEPT:
                    self._files.popitem(last=False)
            self._files.move_to_end(export.id)
            return self._files[export.id]
