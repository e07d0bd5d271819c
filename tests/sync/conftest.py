"""Whole syncs against a practice store, in this process; only pauses and timeouts are shortened."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import logging
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest

from tap_exports.__main__ import run as run_command
from tap_exports.clock import Timings
from tap_exports.sandbox import Fault, Sandbox
from tap_exports.singer.session import StreamsFailed
from tap_exports.tap import TapExports

QUICK = Timings(
    rate_seconds=0.02,
    lost_create_seconds=1.0,
    first_poll_seconds=0.05,
    longest_pause=0.1,
    finish_line_seconds=1.0,
)
"""For practice stores without a rate limit."""

COMMAND = (
    "import sys; from tap_exports.clock import Timings; from tap_exports.tap import TapExports; "
    "TapExports.timings = eval(sys.argv.pop(1)); from tap_exports.__main__ import main; main()"
)
"""The command, with the timings that its first argument gives."""


NOW = datetime(2026, 3, 3, 12, 34, 56, tzinfo=timezone.utc)
"""The stores' time: the same data at any hour, and far enough from this machine's time for the store's to be used."""


def fixed(days):
    """Settings that make all windows as long as the first."""
    return {"window_days": days, "max_window_days": days}


@dataclass
class Run:
    """What a sync wrote."""

    messages: list[dict[str, Any]]
    failures: dict[str, Any] = field(default_factory=dict)
    code: int = 0
    log: str = ""
    out: str = ""

    def of(self, kind, stream=None):
        return [m for m in self.messages if m["type"] == kind and stream in (None, m.get("stream"))]

    def records(self, stream):
        return [m["record"] for m in self.of("RECORD", stream)]

    @property
    def state(self):
        states = self.of("STATE")
        return states[-1]["value"] if states else {}

    def bookmark(self, stream):
        return self.state.get("bookmarks", {}).get(stream, {}).get("replication_key_value")

    @property
    def errors(self):
        return [line.split("|", 3)[3].strip() for line in self.log.splitlines() if "| ERROR " in line]


def until(condition, process):
    """Wait for an effect of another process."""
    end = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


def line_of(process):
    """The next line that a process writes; the end of its output is an error."""
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return line


def rest_of(process, seconds=30):
    """The rest of a process's output, and its log; the process is killed after some seconds."""
    late = threading.Timer(seconds, process.kill)
    late.start()
    try:
        rest = process.stdout.read(), process.stderr.read()
        process.wait()
    finally:
        late.cancel()
    return rest


def parsed(text):
    return [json.loads(line, parse_float=str) for line in text.split("\n") if line]


@pytest.fixture(autouse=True)
def timings(monkeypatch):
    """Shorten pauses and timeouts of taps in this process; the function that is returned changes them."""

    def change(**changed):
        monkeypatch.setattr(TapExports, "timings", replace(QUICK, **changed))

    change()
    return change


def list_types(store, *codes):
    """Make a store list these types only."""
    document = {"types": [{"code": code, "name": code} for code in codes]}
    store.add_fault(Fault("types", "json", document=document, times=None))
    return store


@pytest.fixture
def make_store():
    """Make practice stores, which list all types or these, and stop them with the test."""
    with contextlib.ExitStack() as stack:

        def make(*codes, **options):
            options = {"now": NOW, "rate_limit": None, "days": 40, "orders_per_day": 2, **options}
            store = stack.enter_context(Sandbox(**options))
            return list_types(store, *codes) if codes else store

        yield make


@pytest.fixture
def sync():
    """Run a sync in this process."""

    def run(config, *, state=None, catalog=None, streams=None):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            tap = TapExports(config=dict(config), state=state, catalog=catalog)
            for name, stream in tap.streams.items():
                if streams is not None:
                    stream.selected = name in streams
            with contextlib.suppress(StreamsFailed):
                tap.run_sync()
        return Run(parsed(out.getvalue()), tap.run_context.failures)

    return run


@pytest.fixture
def discover():
    """Run discovery and return its catalog."""

    def run(config):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            TapExports(config=dict(config), setup_mapper=False).run_discovery()
        return json.loads(out.getvalue())

    return run


def written(where, files):
    """Options with files: JSON documents, or the text or bytes given; None is omitted."""
    for name, document in files.items():
        if document is not None:
            path = where / f"{name}.json"
            if isinstance(document, bytes):
                path.write_bytes(document)
            else:
                path.write_text(document if isinstance(document, str) else json.dumps(document))
            yield from (f"--{name}", str(path))


@pytest.fixture
def inside(tmp_path, monkeypatch):
    """Run the whole command in this process."""

    def run(config, *arguments, environment=None, **files):
        options = [*arguments, *written(tmp_path, {"config": config, **files})]
        out, err = io.StringIO(), io.StringIO()
        root = logging.getLogger()
        with (
            monkeypatch.context() as patch,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            patch.setattr("sys.argv", ["tap-exports", *options])
            patch.setattr(root, "handlers", [])
            patch.setattr(root, "level", root.level)
            patch.setattr("sys.excepthook", sys.excepthook)
            patch.setattr(TapExports, "ended_by", 0)
            for name, value in (environment or {}).items():
                patch.setenv(name, value)
            try:
                code = run_command()
            except SystemExit as ended:
                code = ended.code
            finally:
                logging.captureWarnings(capture=False)
        is_sync = not {"--discover", "--plan", "--about", "--version", "--help"} & set(arguments)
        return Run(parsed(out.getvalue()) if is_sync else [], code=code or 0, log=err.getvalue(), out=out.getvalue())

    return run


def assert_ends_well(run, *codes):
    """Assert that the run has no traceback, ERROR lines only if it failed, and only Singer messages on stdout."""
    assert run.code in (codes or (0, 1)), run.log
    assert "Traceback" not in run.log, run.log
    assert "Unexpected error" not in run.log, run.log
    assert bool(run.errors) is (run.code == 1), run.log
    assert len(run.errors) == len(set(run.errors)), run.log
    for line in run.errors:
        assert len(line) < 1000
        assert "unhandled" not in line
    assert {m["type"] for m in run.messages} <= {"SCHEMA", "RECORD", "STATE", "BATCH", "ACTIVATE_VERSION"}


def assert_fails(run, *words):
    """Assert that the run failed with one ERROR line, which contains these words."""
    assert_ends_well(run, 1)
    (line,) = run.errors
    assert [word for word in words if word not in line] == [], line


@pytest.fixture
def small_store(make_store):
    """A practice store with a single type, for quick syncs."""
    return make_store("order_list", days=3, orders_per_day=1)


@pytest.fixture
def batch_config(tmp_path):
    """A valid one."""
    return {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": f"file://{tmp_path}/batches", "prefix": "batch-"},
    }


def lines_of_batches(run):
    """The lines of a run's batch files."""
    paths = [urlparse(address).path for message in run.of("BATCH") for address in message["manifest"]]
    return [line for path in paths for line in gzip.decompress(Path(path).read_bytes()).splitlines()]


@pytest.fixture
def command(tmp_path):
    """Run the command in another process with short pauses; it is killed with the test."""
    started = []

    def run(
        config, *arguments, wait=True, environment=None, out=subprocess.PIPE, patience=QUICK.grace_seconds, **files
    ):
        arguments = [*arguments, *written(tmp_path, {"config": config, **files})]
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, repr(replace(QUICK, grace_seconds=patience)), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        started.append(process)
        if not wait:
            return process
        printed, err = process.communicate(timeout=60)
        assert "Traceback" not in err, err
        return Run([] if "--discover" in arguments else parsed(printed), code=process.returncode, log=err)

    yield run
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def moment(text):
    """An instant of a message or a state."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def only(catalog, *streams, method=None):
    """A catalog that selects some streams."""
    for entry in catalog["streams"]:
        if method:
            entry["replication_method"] = method
        for item in entry["metadata"]:
            if not item["breadcrumb"]:
                item["metadata"]["selected"] = entry["tap_stream_id"] in streams
    return catalog
