from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_exports.errors import SettingsError
from tap_exports.singer.bookmark import Bookmark, check_state

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("key", "line_identity", "refresh", "rows_per_day", "longest_days", "ledger")
entries = st.fixed_dictionaries(
    {},
    optional={
        "replication_key": st.just("date_to") | JSON,
        "replication_key_value": JSON,
        "other": JSON,
        **dict.fromkeys(FIELDS, JSON),
    },
)


def utc(*parts):
    return datetime(*parts, tzinfo=timezone.utc)


def state(value, key="date_to"):
    return {"bookmarks": {"order_list": {"replication_key": key, "replication_key_value": value}}}


def bookmark(given_state):
    return Bookmark("order_list", given_state)


@pytest.mark.parametrize(
    "value", ["2025-01-31T00:00:00Z", "2025-01-31T00:00:00+00:00", "2025-01-30T19:00:00-05:00", "2025-01-31"]
)
def test_a_position_is_an_instant_in_utc(value):
    check_state(state(value))
    assert bookmark(state(value)).position == utc(2025, 1, 31)
    assert bookmark(state(value)).unusable is None


@pytest.mark.parametrize(
    "given_state",
    [
        {},
        {"bookmarks": {}},
        {"bookmarks": {"order_list": {}}},
        {"bookmarks": {"order_list": {"key": ["id"], "rows_per_day": 3, "refresh": None}}},
        {"bookmarks": {"customer_list": {"replication_key": "date_to", "replication_key_value": "2025-01-31"}}},
    ],
)
def test_a_stream_may_have_no_position(given_state):
    check_state(given_state)
    assert bookmark(given_state).position is None
    assert bookmark(given_state).unusable is None


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"replication_key": "date_to"}, "it has no replication_key_value"),
        ({"replication_key": "date_to", "replication_key_value": None}, "it has no replication_key_value"),
        (
            {"replication_key": "updated_at", "replication_key_value": {"a": 1}},
            "its replication_key is 'updated_at', not date_to",
        ),
        ({"replication_key": [], "replication_key_value": 7}, "its replication_key is [], not date_to"),
        ({"date_to": "2025-01-31T00:00:00Z", "key": ["id"]}, "it has no replication_key"),
        ({"replication_key_value": "2025-01-31T00:00:00Z"}, "it has no replication_key"),
        ({"partitions": []}, "it has no replication_key"),
    ],
)
def test_an_entry_without_a_usable_position_says_why(entry, why):
    given_state = {"bookmarks": {"order_list": entry}}
    check_state(given_state)
    assert bookmark(given_state).position is None
    assert bookmark(given_state).unusable == why


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("key", "id", "not a list of column names"),
        ("key", [5], "not a list of column names"),
        ("refresh", 5, "not a time"),
        ("rows_per_day", -1, "not a number of 0 or more"),
        ("rows_per_day", float("nan"), "not a number of 0 or more"),
        ("rows_per_day", 10**400, "not a number of 0 or more"),
        ("longest_days", True, "not a number of 0 or more"),
        ("ledger", 7, "not a string"),
    ],
)
def test_every_field_that_the_tap_keeps_is_checked(field, value, kind):
    with pytest.raises(SettingsError, match=f"order_list: {field} is .*, {kind}"):
        check_state({"bookmarks": {"order_list": {field: value}}})


def test_the_position_moves_forward_only():
    given_state = {"value": 1}
    mark = bookmark(given_state)
    assert mark.advance(utc(2025, 1, 31))
    assert not mark.advance(utc(2025, 1, 31))
    assert not mark.advance(utc(2025, 1, 30, 23, 59, 59))
    assert mark.position == utc(2025, 1, 31)
    assert given_state == {"value": 1, **state("2025-01-31T00:00:00Z")}


def test_an_entry_of_another_replication_key_is_replaced():
    given_state = state("abc", key="id")
    assert bookmark(given_state).advance(utc(2025, 1, 31))
    assert given_state == state("2025-01-31T00:00:00Z")


def test_fields_are_kept_beside_the_position():
    given_state = state("2025-01-31T00:00:00Z")
    mark = bookmark(given_state)
    assert mark.key is None
    mark.remember_key(("order_number", "export_line"), "sku")
    mark.set("rows_per_day", 12.5)
    mark.set("refresh", "2024-01-01T00:00:00Z")
    mark.set("ledger", "")
    mark.advance(utc(2025, 2, 1))
    assert (mark.key, mark.line_identity) == (("order_number", "export_line"), "sku")
    assert mark.get("refresh") == utc(2024, 1, 1)
    assert mark.get("rows_per_day") == 12.5
    assert not mark.get("ledger")
    assert given_state["bookmarks"]["order_list"] == {
        "replication_key": "date_to",
        "replication_key_value": "2025-02-01T00:00:00Z",
        "key": ["order_number", "export_line"],
        "line_identity": "sku",
        "refresh": "2024-01-01T00:00:00Z",
        "rows_per_day": "12.5",
        "ledger": "",
    }
    check_state(given_state)


@given(JSON | st.fixed_dictionaries({"bookmarks": st.dictionaries(st.text(max_size=5), entries | JSON, max_size=3)}))
def test_any_state_that_passes_the_check_can_be_read(given_state):
    try:
        check_state(given_state)
    except SettingsError:
        return
    for stream in [*given_state.get("bookmarks", {}), "order_list"]:
        mark = Bookmark(stream, given_state)
        assert mark.position is None or mark.position.tzinfo is timezone.utc
        assert mark.unusable is None or mark.position is None
        for field in FIELDS:
            mark.get(field)
