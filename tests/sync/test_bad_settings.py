"""Settings lead to a sync, or to a line for each invalid one.

The SDK's own settings (maps, flattening, batches) included.
"""

from __future__ import annotations

import json
import sys

import pytest
from singer_sdk.sinks.core import JSONSchemaValidator

from tap_exports.store.client import Client

from .conftest import assert_fails


def mapped(**columns):
    return {"stream_maps": {"order_list": columns}}


SECRET = "t0psecret"
REFUSED = [
    (mapped(a="x = 1"), "stream_maps: order_list.a is 'x = 1', which is not a Python expression"),
    (mapped(__filter__="((("), "stream_maps: order_list.__filter__ is '(((', which is not a Python expression"),
    (mapped(__alias__="a b"), "stream_maps: order_list.__alias__ is 'a b', which is not a Python expression"),
    (mapped(__filter__=5), "stream_maps.order_list: {'__filter__': 5} is not valid"),
    ({"stream_maps": []}, "stream_maps: [] is not of type"),
    ({"flattening_enabled": True}, "flattening_max_depth: required with flattening_enabled"),
    ({"flattening_max_depth": -1}, "flattening_max_depth: -1 is not 0 or more"),
    ({"encoding": "unicode_escape"}, "encoding: 'unicode_escape' is not a text encoding"),
    # An error about a setting that may hold a secret names the expected kind instead of the value.
    ({"access_token": [SECRET]}, "access_token: it must be of the type string"),
    (
        {"batch_config": {"encoding": {"format": SECRET}, "storage": {"root": "file:///batches"}}},
        "batch_config.encoding.format: it must be jsonl or parquet",
    ),
    ({"faker_config": {"seed": [SECRET]}}, "faker_config.seed: it must be of the type number or string or boolean"),
]


@pytest.mark.parametrize(("change", "words"), REFUSED, ids=lambda value: str(value)[:60])
def test_an_invalid_setting_is_refused_before_any_request(small_store, inside, change, words):
    run = inside(small_store.config | change)
    assert_fails(run, words)
    assert SECRET not in run.log
    assert small_store.count() == 0


FAILING = [
    (mapped(a="nope"), "fails at a record: MapExpressionError"),
    (mapped(__filter__="1 / 0"), "fails at a record: ZeroDivisionError"),
    (mapped(order_number=None), "cannot be used: StreamMapConfigError: Removing key property 'order_number'"),
    (mapped(__alias__="1 / 0"), "cannot be used: ZeroDivisionError"),
]


@pytest.mark.parametrize(("change", "words"), FAILING, ids=lambda value: str(value)[:60])
def test_a_failing_stream_map_fails_its_stream(small_store, inside, change, words):
    run = inside(small_store.config | change)
    assert_fails(run, "the map of stream ", words, "Correct stream_maps")  # the SDK evaluates an alias for each stream
    assert run.bookmark("order_list") is None


@pytest.mark.parametrize("with_catalog", [False, True])
def test_a_failing_stream_map_leaves_the_other_streams_whole(make_store, inside, discover, with_catalog):
    store = make_store("customer_list", "order_list", "transaction_list", days=3, orders_per_day=1)
    catalog = discover(store.config) if with_catalog else None
    run = inside(store.config | mapped(a="1 / 0"), catalog=catalog)
    assert_fails(run)
    assert run.bookmark("order_list") is None
    for code in ("customer_list", "transaction_list"):
        assert run.records(code)
        assert run.bookmark(code)


def test_an_unexpected_error_fails_one_stream_without_its_message(make_store, inside, monkeypatch):
    """The message could contain a signed link."""
    store = make_store("customer_list", "order_list", days=3, orders_per_day=1)
    secret = "abc" + "123"  # in two parts, because a traceback shows the test's own lines too

    def fail(self, code, window):
        if code == "customer_list":
            raise KeyError(f"https://files.example/x.csv?Signature={secret}")
        return create(self, code, window)

    create = Client.create
    monkeypatch.setattr(Client, "create", fail)
    run = inside(store.config, environment={"TAP_EXPORTS_LOGLEVEL": "DEBUG"})
    (line,) = run.errors
    assert line.startswith("Unexpected error: KeyError in")
    assert "(stream customer_list)" in line
    assert secret not in run.log
    assert "Traceback" in run.log
    assert run.bookmark("order_list")


def test_an_unexpected_error_before_any_stream_is_one_line(small_store, inside, monkeypatch):
    monkeypatch.setattr(Client, "types", lambda self: 1 / 0)
    run = inside(small_store.config)
    (line,) = run.errors
    assert "Traceback" not in run.log
    assert line.startswith("Unexpected error: ZeroDivisionError in")
    assert "LOGLEVEL=DEBUG" in line


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        (b"\xff\xfe{\0}\0", "cannot be read: it is not UTF-8"),
        (b"\xef\xbb\xbf{}", "is not valid JSON"),
        (b"[]", "is JSON, but not an object"),
        (b'{"window_days": NaN}', "NaN is not a JSON number"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_invalid_config_file_is_an_error_that_names_it(small_store, inside, tmp_path, content, words):
    other = tmp_path / "other.json"
    if content is not None:
        other.write_bytes(content)
    for arguments in ([], ["--discover"], ["--test"], ["--plan"]):
        run = inside(small_store.config, "--config", str(other), *arguments)
        assert_fails(run, f"the config file {other}", words)
    assert small_store.count() == 0


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("max_export_rows", "many", "max_export_rows: the environment variable is not a plain whole number"),
        ("max_concurrent_exports", "1.5", "max_concurrent_exports: the environment variable is not a plain whole"),
        ("column_types", "{", "column_types: the environment variable is not valid JSON"),
        ("primary_keys", '{"order_list": "x"}', "primary_keys.order_list: 'x' is not of type"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_invalid_environment_variable_is_an_error_that_names_the_setting(small_store, inside, name, value, words):
    given = {**small_store.config, name: value}
    environment = {f"TAP_EXPORTS_{name.upper()}": value for name, value in given.items()}
    assert_fails(inside(None, "--config", "ENV", environment=environment), words)
    assert small_store.count() == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--nope"], "No such option"),
        (["--test=x"], "'x' is not one of 'all', 'records', 'schema'"),
        (["--state", "/nowhere/state.json"], "No such file or directory"),
    ],
    ids=str,
)
def test_a_wrong_option_is_a_usage_error(small_store, inside, arguments, words):
    run = inside(small_store.config, *arguments)
    assert run.code == 2
    assert words in run.log
    assert small_store.count() == 0


@pytest.mark.parametrize("arguments", [[], ["--discover"], ["--plan"]], ids=str)
def test_every_command_reports_each_invalid_setting_once(small_store, inside, arguments):
    run = inside(small_store.config | {"window_days": 0, "timezone": "x"}, *arguments)
    assert run.code == 1
    assert sorted(line.split(":")[0] for line in run.errors) == ["timezone", "window_days"]
    assert small_store.count() == 0


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_version_and_help_require_no_settings(inside, option):
    run = inside(None, option)
    assert run.code == 0
    assert run.out


def test_about_prints_a_valid_json_schema(inside):
    settings = json.loads(inside(None, "--about", "--format=json").out)["settings"]
    assert "anyOf" in json.dumps(settings)
    JSONSchemaValidator(settings)  # checks it


def test_webhook_listen_requires_its_extra(small_store, inside, monkeypatch):
    monkeypatch.setitem(sys.modules, "waitress", None)
    run = inside(small_store.config | {"webhook_listen": "127.0.0.1:0", "webhook_secret": "x"})
    assert_fails(run, "webhook_listen: requires the extra webhook: pip install 'tap-exports[webhook]'")
    assert small_store.count() == 0
