"""The demo: its output, its exit code, and that it leaves no process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import uuid

import plumbing
import psutil
import pytest

pytestmark = pytest.mark.e2e


@pytest.fixture
def demo(tmp_path):
    """Start a short demo with a mark in its environment that its processes inherit."""
    mark = f"demo-{uuid.uuid4()}"
    started = []

    def start():
        command = [sys.executable, plumbing.ROOT / "scripts" / "demo.py", "--days", "20"]
        process = subprocess.Popen(
            [*command, "--folder", tmp_path / "demo"],
            env={**os.environ, "DEMO_MARK": mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        process.mark = mark
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.stdout.close()
        process.wait()


def left_by(mark):
    """Processes that still carry the mark."""
    found = []
    for process in psutil.process_iter(["name"]):
        with contextlib.suppress(psutil.Error):
            if process.environ().get("DEMO_MARK") == mark:
                found.append(process.info["name"])
    return found


def test_it_fills_13_tables_and_shows_what_the_second_run_changed(demo):
    process = demo()
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    lines = [line.split() for line in output.splitlines()]
    table = {words[0]: words[1:] for words in lines if words and words[0].endswith(("_list", "_items"))}
    assert len(table) == 13
    rows, added, changed = ([int(words[column].replace(",", "")) for words in table.values()] for column in range(3))
    assert all(rows)
    assert any(added)
    assert any(changed)
    assert len(lines) <= 40
    assert left_by(process.mark) == []


@pytest.mark.parametrize("order", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_no_process(demo, order):
    process = demo()
    for line in process.stdout:
        if line.startswith("2."):
            break
    while "meltano" not in " ".join(left_by(process.mark)):
        assert process.poll() is None
    process.send_signal(order)
    output = process.stdout.read()
    assert process.wait(30) not in (0, None)
    assert "everything is stopped" in output
    assert "Traceback" not in output
    assert left_by(process.mark) == []
