"""Line items are sent by parent."""

from __future__ import annotations

import json

from tests.ledger.conftest import LineStore, Pipeline

ALL = ['["x", "a"]', '["x", "b"]']


def test_the_order_of_lines_and_their_place_in_the_file_do_not_matter(lines):
    lines.store.put(0, x=["a", "b"])
    lines.sync()
    lines.store.put(0, x=["b", "a"])
    assert lines.sync() == []


def test_equal_parts_of_different_parents_do_not_mix(lines):
    lines.store.put(0, x=["a"], y=["b"])
    lines.sync()
    lines.store.put(0, x=["b"], y=["a"])
    assert len(lines.sync()) == 2


def test_a_rollback_sends_all_lines_of_the_parent_again(lines):
    lines.store.put(0, x=["a", "b"])
    lines.sync()
    older = lines.state
    lines.store.put(0, x=["a"])
    lines.sync()
    lines.store.put(0, x=["a", "b"])
    lines.state = older
    assert lines.sync() == ALL


def test_a_line_that_is_gone_is_reported_and_a_parent_that_returns_is_sent(lines):
    lines.store.put(0, **{f"o{n}": ["a"] for n in range(40)}, x=["a", "b"])
    lines.sync()
    lines.store.remove("x")
    lines.sync()
    lines.sync()
    assert lines.gone == set(ALL)
    lines.store.put(0, x=["a", "b"])
    assert lines.sync() == ALL
    assert lines.gone == set()
    assert json.loads(max(lines.removed)) == ["x", "b"]


def test_a_line_with_its_own_id_that_moves_to_another_parent_and_back_is_sent(path):
    """Its first parent has no other line, so no file says in between that the parent has changed."""

    class Lines(LineStore):
        def rows_of(self, key, value, export_id):
            yield from ({"number": line, "order": key, "export_id": export_id} for line in value)

    pipeline = Pipeline(Lines(), path)
    pipeline.options = {"parent": ("order",)}
    for parent in ("x", "y", "x"):
        pipeline.store.objects = {parent: (0, ["a"])}
        assert pipeline.sync() == ["a"]
        assert pipeline.sync() == []
        assert pipeline.rows["a"]["order"] == parent
