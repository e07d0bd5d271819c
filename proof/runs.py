"""One run of the tap against a practice store, and what can be said of it without believing the tap."""

from __future__ import annotations

import json
import re
import signal
import tempfile
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nursery import Job, Nursery

from tap_exports.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterable

CODE = "order_list"
KEY, HEADER = "order_number", "Order Number"
WINDOW_DAYS = 8
SETTLE = timedelta(minutes=5)
WATCHDOG_SECONDS = 90.0
PLANTED = "planted-in-a-redirect"
WEBHOOK_SECRET = "the-secret-of-the-webhook"  # noqa: S105 - made up
_OWN = {"export_id", "date_from", "date_to"}
"""What a record has from its export, and not from its object."""
_HEAD = re.compile(r"^\d{4}-\d\d-\d\d [^|]*\| (\w+) +\|[^|]*\| ?(.*)$")
_HINT = re.compile(r"[.] [A-Z][^.]*[.]?")


@dataclass
class Run:
    """What a run wrote."""

    messages: list[dict[str, Any]]
    code: int
    log: str
    out: str
    hung: bool = False

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records of the stream, in order."""
        return [m["record"] for m in self.messages if m["type"] == "RECORD"]

    @property
    def state(self) -> dict[str, Any] | None:
        """The last state that a reader has seen."""
        states = [m["value"] for m in self.messages if m["type"] == "STATE"]
        return states[-1] if states else None

    @property
    def errors(self) -> list[str]:
        """The lines that a user is to act on."""
        return [found[2] for line in self.log.splitlines() if (found := _HEAD.match(line)) and found[1] == "ERROR"]

    @property
    def tracebacks(self) -> int:
        """Tracebacks that a user sees, who has not asked for debugging."""
        level, seen = "", 0
        for line in self.log.splitlines():
            if found := _HEAD.match(line):
                level = found[1]
            seen += line.startswith("Traceback") and level != "DEBUG"
        return seen


def whole_lines(text: str) -> list[dict[str, Any]]:
    """What a target can read of an output that may end in the middle of a line."""
    return [json.loads(line, parse_float=str) for line in text[: text.rfind("\n") + 1].splitlines() if line]


def bookmark(state: dict[str, Any] | None) -> datetime | None:
    """How far a state says that the stream is known."""
    value = (state or {}).get("bookmarks", {}).get(CODE, {}).get("replication_key_value")
    return datetime.fromisoformat(value.replace("Z", "+00:00")) if value else None


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


@dataclass
class Finding:
    """What is wrong with a trial; nothing, where all counts are 0 and nothing is said."""

    faults: list[str] = field(default_factory=list)
    lost: int = 0
    bad: int = 0
    """Records that are not what the store has."""
    doubled: int = 0
    leaked: int = 0

    def say(self, fault: str) -> None:
        """One more thing is wrong."""
        self.faults.append(fault)

    def emitted(self, ground: Ground, run: Run) -> None:
        """Every record is what the store has, and no state is ahead of the records before it."""
        written: set[str] = set()
        for message in run.messages:
            if message["type"] == "RECORD":
                record = message["record"]
                written.add(str(record.get(KEY)))
                known = ground.clean.get(str(record.get(KEY)))
                # One that has come since the clean run, while the program goes on, is in the store at least.
                self.bad += known != cells(record) if known else record.get(KEY) not in ground.numbers(None)
            elif message["type"] == "STATE":
                until = bookmark(message["value"])
                ahead = (ground.numbers(until) - written - self._before) if until else set()
                if ahead:
                    self.say(f"a state of {until} is ahead of {len(ahead)} records")
        self._before |= written
        if self.bad:
            self.say(f"{self.bad} records are not what the store has")

    def arrived(self, ground: Ground, store: Sandbox, began: datetime, run: Run) -> None:
        """After this run the bookmark is where the store was when it began, less the settling, and all is there."""
        until, least = bookmark(run.state), began - SETTLE - timedelta(seconds=3)
        # Two clocks that differ by less than two seconds agree: the tap's own is used then.
        if until is None or not least <= until <= store.now - SETTLE + timedelta(seconds=2):
            self.say(f"the bookmark is {until} where it should be {began - SETTLE}")
        # What the bookmark has passed and no run has written will never be asked for again.
        missing = (ground.numbers(min(until, store.now)) - self._before) if until else set()
        self.lost += len(missing)
        if missing:
            self.say(f"{len(missing)} records are missing")

    def exports(self, store: Sandbox, stuck: frozenset[int] = frozenset()) -> None:
        """No export was asked for again while the first one could still be used."""
        made = Counter((e.type, e.date_from, e.date_to) for e in store.exports if e.id not in stuck)
        twice = sum(times - 1 for times in made.values())
        self.doubled += twice
        if twice:
            self.say(f"{twice} exports were made twice")

    def secrets(self, store: Sandbox, *runs: Run) -> None:
        """Neither of the outputs holds a secret, and the file host has not seen the token."""
        known = (store.token, WEBHOOK_SECRET, PLANTED, "Signature=")
        found = [secret for run in runs for secret in known if secret in run.out or secret in run.log]
        told = [r for r in store.log if r.host == "file" and store.token in str(r.headers)]
        self.leaked += len(found) + len(told)
        if found or told:
            self.say("a secret was told: " + ", ".join("the token" if s == store.token else s for s in found))

    def __post_init__(self) -> None:
        self._before: set[str] = set()


def ended_well(run: Run) -> list[str]:
    """What is wrong with how a failed run tells it: one line that says what, where and what to do."""
    if run.code != 1:
        return [f"the exit code is {run.code}"]
    if len(run.errors) != 1:
        return [f"{len(run.errors)} lines tell the error"]
    line, wrong = run.errors[0], []
    if not any(where in line for where in (f"stream {CODE}", "exports/", "webhooks/", "webhook_")):
        wrong.append(f"no place is told: {line}")
    if not _HINT.search(line):
        wrong.append(f"nothing to do is told: {line}")
    return wrong
