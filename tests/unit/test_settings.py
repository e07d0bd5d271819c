from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from singer_sdk.plugin_base import JSONSchemaValidator

from tap_exports.config.schema import CONFIG_SCHEMA
from tap_exports.config.settings import Settings, coerce
from tap_exports.config.validation import NUMBERS, validation_errors, zone_of
from tap_exports.schema.types import ColumnType

TOKEN = "t0ken-of-the-store"
DEFAULTS = {name: prop["default"] for name, prop in CONFIG_SCHEMA["properties"].items() if "default" in prop}


def config(**more):
    """Valid settings with a test's changes; None removes a setting."""
    whole = {**DEFAULTS, "store": "example", "access_token": TOKEN, "start_date": "2025-01-01", **more}
    return {name: value for name, value in whole.items() if value is not None}


def said(**more):
    return list(validation_errors(coerce(config(**more))))


def test_a_store_a_token_and_a_start_are_sufficient():
    assert said() == []
    assert said(store=None, api_url="https://example.29next.store/api/admin/") == []


# Addresses


@pytest.mark.parametrize(
    "url",
    [
        "https://example.29next.store/api/admin/",
        "https://[2001:db8::1]:8443/x",
        "http://localhost:8000/api/admin/",
        "http://[::1]:80/",
        "https://bücher.example/",
        "https://[fe80::1%25eth0]/",
    ],
)
def test_an_address_is_https_or_on_loopback(url):
    assert said(store=None, api_url=url) == []


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("http://example.com/", "it must be https"),
        ("http://10.0.0.1/", "it must be https"),
        ("ftp://example.com/", "not an address such as"),
        ("example.29next.store", "not an address such as"),
        ("https://", "not an address such as"),
        ("https://example.com\\.evil.com/", "not an address such as"),
        ("https://example.com:99999/", "it is not an address"),
        ("https://a..b/secret", "not an address such as"),
        ("https://*.example.com/", "not an address such as"),
        ("https://[v1.x]/", "not an address such as"),
        ("https://[1:2]/", "not an address such as"),
        ("https://me:secret@example.com/", "must not contain a user, a password"),
        ("https://example.com/#secret", "a query or a fragment"),
    ],
)
def test_an_invalid_address_is_an_error_that_does_not_show_it(url, what):
    """It may contain a password."""
    (line,) = said(store=None, api_url=url)
    assert line.startswith("api_url: ")
    assert what in line
    assert "secret" not in line


@pytest.mark.parametrize("store", ["example", "my-store-2"])
def test_a_store_is_a_subdomain(store):
    assert said(store=store) == []
    assert Settings(config(store=store)).api_url == f"https://{store}.29next.store/api/admin/"


@pytest.mark.parametrize(
    "store",
    ["example.29next.store", "a/b", "a@b", "-a", "ä", "x" * 64],
)
def test_an_invalid_store_is_an_error(store):
    (line,) = said(store=store)
    assert line.startswith(f"store: {store!r} is not a subdomain")


def test_a_store_or_an_address_is_required():
    assert said(store=None) == ["store: this or api_url is required; it is the subdomain in {store}.29next.store"]
    assert said(store="") == said(store=None)


def test_api_url_takes_precedence_over_store_and_ends_in_a_slash():
    assert Settings(config(api_url="https://example.com/api")).api_url == "https://example.com/api/"


# Secrets


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak"])
def test_an_invalid_token_is_an_error_that_does_not_show_it(token):
    assert said(access_token=token) == ["access_token: it is blank or contains invalid characters"]


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


# Ranges


@pytest.mark.parametrize(
    ("name", "least", "too_small"),
    [
        ("window_days", 0.04, 0.039),
        ("poll_interval_seconds", 0.5, 0),
        ("export_timeout_minutes", 0.1, 0),
        ("max_window_days", 0.04, 0.03),
        ("lookback_days", 0, -0.5),
        ("refresh_days", 0, -1),
        ("settle_minutes", 0, -1),
        ("reuse_exports_minutes", 0, -1),
        ("max_concurrent_exports", 1, 0),
        ("max_export_rows", 1, 0),
    ],
)
def test_a_number_that_is_too_small_is_an_error(name, least, too_small):
    assert said(**{name: least}) == []
    (line,) = said(**{name: too_small})
    assert line.startswith(f"{name}: {too_small} is not ")


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("window_days", 36_525),
        ("max_concurrent_exports", 1_000),
        ("settle_minutes", 1_000_000),
        ("poll_interval_seconds", 86_400),
    ],
)
def test_a_number_that_is_too_large_is_an_error(name, most):
    assert said(**{name: most}) == []
    assert said(**{name: most + 1}) == [f"{name}: {most + 1} is more than {most:,}"]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [math.nan, -math.inf, "nan"])
def test_nan_and_infinity_are_errors(name, value):
    assert len(said(**{name: value})) == 1


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
    assert coerce({"window_days": text}) == {"window_days": text}


def test_other_settings_are_unchanged_and_null_is_unset():
    given_config = {"store": "42", "window_days": None, "access_token": "7"}
    assert coerce(given_config) == {"store": "42", "access_token": "7"}
    assert given_config["window_days"] is None


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


@pytest.mark.parametrize("text", ["", "yesterday", "2025-02-30"])
def test_an_invalid_start_date_is_an_error(text):
    (line,) = said(start_date=text)
    assert line == f"start_date: {text!r} is not a date or time such as 2025-01-01 or 2025-01-01T00:00:00Z"


def test_end_date_may_be_unset():
    assert Settings(config()).end_date is None
    assert said(end_date="") == []
    assert Settings(config(end_date="")).end_date is None


def test_a_start_after_the_end_is_an_error():
    assert said(start_date="2025-01-02", end_date="2025-01-01") == [
        "start_date: 2025-01-02 is after end_date 2025-01-01"
    ]
    assert said(start_date="2025-01-01T02:00:00+02:00", end_date="2025-01-01T00:00:00Z") == []


# Choices


@pytest.mark.parametrize(
    ("name", "right", "choices"),
    [("on_invalid_value", "keep fail", "keep, fail"), ("on_new_column", "add ignore fail", "add, ignore, fail")],
)
def test_a_choice_is_one_of_its_words(name, right, choices):
    for word in right.split():
        assert said(**{name: word}) == []
    for word in ("", "KEEP", "drop"):
        assert said(**{name: word}) == [f"{name}: {word!r} is not one of {choices}"]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "US/Eastern", "Asia/Kolkata"])
def test_a_zone_is_an_iana_name(zone):
    assert said(timezone=zone) == []
    assert zone_of(zone) == ZoneInfo(zone)


@pytest.mark.parametrize("zone", ["Mars/Phobos", "+02:00", "../etc/passwd", "a\0b"])
def test_an_invalid_zone_is_an_error(zone):
    assert said(timezone=zone) == [f"timezone: {zone!r} is not an IANA time zone such as America/New_York"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_an_encoding_is_a_text_encoding(encoding):
    assert said(encoding=encoding) == []


@pytest.mark.parametrize("encoding", ["", "utf-9", "base64"])
def test_an_invalid_encoding_is_an_error(encoding):
    assert said(encoding=encoding) == [f"encoding: {encoding!r} is not a text encoding that Python has"]


@pytest.mark.parametrize("name", ["user_agent", "api_version"])
def test_user_agent_and_api_version_are_valid_header_values(name):
    assert said(**{name: "me/1.0 (x)"}) == []
    assert said(**{name: "x\r\nCookie: y"}) == [
        f"{name}: 'x\\r\\nCookie: y' contains characters that a header cannot have"
    ]
    assert len(said(**{name: "ä"})) == 1


# Columns and keys


def test_column_types_and_primary_keys_are_read():
    settings = Settings(
        config(
            column_types={"order_list": {"total": "string", "placed": "date-time"}},
            primary_keys={"order_list": ["number", "sku"], "customer_list": []},
        )
    )
    assert settings.column_types == {"order_list": {"total": ColumnType.STRING, "placed": ColumnType.DATE_TIME}}
    assert settings.primary_keys == {"order_list": ("number", "sku"), "customer_list": ()}


def test_an_invalid_type_is_an_error_that_names_the_column():
    assert said(column_types={"order_list": {"a": "text", "b": "string", "c": "DATE"}}) == [
        "column_types: order_list.a is 'text', not one of string, integer, number, boolean, date, date-time",
        "column_types: order_list.c is 'DATE', not one of string, integer, number, boolean, date, date-time",
    ]


def test_a_key_with_a_column_twice_is_an_error():
    assert said(primary_keys={"order_list": ["a", "a"]}) == ["primary_keys: order_list names a column twice"]


def test_a_stream_map_with_an_invalid_source_is_an_error():
    assert said(stream_maps={"copies": {"__source__": None}}) == [
        "stream_maps: copies.__source__ is not the name of a stream",
    ]


@pytest.mark.parametrize(
    ("columns", "fault"),
    [
        (["order_number", "invalid_values"], "invalid_values is blank in most rows"),
        (["export_id"], "many rows have the same export_id; add a column of the file, or use export_id and"),
        (["date_to", "date_from"], "many rows have the same date_to and date_from"),
        (["export_line"], "many rows have the same export_line"),
    ],
)
def test_a_key_that_cannot_be_unique_is_an_error(columns, fault):
    """A file's check would not notice, because these columns are not in the file."""
    (line,) = said(primary_keys={"order_list": columns})
    assert line.startswith(f"primary_keys: order_list: {fault}")


@pytest.mark.parametrize("columns", [[], ["export_id", "export_line"], ["date_to", "export_line"], ["sku", "date_to"]])
def test_a_key_may_contain_columns_of_the_taps_own(columns):
    assert said(primary_keys={"order_list": columns}) == []


# Webhooks


@pytest.mark.parametrize("listen", ["127.0.0.1:8080", "[::1]:80"])
def test_a_listener_has_a_host_and_a_port(listen):
    assert said(webhook_listen=listen, webhook_secret="x") == []


@pytest.mark.parametrize("listen", ["8080", ":8080", "a..b:80", "me@x:80"])
def test_an_invalid_listener_is_an_error(listen):
    (line,) = said(webhook_listen=listen, webhook_secret="x")
    assert line == f"webhook_listen: {listen!r} is not host:port, such as 127.0.0.1:8080"


@pytest.mark.parametrize("port", ["65536", "-1"])
def test_an_invalid_port_is_an_error(port):
    (line,) = said(webhook_listen=f"x:{port}", webhook_secret="x")
    assert line.endswith("is not host:port, such as 127.0.0.1:8080")


@pytest.mark.parametrize("target", ["example.com/hook", "ftp://example.com", "https://x:port/"])
def test_an_invalid_webhook_target_is_an_error_that_does_not_show_it(target):
    assert said(webhook_listen="x:80", webhook_target_url=target) == [
        "webhook_target_url: it is not an http or https address"
    ]


def test_webhook_settings_require_one_another():
    assert said(webhook_listen="x:80", webhook_target_url="https://example.com/hook") == []
    assert said(webhook_target_url="https://example.com/hook") == [
        "webhook_target_url: it requires webhook_listen, the address to receive on"
    ]
    assert said(webhook_listen="x:80") == [
        "webhook_secret: required without webhook_target_url, because you register the webhook yourself"
    ]


# Combined


def test_each_invalid_setting_has_an_error_line():
    lines = said(store=None, start_date="x", window_days=0, timezone="x", encoding="x", on_new_column="x")
    assert [line.partition(":")[0] for line in lines] == [
        "store", "start_date", "window_days", "on_new_column", "timezone", "encoding",
    ]  # fmt: skip


def test_durations_are_read():
    settings = Settings(config(window_days=0.5, lookback_days=1.5, settle_minutes=5, reuse_exports_minutes=60))
    limits = settings.window_limits("order_list")
    assert (limits.first, limits.lookback) == (timedelta(hours=12), timedelta(hours=36))
    assert settings.settle == timedelta(minutes=5)
    assert settings.reuse == timedelta(hours=1)


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


def test_each_number_of_a_map_is_checked():
    assert said(lookback_days={"order_list": -1, "*": 40_000}) == [
        "lookback_days.order_list: -1 is not 0 or more",
        "lookback_days.*: 40000 is more than 36,525",
    ]
    assert said(window_days={"order_list": 0}) == ["window_days.order_list: 0 is not 0.04 or more"]


def test_streams_named_in_settings():
    settings = Settings(config(lookback_days={"dispute_list": 3, "typo_list": 4, "*": 5}, window_days={"x": 1}))
    assert dict(settings.streams_named()) == {
        "column_types": set(), "primary_keys": set(), "lookback_days": {"typo_list"}, "window_days": {"x"},
        "refresh_days": set(),
    }  # fmt: skip


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
    if list(JSONSchemaValidator(CONFIG_SCHEMA).iter_errors(whole)) or list(validation_errors(whole)):
        return
    settings = Settings(whole)
    assert settings.api_url.startswith(("https://", "http://"))
    assert settings.start_date.tzinfo is timezone.utc
    assert settings.end_date is None or settings.end_date >= settings.start_date
    assert settings.window_limits("order_list").first >= timedelta(seconds=1)
    assert settings.window_limits("x").lookback >= timedelta(0) <= settings.settle
    assert type(whole["max_concurrent_exports"]) is int
