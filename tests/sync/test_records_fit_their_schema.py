"""Every record fits its SCHEMA, by the validator that SDK targets use: so targets need not validate again."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
from singer_sdk.sinks.core import JSONSchemaValidator

from tap_exports.sandbox.options import Options

READINGS = [
    {option.name: value}
    for option in fields(Options)
    for value in option.metadata.get("choices", ())[1:]
    if not option.name.startswith(("webhook", "list"))
] + [{"null_text": "None"}, {"line_ids": False}, {"lines_apart": True, "line_ids": False}]


@pytest.mark.parametrize("reading", [{}, *READINGS], ids=str)
def test_every_record_of_every_stream_fits_its_schema(make_store, inside, reading):
    store = make_store(days=12, **reading)
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
