"""The command, and the calls with which another process controls the store."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
from datetime import timedelta

import pytest

from .conftest import NOW, fetch

COMMAND = [sys.executable, "-m", "tap_exports.sandbox"]
WITHOUT_EXTRA = (
    "import sys; sys.modules['werkzeug'] = None; sys.modules['werkzeug.serving'] = None;"
    "from tap_exports.sandbox.__main__ import main; sys.exit(main([]))"
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_a_config_and_runs_until_a_signal(number):
    """Stdout has one JSON document; the exit code is 0."""
    fault = '{"place": "types", "kind": "status", "status": 418}'
    options = ["--days", "10", "--ready-seconds", "0", "--fault", fault]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*COMMAND, *options], **pipes) as process, contextlib.ExitStack() as ending:
        ending.callback(process.kill)
        text = ""
        while not text.endswith("}\n"):
            line = process.stdout.readline()
            assert line, process.stderr.read()
            text += line
        config = json.loads(text)
        assert set(config) == {"api_url", "access_token", "start_date"}
        headers = {"Authorization": f"Bearer {config['access_token']}", "X-29Next-Api-Version": "2024-04-01"}
        statuses = [fetch(f"{config['api_url']}exports/types/", headers=headers).status_code for _ in range(2)]
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert statuses == [418, 200]
    assert (process.returncode, out) == (0, "")
    assert config["api_url"] in err
    assert "Traceback" not in err


def test_what_prevents_the_start_is_one_error_line():
    """A port in use, and a missing extra."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        commands = {"see --port": [*COMMAND, "--port", port], "'.[sandbox]'": [sys.executable, "-c", WITHOUT_EXTRA]}
        for words, command in commands.items():
            done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
            assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
            assert words in done.stderr


def test_another_process_may_add_faults_and_advance_the_clock(open_store):
    """Without a token, and without a trace in the log."""
    store, call = open_store(frozen=True)
    call.headers.pop("Authorization")
    document = {"place": "types", "kind": "status", "status": 502, "times": None}
    assert call.post("/sandbox/faults", json=document).status_code == 200
    assert call.get("exports/types/").status_code == 502
    call.delete("/sandbox/faults")
    assert call.get("exports/types/").status_code == 401
    assert call.post("/sandbox/advance", json={"days": 2, "hours": 3}).json() == {"now": "2025-03-06T18:30:00Z"}
    assert store.now == NOW + timedelta(days=2, hours=3)
    assert store.count() == 2
