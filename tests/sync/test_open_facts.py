"""What the API's documents leave open: a sync is right whichever way it is."""

from __future__ import annotations

import json
from dataclasses import fields
from decimal import Decimal

import pytest
from singer_sdk.sinks.core import JSONSchemaValidator

from tap_exports.sandbox import Sandbox
from tap_exports.sandbox.options import Options

from .conftest import NOW

FACTS = [
    {"store_shape": "list"},
    {"api_times": "offset"},
    {"next_links": "other_scheme", "page_size": 1},
    {"next_links": "no_port", "page_size": 1},
    {"campaigns_app": True},
    {"unlisted_metadata": ("vip",)},
    {"gzip": "mislabeled"},
    {"gzip": "always", "metadata_headers": "key"},
    {"lone_cr": True},
    {"list_order": "oldest", "null_dates": True, "omit_status": True, "page_size": 2, "own_key": "bare"},
    {"bom": True, "header_style": "snake", "money_format": "signs"},
    {"guarded_negatives": True, "money_format": "signs", "currencies": ("CHF", "JPY")},
    {"time_format": "iso_naive", "money_format": "separators"},
    {"time_format": "iso_offset", "money_format": "sign", "boolean_format": "Yes/No", "null_text": "None"},
    {"time_format": "django_long", "boolean_format": "1/0", "null_text": "—"},
    {"time_format": "am_pm_dots"},
    {"time_format": "am_pm_short"},
    {"encoding": "utf-16"},
]


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: "-".join(map(str, fact.values())))
def test_all_orders_arrive_with_their_values(make_store, sync, fact):
    """As a store with the usual formats has them."""
    data = {"currencies": fact["currencies"]} if "currencies" in fact else {}
    usual = Sandbox(now=NOW, days=6, orders_per_day=2, frozen=True, **data)
    rows = usual.rows("order_list", usual.start_date, usual.now)
    store = make_store("order_list", days=6, frozen=True, **fact)
    run = sync(store.config | {"encoding": fact.get("encoding", "utf-8")}, streams=["order_list"])
    records = run.records("order_list")
    assert len(rows) == len(records) > 5
    for row, record in zip(rows, records, strict=True):
        assert record.get("order_number", record.get("number")) == row["Order Number"]
        assert record["order_date"][:16] == row["Order Date"][:16]  # some formats have no seconds
        assert Decimal(record["total_incl_tax"]) == Decimal(row["Total Incl Tax"])
        assert str(record["is_test"]) == row["Is Test"]
        assert record["shipping_line2"] in {row["Shipping Line2"] or None, fact.get("null_text")}
        assert record["invalid_values"] is None
    if "campaigns_app" in fact:
        types = run.of("SCHEMA")[0]["schema"]["properties"]
        assert types["timestamp"]["type"] == types["conversion_timestamp"]["type"] == ["integer", "null"]


def test_a_403_that_names_admin_scopes_says_which_to_give(make_store, sync, caplog):
    store = make_store(days=6, admin_scopes=True, scopes={"exports:read", "exports:write", "metadata:read"})
    assert sync(store.config, streams=["order_list"]).failures == {}
    assert "admin:read" in caplog.text


def test_a_filtered_export_of_the_dashboard_is_not_reused(make_store, sync):
    store = make_store(days=6, frozen=True)
    start, end = store.start_date, store.now.replace(second=0)
    filtered = store.make_export("order_list", start, end, where={"Status": "completed"})
    run = sync(store.config | {"end_date": end.isoformat()}, streams=["order_list"])
    assert filtered.id not in {record["export_id"] for record in run.records("order_list")}
    assert len(run.records("order_list")) == len(store.rows("order_list", start, end))


CHOICES = {
    option.name: option.metadata["choices"]
    for option in fields(Options)
    if option.metadata.get("choices") and not option.name.startswith(("webhook", "list"))
} | {"null_text": ["", "None"], "line_ids": [True, False], "lines_apart": [False, True]}


@pytest.mark.parametrize("nth", range(max(map(len, CHOICES.values()))))
def test_every_record_of_every_stream_fits_its_schema(make_store, inside, nth):
    """For each way in which a store may write its files: here the n-th choice of every option."""
    store = make_store(days=12, **{name: values[nth % len(values)] for name, values in CHOICES.items()})
    run = inside(store.config)
    assert run.code == 0, run.log
    validators, records = {}, 0
    for message in map(json.loads, run.out.splitlines()):
        if message["type"] == "SCHEMA":
            validators[message["stream"]] = JSONSchemaValidator(message["schema"], validate_formats=True)
        elif message["type"] == "RECORD":
            validators[message["stream"]].validate(message["record"])
            records += 1
    assert set(store.types) <= set(validators)
    assert records > 100
