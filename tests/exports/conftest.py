"""Exports and HTTP against a practice store: real HTTP on loopback, and a clock that never waits."""

from __future__ import annotations

import contextlib
import csv
import io
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tap_exports.clock import Clock, Timings
from tap_exports.errors import Stopped, TapExportsError
from tap_exports.exports.fetch import Exporter
from tap_exports.exports.progress import Progress
from tap_exports.exports.requester import ExportOptions, StreamExports
from tap_exports.exports.scheduler import ExportScheduler
from tap_exports.exports.stream_queue import StreamQueue, SyncRange
from tap_exports.exports.window_size import StreamMemory
from tap_exports.sandbox import Sandbox
from tap_exports.schema.layout import Knowledge, decide
from tap_exports.schema.stream_layout import StreamLayout
from tap_exports.store.client import Client
from tap_exports.store.session import Connection
from tap_exports.window import OWN_SECOND, SECOND, Window, WindowLimits

NOW = datetime(2025, 3, 4, 15, 30, tzinfo=timezone.utc)
DAY = timedelta(days=1)
AGENT = "tap-exports/test"


class FakeClock(Clock):
    """A clock that only its sleeps advance, together with a store's clock. For one thread at a time."""

    def __init__(self, store: Sandbox | None = None, timings: Timings | None = None) -> None:
        super().__init__(timings)
        self.store = store
        self.slept: list[float] = []
        self._lock = threading.Lock()
        self._seconds = 1000.0

    def now(self):
        return self.store.now if self.store else NOW + timedelta(seconds=self._seconds)

    def monotonic(self):
        return self._seconds

    def process_seconds(self):
        return 1000.0

    def sleep(self, seconds):
        if self._stopping.is_set():
            raise Stopped
        if seconds > 0:
            with self._lock:
                self.slept.append(seconds)
                self._seconds += seconds
                if self.store:
                    self.store.advance(timedelta(seconds=seconds))

    @property
    def waited(self):
        return sum(self.slept)


def open_temp_files(where):
    """Open files of this process in a directory, unnamed ones included."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            target = str(descriptor.readlink())
            if target.startswith(str(where)):
                found.append(target)
    return found


def peak_pending(exports):
    """The most exports that were pending at the store at one time."""
    never = datetime.max.replace(tzinfo=timezone.utc)
    spans = [(export.created_at, export.ready_at or never) for export in exports]
    return max(sum(start <= at < end for start, end in spans) for at, _ in spans)


class ExportSlot:
    """A slot that is always free, and records its use."""

    acquired = 0

    def acquire(self):
        self.acquired += 1

    def release(self):
        pass


@dataclass
class Bench:
    """One store, and the objects that make and download its exports."""

    store: Any
    clock: Any
    client: Client
    exporter: Exporter
    max_rows: int
    sources: dict[str, StreamExports] = field(default_factory=dict)
    slot: ExportSlot = field(default_factory=ExportSlot)
    closing: list[ExportScheduler] = field(default_factory=list)

    @property
    def downloader(self):
        return self.exporter.downloader

    def source(self, code="order_list", *, known=True):
        """A stream's exports, whose columns are known from a catalog."""
        if code not in self.sources:
            layout = StreamLayout(code, Knowledge())
            if known:
                rows = self.store.rows(code, self.store.start_date, self.store.start_date + timedelta(days=30))
                layout.adopt(decide(code, list(rows[0]), Knowledge()))
            self.sources[code] = StreamExports(code, layout)
        return self.sources[code]

    def window(self, first=0, days=10):
        """A window of the store's history, by its days."""
        start = self.start + timedelta(days=first)
        return Window(start, start + timedelta(days=days))

    @property
    def start(self):
        """The start of streams: a boundary of the tap's own, so that all windows of whole days have such ends."""
        return self.store.start_date + OWN_SECOND * SECOND

    def fetch(self, window=None, code="order_list"):
        """The checked file of a window, requested without a queue."""
        window = window or self.window()
        try:
            return self.exporter.fetch(self.source(code), window, self.slot)
        except TapExportsError as error:  # as the scheduler does
            raise error.at(f"stream {code}, window {window}")  # noqa: B904 - the same error

    def made(self, code=None):
        """The store's exports."""
        return [e for e in self.store.exports if code in (None, e.type)]

    def scheduler(self, *codes, days=40, step=10, max_pending=4):
        """A scheduler over some streams, whose windows are all as long as the first.

        Rows per day are known, so that windows are exported concurrently.
        """
        limits = WindowLimits(step * DAY, step * DAY, timedelta(0), timedelta(0))
        sync_range = SyncRange(self.start, self.start + days * DAY, timedelta(0), lambda _: limits)
        scheduler = ExportScheduler(self.exporter, sync_range, max_pending, Progress(self.clock))
        for code in codes:
            scheduler.add(self.queue(code, memory=StreamMemory(rows_per_day=0.0)))
        self.closing.append(scheduler)
        return scheduler

    def queue(self, code, **more):
        """A stream's windows."""
        return StreamQueue(self.source(code), bookmark=None, **more)

    def read(self, scheduler, *codes):
        """Read streams to their ends, as a sync does; return the files of each, and the errors of those that failed."""
        arrived, errors = {}, {}
        for code in codes:
            arrived[code] = []
            try:
                for checked in scheduler.files(code):
                    if checked.header:
                        self.source(code).layout.apply(checked.header)
                    arrived[code].append((checked.window, checked.export.id, list(checked.csv.rows())))
            except TapExportsError as error:
                errors[code] = error
        return arrived, errors

    def read_whole(self, scheduler, *codes, days=40):
        """Read streams, and assert that none failed and all files are whole; return them."""
        arrived, errors = self.read(scheduler, *codes)
        assert not errors
        for code in codes:
            self.assert_whole(arrived, code, days=days)
        return arrived

    def assert_whole(self, arrived, code, *, days=40):
        """Assert that the files have the store's rows, window after window without a gap, to the end."""
        exports = {export.id: export for export in self.store.exports}
        at = self.start
        for window, export_id, rows in arrived[code]:
            assert window.start == at
            export = exports[export_id]
            assert (export.type, export.date_from, export.date_to) == (code, window.start, window.end)
            # Of this file: a new export of the window would differ, because old rows change.
            text = self.store.file(export_id).decode(self.store.options.encoding)
            assert rows == list(csv.reader(io.StringIO(text, newline="")))[1:]
            assert len(rows) == len(self.store.rows(code, window.start, window.end))
            at = window.end
        assert at == self.start + timedelta(days=days)


@pytest.fixture
def make_store():
    """Make practice stores, and stop them with the test."""
    with contextlib.ExitStack() as stack:

        def make(**options):
            return stack.enter_context(Sandbox(**{"days": 60, "now": NOW, **options}))

        yield make


@pytest.fixture
def make_bench(make_store):
    """Make a bench; by default its store's clock advances with the tap's sleeps."""
    benches = []

    def make(
        store=None,
        *,
        clock=None,
        url=None,
        poll=120.0,
        timeout=3600.0,
        reuse=60,
        given=frozenset(),
        max_rows=100_000,
        **options,
    ):
        store = store or make_store(**{"frozen": clock is None, **options})
        clock = clock or FakeClock(store)
        connection = Connection(url or store.api_url, store.token, "2024-04-01", AGENT)
        client = Client(connection, clock)
        options = ExportOptions(poll, timeout, timedelta(minutes=reuse), timedelta(minutes=5), given, max_rows)
        exporter = Exporter(client, options)
        benches.append(Bench(store, clock, client, exporter, max_rows))
        return benches[-1]

    yield make
    for bench in benches:
        bench.clock.stop()
        for scheduler in bench.closing:
            scheduler.close()


@pytest.fixture
def bench(make_bench):
    return make_bench()


QUICK = Timings(rate_seconds=0.002, longest_pause=0.01, lost_create_seconds=0.05, first_poll_seconds=0.01)
"""For stores in real time without a rate limit."""


@pytest.fixture
def live(make_bench):
    """Make a bench in real time with the shortest pauses."""

    def make(**options):
        real = {"clock": Clock(QUICK), "frozen": False, "now": None, "rate_limit": None, "poll": 0.1}
        return make_bench(**real | options)

    return make


@pytest.fixture
def empty_temp(monkeypatch, tmp_path):
    """An empty directory for temporary files."""
    where = tmp_path / "temporary"
    where.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(where))
    return where
