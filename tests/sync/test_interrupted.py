"""Runs that are killed or stopped anywhere: nothing is missing, and no export is created twice."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import signal
import subprocess
import sys
import termios
import time
from datetime import timedelta
from pathlib import Path

import pytest

from tap_exports.sandbox import Fault

from .conftest import fixed, line_of, moment, only, parsed, rest_of, until

STEP = int(os.environ.get("SWEEP_STEP", "10"))
"""The sweep kills at every so many requests; `make proof` kills at each."""


def small(store, **more):
    """A sync of one type in a few windows."""
    return store.config | {**fixed(10), "max_concurrent_exports": 2, **more}


def last_state(lines):
    states = [line["value"] for line in lines if line["type"] == "STATE"]
    return states[-1] if states else {}


def bookmark_of(state):
    """The end of the last complete window; None before the first one."""
    text = state.get("bookmarks", {}).get("order_list", {}).get("replication_key_value")
    return text and moment(text)


def is_complete(store, state):
    """Whether a state has the last window."""
    bookmark = bookmark_of(state)
    return bookmark is not None and bookmark > store.now - timedelta(hours=1)


def whole_lines(text):
    """The complete lines of an output."""
    return parsed(text[: text.rfind("\n") + 1])


def numbers(store, until):
    """The orders of a store up to an instant."""
    return {row["Order Number"] for row in store.rows("order_list", store.start_date, until)}


def assert_nothing_missing(store, first, second):
    """Assert that both outputs together have all rows, and that no STATE of the first was ahead of its records."""
    written = set()
    for message in first:
        if message["type"] == "RECORD":
            written.add(message["record"]["order_number"])
        elif message["type"] == "STATE" and (claimed := bookmark_of(message["value"])):
            assert numbers(store, claimed) <= written
    written |= {m["record"]["order_number"] for m in second if m["type"] == "RECORD"}
    assert numbers(store, bookmark_of(last_state(second))) <= written


def windows_of(store):
    """The windows of all exports, no two of which begin at the same instant: no window is halved in these runs."""
    windows = [(export.date_from, export.date_to) for export in store.exports]
    assert len(windows) == len({begin for begin, _ in windows})
    return windows


def unread(pipe):
    """The number of unread bytes in a pipe."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, b"\0\0\0\0"), sys.byteorder)


@pytest.fixture
def catalog(make_store, discover):
    return only(discover(make_store("order_list", days=30).config), "order_list")


def test_a_run_killed_at_any_request_is_resumed_without_a_gap(make_store, catalog, command, tmp_path):
    """No export is created twice."""
    outcomes = []
    for n in itertools.count(1, STEP):
        store = make_store(days=30, ready_seconds=0.2)
        config = small(store, lookback_days=0)
        store.add_fault(Fault("any", "hang", after=n, times=None))  # the run stops here, however late the signal is
        with (tmp_path / "out.jsonl").open("w+") as out:
            process = command(config, catalog=catalog, wait=False, out=out)
            while store.count() < n and process.poll() is None:
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            out.seek(0)
            first = whole_lines(out.read())
        if is_complete(store, last_state(first)):
            break  # the run was complete before the n-th request
        assert process.returncode == -signal.SIGKILL
        store.clear_faults()
        second = command(config, catalog=catalog, state=last_state(first))
        assert second.code == 0, second.log
        assert_nothing_missing(store, first, second.messages)
        outcomes.append(len(windows_of(store)))
    assert len(outcomes) * STEP >= 15
    assert len(set(outcomes)) == 1, outcomes


@pytest.mark.parametrize(
    ("kind", "lines"),
    [(signal.SIGINT, 1), (signal.SIGTERM, 130), (signal.SIGKILL, 130), (signal.SIGTERM, 430)],  # 430: second window
    ids=str,
)
def test_a_run_stopped_within_a_window_is_resumed_without_a_gap(make_store, catalog, command, kind, lines):
    """A signal ends the run on a complete line; the state covers what was written."""
    store = make_store("order_list", orders_per_day=32, days=29)  # more than one batch in each window
    process = command(small(store), catalog=catalog, wait=False, patience=3600)
    read = [line_of(process) for _ in range(lines)]
    process.send_signal(kind)
    rest, err = rest_of(process)
    text = "".join(read) + rest
    first = whole_lines(text)
    records = [line["record"] for line in first if line["type"] == "RECORD"]
    for last in records[-1:]:  # none if the first batch was not written
        window = (last["date_from"], last["date_to"])
        written = sum((record["date_from"], record["date_to"]) == window for record in records)
        assert written < len(store.rows("order_list", *map(moment, window)))
    if kind is signal.SIGKILL:
        assert process.returncode == -kind
    else:
        assert text.endswith("\n")
        assert process.returncode == 128 + kind
        assert "Stopped by a signal" in err
        assert "Traceback" not in err
    second = command(small(store), catalog=catalog, state=last_state(first))
    assert second.code == 0
    assert_nothing_missing(store, first, second.messages)


def test_a_signal_ends_a_run_whose_target_does_not_read(make_store, catalog, command):
    store = make_store("order_list", orders_per_day=20, days=30)
    process = command(small(store), catalog=catalog, wait=False)
    line_of(process)
    until(lambda: unread(process.stdout) > 2**15, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 128 + signal.SIGTERM


def test_a_second_signal_ends_the_run_at_once(make_store, command):
    store = make_store(days=10)
    store.add_fault(Fault("types", "hang", times=None))
    process = command(store.config, wait=False, patience=3600)
    until(lambda: store.count(place="types"), process)
    process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGINT
    assert out == ""
    assert "Traceback" not in err


def test_a_closed_output_ends_the_run_without_an_error_line(make_store, catalog, command):
    store = make_store("order_list", orders_per_day=20, days=30)
    process = command(small(store), catalog=catalog, wait=False)
    line_of(process)
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait(timeout=30) == 1
    assert "Traceback" not in err
    assert "| ERROR" not in err
    assert "Output closed by the target" in err


def assert_output_failed(code, err, words):
    assert code == 1
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    assert err.count("| ERROR") == 1
    assert f"Standard output could not be written: {words}" in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize("arguments", [[], ["--discover"]], ids=["sync", "discover"])
def test_a_full_disk_ends_the_run_in_one_line(small_store, command, arguments):
    with Path("/dev/full").open("w") as out:
        process = command(small_store.config, *arguments, wait=False, out=out)
        err = process.stderr.read()
        assert_output_failed(process.wait(timeout=30), err, "No space left on device. Check its target")


def test_a_closed_output_ends_the_run_in_one_line(small_store, tmp_path):
    """The system would give the number of standard output to a connection, which would then receive the records."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps(small_store.config))
    closed = ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-m", "tap_exports", "--config", str(config)]
    done = subprocess.run(closed, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert_output_failed(done.returncode, done.stderr, "Bad file descriptor")
