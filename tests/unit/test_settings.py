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
    """Settings that are right, and what a test changes in them; None takes one away."""
    whole = {**DEFAULTS, "store": "example", "access_token": TOKEN, "start_date": "2025-01-01", **more}
    return {name: value for name, value in whole.items() if value is not None}


def said(**more):
    return list(validation_errors(coerce(config(**more))))


def test_the_least_that_is_needed_is_right():
    """A store, a token, a start."""
    assert said() == []
    assert said(store=None, api_url="https://example.29next.store/api/admin/") == []


# Where the store is


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
def test_an_address_is_https_or_on_this_machine(url):
    """Anything else would send the token in the clear."""
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
def test_an_address_that_will_not_do_is_named_but_not_shown(url, what):
    """It may hold a password."""
    (line,) = said(store=None, api_url=url)
    assert line.startswith("api_url: ")
    assert what in line
    assert "secret" not in line


@pytest.mark.parametrize("store", ["example", "my-store-2"])
def test_a_store_is_a_subdomain(store):
    """The first part of its address."""
    assert said(store=store) == []
    assert Settings(config(store=store)).api_url == f"https://{store}.29next.store/api/admin/"


@pytest.mark.parametrize(
    "store",
    ["example.29next.store", "a/b", "a@b", "-a", "ä", "x" * 64],
)
def test_a_store_that_is_none_is_named(store):
    """The token must go to no other host than the user meant."""
    (line,) = said(store=store)
    assert line.startswith(f"store: {store!r} is not a subdomain")


def test_a_store_or_an_address_is_required():
    """One of them."""
    assert said(store=None) == ["store: this or api_url is required; it is the subdomain in {store}.29next.store"]
    assert said(store="") == said(store=None)


def test_the_address_ends_in_a_slash_and_wins_over_the_store():
    """Paths are put behind it."""
    assert Settings(config(api_url="https://example.com/api")).api_url == "https://example.com/api/"


# Secrets


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak"])
def test_a_token_that_cannot_be_sent_is_not_shown(token):
    """The line says what is wrong with it, and no more."""
    assert said(access_token=token) == ["access_token: it is blank or contains invalid characters"]


def test_no_secret_is_in_any_line():
    """Even where everything is wrong."""
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
def test_a_number_that_is_too_small_is_named(name, least, too_small):
    """With what is wanted."""
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
def test_a_number_that_is_too_large_is_named(name, most):
    """With what is most: beyond it, times would leave the calendar."""
    assert said(**{name: most}) == []
    assert said(**{name: most + 1}) == [f"{name}: {most + 1} is more than {most:,}"]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [math.nan, -math.inf, "nan"])
def test_not_a_number_is_no_number(name, value):
    """JSON as Python reads it has such things."""
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
def test_numbers_may_come_as_text(name, text, number):
    """As they do from environment variables; a count is a whole number, however it is written."""
    value = coerce(config(**{name: text}))[name]
    assert (value, type(value)) == (number, type(number))


@pytest.mark.parametrize("text", ["", "seven"])
def test_text_that_is_no_number_stays_for_the_schema_to_name(text):
    """It is not guessed at."""
    assert coerce({"window_days": text}) == {"window_days": text}


def test_other_settings_stay_as_they_are():
    """A store may be called 42; what is null is not set."""
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
def test_dates_are_in_utc_unless_they_say_otherwise(text, moment):
    """Never in this machine's zone."""
    assert said(start_date=text, end_date=text) == []
    settings = Settings(config(start_date=text, end_date=text))
    assert (settings.start_date, settings.end_date) == (moment, moment)


@pytest.mark.parametrize("text", ["", "yesterday", "2025-02-30"])
def test_a_start_that_is_no_date_is_named(text):
    """With an example of one."""
    (line,) = said(start_date=text)
    assert line == f"start_date: {text!r} is not a date or time such as 2025-01-01 or 2025-01-01T00:00:00Z"


def test_an_end_may_be_unset():
    """It is now less the settling time then; an empty text is as good as none."""
    assert Settings(config()).end_date is None
    assert said(end_date="") == []
    assert Settings(config(end_date="")).end_date is None


def test_a_start_after_the_end_is_named():
    """Compared as instants, whatever their zones."""
    assert said(start_date="2025-01-02", end_date="2025-01-01") == [
        "start_date: 2025-01-02 is after end_date 2025-01-01"
    ]
    assert said(start_date="2025-01-01T02:00:00+02:00", end_date="2025-01-01T00:00:00Z") == []


# Words


@pytest.mark.parametrize(
    ("name", "right", "choices"),
    [("on_invalid_value", "keep fail", "keep, fail"), ("on_new_column", "add ignore fail", "add, ignore, fail")],
)
def test_a_choice_is_one_of_its_words(name, right, choices):
    """Just as they are written."""
    for word in right.split():
        assert said(**{name: word}) == []
    for word in ("", "KEEP", "drop"):
        assert said(**{name: word}) == [f"{name}: {word!r} is not one of {choices}"]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "US/Eastern", "Asia/Kolkata"])
def test_a_zone_is_an_iana_name(zone):
    """Old aliases included."""
    assert said(timezone=zone) == []
    assert zone_of(zone) == ZoneInfo(zone)


@pytest.mark.parametrize("zone", ["Mars/Phobos", "+02:00", "../etc/passwd", "a\0b"])
def test_a_zone_that_is_none_is_named(zone):
    """Whatever a path made of it would lead to."""
    assert said(timezone=zone) == [f"timezone: {zone!r} is not an IANA time zone such as America/New_York"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_an_encoding_is_one_of_text(encoding):
    """By any of its names."""
    assert said(encoding=encoding) == []


@pytest.mark.parametrize("encoding", ["", "utf-9", "base64"])
def test_an_encoding_that_is_none_is_named(encoding):
    """Those of bytes are none."""
    assert said(encoding=encoding) == [f"encoding: {encoding!r} is not a text encoding that Python has"]


@pytest.mark.parametrize("name", ["user_agent", "api_version"])
def test_a_header_s_value_is_printable(name):
    """No second header may come with it."""
    assert said(**{name: "me/1.0 (x)"}) == []
    assert said(**{name: "x\r\nCookie: y"}) == [
        f"{name}: 'x\\r\\nCookie: y' contains characters that a header cannot have"
    ]
    assert len(said(**{name: "ä"})) == 1


# Columns and keys


def test_types_and_keys_are_read():
    """By stream."""
    settings = Settings(
        config(
            column_types={"order_list": {"total": "string", "placed": "date-time"}},
            primary_keys={"order_list": ["number", "sku"], "customer_list": []},
        )
    )
    assert settings.column_types == {"order_list": {"total": ColumnType.STRING, "placed": ColumnType.DATE_TIME}}
    assert settings.primary_keys == {"order_list": ("number", "sku"), "customer_list": ()}


def test_a_type_that_is_none_is_named_with_its_column():
    """Each of them in a line of its own."""
    assert said(column_types={"order_list": {"a": "text", "b": "string", "c": "DATE"}}) == [
        "column_types: order_list.a is 'text', not one of string, integer, number, boolean, date, date-time",
        "column_types: order_list.c is 'DATE', not one of string, integer, number, boolean, date, date-time",
    ]


def test_a_key_that_names_a_column_twice_is_named():
    """It would not be one."""
    assert said(primary_keys={"order_list": ["a", "a"]}) == ["primary_keys: order_list names a column twice"]


def test_a_map_of_no_stream_is_named():
    """The SDK takes any text for a stream's name."""
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
def test_a_key_that_tells_no_rows_apart_is_named(columns, fault):
    """The check of a file would not notice: these columns are not in it."""
    (line,) = said(primary_keys={"order_list": columns})
    assert line.startswith(f"primary_keys: order_list: {fault}")


@pytest.mark.parametrize("columns", [[], ["export_id", "export_line"], ["date_to", "export_line"], ["sku", "date_to"]])
def test_a_key_may_have_columns_of_the_taps_own(columns):
    """With a column of the file, or a line's place with the file that it is in."""
    assert said(primary_keys={"order_list": columns}) == []


# Webhooks


@pytest.mark.parametrize("listen", ["127.0.0.1:8080", "[::1]:80"])
def test_a_listener_has_a_host_and_a_port(listen):
    """Any of this machine's."""
    assert said(webhook_listen=listen, webhook_secret="x") == []


@pytest.mark.parametrize("listen", ["8080", ":8080", "a..b:80", "me@x:80"])
def test_a_listener_that_is_none_is_named(listen):
    """With an example of one."""
    (line,) = said(webhook_listen=listen, webhook_secret="x")
    assert line == f"webhook_listen: {listen!r} is not host:port, such as 127.0.0.1:8080"


@pytest.mark.parametrize("port", ["65536", "-1"])
def test_a_port_that_is_none_is_named(port):
    """Likewise."""
    (line,) = said(webhook_listen=f"x:{port}", webhook_secret="x")
    assert line.endswith("is not host:port, such as 127.0.0.1:8080")


@pytest.mark.parametrize("target", ["example.com/hook", "ftp://example.com", "https://x:port/"])
def test_a_target_is_a_web_address(target):
    """It is not shown, since it may hold a secret path."""
    assert said(webhook_listen="x:80", webhook_target_url=target) == [
        "webhook_target_url: it is not an http or https address"
    ]


def test_a_webhook_needs_what_it_needs():
    """A listener to receive on; a secret where the tap does not register."""
    assert said(webhook_listen="x:80", webhook_target_url="https://example.com/hook") == []
    assert said(webhook_target_url="https://example.com/hook") == [
        "webhook_target_url: it requires webhook_listen, the address to receive on"
    ]
    assert said(webhook_listen="x:80") == [
        "webhook_secret: required without webhook_target_url, because you register the webhook yourself"
    ]


# All together


def test_each_fault_has_a_line():
    """All of them at once, so that the next run is right."""
    lines = said(store=None, start_date="x", window_days=0, timezone="x", encoding="x", on_new_column="x")
    assert [line.partition(":")[0] for line in lines] == [
        "store", "start_date", "window_days", "on_new_column", "timezone", "encoding",
    ]  # fmt: skip


def test_typed_values_are_read_from_settings_that_are_right():
    """Days, minutes and the header's words."""
    settings = Settings(config(window_days=0.5, lookback_days=1.5, settle_minutes=5, reuse_exports_minutes=60))
    limits = settings.window_limits("order_list")
    assert (limits.first, limits.lookback) == (timedelta(hours=12), timedelta(hours=36))
    assert settings.settle == timedelta(minutes=5)
    assert settings.reuse == timedelta(hours=1)


# Maps


def lookback(stream, **more):
    return Settings(coerce(config(**more))).window_limits(stream).lookback / timedelta(days=1)


def test_a_map_has_a_number_for_each_stream():
    """`*` covers the streams that are not named; without it they have the default."""
    given_map = {"order_list": 14, "*": 3}
    assert [lookback(s, lookback_days=given_map) for s in ("order_list", "dispute_list", "new_list")] == [14, 3, 3]
    assert [lookback(s, lookback_days={"order_list": 14}) for s in ("order_list", "dispute_list", "x")] == [14, 120, 7]
    assert [lookback(s, lookback_days=14) for s in ("order_list", "dispute_list")] == [14, 14]
    assert [lookback(s) for s in ("order_list", "dispute_list", "fulfillment_line_items")] == [7, 120, 30]


@pytest.mark.parametrize("text", ['{"order_list": 1.5, "*": "2"}', {"order_list": Decimal("1.5"), "*": 2}])
def test_a_map_may_come_as_text(text):
    """As JSON, as it does from the environment through Meltano."""
    assert [lookback(s, lookback_days=text) for s in ("order_list", "x")] == [1.5, 2]


def test_each_number_of_a_map_is_checked():
    """And named."""
    assert said(lookback_days={"order_list": -1, "*": 40_000}) == [
        "lookback_days.order_list: -1 is not 0 or more",
        "lookback_days.*: 40000 is more than 36,525",
    ]
    assert said(window_days={"order_list": 0}) == ["window_days.order_list: 0 is not 0.04 or more"]


def test_the_streams_that_settings_name():
    """But for those of the defaults, which a store need not have."""
    settings = Settings(config(lookback_days={"dispute_list": 3, "typo_list": 4, "*": 5}, window_days={"x": 1}))
    assert dict(settings.streams_named()) == {
        "column_types": set(), "primary_keys": set(), "lookback_days": {"typo_list"}, "window_days": {"x"},
        "refresh_days": set(),
    }  # fmt: skip


def test_no_token_shows_where_settings_are_printed():
    """Tracebacks and debug lines print what they have."""
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
def test_any_settings_are_right_or_named(given_config):
    """What the schema and the check let pass can be read; nothing ever ends in an exception."""
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
