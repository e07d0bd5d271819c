"""Every record fits its SCHEMA, by the validator of SDK targets, so that targets need not validate again."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
from singer_sdk.sinks.core import JSONSchemaValidator

from tap_exports.sandbox.options import Options

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
