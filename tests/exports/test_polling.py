"""Many pending exports are polled by one call."""

from __future__ import annotations

import pytest

from tap_exports.sandbox import Fault


def pending_at(bench, most):
    """Pending exports, and the object that polls them."""
    pending = bench.exporter.pending
    made = [bench.client.create("order_list", bench.window(n, 1)) for n in range(most)]
    pending.waiting.update({export.id: export for export in made})
    return pending, made


def test_several_exports_are_polled_by_one_call(make_bench):
    bench = make_bench(ready_seconds=60, parallel_exports=40, page_size=100)
    pending, made = pending_at(bench, 30)
    assert not any(pending.poll(export).available for export in made)
    assert (bench.store.count("list"), bench.store.count("poll")) == (1, 0)
    bench.clock.sleep(60)
    assert all(pending.poll(export).available for export in made)
    assert (bench.store.count("list"), bench.store.count("poll")) == (2, 0)


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_a_list_of_many_pages_is_read_as_far_as_needed(make_bench, order):
    bench = make_bench(ready_seconds=60, parallel_exports=40, page_size=5, list_order=order)
    for n in range(20):
        bench.store.make_export("customer_list", bench.window(n).start, bench.window(n).end)
    pending, made = pending_at(bench, 6)
    for export in made:
        pending.poll(export)
    assert bench.store.count("list") == (2 if order == "newest" else 6)
    assert bench.store.count("poll") == 0


@pytest.mark.parametrize(
    ("many", "fault", "lists", "polls"),
    [
        (1, {"kind": "slow", "seconds": 0}, 0, 2),
        (2, {"kind": "json", "document": {"next": None, "previous": None, "results": []}}, 2, 4),
    ],
    ids=["a single one", "missing from the list"],
)
def test_exports_are_polled_by_their_ids_without_a_list(make_bench, many, fault, lists, polls):
    bench = make_bench(ready_seconds=60)
    pending, made = pending_at(bench, many)
    bench.store.add_fault(Fault("list", times=None, **fault))
    for export in [*made, *made]:
        assert pending.poll(export).id == export.id
    assert bench.store.count("poll") == polls
    assert bench.store.count("list") == lists
