"""Many pending exports are polled by one call."""

from __future__ import annotations

import pytest

from tap_exports.exports.polling import PendingExports
from tap_exports.sandbox import Fault
from tap_exports.store.models import ExportStatus


def pending_at(bench, most):
    """Pending exports, and the object that polls them."""
    pending = PendingExports(bench.client, bench.clock, 1.0)
    made = [bench.client.create("order_list", bench.window(n, 1)) for n in range(most)]
    for export in made:
        pending.add(export)
    return pending, made


def test_several_exports_are_polled_by_one_call(make_bench):
    bench = make_bench(ready_seconds=60, parallel_exports=40, page_size=100)
    pending, made = pending_at(bench, 30)
    assert {pending.poll(export).status for export in made} == {ExportStatus.PENDING}
    assert (bench.store.count("list"), bench.store.count("poll")) == (1, 0)
    bench.clock.sleep(60)
    assert {pending.poll(export).status for export in made} == {ExportStatus.AVAILABLE}
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


def test_a_single_export_is_polled_by_its_id(make_bench):
    bench = make_bench(ready_seconds=60)
    pending, (export,) = pending_at(bench, 1)
    pending.poll(export)
    assert (bench.store.count("list"), bench.store.count("poll")) == (0, 1)


def test_an_export_missing_from_the_list_is_polled_by_its_id(make_bench):
    bench = make_bench(ready_seconds=60)
    pending, made = pending_at(bench, 2)
    bench.store.add_fault(Fault("list", "json", document={"next": None, "previous": None, "results": []}, times=None))
    assert [pending.poll(export).id for export in made] == [export.id for export in made]
    assert bench.store.count("poll") == 2


def test_without_the_list_each_export_is_polled_by_its_id(make_bench, caplog):
    bench = make_bench(ready_seconds=60)
    pending, made = pending_at(bench, 2)
    bench.store.add_fault(Fault("list", "status", status=404, times=None))
    for export in [*made, *made]:
        assert pending.poll(export).id == export.id
    assert (bench.store.count("list"), bench.store.count("poll")) == (1, 4)
    assert "polled one by one" in caplog.text
