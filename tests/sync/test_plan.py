"""--plan lists the exports that a sync would request, and requests none."""

from __future__ import annotations

from datetime import timedelta

import pytest

from .conftest import fixed


@pytest.fixture
def planned(inside):
    """The lines that `--plan` prints."""

    def run(config, **files):
        done = inside(config, "--plan", **files)
        assert done.code == 0, done.log
        return done.out.splitlines()

    return run


def test_the_plan_of_a_first_load(make_store, planned):
    store = make_store(days=20)
    lines = planned(store.config | {"window_days": 7})
    assert len(lines) == 13 * 2 + 1
    first, rest = (line for line in lines if line.startswith("order_list "))
    assert first.endswith("  create")
    assert rest.endswith("  create, in one or more windows, by the row count")
    assert lines[-1].startswith("13 streams, 26 windows: 26 exports or more to create, 0 to reuse; about ")
    assert store.exports == []
    assert store.count(place="create") == 0


def test_the_plan_names_exports_to_reuse(make_store, sync, planned):
    store = make_store(days=20)
    config = store.config | fixed(7)
    sync(config, streams=["order_list"])
    made = len(store.exports)
    lines = planned(config)
    reused = [line for line in lines if "reuse export" in line]
    assert len(reused) == 3
    assert all(line.startswith("order_list ") for line in reused)
    assert len(store.exports) == made


def test_the_plan_contains_the_refresh(make_store, sync, planned):
    store = make_store(days=60)
    first = sync(store.config, streams=["order_list"])
    store.advance(timedelta(days=1))
    lines = planned(store.config, state=first.state)
    newest, refresh = (line for line in lines if line.startswith("order_list "))
    assert newest.endswith("  create")
    assert refresh.endswith("  create, refresh")
