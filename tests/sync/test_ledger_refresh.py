"""The ledger and the refresh together: states, removals and tables over nights that export old history again."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from tap_exports.sandbox import Fault

from .conftest import fixed, moment
from .test_ledger_nights import REMOVED, Target

STREAMS = ("order_list", "order_line_items", "customer_list", "open_cart_list", "dispute_list")
REFRESH = 4


@pytest.fixture
def store(make_store):
    """Old orders are refunded and edited, carts become orders, customers vanish, disputes are reported late."""
    return make_store(frozen=True, days=50, late_changes=True)


@pytest.fixture
def config(store, tmp_path):
    return store.config | fixed(12) | {
        "ledger": str(tmp_path / "ledger.db"),
        "lookback_days": 3,
        "refresh_days": REFRESH,
        "reuse_exports_minutes": 0,
    }  # fmt: skip


@pytest.fixture
def night(store, sync, config):
    """A sync of the next night, from a target's state."""

    def run(target, days=1, **changed):
        store.advance(timedelta(days=days))
        return sync(config | changed, state=target.state, streams=[*STREAMS, REMOVED, "export_log"])

    return run


@pytest.fixture
def target(night):
    """A target after the first night."""
    made = Target()
    made.take(night(made).messages)
    return made


def whole_of(sync, config):
    """What a sync without a ledger sends, by stream and key."""
    target = Target()
    target.take(sync(config | {"ledger": None, "refresh_days": None}, streams=STREAMS).messages)
    return target.content


def assert_equals_the_store(target, sync, config):
    """Cell by cell; rows that the store no longer has are exactly those that removed_objects reports."""
    for stream, rows in whole_of(sync, config).items():
        gone = {row["object_key"] for row in target.rows[REMOVED].values() if row["stream"] == stream}
        back = {row["object_key"] for row in target.rows[REMOVED].values() if not row["removed_at"]}
        current = {key: row for key, row in target.content[stream].items() if str(key[0]) not in gone - back}
        assert current == rows, stream


def test_nights_with_a_target_that_fails_end_with_the_stores_rows(night, store, sync, config):
    chance = random.Random(0)
    target = Target()
    for _ in range(6):
        messages = night(target, chance.randrange(1, 4)).messages
        target.take_and_fail(messages, chance)
    for _ in range(2 * REFRESH + 2):  # a second cycle confirms removals of more than 5 %
        target.take(night(target).messages)
    assert {row["stream"] for row in target.rows[REMOVED].values()} >= {"customer_list", "open_cart_list", "order_list"}
    # All of it is due, and nothing changes within a minute; the second sync confirms removals of more than 5 %.
    for _ in range(3):
        store.advance(timedelta(minutes=1))
        target.take(sync(config | {"refresh_days": 1e-6}, state=target.state, streams=[*STREAMS, REMOVED]).messages)
    assert_equals_the_store(target, sync, config)
    assert target.sent == 0


def test_each_state_of_a_night_can_be_resumed(night, target, store, sync, config):
    """Of windows of the refresh too: what it claims was sent before it, and what follows it is sent again."""
    before = target.copy()
    messages = night(target, 3).messages
    target.take(messages)
    marks = [n for n, message in enumerate(messages) if message["type"] == "STATE"]
    refreshed = [n for n in marks if "refresh" in messages[n]["value"]["bookmarks"].get("order_list", {})]
    assert len(refreshed) > 2
    for mark in random.Random(1).sample(marks, 5):
        resumed = before.copy()
        resumed.take(messages[: mark + 1])
        state = resumed.state
        resumed.take(messages[mark + 1 : mark + 40])
        store.advance(timedelta(minutes=1))
        resumed.take(sync(config | {"refresh_days": 1e-6}, state=state, streams=STREAMS).messages)
        for stream, rows in whole_of(sync, config).items():
            assert resumed.content[stream] == resumed.content[stream] | rows


@pytest.mark.parametrize("with_ledger", [True, False])
def test_the_state_of_an_export_that_is_not_ready_has_the_position(night, target, store, sync, config, with_ledger):
    """The one of the last window whose records are out, or none where they are not recorded."""
    store.add_fault(Fault("create", "never_ready", times=None, after=3))
    changed = {"export_timeout_minutes": 0.005, "max_concurrent_exports": 1}
    config.update({} if with_ledger else {"ledger": None})
    run = night(target, 3, **changed)
    assert run.failures
    entry = run.state["bookmarks"]["order_list"]
    assert bool(entry["ledger"]) is with_ledger
    target.take(run.messages)
    store.clear_faults()
    for _ in range(3):
        store.advance(timedelta(minutes=1))
        again = sync(config | {"refresh_days": 1e-6}, state=target.state, streams=[*STREAMS, REMOVED])
        target.take(again.messages)
    if with_ledger:
        assert_equals_the_store(target, sync, config)


def test_removals_are_judged_after_the_last_window_of_the_refresh(night, target, store):
    """In the run that exports the last part of the history; then only, and then at once."""
    numbers = sorted(key[0] for key in target.rows["order_list"])
    number = numbers[len(numbers) * 4 // 5]
    rows = store.renderer.rows
    store.renderer.rows = lambda window: (row for row in rows(window) if number not in row)
    for n in range(REFRESH + 1):
        run = night(target)
        target.take(run.messages)
        removed = [row for row in run.records(REMOVED) if row["object_key"] == number]
        if removed:
            assert n == REFRESH - 1
            exports = [m for m in run.messages if m.get("stream") == "export_log" and m["type"] == "RECORD"]
            last = max(m["record"]["export_id"] for m in exports if m["record"]["type"] == "order_list")
            assert removed[0]["last_export_id"] < last
            return
    pytest.fail("it was not reported within a cycle")


def test_a_bounded_sync_refreshes_by_the_ends_of_its_windows(store, sync, config):
    """Whatever the clock says: two backfills that end a day apart refresh a day's share."""
    end = store.now - timedelta(days=20)
    state = sync(config | {"end_date": end.isoformat()}, streams=["order_list"]).state
    shares = []
    for pause in (0, 30):
        store.advance(timedelta(days=pause))
        end += timedelta(days=1)
        run = sync(config | {"end_date": end.isoformat()}, state=state, streams=["order_list", "export_log"])
        state = run.state
        refresh = [export for export in run.records("export_log") if export["refresh"]]
        shares.append(moment(refresh[-1]["date_to"]) - moment(refresh[0]["date_from"]))
    assert abs(shares[1] - shares[0]) < timedelta(days=1)
    assert timedelta(days=5) < shares[0] < timedelta(days=9)  # 26 days in 4, and the day by which they grow


def test_a_backfill_that_ends_before_the_bookmark_changes_no_position(night, target, store, sync, config):
    before = target.state
    end = store.now - timedelta(days=20)
    run = sync(config | {"end_date": end.isoformat()}, state=before, streams=[*STREAMS, REMOVED])
    assert not run.of("RECORD")
    assert run.state["bookmarks"]["order_list"] == before["bookmarks"]["order_list"]


def test_a_changed_refresh_days_keeps_the_position(night, store, sync, config):
    target = Target()
    for _ in range(2):
        target.take(night(target).messages)
    position = target.state["bookmarks"]["order_list"]["refresh"]
    run = night(target, refresh_days=10)
    exports = [one for one in run.records("export_log") if one["refresh"] and one["type"] == "order_list"]
    assert exports[0]["date_from"] == position
