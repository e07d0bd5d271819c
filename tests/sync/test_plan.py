"""--plan tells what a sync would ask for, and asks for none of it."""

from __future__ import annotations

import json
import subprocess
import sys

from .conftest import COMMAND, QUICK


def planned(config, tmp_path, *arguments):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, repr(QUICK), "--config", str(path), "--plan", *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.splitlines()


def test_the_windows_of_a_first_load(make_store, tmp_path):
    """A line for each window of each stream, a total, and not one export at the store."""
    store = make_store(days=20)
    lines = planned(store.config | {"window_days": 7}, tmp_path)
    assert len(lines) == 13 * 3 + 1
    assert sum(line.startswith("order_list ") and line.endswith("  make") for line in lines) == 3
    assert lines[-1].startswith("13 streams, 39 windows: 39 exports to make, 0 to take over; about ")
    assert store.exports == []
    assert store.count(place="create") == 0


def test_what_would_be_taken_over(make_store, sync, tmp_path):
    """Exports that an interrupted run has asked for are named."""
    store = make_store(days=20)
    sync(store.config | {"window_days": 7}, streams=["order_list"])
    made = len(store.exports)
    lines = planned(store.config | {"window_days": 7}, tmp_path)
    taken = [line for line in lines if "take over export" in line]
    assert len(taken) == 3
    assert all(line.startswith("order_list ") for line in taken)
    assert len(store.exports) == made
