"""Another project adds the plugin from the hub's file."""

from __future__ import annotations

import json
import subprocess

import plumbing
import pytest
import yaml

pytestmark = pytest.mark.e2e


def test_meltano_adds_the_plugin_from_the_hubs_file(tmp_path):
    (tmp_path / "meltano.yml").write_text("project_id: another\nsend_anonymous_usage_stats: false\n")
    environment = plumbing.environment() | {"XDG_STATE_HOME": str(tmp_path / "logs"), "NO_COLOR": "1"}

    def meltano(*arguments):
        return subprocess.run(
            [plumbing.MELTANO, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    reference = plumbing.ROOT / "hub" / "tap-exports.yml"
    added = meltano("add", "--from-ref", str(reference), "--no-install", "tap-exports")
    assert added.returncode == 0, added.stderr
    (plugin,) = yaml.safe_load((tmp_path / "meltano.yml").read_text())["plugins"]["extractors"]
    assert (plugin["name"], plugin["pip_url"]) == ("tap-exports", "tap-exports[webhook]")
    settings = json.loads(meltano("config", "print", "tap-exports").stdout)
    assert settings["api_version"] == "2024-04-01"
    assert {one["name"] for one in plugin["settings"] if one.get("sensitive")} == {"access_token", "webhook_secret"}
