"""A state leads to a sync that continues from it, or to one line before any request."""

from __future__ import annotations

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
