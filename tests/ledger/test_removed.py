"""Objects that no export holds any more."""

from __future__ import annotations

import pytest

from tap_exports.window import rfc3339
from tests.ledger.conftest import START, Pipeline


@pytest.fixture
def full(store, pipeline):
    """A pipeline with 40 objects in each of three windows."""
    for window in range(3):
        store.put(window, **{f"w{window}_{n}": n for n in range(40)})
    pipeline.sync()
    return pipeline


def test_an_object_is_removed_when_later_exports_cover_everything(store, full):
    store.remove("w0_1")
    full.sync([0])
    assert full.gone == {"w0_1"}
    row = full.removed["w0_1"]
    assert (row["stream"], row["removed_at"], row["last_export_id"]) == ("orders", "2026-03-01T00:00:00Z", 1)
    assert row["last_date_to"] == rfc3339(store.windows[0].end)


def test_an_object_is_not_removed_while_a_part_was_not_exported_since(store, full):
    full.sync([0])
    store.remove("w0_1")
    full.sync([0, 1])
    assert full.gone == set()  # window 2 was last exported before the export that held it
    full.sync([2])
    assert full.gone == {"w0_1"}


def test_an_object_that_moved_to_another_window_is_not_removed(store, full):
    store.put(2, w0_1=1)
    full.sync([0, 2])
    full.sync()
    assert full.gone == set()


def test_an_earlier_start_waits_until_its_range_is_covered(store, full):
    store.remove("w0_1")
    full.sync(start=START.replace(year=2025))
    assert full.gone == set()


def test_forgotten_digests_do_not_forget_objects(store, full):
    full.state = {}
    store.remove("w0_1")
    full.sync(fingerprint="2")
    assert full.gone == {"w0_1"}


def test_more_than_5_percent_at_once_wait_for_the_next_cycle(store, full, caplog):
    store.remove(*(f"w0_{n}" for n in range(7)))
    full.sync([0])
    assert "orders: 7 of 120 objects are missing" in caplog.text
    full.sync([0, 1])
    assert full.gone == set()
    full.sync([2])
    assert len(full.gone) == 7


def test_5_percent_are_reported_at_once(store, full, caplog):
    store.remove(*(f"w0_{n}" for n in range(6)))
    full.sync([0])
    assert (len(full.gone), caplog.records) == (6, [])


@pytest.mark.parametrize("again", [False, True], ids=["one glitch", "another in the next cycle"])
def test_a_glitch_of_the_store_removes_nothing(store, full, again):
    """Another one does not confirm the first."""
    before = dict(store.objects)
    for lost in range(1 + again):
        store.remove(*(key for key, (place, _) in before.items() if place == lost))
        full.sync()
        store.objects = dict(before)
    for _ in range(3):
        full.sync()
    assert full.removed == {}


def test_a_removal_is_sent_until_its_state_confirms_it(store, full):
    store.remove("w0_1")
    before = full.state
    full.sync([0])
    for _ in range(2):
        full.removed.clear()
        full.state = before
        full.sync([0])
        assert full.gone == {"w0_1"}
    full.removed.clear()
    full.sync([0])
    assert full.removed == {}


def test_each_state_of_two_pipelines_gets_every_removal(store, full):
    other = Pipeline(store, full.path)
    other.sync()
    store.remove("w0_1")
    other.sync([0])
    full.sync([1])
    assert full.gone == other.gone == {"w0_1"}


def test_objects_before_a_later_start_are_not_taken_for_removed(store, full):
    store.windows, later = store.windows[1:], store.windows[1].start
    store.objects = {key: (place - 1, value) for key, (place, value) in store.objects.items() if place}
    for _ in range(3):
        full.sync(start=later)
    assert full.removed == {}


def test_the_share_is_that_of_the_objects_since_a_later_start(store, pipeline):
    store.put(0, **{f"w0_{n}": n for n in range(200)})
    store.put(1, **{f"w1_{n}": n for n in range(10)})
    pipeline.sync()
    store.remove(*(f"w1_{n}" for n in range(10)))
    pipeline.sync([1, 2], start=store.windows[1].start)
    assert pipeline.removed == {}


def test_an_unfinished_window_covers_nothing(store, full):
    store.remove("w0_1")
    store.put(0, w0_2="changed")
    full.sync([0], stop_after=0)
    full.sync([1])
    assert full.gone == set()
    full.sync([0])
    assert full.gone == {"w0_1"}


def test_another_key_means_other_objects(store, full, caplog):
    full.sync(identity="id")
    for _ in range(3):
        full.sync(identity="id")
    assert full.removed == {}
    assert not caplog.records


# A window that was requested before the others, by a run that was interrupted


def test_an_older_export_that_is_used_later_proves_no_removal(store, full):
    store.remove("w0_1")
    store.exports = -10
    full.sync()
    assert full.removed == {}


def test_an_older_export_does_not_make_an_object_older(store, full):
    newest, store.exports = store.exports, -10
    full.sync([0])
    store.exports = newest
    full.sync([1, 2])
    assert full.removed == {}
