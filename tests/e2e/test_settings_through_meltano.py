"""Meltano adds the plugin from the hub's file, and settings in environment variables reach the tap through it."""

from __future__ import annotations

import json
import re
import subprocess

import plumbing
import pytest
import yaml

from tap_exports.sandbox import Sandbox

pytestmark = pytest.mark.e2e

SAME = {
    "store": "practice", "api_version": "2024-04-01", "start_date": "2026-02-01",
    "end_date": "2026-02-20T00:00:00+02:00", "window_days": "7.5", "max_window_days": '{"order_list": 90.5}',
    "lookback_days": "0", "refresh_days": '{"*": 10, "order_list": 0}', "settle_minutes": "2.5",
    "poll_interval_seconds": "0.5", "export_timeout_minutes": "1.5", "reuse_exports_minutes": "30",
    "timezone": "US/Eastern", "encoding": "utf-8", "on_invalid_value": "fail", "on_new_column": "ignore",
    "webhook_listen": "127.0.0.1:0", "webhook_target_url": "https://hooks.example/exports", "webhook_secret": "007",
    "user_agent": "nightly/1.0", "flattening_separator": "__",
}  # fmt: skip
"""Settings that the tap receives as text. A number that may have fractions is one of them, because Meltano has no kind
for it that works from the environment; the tap reads it."""
READ = {
    "max_concurrent_exports": 2,
    "max_export_rows": 5000,
    "column_types": {"order_list": {"order_number": "string"}},
    "primary_keys": {"order_list": []},
    "stream_maps": {"order_list": {"email": None}},
    "stream_map_config": {"salt": "x"},
    "flattening_enabled": True,
    "flattening_max_depth": 1,
    "flattening_max_key_length": 40,
}
"""Settings that Meltano reads as JSON."""
GIVEN = {name: (text, text) for name, text in SAME.items()}
GIVEN |= {name: (json.dumps(value), value) for name, value in READ.items()}
NESTED = {
    "faker_config.seed": ("7", "7"),
    "faker_config.locale": ('["de_DE"]', ["de_DE"]),
    "batch_config.encoding.format": ("jsonl", "jsonl"),
    "batch_config.encoding.compression": ("gzip", "gzip"),
    "batch_config.storage.root": ("file://batches", "file://batches"),
    "batch_config.storage.prefix": ("b-", "b-"),
}
"""Each setting's text, and the value that the tap receives."""


def variables(settings):
    return {f"TAP_EXPORTS_{name.upper().replace('.', '_')}": text for name, (text, _) in settings.items()}


def test_every_setting_of_meltano_yml_comes_through_with_its_type(meltano):
    connection = {"api_url": "http://127.0.0.1:9/api/admin/", "access_token": "0123"}
    project = meltano(connection, **variables(GIVEN | NESTED))
    config = json.loads(project.run("invoke", "--dump=config", "tap-exports", timeout=300))
    for name, (_, wanted) in NESTED.items():
        *path, last = name.split(".")
        folder = config
        for step in path:
            folder = folder[step]
        assert folder.pop(last) == wanted
    for name in ("faker_config", "batch_config"):
        config.pop(name)
    assert config == connection | {name: wanted for name, (_, wanted) in GIVEN.items()}


def test_the_tap_accepts_the_settings_from_meltano(meltano):
    with Sandbox(days=10, orders_per_day=1) as store:
        project = meltano(store.config, **variables(GIVEN))
        catalog = json.loads(project.run("invoke", "tap-exports", "--discover", timeout=300))
        assert {stream["tap_stream_id"] for stream in catalog["streams"]} == {*store.types, "export_log"}
        assert {request.headers["User-Agent"] for request in store.log} == {"nightly/1.0"}


@pytest.mark.parametrize(
    ("name", "text"), [("window_days", "a month"), ("on_invalid_value", "null"), ("start_date", "soon")]
)
def test_an_invalid_setting_is_one_error_line_of_the_taps(meltano, name, text):
    with Sandbox(days=1) as store:
        project = meltano(store.config, **{f"TAP_EXPORTS_{name.upper()}": text})
        with pytest.raises(plumbing.MeltanoFailed):
            project.run("run", "tap-exports", "target-jsonl", timeout=300)
        assert not store.log
    log = project.log.read_text()
    assert len(re.findall(rf"\[error +\] tap-exports +.*{name}", log)) == 1
    assert "Traceback" not in log


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
