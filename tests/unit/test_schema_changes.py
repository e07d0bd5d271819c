from __future__ import annotations

import logging

import pytest

from tap_exports.errors import BadData
from tap_exports.schema.layout import Column, Knowledge
from tap_exports.schema.schema_changes import SchemaChanges
from tap_exports.schema.types import ColumnType
from tests.unit.conftest import layout_of

S, N = ColumnType.STRING, ColumnType.NUMBER
LAYOUT = layout_of({"number": S, "total": N}, ("number",))


@pytest.fixture
def held():
    """Holds one header after the other against the layout in force."""

    def of(on_new_column="add", layout=LAYOUT):
        changes = SchemaChanges("order_list", on_new_column, logging.getLogger("changes"))

        def against(*header):
            nonlocal layout
            before = layout
            layout = changes.apply(layout, header, Knowledge())
            return layout is before, [column.name for column in layout.columns]

        return against

    return of


@pytest.mark.parametrize("choice", ["add", "ignore", "fail"])
def test_the_same_columns_in_another_order_are_silent(held, said, choice):
    """Columns are found by name."""
    against = held(choice)
    assert against("Number", "Total") == (True, ["number", "total"])
    assert against("TOTAL", "number") == (True, ["number", "total"])
    assert said() == []


def test_a_new_column_is_added_once(held, said):
    """With the type that its name stands for, and said once."""
    against = held("add")
    assert against("Number", "Total", "Refund Amount") == (False, ["number", "total", "refund_amount"])
    assert against("Number", "Total", "Refund Amount") == (True, ["number", "total", "refund_amount"])
    assert said() == [("INFO", "order_list: new columns, added: refund_amount")]


def test_a_new_column_is_typed_by_the_same_rules():
    """It could have been there from the start."""
    changes = SchemaChanges("order_list", "add", logging.getLogger("changes"))
    layout = changes.apply(LAYOUT, ["number", "total", "tax", "due_date"], Knowledge())
    assert layout.columns[2:] == (Column("tax", N), Column("due_date", ColumnType.DATE_TIME))


def test_new_columns_are_ignored_and_said_once(held, said):
    """Each of them when it first comes."""
    against = held("ignore")
    for _ in range(2):
        assert against("Number", "Total", "Tax") == (True, ["number", "total"])
    assert against("Number", "Total", "Tax", "Fee") == (True, ["number", "total"])
    assert said() == [
        ("INFO", "order_list: new columns, ignored: tax"),
        ("INFO", "order_list: new columns, ignored: fee"),
    ]


def test_a_new_column_fails_its_stream(held):
    """The line names it and the setting."""
    with pytest.raises(BadData, match=r"columns that the catalog does not: fee, tax\. on_new_column is fail"):
        held("fail")("Number", "Total", "Tax", "Fee")


@pytest.mark.parametrize("choice", ["add", "ignore", "fail"])
def test_a_column_that_is_gone_is_said_once(held, said, choice):
    """It stays in the schema and is null; also where it comes and goes."""
    against = held(choice)
    for header in (["Number"], ["Number"], ["Number", "Total"], ["Number"]):
        assert against(*header) == (True, ["number", "total"])
    assert said() == [("WARNING", "order_list: columns are gone, null from now on: total")]


def test_a_column_with_another_name_is_said_in_one_line(held, said):
    """As one gone and one new."""
    against = held("add")
    assert against("Number", "Grand Total") == (False, ["number", "total", "grand_total"])
    assert said() == [
        (
            "WARNING",
            (
                "order_list: columns have changed, perhaps by another name: "
                "total gone (null from now on), grand_total new (added)"
            ),
        )
    ]


def test_columns_that_change_again_and_again_are_each_said_once(held, said):
    """Growing over several files."""
    against = held("add")
    against("Number", "Total", "Tax")
    against("Number", "Tax", "Fee")
    against("Number", "Fee")
    assert against("Number")[1] == ["number", "total", "tax", "fee"]
    assert len(said()) == 4
