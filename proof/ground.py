"""What all trials share: a practice store's data, and what a run without any fault makes of them."""

from __future__ import annotations

import json
import signal
import tempfile
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nursery import Job, Nursery
from runs import CODE, Run, whole_lines

from tap_exports.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY, HEADER = "order_number", "Order Number"
WINDOW_DAYS = 8
WATCHDOG_SECONDS = 90.0
_OWN = {"export_id", "date_from", "date_to"}
"""What a record has from its export, and not from its object."""


class Ground:
    """What all trials share: the data, what a clean run makes of them, and a nursery for each thread.

    Args:
        options: Of the practice stores, over those that the trials have.
    """

    def __init__(self, **options: Any) -> None:
        # One moment for all stores: so each has the same data, and its clock is not quite this machine's.
        self.now = datetime.now(timezone.utc).replace(microsecond=0)
        self.options = {"rate_limit": None, "days": 20, "orders_per_day": 2, "ready_seconds": 0.1, **options}
        self.place = tempfile.TemporaryDirectory()
        self._local = threading.local()
        self._nurseries: list[Nursery] = []
        self.catalog: Path | None = None
        self.clean: dict[str, dict[str, Any]] = {}
        self._numbers: dict[datetime | None, set[str]] = {}
        self._later = self.store()
        self._later.advance(timedelta(hours=1))
        with self.store() as store:
            out = self.run(store, ["--discover"], config={}).out
            catalog = json.loads(out)
            catalog["streams"] = [entry for entry in catalog["streams"] if entry["tap_stream_id"] == CODE]
            self.catalog = self.write("catalog", catalog)
            run = self.run(store)
        if run.code or not run.records:
            raise SystemExit(f"A run without any fault has failed:\n{run.log}")
        self.clean = {record[KEY]: cells(record) for record in run.records}
        self.lines = len(run.messages)

    def numbers(self, until: datetime | None) -> set[str]:
        """The store's own numbers of the orders up to an instant, or of all and those of the next hour."""
        if until not in self._numbers:
            rows = self._later.rows(CODE, self._later.start_date, until or self._later.now)
            self._numbers[until] = {row[HEADER] for row in rows}
        return self._numbers[until]

    def store(self, **options: Any) -> Sandbox:
        """A fresh practice store, which is still to be started."""
        return Sandbox(**{"now": self.now, **self.options, **options})

    def write(self, name: str, document: object) -> Path:
        """A file for the tap to read, of a name of this thread's own."""
        path = Path(self.place.name) / f"{threading.get_ident()}-{name}.json"
        path.write_text(json.dumps(document))
        return path

    @property
    def nursery(self) -> Nursery:
        """This thread's own."""
        if not hasattr(self._local, "nursery"):
            self._local.nursery = Nursery()
            self._nurseries.append(self._local.nursery)
        found: Nursery = self._local.nursery
        return found

    def job(self, store: Sandbox, arguments: Iterable[str] = (), **more: Any) -> Job:
        """A run that is ready to begin; `config` is over the usual one, `state` is where it goes on."""
        usual = {"window_days": WINDOW_DAYS, "lookback_days": 0, "max_concurrent_exports": 2}
        config = self.write("config", store.config | usual | more.pop("config", {}))
        given = [*arguments, "--config", str(config)]
        if self.catalog is not None:
            given += ["--catalog", str(self.catalog)]
        if (state := more.pop("state", None)) is not None:
            given += ["--state", str(self.write("state", state))]
        place = Path(self.place.name)
        out, err = (place / f"{threading.get_ident()}.{name}" for name in ("out", "err"))
        more.setdefault("stdout", out)
        environment = {"LOGLEVEL": "DEBUG", **more.pop("environment", {})}
        return Job(given, stderr=err, environment=environment, **more)

    def run(self, store: Sandbox, arguments: Iterable[str] = (), **more: Any) -> Run:
        """A run to its end, or to the watchdog's."""
        job = self.job(store, arguments, **more)
        nursery, hung = self.nursery, threading.Event()

        def bite() -> None:
            hung.set()
            nursery.signal(signal.SIGKILL)

        nursery.begin(job)
        watchdog = threading.Timer(WATCHDOG_SECONDS, bite)
        watchdog.start()
        code = nursery.end()
        watchdog.cancel()
        out, log = (path.read_text(errors="replace") for path in (job.stdout, job.stderr))
        return Run([] if "--discover" in job.arguments else whole_lines(out), code, log, out, hung.is_set())

    def close(self) -> None:
        """End the nurseries and take all files away."""
        for nursery in self._nurseries:
            nursery.close()
        self.place.cleanup()


def cells(record: dict[str, Any]) -> dict[str, Any]:
    """What a record has from its object."""
    return {name: value for name, value in record.items() if name not in _OWN}
