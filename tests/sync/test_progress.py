"""Progress in the log or as a bar, and the summary at the end of a run."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import pty
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest

from tap_exports.clock import Clock
from tap_exports.exports.progress import EVERY_SECONDS, Progress, ReaderPosition
from tap_exports.exports.summary import RunSummary
from tap_exports.sandbox import Fault

from .conftest import COMMAND, QUICK, fixed


class Tomorrow(Clock):
    """A clock that a test sets."""

    at = 100.0

    def monotonic(self):
        return self.at


POSITION = ReaderPosition(stream="order_list", window=3, windows=12, done=20, total=156, pending=4, waited=42.0)


def test_a_progress_line_names_window_wait_rows_and_time_to_go():
    clock = Tomorrow()
    progress = Progress(clock)
    progress.rows = 12345
    clock.at += 200
    assert progress.line(POSITION) == (
        "order_list: window 3 of 12, waiting for 42 s; 4 exports pending, 12,345 rows so far,"
        " 20 of 156 windows done, about 23 min to go"
    )
    assert progress.line(replace(POSITION, done=1)).endswith("1 of 156 windows done")
    assert progress.line(replace(POSITION, done=150)).endswith("about 8 s to go")
    assert "waiting" not in progress.line(replace(POSITION, waited=0.0))
    assert progress.line(replace(POSITION, refresh=True)).startswith("order_list: refresh, window 3 of 12,")


def test_progress_lines_are_seconds_apart(caplog):
    caplog.set_level(logging.INFO)
    clock = Tomorrow()
    progress = Progress(clock)
    for _ in range(1000):
        clock.at += EVERY_SECONDS / 100
        progress.show(POSITION)
    assert 9 <= len(caplog.messages) <= 10


@pytest.mark.parametrize("watched", [True, False])
def test_a_progress_bar_is_drawn_on_a_terminal_only(make_store, tmp_path, watched):
    store = make_store("order_list", days=20, ready_seconds=0.2)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(store.config | fixed(5)))
    leader, follower = pty.openpty()
    place = tmp_path / "log"
    with place.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, repr(QUICK), "--config", str(config)],
            stdout=subprocess.DEVNULL,
            stderr=follower if watched else log,
            env={**os.environ, "TERM": "xterm"},
        )
        os.close(follower)
        seen = b""
        with contextlib.suppress(OSError):  # at the end, on Linux
            while watched and (block := os.read(leader, 65536)):
                seen += block
        assert process.wait(timeout=60) == 0
    os.close(leader)
    text = seen.decode() if watched else place.read_text()
    assert bool(re.search(r"order_list [\d,]+ rows", text)) is watched
    assert ("\x1b[K" in text) is watched
    if watched:
        assert text.rstrip().rsplit("\x1b[K", 1)[-1].count("rows  [") == 0


STREAMS = ["customer_list", "order_list"]


@pytest.fixture
def summaries(sync, caplog):
    """Run a sync; return it, the total's numbers and the lines of streams."""

    def run(config, **options):
        caplog.clear()
        with caplog.at_level("INFO"):
            done = sync(config, **options)
        lines = [line for line in caplog.messages if line.startswith("Summary")]
        numbers = [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", lines[-1])]
        names = ("streams", "failed", "windows", "refresh", "created", "reused", "written", "unchanged", "invalid")
        return done, dict(zip((*names, "requests"), numbers, strict=False)), lines[:-1]

    return run


def test_the_total_of_a_run(make_store, summaries):
    store = make_store(days=10)
    run, total, odd = summaries(store.config | fixed(5), streams=STREAMS)
    assert total["streams"] == 2
    assert total["windows"] == total["created"] == len(store.exports) == 6
    assert total["written"] == len(run.of("RECORD")) > 5
    assert total["requests"] == len(store.log) - store.count("file")  # files are not the API's
    assert {total[name] for name in ("failed", "refresh", "reused", "unchanged", "invalid")} == {0}
    assert odd == []


def test_reused_exports_and_records_that_the_ledger_left_out(make_store, summaries, tmp_path):
    store = make_store(days=10, frozen=True)
    config = store.config | {"ledger": str(tmp_path / "ledger.db"), "lookback_days": 100}
    run, first, _ = summaries(config, streams=STREAMS)
    _, second, _ = summaries(config, streams=STREAMS, state=run.state)
    assert (first["created"], first["reused"]) == (2, 0)
    assert (second["created"], second["reused"]) == (0, 2)
    assert first["unchanged"] == second["written"] == 0
    assert second["unchanged"] == first["written"] > 5


def test_a_line_for_each_stream_with_anything_odd(make_store, summaries):
    store = make_store(days=10)
    body = "Order Number,Total Incl Tax\r\n1,many\r\n2,1.00\r\n"
    store.add_fault(Fault("file", "body", body=body, export_type="order_list", times=None))
    store.add_fault(Fault("create", "status", status=400, export_type="customer_list", times=None))
    _, total, odd = summaries(store.config, streams=STREAMS)
    assert (total["failed"], total["invalid"]) == (1, 1)
    assert odd == ["Summary of customer_list: failed", "Summary of order_list: 1 invalid cells"]


def test_an_export_at_the_cap_is_odd(make_store, summaries):
    store = make_store(days=20, row_cap=30)
    _, total, odd = summaries(store.config | {"max_export_rows": 30}, streams=["order_list"])
    assert total["created"] > total["windows"] > 1
    assert re.fullmatch(r"Summary of order_list: \d+ exports at the cap", odd[0])


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_the_streams_are_a_table():
    terminal = Terminal()
    summary = RunSummary(Clock(), terminal)
    summary.streams["order_list"] = Counter(windows=2, created=2, written=1234, invalid=3)
    summary.log({"customer_list"}, 7)
    assert terminal.getvalue().splitlines() == [
        "stream           windows    created     reused    written  unchanged    invalid",
        "order_list             2          2          0      1,234          0          3  3 invalid cells",
        "customer_list          0          0          0          0          0          0  failed",
    ]
