"""Whatever a catalog holds: a sync that does what it says, or one line that names the stream and the part of it."""

from __future__ import annotations

import copy
import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import assert_ends_well

COLUMNS = {"order_number": {"type": ["string"]}, "status": {"type": ["string", "null"]}}


@pytest.fixture
def catalog(small_store, discover):
    """What discovery makes of one stream."""
    found = discover(small_store.config)
    return {"streams": [entry for entry in found["streams"] if entry["tap_stream_id"] == "order_list"]}


def with_entry(catalog, change):
    """The catalog, its entry changed; `...` takes a part out."""
    catalog = copy.deepcopy(catalog)
    (entry,) = catalog["streams"]
    entry |= change
    for name in [name for name, value in change.items() if value is ...]:
        del entry[name]
    return catalog


def with_root(catalog, change, **more):
    """The catalog, the metadata of its stream changed."""
    catalog = with_entry(catalog, more)
    root = next(m["metadata"] for m in catalog["streams"][0]["metadata"] if not m["breadcrumb"])
    root |= change
    return catalog


def columns(**more):
    return {"schema": {"type": "object", "properties": {**COLUMNS, **more}}}


@pytest.mark.parametrize(
    ("catalog_", "words"),
    [
        ({}, 'the catalog has no list "streams"'),
        ({"streams": None}, 'no list "streams"'),
        ({"streams": {}}, 'no list "streams"'),
        ({"streams": [None]}, "stream 1 has no object"),
        ({"streams": [[]]}, "stream 1 has no object"),
        ({"streams": [{}]}, "stream 1 has no tap_stream_id"),
        ({"streams": [{"tap_stream_id": 5}]}, "stream 5 has no tap_stream_id"),
        ({"streams": [{"schema": 5, "metadata": 5}]}, "stream 1 has no tap_stream_id; a schema that is none"),
        ('{"streams": [{"tap_stream_id": "\\ud800"}]}', "half a character"),
        ('{"streams": [NaN]}', "NaN is no number that JSON has"),
        ('{"streams": [1e99999999999999999999]}', "an exponent beyond all bounds"),
        ('{"streams": ' + "[" * 900 + "]" * 900 + "}", "nested more than 100 deep"),
        ('{"streams": ' + "[" * 200_000, "nested more than 100 deep"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_catalog_is_refused(small_store, inside, catalog_, words):
    """One line, and no request."""
    run = inside(small_store.config, catalog=catalog_)
    assert_ends_well(run)
    assert run.code == 1
    assert len(run.errors) == 1
    assert words in run.errors[0]
    assert small_store.count() == 0


NO_SCHEMA = "has a schema that is none"
OF_X = "has a schema that is none for the column x"
REFUSED = [
    ({"schema": None}, NO_SCHEMA),
    ({"schema": []}, NO_SCHEMA),
    ({"schema": True}, NO_SCHEMA),
    ({"schema": {"properties": None}}, NO_SCHEMA),
    ({"schema": {"properties": []}}, NO_SCHEMA),
    ({"schema": {"properties": COLUMNS, "items": 5}}, NO_SCHEMA),
    (columns(x=None), OF_X),
    (columns(x="string"), OF_X),
    (columns(x={"type": 5}), OF_X),
    (columns(x={"type": [5]}), OF_X),
    (columns(x={"type": [[]]}), OF_X),
    (columns(x={"type": {}}), OF_X),
    (columns(x={"anyOf": 5}), OF_X),
    (columns(x={"anyOf": "string"}), OF_X),
    (columns(x={"anyOf": [None]}), OF_X),
    (columns(x={"anyOf": [{"type": 5}]}), OF_X),
    (columns(x={"items": "string"}), OF_X),
    (columns(x={"items": [{}]}), OF_X),
    (columns(x={"properties": []}), OF_X),
    (columns(x={"type": "object", "properties": {"a": "b"}}), OF_X),
    (columns(x={"items": {"properties": {"a": 5}}}), OF_X),
    ({"key_properties": "order_number"}, "key_properties that are no list of names"),
    ({"key_properties": [5]}, "key_properties that are no list of names"),
    ({"replication_method": "LOG_BASED"}, "the replication_method 'LOG_BASED', where the tap knows INCREMENTAL and"),
    ({"replication_method": 5}, "the replication_method 5"),
    ({"replication_method": ["INCREMENTAL"]}, "the replication_method ['INCREMENTAL']"),
    ({"metadata": None}, "metadata that is none"),
    ({"metadata": {}}, "metadata that is none"),
    ({"metadata": ["x"]}, "metadata that is none"),
    ({"metadata": [{"breadcrumb": [1], "metadata": {}}]}, "metadata that is none"),
    ({"metadata": [{"breadcrumb": [], "metadata": []}]}, "metadata that is none"),
    (
        {"metadata": [{"breadcrumb": ["properties", "x"], "metadata": {"selected": "false"}}]},
        "'false' for selected of x",
    ),
]


@pytest.mark.parametrize(("change", "words"), REFUSED, ids=lambda value: str(value)[:60])
def test_an_entry_that_cannot_be_used_is_refused(small_store, inside, catalog, change, words):
    """The line names the stream, and its column where one is at fault; nothing more was asked of the store."""
    before = small_store.count()
    run = inside(small_store.config, catalog=with_entry(catalog, change))
    assert_ends_well(run)
    assert run.code == 1
    assert len(run.errors) == 1
    assert "the catalog's stream order_list has" in run.errors[0]
    assert words in run.errors[0]
    assert small_store.count() == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"selected": "false"}, "'false' for selected, where true or false should be"),
        ({"selected": 0}, "0 for selected"),
        ({"selected": {}}, "{} for selected"),
        ({"selected-by-default": "no"}, "'no' for selected-by-default"),
        ({"table-key-properties": "order_number"}, "table-key-properties that are no list of names"),
        ({"table-key-properties": 5}, "table-key-properties that are no list of names"),
        ({"table-key-properties": [[]]}, "table-key-properties that are no list of names"),
        ({"forced-replication-method": "LOG_BASED"}, "the forced-replication-method 'LOG_BASED'"),
    ],
    ids=str,
)
def test_metadata_that_cannot_be_followed_is_refused(small_store, inside, catalog, change, words):
    """A text "false" would select the stream, and a text for a list of names would be read letter by letter."""
    before = small_store.count()
    run = inside(small_store.config, catalog=with_root(catalog, change, key_properties=None))
    assert_ends_well(run)
    assert run.code == 1
    assert words in run.errors[0]
    assert small_store.count() == before


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"schema": ...},
        {"schema": {}},
        {"schema": {"type": "object"}},
        {"schema": {"type": "string", "properties": COLUMNS}},
        {"schema": {"$ref": "#/x", "properties": COLUMNS, "required": 5}},
        {"metadata": ..., "key_properties": ...},
        {"metadata": [{"breadcrumb": [], "metadata": {"selected": True}}, {"breadcrumb": ["x"], "metadata": {}}]},
        {"metadata": [{"breadcrumb": ["properties", "a"] * 300, "metadata": {"selected": True}}]},
        {"key_properties": None},
        {"key_properties": ["order_number", "order_number"]},
        {"replication_key": 5, "stream": [], "stream_alias": {}, "is_view": "x", "row_count": "y", "more": "z"},
        columns(x={}, y={"type": None}, z={"anyOf": []}, w={"oneOf": 5}, v={"format": [], "type": "string"}),
        columns(date_to={"type": "integer"}, invalid_values={"type": "string"}, export_line={"type": "boolean"}),
        columns(**{"": {}, "Ä b": {"type": "string"}, "a.b": {}, "\0": {}, "__x": {"multipleOf": 0.01}}),
        columns(x={"type": "object", "properties": {"a": {"type": "array", "items": {"type": "object"}}}}),
    ],
    ids=lambda value: str(value)[:60],
)
def test_an_odd_entry_is_followed_as_far_as_it_goes(small_store, inside, catalog, change):
    """What a catalog leaves out or adds is no reason to fail: a sync ends with 0 and a bookmark, if selected."""
    run = inside(small_store.config, catalog=with_entry(catalog, change))
    assert_ends_well(run)
    assert run.code == 0
    assert bool(run.bookmark("order_list")) is bool(run.of("SCHEMA"))


def test_a_key_that_no_file_has_fails_its_stream(small_store, inside, catalog):
    """The line says which column, in which export, and what to do; nothing goes out."""
    run = inside(small_store.config, catalog=with_entry(catalog, {"key_properties": ["nope"]}))
    assert_ends_well(run)
    assert run.of("RECORD") == []
    assert "the file has no column nope, which is part of the stream's key (stream order_list, export" in run.errors[0]


def test_columns_that_no_file_has_fail_their_stream(small_store, inside, catalog):
    """A file that shares no column with the catalog is taken for another file."""
    schema = {"properties": {"zzz": {"type": "string"}}}
    run = inside(small_store.config, catalog=with_entry(catalog, {"schema": schema, "key_properties": []}))
    assert_ends_well(run)
    assert "the file contains none of the stream's columns" in run.errors[0]


@pytest.mark.parametrize("chosen", [False, None])
def test_nothing_selected_is_nothing_asked_for(small_store, inside, catalog, chosen):
    """No export is made, and the sync ends with 0."""
    made = small_store.count(place="create")
    run = inside(small_store.config, catalog=with_root(catalog, {"selected": chosen, "selected-by-default": None}))
    assert_ends_well(run)
    assert run.code == 0
    assert run.messages == []
    assert small_store.count(place="create") == made


def test_a_selected_stream_that_the_store_does_not_list_fails(small_store, inside, catalog):
    """The others are synced; an entry that stands twice counts once, and one that is not selected does not count."""
    entry = catalog["streams"][0]
    unknown = [{**entry, "tap_stream_id": name} for name in ("order_lits", "invoice_list")]
    deselected = {
        **entry,
        "tap_stream_id": "old_list",
        "metadata": [{"breadcrumb": [], "metadata": {"selected": False}}],
    }
    run = inside(small_store.config, catalog={"streams": [entry, entry, *unknown, deselected]})
    assert run.code == 1
    (line,) = run.errors
    assert line.startswith(
        "the catalog selects a stream that the store does not list (2 streams: invoice_list, order_lits). Deselect it"
    )
    assert run.bookmark("order_list")


def test_a_catalog_of_several_megabytes(small_store, inside, catalog):
    """Twenty thousand columns take a few seconds, and all of them are in the schema."""
    many = {f"column_{n}_of_a_merchant": {"type": ["string", "null"]} for n in range(20_000)}
    began = time.monotonic()
    run = inside(small_store.config, catalog=with_entry(catalog, columns(**many)))
    assert_ends_well(run)
    assert run.code == 0
    assert len(run.of("SCHEMA")[0]["schema"]["properties"]) > 20_000
    assert time.monotonic() - began < 15


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from(["string", "type"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6) | st.just("type"), inner, max_size=3)
    ),
    max_leaves=6,
)
PROPERTY = st.dictionaries(st.sampled_from(["type", "format", "anyOf", "items", "properties", "x"]), JSON, max_size=3)
METADATA = st.fixed_dictionaries(
    {"breadcrumb": st.just([]) | st.lists(st.sampled_from(["properties", "status"]), max_size=3) | JSON},
    optional={
        "metadata": JSON | st.dictionaries(st.sampled_from(["selected", "inclusion", "table-key-properties"]), JSON)
    },
)
ENTRY = st.fixed_dictionaries(
    {"tap_stream_id": st.just("order_list")},
    optional={
        "schema": JSON | st.fixed_dictionaries({"properties": st.dictionaries(st.text(max_size=6), PROPERTY | JSON)}),
        "key_properties": JSON | st.just(["order_number"]),
        "replication_method": JSON | st.sampled_from(["FULL_TABLE", "INCREMENTAL"]),
        "replication_key": JSON,
        "stream": JSON,
        "metadata": JSON | st.lists(METADATA, max_size=3),
    },
)


@given(entry=ENTRY | JSON)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_catalog_ends_in_a_traceback(small_store, inside, entry):
    """Whatever stands in an entry: a sync, or a line."""
    assert_ends_well(inside(small_store.config, catalog=json.dumps({"streams": [entry]})))
