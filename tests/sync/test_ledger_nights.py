"""Night after night with a ledger: removals arrive, and a full disk loses nothing."""

from __future__ import annotations

import resource
from copy import deepcopy
from datetime import timedelta

import pytest

from tap_exports.sandbox import Fault

from .conftest import fixed

REMOVED = "removed_objects"
WINDOW = {"date_from", "date_to", "export_id"}


class Target:
    """A target that upserts by the key of the SCHEMA message."""

    def __init__(self):
        self.rows, self.keys, self.state = {}, {}, None
        self.sent = 0

    def copy(self):
        return deepcopy(self)

    def take(self, messages):
        self.sent = 0
        for message in messages:
            stream = message.get("stream")
            if message["type"] == "SCHEMA":
                self.keys[stream] = message["key_properties"]
            elif message["type"] == "RECORD":
                record = message["record"]
                self.rows.setdefault(stream, {})[tuple(record[key] for key in self.keys[stream])] = record
                self.sent += stream != "export_log"
            elif message["type"] == "STATE":
                self.state = message["value"]

    def take_and_fail(self, messages, chance):
        """Take a part of the messages, and give back a state that was among them, or the one before."""
        messages = messages[: chance.randrange(len(messages) + 1)]
        states = [self.state, *(m["value"] for m in messages if m["type"] == "STATE")]
        self.take(messages)
        self.state = chance.choice(states)

    @property
    def content(self):
        """The rows by stream and key, without the window."""
        return {
            stream: {key: {name: row[name] for name in row.keys() - WINDOW} for key, row in rows.items()}
            for stream, rows in self.rows.items()
        }


@pytest.fixture
def store(make_store):
    return make_store(frozen=True, days=30, orders_per_day=2, lines_apart=True, line_ids=False)


@pytest.fixture
def config(store, tmp_path):
    return store.config | fixed(300) | {"ledger": str(tmp_path / "ledger.db"), "lookback_days": 100}


class Orders:
    """Nights of a stream with one window for all of it, each with the numbers that the file holds."""

    def __init__(self, store, sync, config):
        self.store, self.sync, self.config = store, sync, config
        self.target = Target()

    def night(self, numbers, streams=("order_list", REMOVED), status="paid"):
        self.store.advance(timedelta(hours=2))
        body = "".join(f"{line}\r\n" for line in ["Order Number,Status", *(f"{number},{status}" for number in numbers)])
        self.store.add_fault(Fault("file", "body", body=body))
        run = self.sync(self.config, state=self.target.state, streams=streams)
        assert not run.failures
        self.target.take(run.messages)
        return [record["order_number"] for record in run.records("order_list")], run.records(REMOVED)


@pytest.fixture
def orders(store, sync, config):
    return Orders(store, sync, config)


ALL = [str(number) for number in range(100, 140)]


def test_an_object_that_is_gone_is_reported_once_and_its_return_too(orders):
    assert orders.night(ALL) == (ALL, [])
    sent, (removed,) = orders.night(ALL[1:])
    assert sent == []
    assert removed["removed_at"] is not None
    last = orders.target.rows["order_list"][("100",)]["export_id"]
    assert (removed["stream"], removed["object_key"], removed["last_export_id"]) == ("order_list", "100", last)
    assert removed["last_date_to"] < orders.target.state["bookmarks"]["order_list"]["replication_key_value"]
    assert orders.night(ALL[1:]) == ([], [])
    sent, (returned,) = orders.night(ALL)
    assert sent == ["100"]
    assert (returned["object_key"], returned["removed_at"]) == ("100", None)
    assert orders.night(ALL) == ([], [])


def test_where_rows_are_appended_the_one_with_the_greatest_export_id_is_current(orders):
    appended = []
    for status in ("new", "paid", "new"):
        before = orders.target.state
        orders.night(["1", "2"], status=status)
        appended += orders.target.rows["order_list"].values()
        orders.target.state = before  # the target lost it; the next run sends it again
        orders.night(["1", "2"], status=status)
        appended += orders.target.rows["order_list"].values()
        newest = {}
        for row in sorted(appended, key=lambda row: row["export_id"]):
            newest[row["order_number"]] = row["status"]
        assert newest == {"1": status, "2": status}


def test_files_of_zero_bytes_hold_no_object(orders):
    """Also without a catalog, where such a file has no columns."""
    orders.night(ALL)
    for wanted in ([], ALL):
        orders.store.advance(timedelta(hours=2))
        orders.store.add_fault(Fault("file", "body", body="", times=2))
        run = orders.sync(orders.config, state=orders.target.state, streams=("order_list", REMOVED))
        orders.target.take(run.messages)
        assert [row["object_key"] for row in run.records(REMOVED)] == wanted  # 100 %, so after a second cycle


def test_removals_that_were_deselected_are_written_later(orders):
    orders.night(ALL)
    orders.night(ALL[1:], streams=["order_list"])
    assert [row["object_key"] for row in orders.night(ALL[1:])[1]] == ["100"]


def test_a_removal_that_no_state_confirms_is_written_again_without_its_stream(orders):
    orders.night(ALL)
    before = orders.target.state
    orders.night(ALL[1:])
    orders.target.state = before
    assert [row["object_key"] for row in orders.night([], streams=[REMOVED])[1]] == ["100"]


def test_a_stream_that_failed_reports_no_removal(orders, store, sync):
    orders.night(ALL)
    store.advance(timedelta(hours=2))
    store.add_fault(Fault("file", "body", body="Order Number,Status\r\n101,paid,x\r\n", times=2))
    run = sync(orders.config, state=orders.target.state, streams=["order_list", REMOVED])
    assert run.failures
    assert run.records(REMOVED) == []


def test_removals_go_through_stream_maps_and_beside_batches(orders, batch_config):
    orders.config |= {"stream_maps": {REMOVED: {"reason": "'gone'"}}}
    orders.night(ALL)
    assert orders.night(ALL[1:])[1][0]["reason"] == "gone"
    del orders.config["stream_maps"]
    orders.config["batch_config"] = batch_config
    orders.night(ALL[1:])
    assert [row["object_key"] for row in orders.night(ALL[2:])[1]] == ["101"]


def test_a_disk_that_fills_up_stops_nothing(store, sync, config, caplog):
    """The state says so before the first record that is not recorded."""
    target = Target()
    target.take(sync(config, streams=["order_list"]).messages)
    store.advance(timedelta(days=2))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16_000, limits[1]))
    try:
        run = sync(config | fixed(2), state=target.state, streams=["order_list"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not run.failures
    assert "cannot be used" in caplog.text
    assert run.state["bookmarks"]["order_list"]["ledger"] == ""
    target.take(run.messages)
    target.take(sync(config, state=target.state, streams=["order_list"]).messages)
    whole = Target()
    whole.take(sync(config | {"ledger": None}, streams=["order_list"]).messages)
    assert target.content == whole.content
