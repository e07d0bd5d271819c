"""A catalog is followed, or refused in one line that names the stream."""

from __future__ import annotations

import copy

import pytest

from .conftest import assert_ends_well, assert_fails


@pytest.fixture
def catalog(small_store, discover):
    """A catalog of one stream."""
    found = discover(small_store.config)
    return {"streams": [entry for entry in found["streams"] if entry["tap_stream_id"] == "order_list"]}


def changed(catalog, change, root=()):
    """The catalog, with its entry and the metadata of its stream changed; `...` removes a part."""
    catalog = copy.deepcopy(catalog)
    (entry,) = catalog["streams"]
    entry |= change
    for name in [name for name, value in change.items() if value is ...]:
        del entry[name]
    for item in entry.get("metadata", ()) if root else ():
        if not item["breadcrumb"]:
            item["metadata"] |= root
    return catalog


def root_of(metadata, *path):
    return {"breadcrumb": list(path), "metadata": metadata}


@pytest.mark.parametrize(
    "catalog_",
    [{}, {"streams": [None]}, {"streams": [{"tap_stream_id": "a", "metadata": ["x"]}]}],
    ids=str,
)
def test_what_is_not_a_catalog_is_refused_before_any_request(small_store, inside, catalog_):
    run = inside(small_store.config, catalog=catalog_)
    assert_fails(run, "the catalog is not a Singer catalog", "--discover")
    assert small_store.count() == 0


@pytest.mark.parametrize(
    ("change", "root", "words"),
    [
        ({"key_properties": "order_number"}, {}, "key_properties is not a list of column names"),
        ({"replication_method": "LOG_BASED"}, {}, "replication_method is 'LOG_BASED', not INCREMENTAL or FULL_TABLE"),
        ({"metadata": [root_of({"selected": "false"}, "properties", "x")]}, {}, "selected of x is 'false', not true"),
        ({}, {"selected-by-default": "no"}, "selected-by-default is 'no', not true or false"),
        ({}, {"table-key-properties": "order_number"}, "table-key-properties is not a list of column names"),
        ({}, {"forced-replication-method": "LOG_BASED"}, "forced-replication-method is 'LOG_BASED'"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_an_invalid_catalog_entry_is_refused(small_store, inside, catalog, change, root, words):
    """The text "false" would select the stream; a text instead of a list of names would be read letter by letter."""
    before = small_store.count()
    run = inside(small_store.config, catalog=changed(catalog, change, root))
    assert_fails(run, f"stream order_list of the catalog: {words}")
    assert small_store.count() == before


@pytest.mark.parametrize(
    "change",
    [
        {"schema": ...},
        {"metadata": ..., "key_properties": ...},
        {"metadata": [root_of({"selected": True}), root_of({}, "x")]},
        {"replication_key": 5, "stream": [], "is_view": "x", "row_count": "y", "more": "z"},
        {"schema": {"properties": {"order_number": {"type": "string"}, "a.b": {}, "Ä b": {"multipleOf": 0.01}}}},
    ],
    ids=lambda value: str(value)[:60],
)
def test_an_incomplete_catalog_entry_is_accepted(small_store, inside, catalog, change):
    run = inside(small_store.config, catalog=changed(catalog, change))
    assert_ends_well(run, 0)
    assert bool(run.bookmark("order_list")) is bool(run.of("SCHEMA"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"key_properties": ["nope"]}, "the file has no column nope, which is part of the stream's key"),
        (
            {"key_properties": [], "schema": {"properties": {"zzz": {"type": "string"}}}},
            "the file contains none of the stream's columns",
        ),
    ],
    ids=["key", "columns"],
)
def test_a_file_without_the_catalogs_columns_fails_its_stream(small_store, inside, catalog, change, words):
    run = inside(small_store.config, catalog=changed(catalog, change))
    assert_fails(run, words, "(stream order_list, export")
    assert run.of("RECORD") == []


@pytest.mark.parametrize("chosen", [False, None])
def test_without_a_selected_stream_nothing_is_requested(small_store, inside, catalog, chosen):
    made = small_store.count(place="create")
    run = inside(small_store.config, catalog=changed(catalog, {}, {"selected": chosen, "selected-by-default": None}))
    assert_ends_well(run, 0)
    assert run.messages == []
    assert small_store.count(place="create") == made


def test_a_selected_stream_that_the_store_does_not_list_fails(small_store, inside, catalog):
    entry = catalog["streams"][0]
    unknown = [{**entry, "tap_stream_id": name} for name in ("order_lits", "invoice_list")]
    deselected = {**entry, "tap_stream_id": "old_list", "metadata": [root_of({"selected": False})]}
    given = {"streams": [entry, entry, *unknown, deselected]}
    run = inside(small_store.config, catalog=given)
    assert run.bookmark("order_list")
    for done in (run, inside(small_store.config, "--plan", catalog=given)):
        assert done.code == 1
        (line,) = done.errors
        assert line.startswith(
            "the catalog selects a stream that the store does not list (2 streams: invoice_list, order_lits). Deselect"
        )
