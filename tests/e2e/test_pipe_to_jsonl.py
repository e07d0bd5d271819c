"""Without Meltano: two plain virtual environments and a pipe."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace

import plumbing
import pytest
import yaml

from tap_exports.sandbox import Sandbox

pytestmark = pytest.mark.e2e

NOW = datetime(2026, 3, 3, 12, 34, 37, tzinfo=timezone.utc)  # the second of own boundaries


def environment(folder, *requirements):
    """A virtual environment with these and nothing else; its folder of commands."""
    subprocess.run([sys.executable, "-m", "virtualenv", "--quiet", folder], check=True)
    pip = [folder / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    subprocess.run([*pip, *requirements], check=True, cwd=plumbing.ROOT)
    return folder / "bin"


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    """`tap-exports` from the built package, and `target-jsonl` at meltano.yml's pins."""
    folder = tmp_path_factory.mktemp("environments")
    plugins = yaml.safe_load((plumbing.ROOT / "meltano.yml").read_text())["plugins"]
    (pins,) = [one["pip_url"] for one in plugins["loaders"] if one["name"] == "target-jsonl"]
    return SimpleNamespace(
        tap=environment(folder / "tap", ".", "--constraint", "constraints.txt") / "tap-exports",
        target=environment(folder / "target", *pins.split()) / "target-jsonl",
    )


@pytest.fixture
def pipe(commands, tmp_path):
    """Run README's commands with these settings; return their exit code."""
    blocks = re.findall(r"```console\n(.*?)```", (plumbing.ROOT / "README.md").read_text(), re.DOTALL)
    (script,) = [block for block in blocks if "target-jsonl" in block]
    path = os.pathsep.join([str(commands.tap.parent), str(commands.target.parent), os.environ["PATH"]])

    def run(config):
        (tmp_path / "tap.secret.json").write_text(json.dumps(config))
        bash = ["bash", "-c", script]
        return subprocess.run(bash, cwd=tmp_path, env={**os.environ, "PATH": path}, check=False).returncode

    return run


def written(folder, code):
    """All lines of one stream's files, numbers exact."""
    paths = sorted(folder.glob(f"{code}-*.jsonl"))
    return [json.loads(line, parse_float=Decimal) for path in paths for line in path.read_text().splitlines()]


def test_every_row_is_in_its_file_and_the_state_is_written(pipe, tmp_path):
    with Sandbox(now=NOW, frozen=True, rate_limit=None, days=25) as store:
        assert pipe(store.config | {"access_token": "wrong"}) != 0  # and the next run is not affected
        assert pipe(store.config) == 0
        state = json.loads((tmp_path / "state.json").read_text())
        end = NOW - timedelta(minutes=5)
        for code in store.types:
            rows = store.rows(code, store.start_date, end)
            assert rows
            assert len(written(tmp_path, code)) == len(rows)
            assert state["bookmarks"][code]["replication_key_value"] == end.strftime("%Y-%m-%dT%H:%M:%SZ")
        orders = {line["order_number"]: line for line in written(tmp_path, "order_list")}
        for row in store.rows("order_list", store.start_date, end):
            assert orders[row["Order Number"]]["total_incl_tax"] == Decimal(row["Total Incl Tax"])
