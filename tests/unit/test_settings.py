from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


BOUNDS = {
    "window_days": (0.04, 36_525),
    "max_window_days": (0.04, 36_525),
    "lookback_days": (0, 36_525),
    "refresh_days": (0, 36_525),
    "settle_minutes": (0, 1_000_000),
    "reuse_exports_minutes": (0, 1_000_000),
    "export_timeout_minutes": (0.001, 1_000_000),
    "poll_interval_seconds": (0.001, 86_400),
    "max_concurrent_exports": (1, 1_000),
    "max_export_rows": (1, 10**12),
}
VALID = {
    "api_url": [
        "https://[2001:db8::1]:8443/x", "http://localhost:8000/api/admin/", "http://[::1]:80/", "https://bücher.example/",
        "https://[fe80::1%25eth0]/",
    ],
    "end_date": ["", "2025-01-01T00:00:00Z"],
    "timezone": ["UTC", "America/New_York", "US/Eastern"],
    "encoding": ["utf-8", "utf-8-sig", "cp1252"],
    "primary_keys": [
        {"order_list": columns}
        for columns in ([], ["export_id", "export_line"], ["date_to", "export_line"], ["sku", "date_to"])
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_has_bounds(name):
    """NaN and infinity are not within them."""
    least, most = BOUNDS[name]
    assert said(**{name: least}) == said(**{name: most}) == []
    for wrong in (least - 0.001, math.nan, -math.inf, "nan", *([] if name == "max_export_rows" else [most + 1])):
        assert {line.split(":")[0] for line in said(**{name: wrong})} == {name}


@pytest.mark.parametrize("name", VALID)
def test_valid_settings_are_accepted(name):
    for value in VALID[name]:
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
    "webhook_listen": [
        (listen, f"{listen!r} is not host:port, such as 127.0.0.1:8080")
        for listen in ("8080", ":8080", "a..b:80", "me@x:80", "x:65536")
    ],
    "store": [(store, f"{store!r} is not a subdomain") for store in ("a.29next.store", "a/b", "-a", "ä", "x" * 64)],
    "webhook_target_url": [
        (url, "it is not an http or https address") for url in ("a/b", "ftp://x", "https://x:port/")
    ],
    "access_token": [(token, "it is blank or contains invalid characters") for token in ("", "two words", "a\nb")],
    "start_date": [(text, f"{text!r} is not a date or time such as 2025-01-01") for text in ("", "soon", "2025-02-30")],
    "window_days": [(True, "True is not")],
    "lookback_days": [
        ({"*": 40_000, "x": 1}, "*: 40000 is greater than the maximum of 36525"),
        ({"order_list": "a week"}, "order_list: 'a week' is not of type"),
    ],
    "refresh_days": [([7], "[7] is not")],
    "max_export_rows": [(1.5, "1.5 is not")],
    "on_invalid_value": [(word, f"{word!r} is not one of ['keep', 'fail']") for word in ("", "KEEP")],
    "on_new_column": [(word, f"{word!r} is not one of ['add', 'ignore', 'fail']") for word in ("", "drop")],
    "timezone": [(zone, f"{zone!r} is not an IANA time zone") for zone in ("Mars/Phobos", "+02:00", "../etc/passwd")],
    "encoding": [(name, f"{name!r} is not a text encoding that Python has") for name in ("", "utf-9", "base64")],
    "user_agent": [("x\r\nCookie: y", "'x\\r\\nCookie: y' contains characters that a header cannot have")],
    "api_version": [("ä", "'ä' contains characters that a header cannot have")],
    "column_types": [
        ({"order_list": "string"}, "order_list: 'string' is not of type"),
        ({"order_list": {"a": 5}}, "order_list.a: 5 is not of type"),
        ({"order_list": {"a": "text"}}, "order_list.a is 'text', not one of string, integer, number,"),
    ],
    "primary_keys": [
        ({"order_list": ["a", "a"]}, "order_list names a column twice"),
        ({"order_list": ["order_number", "invalid_values"]}, "order_list: invalid_values is blank in most rows"),
        ({"order_list": ["export_id"]}, "order_list: many rows have the same export_id; add a column of the file, or"),
        ({"order_list": ["date_to", "date_from"]}, "order_list: many rows have the same date_to and date_from"),
    ],
    "stream_maps": [({"copies": {"__source__": None}}, "copies.__source__ is not the name of a stream")],
}
WITH = {
    "api_url": {"store": None},
    "webhook_listen": {"webhook_secret": "x"},
    "webhook_target_url": {"webhook_listen": "x:80"},
}
"""The other settings that a setting needs."""


@pytest.mark.parametrize(
    ("name", "value", "line"), [(name, value, line) for name, cases in INVALID.items() for value, line in cases]
)
def test_an_invalid_setting_is_one_line_that_names_it(name, value, line):
    """A value that may contain a secret is not shown."""
    (found,) = said(**WITH.get(name, {}), **{name: value})
    assert found.startswith((f"{name}: {line}", f"{name}.{line}"))
    if name in ("api_url", "access_token", "webhook_target_url") and value:
        assert value not in found


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        *(
            ({"store": store}, ["store: this or api_url is required; it is the subdomain in {store}.29next.store"])
            for store in (None, "")
        ),
        (
            {"start_date": "2025-01-02", "end_date": "2025-01-01"},
            ["start_date: 2025-01-02 is after end_date 2025-01-01"],
        ),
        ({"start_date": "2025-01-01T02:00:00+02:00", "end_date": "2025-01-01T00:00:00Z"}, []),
        ({"webhook_listen": "[::1]:80", "webhook_secret": "x"}, []),
        ({"webhook_listen": "x:80", "webhook_target_url": "https://example.com/hook"}, []),
        (
            {"webhook_target_url": "https://example.com/hook"},
            ["webhook_target_url: it requires webhook_listen, the address to receive on"],
        ),
        (
            {"webhook_listen": "x:80"},
            ["webhook_secret: required without webhook_target_url, because you register the webhook yourself"],
        ),
    ],
    ids=str,
)
def test_settings_that_depend_on_one_another(changes, lines):
    assert said(**changes) == lines


@pytest.mark.parametrize(
    ("name", "text", "number"),
    [
        ("window_days", "7", 7),
        ("window_days", "0.5", 0.5),
        ("max_export_rows", 5e4, 50_000),
        ("settle_minutes", Decimal("2.5"), 2.5),
    ],
)
def test_numbers_may_be_text_or_decimals(name, text, number):
    """Environment variables are text, fractions in a file Decimals; a count is an integer however it is written."""
    value = coerce(config(**{name: text}))[name]
    assert (value, type(value)) == (number, type(number))


def test_the_address_follows_from_store_unless_api_url_is_set():
    assert Settings(config(store="my-store")).api_url == "https://my-store.29next.store/api/admin/"
    assert Settings(config(api_url="https://example.com/api")).api_url == "https://example.com/api/"


@pytest.mark.parametrize(
    ("text", "hour"),
    [("2025-01-01", 0), ("2025-01-01T12:00:00Z", 12), ("2025-01-01T12:00:00+02:00", 10), ("2025-01-01 12:00:00", 12)],
)
def test_dates_without_an_offset_are_utc(text, hour):
    settings = Settings(config(start_date=text, end_date=text))
    assert settings.start_date == settings.end_date == datetime(2025, 1, 1, hour, tzinfo=timezone.utc)
    assert Settings(config()).end_date is Settings(config(end_date="")).end_date is None


@pytest.mark.parametrize(
    ("given_map", "days"),
    [
        (14, [14, 14, 14]),
        ({"order_list": 14, "*": 3}, [14, 3, 3]),
        ({"order_list": 14}, [14, 120, 7]),
        ('{"order_list": 1.5, "*": "2"}', [1.5, 2, 2]),
        ({"order_list": Decimal("1.5"), "*": 2}, [1.5, 2, 2]),
        (DEFAULTS["lookback_days"], [7, 120, 7]),
    ],
    ids=str,
)
def test_a_map_has_a_number_for_each_stream(given_map, days):
    """`*` applies to streams that are not named; without it they have the default. It may be JSON text."""
    settings = Settings(coerce(config(lookback_days=given_map)))
    found = [settings.window_limits(stream).lookback for stream in ("order_list", "dispute_list", "new_list")]
    assert found == [timedelta(days=number) for number in days]


def test_a_printed_settings_object_hides_the_token():
    assert TOKEN not in repr(Settings(config()))


TEXTS = [name for name, prop in CONFIG_SCHEMA["properties"].items() if prop["type"][0] == "string"]


@given(st.sampled_from(TEXTS), st.text(max_size=12) | st.sampled_from(["http://[", "https://x:y/", "\0", "9" * 5000]))
def test_any_text_is_valid_or_an_error(name, text):
    if not said(**{name: text}):
        settings = Settings(coerce(config(**{name: text})))
        assert settings.api_url.startswith(("https://", "http://"))
        assert settings.end_date is None or settings.end_date >= settings.start_date
