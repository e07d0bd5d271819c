from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_exports.config.state import bookmark_of, check_state
from tap_exports.errors import SettingsError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
entries = st.fixed_dictionaries(
    {}, optional={"replication_key": st.just("date_to") | JSON, "replication_key_value": JSON, "other": JSON}
)


def state(value, key="date_to"):
    return {"bookmarks": {"order_list": {"replication_key": key, "replication_key_value": value}}}


@pytest.mark.parametrize(
    "value", ["2025-01-31T00:00:00Z", "2025-01-31T00:00:00+00:00", "2025-01-30T19:00:00-05:00", "2025-01-31"]
)
def test_a_bookmark_is_an_instant(value):
    """Whoever has written it, and in whatever zone; without one it is UTC."""
    check_state(state(value))
    assert bookmark_of(state(value), "order_list") == datetime(2025, 1, 31, tzinfo=timezone.utc)


def test_a_state_that_no_target_could_write_again_is_refused():
    """Whoever makes the tap in Python gives an object, which no reader has looked at."""
    with pytest.raises(SettingsError, match="half a character"):
        check_state({"bookmarks": {"\ud800": {}}})


@pytest.mark.parametrize(
    "given_state",
    [
        {},
        {"bookmarks": {}},
        {"bookmarks": {"order_list": {}}},
        {"bookmarks": {"customer_list": {"replication_key": "date_to", "replication_key_value": "2025-01-31"}}},
        state(None),
    ],
)
def test_a_stream_may_have_no_bookmark(given_state):
    """It starts at the start date."""
    check_state(given_state)
    assert bookmark_of(given_state, "order_list") is None


@pytest.mark.parametrize("value", ["12345", 12345, {"a": 1}, "2025-01-31"])
def test_a_bookmark_of_another_tap_counts_for_nothing(value):
    """It is on another key."""
    check_state(state(value, key="updated_at"))
    assert bookmark_of(state(value, key="updated_at"), "order_list") is None


@pytest.mark.parametrize("value", ["", "yesterday", "2025-02-30T00:00:00Z", 1735689600, ["2025-01-31"], {}, True])
def test_a_bookmark_that_is_no_time_is_refused(value):
    """The line names the stream, the value and what to do."""
    with pytest.raises(SettingsError) as error:
        check_state(state(value))
    assert str(error.value) == (
        f"the bookmark of stream order_list in the state is {value!r}, which is no time. "
        "Mend it, or take the stream's entry out to start it over from start_date."
    )


@pytest.mark.parametrize("given_state", [None, [], "x", 5])
def test_a_state_that_is_no_object_is_refused(given_state):
    """A file of something else was given."""
    with pytest.raises(SettingsError, match="the state is no JSON object"):
        check_state(given_state)


@pytest.mark.parametrize("bookmarks", [None, [], "x", {"order_list": "2025-01-31"}, {"order_list": None}])
def test_a_state_of_another_shape_is_refused(bookmarks):
    """The line shows the right one."""
    with pytest.raises(SettingsError, match=r'the state has no bookmarks as {"bookmarks"'):
        check_state({"bookmarks": bookmarks})


@given(JSON | st.fixed_dictionaries({"bookmarks": st.dictionaries(st.text(max_size=5), entries | JSON, max_size=3)}))
def test_any_json_is_a_state_or_refused(given_state):
    """What passes the check can be read for every stream."""
    try:
        check_state(given_state)
    except SettingsError:
        return
    for stream in [*given_state.get("bookmarks", {}), "order_list"]:
        found = bookmark_of(given_state, stream)
        assert found is None or found.tzinfo is timezone.utc
