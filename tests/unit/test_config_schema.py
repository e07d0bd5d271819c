from __future__ import annotations

import pytest
from singer_sdk.plugin_base import JSONSchemaValidator

from tap_exports.config.schema import CONFIG_SCHEMA
from tap_exports.config.validation import MAPS, NUMBERS, SECRETS

PROPERTIES = CONFIG_SCHEMA["properties"]

# The promised settings; README's table has the same.
SETTINGS = """
store                  | string    |
api_url                | string    |
access_token           | string    |
api_version            | string    | 2024-04-01
start_date             | date-time |
end_date               | date-time |
window_days            | map       | 30
max_window_days        | map       | 366
lookback_days          | map       | {'*': 7, 'dispute_list': 120, 'fulfillment_list': 30, 'fulfillment_line_items': 30}
refresh_days           | map       | {'*': 30, 'customer_list': 7, 'subscription_list': 7, \
'subscription_line_items': 7, 'open_cart_list': 7, 'open_cart_line_items': 7}
settle_minutes         | number    | 5
max_concurrent_exports | integer   | 4
poll_interval_seconds  | number    | 120
export_timeout_minutes | number    | 60
reuse_exports_minutes  | number    | 60
max_export_rows        | integer   | 100000
timezone               | string    |
encoding               | string    | utf-8
column_types           | object    | {}
primary_keys           | object    | {}
on_invalid_value       | string    | keep
on_new_column          | string    | add
ledger                 | string    |
webhook_listen         | string    |
webhook_target_url     | string    |
webhook_secret         | string    |
user_agent             | string    |
"""
TABLE = [[cell.strip() for cell in line.split("|")] for line in SETTINGS.strip().splitlines()]


def test_the_schema_has_the_promised_settings():
    assert list(PROPERTIES) == [name for name, _, _ in TABLE]


def test_a_setting_has_the_promised_kind_and_default():
    for name, kind, default in TABLE:
        schema = PROPERTIES[name]
        kinds = [one for one in schema["type"] if one != "null"]
        assert schema.get("format", "map" if kinds == ["number", "object"] else kinds[0]) == kind, name
        assert str(schema.get("default", "")) == default, name
        assert schema["title"], name
        assert schema["description"][-1] in ".}", name


def test_required_and_secret_settings():
    assert sorted(CONFIG_SCHEMA["required"]) == ["access_token", "start_date"]
    assert tuple(name for name, schema in PROPERTIES.items() if schema.get("secret")) == SECRETS


def test_numbers_and_maps_are_the_settings_that_may_be_text():
    assert {name for name, kind, _ in TABLE if kind in ("number", "integer", "map")} == set(NUMBERS)
    assert [name for name, kind, _ in TABLE if kind == "map"] == list(MAPS)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("store", 5), ("window_days", "x"), ("window_days", True), ("lookback_days", {"order_list": "a week"}),
        ("refresh_days", [7]), ("max_export_rows", 1.5), ("column_types", {"order_list": "string"}),
        ("column_types", {"order_list": {"a": 5}}), ("primary_keys", {"order_list": "number"}),
        ("on_new_column", "drop"),
    ],
)  # fmt: skip
def test_a_setting_of_the_wrong_kind_is_refused(name, wrong):
    whole = {"access_token": "x", "start_date": "2025-01-01", name: wrong}
    (error,) = JSONSchemaValidator(CONFIG_SCHEMA).iter_errors(whole)
    assert next(iter(error.absolute_path)) == name
