"""The settings as a JSON schema, which `--about` shows and meltano.yml and the README repeat."""

from __future__ import annotations

from typing import Any

from singer_sdk import typing as th


def _setting(name: str, title: str, description: str, kind: Any = th.StringType, **more: Any) -> th.Property[Any]:  # noqa: ANN401
    return th.Property(name, kind, title=title, description=description, **more)


def _days(minimum: float) -> Any:  # noqa: ANN401
    """A number of days for all streams, or a map `{stream: number, "*": number}`; at most a century."""
    bounds = {"minimum": minimum, "maximum": 36_525}
    return th.CustomType(
        {"type": ["number", "object", "null"], **bounds, "additionalProperties": {"type": "number", **bounds}}
    )


_SHORTEST_WINDOW = 0.04
"""In days, about an hour; for the first window. Windows with too many rows become shorter than that."""
_MANY_MINUTES = 1_000_000


CONFIG_SCHEMA: dict[str, Any] = th.PropertiesList(
    _setting("store", "Store", "Subdomain: {store}.29next.store. This or api_url is required."),
    _setting(
        "api_url", "API address", "Admin API base URL, if not the store's; https, or http on a loopback host only."
    ),
    _setting(
        "access_token",
        "Access token",
        "Token of the store's Admin API, with the scopes exports:read and exports:write.",
        required=True,
        secret=True,
    ),
    _setting("api_version", "API version", "Sent with every request.", default="2024-04-01"),
    _setting("start_date", "Start date", "Where a stream without a bookmark starts.", th.DateTimeType, required=True),
    _setting(
        "end_date",
        "End date",
        "Where to stop, for a bounded backfill. Default: now minus settle_minutes.",
        th.DateTimeType,
    ),
    _setting(
        "window_days",
        "First window",
        "Length of a stream's first window, in days; at least 0.04, about an hour. Later windows follow the row count.",
        _days(_SHORTEST_WINDOW),
        default=30,
    ),
    _setting(
        "max_window_days",
        "Longest window",
        "Length of the longest window, in days.",
        _days(_SHORTEST_WINDOW),
        default=366,
    ),
    _setting(
        "lookback_days",
        "Look-back",
        "How far before the bookmark each sync restarts, in days, because objects change; 0 turns it off.",
        _days(0),
        default={"*": 7, "dispute_list": 120, "fulfillment_list": 30, "fulfillment_line_items": 30},
    ),
    _setting(
        "refresh_days",
        "Refresh",
        "Every object back to start_date is exported again at least this often, in days; 0 turns it off.",
        _days(0),
        default={
            "*": 30,
            "customer_list": 7,
            "subscription_list": 7,
            "subscription_line_items": 7,
            "open_cart_list": 7,
            "open_cart_line_items": 7,
        },
    ),
    _setting(
        "settle_minutes",
        "Settling time",
        "Delay between now and the end of the newest window, in minutes.",
        th.NumberType(minimum=0, maximum=_MANY_MINUTES),
        default=5,
    ),
    _setting(
        "max_concurrent_exports",
        "Concurrent exports",
        "Exports pending at the store at once, over all streams.",
        th.IntegerType(minimum=1, maximum=1000),
        default=4,
    ),
    _setting(
        "poll_interval_seconds",
        "Polling interval",
        "Maximum polling interval, in seconds; polling starts fast and slows down to it.",
        th.NumberType(exclusive_minimum=0, maximum=86_400),
        default=120,
    ),
    _setting(
        "export_timeout_minutes",
        "Export timeout",
        "How long to wait for one export, in minutes.",
        th.NumberType(exclusive_minimum=0, maximum=_MANY_MINUTES),
        default=60,
    ),
    _setting(
        "reuse_exports_minutes",
        "Reuse of exports",
        "Up to which age the tap reuses its own exports, in minutes; 0 turns it off.",
        th.NumberType(minimum=0, maximum=_MANY_MINUTES),
        default=60,
    ),
    _setting(
        "max_export_rows",
        "Row cap",
        "The store's row cap: a file with this many rows is treated as truncated.",
        th.IntegerType(minimum=1),
        default=100_000,
    ),
    _setting(
        "timezone",
        "Time zone",
        "IANA zone of timestamps without an offset. Default: the store's, else UTC.",
    ),
    _setting("encoding", "Encoding", "Of the CSV; a byte-order mark is always dropped.", default="utf-8"),
    _setting(
        "column_types",
        "Column types",
        "{stream: {column: type}} with string, integer, number, boolean, date, date-time; "
        "overrides what the tap decides.",
        th.ObjectType(additional_properties=th.ObjectType(additional_properties=th.StringType)),
        default={},
    ),
    _setting(
        "primary_keys",
        "Primary keys",
        "{stream: [column, …]}; overrides what the tap decides; [] for no key.",
        th.ObjectType(additional_properties=th.ArrayType(th.StringType)),
        default={},
    ),
    _setting(
        "on_invalid_value",
        "Invalid values",
        "A cell that does not fit its column's type: keep (null in the column, the text in invalid_values, "
        "counted in a warning) or fail.",
        default="keep",
        allowed_values=["keep", "fail"],
    ),
    _setting(
        "on_new_column",
        "New columns",
        "A column that the catalog does not have: add (a new SCHEMA message before its records), ignore, or fail.",
        default="add",
        allowed_values=["add", "ignore", "fail"],
    ),
    _setting(
        "ledger",
        "Ledger",
        "Path of a SQLite file that remembers what was sent: unchanged records are not sent again, and removed_objects "
        "reports objects that are gone. Each pipeline has its own. Default: off.",
    ),
    _setting(
        "webhook_listen",
        "Webhook listener",
        "host:port to receive export.created on during a sync. Default: off.",
    ),
    _setting(
        "webhook_target_url",
        "Webhook address",
        "Public address of that listener; the tap registers it for the run.",
    ),
    _setting(
        "webhook_secret",
        "Webhook secret",
        "Signs the deliveries. Default: generated for each run when the tap registers the webhook.",
        secret=True,
    ),
    _setting("user_agent", "User agent", "Default: tap-exports/{version}."),
).to_dict()

SETTINGS: dict[str, dict[str, Any]] = CONFIG_SCHEMA["properties"]
EVERY_STREAM = "*"
"""In a map, the streams that are not named."""
MAPS = tuple(name for name, setting in SETTINGS.items() if {"number", "object"} <= set(setting["type"]))
"""Settings that are a number of days, or a map of such numbers by stream."""
INTEGERS = tuple(name for name, setting in SETTINGS.items() if "integer" in setting["type"])
NUMBERS = (*INTEGERS, *(name for name, setting in SETTINGS.items() if "number" in setting["type"]))
CONFIDENTIAL = (
    *(name for name, setting in SETTINGS.items() if setting.get("secret")),
    "batch_config",
    "stream_map_config",
    "faker_config",
)
"""Settings whose values are never shown: they are secrets, or may contain some."""
