"""The tap's JSON schema, meltano.yml, .env.example and README.md agree on the settings."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

import hub
from tap_exports.config.schema import CONFIG_SCHEMA, MAPS, NUMBERS
from tap_exports.tap import TapExports

ROOT = Path(__file__).parent.parent
SDKS = ("stream_map", "faker_", "flattening_", "batch_")  # it adds them to the same schema
OURS = {name: schema for name, schema in CONFIG_SCHEMA["properties"].items() if not name.startswith(SDKS)}
# Kinds in meltano.yml. It has none for numbers with fractions, which the environment gives as text.
KINDS = {"integer": "integer", "date-time": "date_iso8601", "object": "object"}


def kind(name):
    schema = OURS[name]
    kinds = [one for one in schema["type"] if one != "null"]
    return schema.get("format") or ("number or map" if kinds == ["number", "object"] else kinds[0])


def test_required_settings_secrets_and_numbers():
    """Numbers and maps of numbers may be text, as in environment variables."""
    assert sorted(CONFIG_SCHEMA["required"]) == ["access_token", "start_date"]
    assert tuple(name for name in OURS if OURS[name].get("secret")) == ("access_token", "webhook_secret")
    assert MAPS == ("window_days", "max_window_days", "lookback_days", "refresh_days")
    assert {name for name in OURS if kind(name) in ("number", "integer", "number or map")} == set(NUMBERS)


@pytest.fixture(scope="module")
def plugin():
    (tap,) = yaml.safe_load((ROOT / "meltano.yml").read_text())["plugins"]["extractors"]
    return tap


def test_meltano_yml_has_every_setting_with_its_kind_default_and_secrecy(plugin):
    settings = {one["name"]: one for one in plugin["settings"]}
    assert [name for name in settings if name in OURS] == list(OURS)
    for name, schema in OURS.items():
        assert settings[name].get("kind") == KINDS.get(kind(name)), name
        assert settings[name].get("value", {} if kind(name) == "object" else None) == schema.get("default"), name
        assert settings[name].get("sensitive", False) == schema.get("secret", False), name
        assert settings[name]["label"] == schema["title"], name


def test_meltano_yml_has_the_sdks_own_settings_and_the_taps_capabilities(plugin):
    about = json.loads(json.dumps(TapExports._get_about_info().settings))
    assert {one["name"].split(".")[0] for one in plugin["settings"]} == set(about["properties"])
    assert sorted(plugin["capabilities"]) == sorted(str(one) for one in TapExports.capabilities)


def test_the_hubs_file_is_up_to_date():
    assert hub.FILE.read_text() == hub.text()


def test_the_environments_example_has_every_setting_once_with_its_default():
    lines = re.findall(r"^(?:# )?TAP_EXPORTS_(\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert sorted(name.lower() for name, _ in lines) == sorted(OURS)
    for name, text in lines:
        default = OURS[name.lower()].get("default")
        if default is not None and default != {}:
            assert text == (default if isinstance(default, str) else json.dumps(default)), name


def test_the_readme_has_every_setting_with_its_kind_and_default():
    rows = re.findall(r"^\| `(\w+)` \|([^|]*)\|([^|]*)\|", (ROOT / "README.md").read_text(), re.MULTILINE)
    table = {name: (words.strip(), default.strip()) for name, words, default in rows if name in OURS}
    assert list(table) == list(OURS)
    for name, (words, text) in table.items():
        assert words.split(",")[0] == kind(name), name
        assert ("secret" in words) == OURS[name].get("secret", False), name
        default = OURS[name].get("default")
        if default is not None:
            assert text.strip("`") == (default if isinstance(default, str) else json.dumps(default)), name
