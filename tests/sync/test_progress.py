"""Progress: lines in the log, a bar on a terminal."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import pty
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from tap_exports.clock import Clock
from tap_exports.exports.progress import EVERY_SECONDS, Progress, ReaderPosition

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
