"""hub/tap-exports.yml agrees with meltano.yml."""

from __future__ import annotations

import yaml

import hub


def test_the_hubs_file_is_up_to_date():
    assert hub.FILE.read_text() == hub.text()


def test_the_hubs_plugin_equals_meltano_yml():
    (plugin,) = yaml.safe_load((hub.ROOT / "meltano.yml").read_text())["plugins"]["extractors"]
    found = yaml.safe_load(hub.FILE.read_text())
    assert found["pip_url"] == "tap-exports[webhook]"
    assert {name for name in plugin if found[name] != plugin[name]} == {"pip_url", "settings"}
    assert [setting["name"] for setting in found["settings"]] == [setting["name"] for setting in plugin["settings"]]
    assert {s["name"] for s in found["settings"] if s.get("kind") == "password"} == {"access_token", "webhook_secret"}
