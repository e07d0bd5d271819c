from __future__ import annotations

from datetime import datetime, timezone

import pytest

from tap_exports.errors import SettingsError
from tap_exports.singer.bookmark import Bookmark, check_state

END_OF_JANUARY = datetime(2025, 1, 31, tzinfo=timezone.utc)


def state(**entry):
    return {"bookmarks": {"order_list": entry}}


@pytest.mark.parametrize(
    "value", ["2025-01-31T00:00:00Z", "2025-01-31T00:00:00+00:00", "2025-01-30T19:00:00-05:00", "2025-01-31"]
)
def test_a_position_is_an_instant_in_utc(value):
    given_state = state(replication_key="date_to", replication_key_value=value)
    check_state(given_state)
    assert Bookmark("order_list", given_state).position == END_OF_JANUARY


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({}, None),
        ({"key": ["id"], "rows_per_day": 3, "refresh": None}, None),
        ({"replication_key": "date_to"}, "it has no replication_key_value"),
        ({"replication_key": "date_to", "replication_key_value": None}, "it has no replication_key_value"),
        ({"replication_key": "id", "replication_key_value": {"a": 1}}, "its replication_key is 'id', not date_to"),
        ({"date_to": "2025-01-31T00:00:00Z", "key": ["id"]}, "it has no replication_key"),
        ({"partitions": []}, "it has no replication_key"),
    ],
)
def test_an_entry_without_a_usable_position_says_why(entry, why):
    """Unless it has the tap's own fields only."""
    check_state(state(**entry))
    mark = Bookmark("order_list", state(**entry))
    assert (mark.position, mark.unusable) == (None, why)


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
        check_state(state(**{field: value}))


def test_an_entry_of_another_replication_key_is_replaced():
    given_state = state(replication_key="id", replication_key_value="abc")
    assert Bookmark("order_list", given_state).advance(END_OF_JANUARY)
    assert given_state == state(replication_key="date_to", replication_key_value="2025-01-31T00:00:00Z")


def test_a_fraction_is_kept_as_text():
    """target-postgres cannot return a fraction in a state."""
    given_state = {}
    mark = Bookmark("order_list", given_state)
    mark.update({"rows_per_day": 12.5})
    assert given_state == state(rows_per_day="12.5")
    assert mark.get("rows_per_day") == 12.5
