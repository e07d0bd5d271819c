"""A state or a catalog leads to a sync that follows it, or to one line that says what is wrong with it."""

from __future__ import annotations

import copy
import json

import pytest

from .conftest import assert_ends_well, assert_fails

NOW = {"replication_key": "date_to", "replication_key_value": "2025-01-01T00:00:00Z"}


def of_orders(**more):
    return {"bookmarks": {"order_list": {**NOW, **more}}}


def of_another(**entry):
    return {"bookmarks": {"order_list": NOW, "invoices": entry}}


NO_STATE = [
    ({"bookmarks": None}, 'the state does not have the form {"bookmarks"'),
    ({"bookmarks": {"order_list": "2025-01-01T00:00:00Z"}}, 'the state does not have the form {"bookmarks"'),
    ({"order_list": "2025-01-01T00:00:00Z"}, 'the state has no "bookmarks" but order_list'),
    (
        of_orders(replication_key_value=5),
        "replication_key_value is 5, not a time. Correct it, or remove the stream's entry from the state to start over",
    ),
    *((of_orders(replication_key_value=value), f"{value!r}, not a time") for value in ("2025-02-30", ["x"], True)),
]


@pytest.mark.parametrize(("state", "words"), NO_STATE, ids=lambda value: str(value)[:70])
def test_an_invalid_state_is_refused(small_store, inside, state, words):
    """Ignoring another form would silently start over."""
    run = inside(small_store.config, state=state)
    assert_fails(run, words)
    assert small_store.count() == 0


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ('{"bookmarks": {"x": {"a": NaN}}}', "NaN is not a JSON number"),
        ("{}".encode("utf-16"), "is not UTF-8"),
    ],
    ids=["NaN", "UTF-16"],
)
def test_a_file_that_is_not_a_json_object_is_refused(small_store, inside, state, words):
    run = inside(small_store.config, state=state)
    assert_fails(run, words, "state.json")
    assert small_store.count() == 0


def test_a_discovery_that_fails_leaves_no_file_open(small_store, command, tmp_path):
    """Meltano shows the warning that Python would write then."""
    (tmp_path / "unread.json").write_text("{}")
    run = command(
        small_store.config | {"window_days": 0},
        "--state",
        tmp_path / "unread.json",
        "--discover",
        environment={"PYTHONWARNINGS": "default::ResourceWarning"},
    )
    assert run.code == 1
    assert "ResourceWarning" not in run.log


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"bookmarks": {"order_list": {"date_to": "2025-01-01T00:00:00Z"}}},
        {"bookmarks": {"order_list": {"replication_key": "id", "replication_key_value": {"a": []}}}},
        {"bookmarks": {"order_list": {"progress_markers": NOW}}},
        {**of_orders(), "currently_syncing": {"a": [1]}, "more": 5},
        of_orders(replication_key_value=None),
        of_orders(replication_key_signpost="2020-01-01T00:00:00Z", starting_replication_value={"a": 1}),
        of_another(replication_key="id", replication_key_value=10**30, partitions=[{"context": {}}]),
    ],
    ids=lambda value: str(value)[:70],
)
def test_a_sync_continues_from_an_unusual_state(small_store, inside, state):
    """An entry without a usable bookmark is reported; all records are synced, and the bookmark moves on."""
    run = inside(small_store.config, state=json.loads(json.dumps(state)))
    assert_ends_well(run, 0)
    entry = state.get("bookmarks", {}).get("order_list", {})
    usable = entry.get("replication_key") == "date_to" and entry.get("replication_key_value") is not None
    assert ("order_list: its bookmark entry cannot be used" in run.log) == bool(entry and not usable)
    assert len(run.records("order_list")) >= 3
    assert run.bookmark("order_list") > "2025-01-01T00:00:00Z"


def test_a_bookmark_of_a_stream_that_the_store_does_not_list_is_a_warning(small_store, inside):
    """The store may have renamed the stream, which then starts over under its new name. The entry is kept."""
    run = inside(small_store.config, state=of_another(**NOW))
    assert run.code == 0
    assert "The state has a bookmark of the stream invoices, which the store does not list" in run.log
    assert run.bookmark("invoices") == NOW["replication_key_value"]


def test_a_bookmark_in_the_future_is_a_warning(small_store, inside):
    made = small_store.count(place="create")
    run = inside(small_store.config, state=of_orders(replication_key_value="2199-01-01T00:00:00Z"))
    assert run.code == 0
    assert "order_list: its bookmark 2199-01-01T00:00:00Z is in the future" in run.log
    assert small_store.count(place="create") == made
    assert run.bookmark("order_list") == "2199-01-01T00:00:00Z"


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


def test_an_empty_catalog_file_which_a_failed_discovery_leaves_is_made_again(small_store, inside, tmp_path):
    (tmp_path / "empty.json").touch()
    assert_fails(inside(small_store.config, "--catalog", tmp_path / "empty.json"), "is not valid JSON", "--discover")


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
