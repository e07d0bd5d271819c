from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from singer_sdk.plugin_base import JSONSchemaValidator

from tap_exports.config.schema import CONFIG_SCHEMA, NUMBERS
from tap_exports.config.settings import Settings, coerce
from tap_exports.config.validation import validation_errors

TOKEN = "t0ken-of-the-store"
DEFAULTS = {name: prop["default"] for name, prop in CONFIG_SCHEMA["properties"].items() if "default" in prop}


def config(**more):
    """Valid settings with a test's changes; None removes a setting."""
    whole = {**DEFAULTS, "store": "example", "access_token": TOKEN, "start_date": "2025-01-01", **more}
    return {name: value for name, value in whole.items() if value is not None}


def said(**more):
    return validation_errors(coerce(config(**more)))


VALID = {
    "user_agent": ["", "me/1.0 (x)"],
    "api_url": [
        "https://[2001:db8::1]:8443/x", "http://localhost:8000/api/admin/", "http://[::1]:80/", "https://bücher.example/",
        "https://[fe80::1%25eth0]/",
    ],
    "store": ["example", "my-store-2"],
    "end_date": ["", "2025-01-01T00:00:00Z"],
    "window_days": [0.04, 36_525],
    "max_window_days": [0.04, 36_525],
    "lookback_days": [0, 36_525],
    "refresh_days": [0, 36_525],
    "settle_minutes": [0, 1_000_000],
    "reuse_exports_minutes": [0, 1_000_000],
    "export_timeout_minutes": [0.1, 1_000_000],
    "poll_interval_seconds": [0.5, 86_400],
    "max_concurrent_exports": [1, 1_000],
    "max_export_rows": [1, 10**12],
    "on_invalid_value": ["keep", "fail"],
    "on_new_column": ["add", "ignore", "fail"],
    "timezone": ["UTC", "America/New_York", "US/Eastern"],
    "encoding": ["utf-8", "utf-8-sig", "cp1252"],
    "primary_keys": [
        {"order_list": columns}
        for columns in ([], ["export_id", "export_line"], ["date_to", "export_line"], ["sku", "date_to"])
    ],
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in VALID.items() for value in values])
def test_a_valid_setting_is_accepted(name, value):
    assert said(**{name: value}) == []


INVALID = {
    "api_url": [
        ("http://example.com/", "it must be https"),
        ("ftp://example.com/", "it is not an address such as"),
        ("shop.29next.store", "it is not an address such as"),
        ("https://example.com\\.evil.com/", "it is not an address such as"),
        ("https://example.com:99999/", "it is not an address"),
        ("https://a..b/secret", "it is not an address such as"),
        ("https://*.example.com/", "it is not an address such as"),
        ("https://[1:2]/", "it is not an address such as"),
        ("https://me:secret@example.com/", "it must not contain a user, a password"),
        ("https://example.com/#secret", "it must not contain a user, a password, a query or a fragment"),
    ],
    "store": [(store, f"{store!r} is not a subdomain") for store in ("a.29next.store", "a/b", "-a", "ä", "x" * 64)],
    "access_token": [(token, "it is blank or contains invalid characters") for token in ("", "two words", "a\nb")],
    "start_date": [(text, f"{text!r} is not a date or time such as 2025-01-01") for text in ("", "soon", "2025-02-30")],
    "window_days": [
        (0.039, "0.039 is less than the minimum of 0.04"),
        (36_526, "36526 is greater than the maximum of 36525"),
    ],
    "max_window_days": [(0.03, "0.03 is less than the minimum of 0.04")],
    "lookback_days": [
        (-0.5, "-0.5 is less than the minimum of 0"),
        ({"*": 40_000, "x": 1}, "*: 40000 is greater than the maximum of 36525"),
    ],
    "refresh_days": [(-1, "-1 is less than the minimum of 0")],
    "settle_minutes": [
        (-1, "-1 is less than the minimum of 0"),
        (1_000_001, "1000001 is greater than the maximum of 1000000"),
    ],
    "reuse_exports_minutes": [(-1, "-1 is less than the minimum of 0")],
    "export_timeout_minutes": [(0, "0 is less than or equal to the minimum of 0")],
    "poll_interval_seconds": [
        (0, "0 is less than or equal to the minimum of 0"),
        (86_401, "86401 is greater than the maximum of 86400"),
    ],
    "max_concurrent_exports": [
        (0, "0 is less than the minimum of 1"),
        (1_001, "1001 is greater than the maximum of 1000"),
    ],
    "max_export_rows": [(0, "0 is less than the minimum of 1")],
    "on_invalid_value": [(word, f"{word!r} is not one of ['keep', 'fail']") for word in ("", "KEEP")],
    "on_new_column": [(word, f"{word!r} is not one of ['add', 'ignore', 'fail']") for word in ("", "drop")],
    "timezone": [(zone, f"{zone!r} is not an IANA time zone") for zone in ("Mars/Phobos", "+02:00", "../etc/passwd")],
    "encoding": [(name, f"{name!r} is not a text encoding that Python has") for name in ("", "utf-9", "base64")],
    "user_agent": [("x\r\nCookie: y", "'x\\r\\nCookie: y' contains characters that a header cannot have")],
    "api_version": [("ä", "'ä' contains characters that a header cannot have")],
    "column_types": [({"order_list": {"a": "text"}}, "order_list.a is 'text', not one of string, integer, number,")],
    "primary_keys": [
        ({"order_list": ["a", "a"]}, "order_list names a column twice"),
        ({"order_list": ["order_number", "invalid_values"]}, "order_list: invalid_values is blank in most rows"),
        ({"order_list": ["export_id"]}, "order_list: many rows have the same export_id; add a column of the file, or"),
        ({"order_list": ["date_to", "date_from"]}, "order_list: many rows have the same date_to and date_from"),
    ],
    "stream_maps": [({"copies": {"__source__": None}}, "copies.__source__ is not the name of a stream")],
}


@pytest.mark.parametrize(
    ("name", "value", "line"), [(name, value, line) for name, cases in INVALID.items() for value, line in cases]
)
def test_an_invalid_setting_is_one_line_that_names_it(name, value, line):
    """A value that may contain a secret is not shown."""
    (found,) = said(**{name: value, **({"store": None} if name == "api_url" else {})})
    assert found.startswith((f"{name}: {line}", f"{name}.{line}"))
    if name in ("api_url", "access_token") and value:
        assert value not in found


def test_a_store_or_an_address_is_required():
    assert said(store=None) == ["store: this or api_url is required; it is the subdomain in {store}.29next.store"]
    assert said(store="") == said(store=None)


def test_the_address_follows_from_store_unless_api_url_is_set():
    assert Settings(config(store="my-store")).api_url == "https://my-store.29next.store/api/admin/"
    assert Settings(config(api_url="https://example.com/api")).api_url == "https://example.com/api/"


def test_no_error_line_contains_a_secret():
    lines = said(
        access_token="s3cret token",
        webhook_secret="s3cret",
        store="s/",
        api_url="http://me:s3cret@example.com/?s3cret",
        start_date="x",
        window_days=-1,
        webhook_listen="x",
        webhook_target_url="ftp://s3cret@x",
    )
    assert len(lines) == 8
    assert "s3cret" not in "".join(lines)


@pytest.mark.parametrize("name", NUMBERS)
def test_nan_and_infinity_are_errors(name):
    assert [len(said(**{name: value})) for value in (math.nan, -math.inf, "nan")] == [1, 1, 1]


# Numbers as text


@pytest.mark.parametrize(
    ("name", "text", "number"),
    [
        ("window_days", "7", 7),
        ("window_days", "0.5", 0.5),
        ("max_concurrent_exports", "8", 8),
        ("max_export_rows", 5e4, 50_000),
    ],
)
def test_numbers_may_be_text(name, text, number):
    """Environment variables are text; a count is an integer however it is written."""
    value = coerce(config(**{name: text}))[name]
    assert (value, type(value)) == (number, type(number))


@pytest.mark.parametrize("text", ["", "seven"])
def test_text_that_is_not_a_number_is_left_to_the_schema(text):
    assert coerce({"window_days": text, "store": "42", "end_date": None}) == {"window_days": text, "store": "42"}


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("store", 5), ("window_days", "x"), ("window_days", True), ("lookback_days", {"order_list": "a week"}),
        ("refresh_days", [7]), ("max_export_rows", 1.5), ("column_types", {"order_list": "string"}),
        ("column_types", {"order_list": {"a": 5}}), ("primary_keys", {"order_list": "number"}),
        ("on_new_column", "drop"),
    ],
)  # fmt: skip
def test_a_setting_of_the_wrong_kind_does_not_fit_the_schema(name, wrong):
    (error,) = JSONSchemaValidator(CONFIG_SCHEMA).iter_errors(config(**{name: wrong}))
    assert next(iter(error.absolute_path)) == name


# Dates


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-01-01", datetime(2025, 1, 1, tzinfo=timezone.utc)),
        ("2025-01-01T12:00:00Z", datetime(2025, 1, 1, 12, tzinfo=timezone.utc)),
        ("2025-01-01T12:00:00+02:00", datetime(2025, 1, 1, 10, tzinfo=timezone.utc)),
        ("2025-01-01 12:00:00", datetime(2025, 1, 1, 12, tzinfo=timezone.utc)),
    ],
)
def test_dates_without_an_offset_are_utc(text, moment):
    assert said(start_date=text, end_date=text) == []
    settings = Settings(config(start_date=text, end_date=text))
    assert (settings.start_date, settings.end_date) == (moment, moment)
    assert Settings(config()).end_date is Settings(config(end_date="")).end_date is None


def test_a_start_after_the_end_is_an_error():
    assert said(start_date="2025-01-02", end_date="2025-01-01") == [
        "start_date: 2025-01-02 is after end_date 2025-01-01"
    ]
    assert said(start_date="2025-01-01T02:00:00+02:00", end_date="2025-01-01T00:00:00Z") == []


@pytest.mark.parametrize("listen", ["8080", ":8080", "a..b:80", "me@x:80", "x:65536"])
def test_webhook_listen_is_host_and_port(listen):
    line = f"webhook_listen: {listen!r} is not host:port, such as 127.0.0.1:8080"
    assert said(webhook_listen=listen, webhook_secret="x") == [line]
    assert said(webhook_listen="[::1]:80", webhook_secret="x") == []


def test_webhook_settings_require_one_another():
    assert said(webhook_listen="x:80", webhook_target_url="https://example.com/hook") == []
    assert said(webhook_target_url="https://example.com/hook") == [
        "webhook_target_url: it requires webhook_listen, the address to receive on"
    ]
    assert said(webhook_listen="x:80") == [
        "webhook_secret: required without webhook_target_url, because you register the webhook yourself"
    ]
    for target in ("example.com/hook", "ftp://example.com", "https://x:port/"):
        line = "webhook_target_url: it is not an http or https address"
        assert said(webhook_listen="x:80", webhook_target_url=target) == [line]


# Maps


def lookback(stream, **more):
    return Settings(coerce(config(**more))).window_limits(stream).lookback / timedelta(days=1)


def test_a_map_has_a_number_for_each_stream():
    """`*` applies to streams that are not named; without it they have the default."""
    given_map = {"order_list": 14, "*": 3}
    assert [lookback(s, lookback_days=given_map) for s in ("order_list", "dispute_list", "new_list")] == [14, 3, 3]
    assert [lookback(s, lookback_days={"order_list": 14}) for s in ("order_list", "dispute_list", "x")] == [14, 120, 7]
    assert [lookback(s, lookback_days=14) for s in ("order_list", "dispute_list")] == [14, 14]
    assert [lookback(s) for s in ("order_list", "dispute_list", "fulfillment_line_items")] == [7, 120, 30]


@pytest.mark.parametrize("text", ['{"order_list": 1.5, "*": "2"}', {"order_list": Decimal("1.5"), "*": 2}])
def test_a_map_may_be_json_text(text):
    assert [lookback(s, lookback_days=text) for s in ("order_list", "x")] == [1.5, 2]


def test_a_printed_settings_object_hides_the_token():
    assert TOKEN not in repr(Settings(config()))


values = {
    "string": st.text(max_size=12) | st.sampled_from(["http://[", "x:99999", "https://x:y/", "\0", "9" * 5000]),
    "number": st.floats() | st.integers() | st.text(max_size=5),
    "integer": st.floats() | st.integers() | st.text(max_size=5),
    "object": st.dictionaries(st.text(max_size=5), st.dictionaries(st.text(max_size=5), st.text(max_size=5))),
}


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: next(values[kind] for kind in prop["type"] if kind in values) if name != "primary_keys"
            else st.dictionaries(st.text(max_size=5), st.lists(st.text(max_size=5)))
            for name, prop in CONFIG_SCHEMA["properties"].items()
        },
    )
)  # fmt: skip
def test_any_settings_are_valid_or_an_error(given_config):
    whole = coerce(config(**given_config))
    if validation_errors(whole):
        return
    settings = Settings(whole)
    assert settings.api_url.startswith(("https://", "http://"))
    assert settings.start_date.tzinfo is timezone.utc
    assert settings.end_date is None or settings.end_date >= settings.start_date
    assert settings.window_limits("order_list").first >= timedelta(seconds=1)
    assert settings.window_limits("x").lookback >= timedelta(0) <= settings.settle
    assert type(whole["max_concurrent_exports"]) is int
