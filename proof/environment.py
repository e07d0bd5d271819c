"""What all trials share: a practice store's data, and the records of a run without faults."""

from __future__ import annotations

import copy
import json
import signal
import tempfile
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fork_server import ForkServer, Job
from runs import CODE, HEADER, KEY, Run, bookmark, column, whole_lines
from table import compare

from tap_exports.sandbox import Sandbox
from tap_exports.sandbox.metadata import definitions
from tap_exports.sandbox.options import SCOPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Records = dict[str, dict[str, Any]]
"""The object's part of records, by key."""

WATCHDOG_SECONDS = 90.0
_OWN = {"export_id", "date_from", "date_to"}
"""Columns of a record that describe its export, not its object."""


class Ground:
    """What all trials share: the data, the records of a clean run, and a fork server for each thread.

    `config` and `options`, of the runs and of their stores, go over the usual ones.

    Raises:
        SystemExit: If the records of a run without faults differ from the store's rows.
    """

    def __init__(self, config: Mapping[str, Any] | None = None, **options: Any) -> None:
        self.config = {
            "window_days": 8,
            "max_window_days": 8,
            "lookback_days": 0,
            "refresh_days": 0,  # it exports windows with the same start again
            "max_concurrent_exports": 2,
            **(config or {}),
        }
        # One instant for all stores, so that they have the same data; their clock differs from this machine's.
        self.now = datetime.now(timezone.utc).replace(microsecond=0)
        # Times without an offset: a run that does not know the store's zone reads them wrongly.
        usual = {"rate_limit": None, "days": 20, "orders_per_day": 2, "ready_seconds": 0.1, "time_format": "iso_naive"}
        self.options = usual | options
        self.place = tempfile.TemporaryDirectory()
        self._local = threading.local()
        self._fork_servers: list[ForkServer] = []
        self._catalogs: dict[bool, Path] = {}
        self._without: dict[str, Records] = {}
        self._lock = threading.Lock()
        self._numbers: dict[datetime | None, set[str]] = {}
        self._later = self.store()
        self._later.advance(timedelta(hours=1))
        try:
            with self.store() as store:
                out = self.run(store, ["--discover"], config={}).out
            (entry,) = [entry for entry in json.loads(out)["streams"] if entry["tap_stream_id"] == CODE]
            self._catalogs = {bare: self.write(f"catalog-{bare}", _catalog(entry, bare=bare)) for bare in (False, True)}
            self.clean, self.lines = self._run_clean()
        except BaseException:
            self.close()
            raise

    def _run_clean(self, zone: str | None = None, *, bare: bool = False, **options: Any) -> tuple[Records, int]:
        """The records of a run without faults, which equal the store's rows, and its number of lines.

        `zone` is that of times without an offset, None for the store's own. `bare` is a catalog without the merchant's
        own columns.

        Raises:
            SystemExit: If they differ from the store's rows, so that no trial can be compared with them.
        """
        with self.store(**options) as store:
            run = self.run(store, bare=bare)
            until = bookmark(run.state)
            if run.code or not run.records or until is None:
                raise SystemExit(f"A run without faults has failed:\n{run.log}")
            held = compare(store, until, run.records, zone)
        if held.lost or held.doubled or held.wrong:
            raise SystemExit(f"The records of a run without faults differ from the store: {'; '.join(held.examples)}")
        return {record[KEY]: cells(record) for record in run.records}, len(run.messages)

    def without(self, scope: str) -> Records:
        """The records of a token that lacks a scope."""
        with self._lock:
            if scope not in self._without:
                scopes = set(SCOPES) - {scope}
                zone = "UTC" if scope == "store:read" else None
                self._without[scope], _ = self._run_clean(zone, bare=scope == "metadata:read", scopes=scopes)
            return self._without[scope]

    def numbers(self, until: datetime | None) -> set[str]:
        """The store's order numbers up to an instant; without one, all, with those of the next hour."""
        if until not in self._numbers:
            rows = self._later.rows(CODE, self._later.start_date, until or self._later.now)
            self._numbers[until] = {row[HEADER] for row in rows}
        return self._numbers[until]

    def store(self, **options: Any) -> Sandbox:
        """A new practice store, not started yet."""
        return Sandbox(**{"now": self.now, **self.options, **options})

    def write(self, name: str, document: object) -> Path:
        """Write a file for the tap; its name is unique to this thread."""
        path = Path(self.place.name) / f"{threading.get_ident()}-{name}.json"
        path.write_text(json.dumps(document))
        return path

    @property
    def fork_server(self) -> ForkServer:
        """This thread's fork server."""
        if not hasattr(self._local, "fork_server"):
            self._local.fork_server = ForkServer()
            self._fork_servers.append(self._local.fork_server)
        found: ForkServer = self._local.fork_server
        return found

    def job(self, store: Sandbox, arguments: Iterable[str] = (), **more: Any) -> Job:
        """A run that is ready to start.

        `more` has `config` over the usual one, the `state` to continue from, `bare` for a catalog without the
        merchant's own columns, and other fields of a job.
        """
        config = self.write("config", store.config | self.config | more.pop("config", {}))
        given = [*arguments, "--config", str(config)]
        if catalog := self._catalogs.get(more.pop("bare", False)):
            given += ["--catalog", str(catalog)]
        if (state := more.pop("state", None)) is not None:
            given += ["--state", str(self.write("state", state))]
        place = Path(self.place.name)
        out, err = (place / f"{threading.get_ident()}.{name}" for name in ("out", "err"))
        more.setdefault("stdout", out)
        environment = {"LOGLEVEL": "DEBUG", **more.pop("environment", {})}
        return Job(given, stderr=err, environment=environment, **more)

    def run(self, store: Sandbox, arguments: Iterable[str] = (), **more: Any) -> Run:
        """Run to the end, or until the watchdog ends it."""
        job = self.job(store, arguments, **more)
        fork_server, hung = self.fork_server, threading.Event()

        def kill() -> None:
            hung.set()
            fork_server.signal(signal.SIGKILL)

        fork_server.begin(job)
        watchdog = threading.Timer(WATCHDOG_SECONDS, kill)
        watchdog.start()
        code = fork_server.end()
        watchdog.cancel()
        out, log = (path.read_text(errors="replace") for path in (job.stdout, job.stderr))
        return Run([] if "--discover" in job.arguments else whole_lines(out), code, log, out, hung.is_set())

    def close(self) -> None:
        """End the fork servers and remove all files."""
        for fork_server in self._fork_servers:
            fork_server.close()
        self.place.cleanup()


def _catalog(entry: dict[str, Any], *, bare: bool) -> dict[str, Any]:
    """A catalog of one stream; with `bare`, without the merchant's own columns."""
    entry = copy.deepcopy(entry)
    if bare:
        own = {column(one.name) for one in definitions()}
        columns = entry["schema"]["properties"]
        entry["schema"]["properties"] = {name: what for name, what in columns.items() if name not in own}
        entry["metadata"] = [one for one in entry["metadata"] if not own.intersection(one["breadcrumb"])]
    return {"streams": [entry]}


def cells(record: dict[str, Any]) -> dict[str, Any]:
    """The part of a record that describes its object."""
    return {name: value for name, value in record.items() if name not in _OWN}
