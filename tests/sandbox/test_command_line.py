from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys

import pytest
import requests

WAIT = 20


@pytest.fixture
def run():
    """Start the command as a process, and kill it after the test."""
    started = []

    def running(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "tap_exports.sandbox", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield running
    for process in started:
        process.kill()
        process.communicate()


def config_of(process):
    """The JSON that it prints first."""
    text = ""
    while not text.endswith("}\n"):
        line = process.stdout.readline()
        assert line, process.stderr.read()
        text += line
    return json.loads(text)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_a_config_and_runs_until_a_signal(run, number):
    """Stdout has one JSON document; the exit code is 0."""
    process = run(
        "--days", "10", "--ready-seconds", "0", "--fault", '{"place": "types", "kind": "status", "status": 418}'
    )
    config = config_of(process)
    assert set(config) == {"api_url", "access_token", "start_date"}
    headers = {"Authorization": f"Bearer {config['access_token']}", "X-29Next-Api-Version": "2024-04-01"}
    with requests.Session() as session:
        session.trust_env = False
        answers = [session.get(f"{config['api_url']}exports/types/", headers=headers, timeout=5) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [418, 200]
    process.send_signal(number)
    out, err = process.communicate(timeout=WAIT)
    assert (process.returncode, out) == (0, "")
    assert config["api_url"] in err
    assert "Traceback" not in err


def test_a_port_in_use_is_one_error_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "tap_exports.sandbox", "--port", port],
            capture_output=True,
            text=True,
            timeout=WAIT,
            check=False,
        )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "--port" in done.stderr


def test_a_missing_extra_is_one_error_line():
    code = (
        "import sys; sys.modules['werkzeug'] = None; sys.modules['werkzeug.serving'] = None;"
        "from tap_exports.sandbox.__main__ import main; sys.exit(main([]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=WAIT, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "pip install '.[sandbox]'" in done.stderr
