from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_exports.errors import BadData, InvalidFile
from tap_exports.schema.layout import Column, Knowledge
from tap_exports.schema.stream_layout import Key, StreamLayout
from tap_exports.schema.types import ColumnType
from tests.unit.conftest import layout_of

S, N = ColumnType.STRING, ColumnType.NUMBER
CATALOG = layout_of({"number": S, "total": N}, ("number",))


@pytest.fixture
def meets():
    """Apply headers one after the other; return whether SCHEMA changes, and the names of the columns."""

    def of(on_new_column="add", catalog=CATALOG):
        layout = StreamLayout("order_list", Knowledge(), on_new_column)
        if catalog is not None:
            layout.adopt(catalog)

        def meet(*header):
            return layout.apply(header), [column.name for column in layout.current.columns]

        return meet

    return of


@pytest.mark.parametrize("choice", ["add", "ignore", "fail"])
def test_the_same_columns_in_another_order_are_silent(meets, said, choice):
    meet = meets(choice)
    assert meet("Number", "Total") == (False, ["number", "total"])
    assert meet("TOTAL", "number") == (False, ["number", "total"])
    assert said() == []


def test_the_first_file_decides_where_there_is_no_catalog(meets, said):
    meet = meets("fail", catalog=None)
    assert meet("Total", "Number") == (True, ["total", "number"])
    assert meet("Number", "Total") == (False, ["total", "number"])
    assert said() == []


def test_a_new_column_is_added_and_reported_once(meets, said):
    meet = meets("add")
    assert meet("Number", "Total", "Refund Amount") == (True, ["number", "total", "refund_amount"])
    assert meet("Number", "Total", "Refund Amount") == (False, ["number", "total", "refund_amount"])
    assert said() == [("INFO", "order_list: new columns, added: refund_amount")]


def test_a_new_column_is_typed_by_its_name():
    layout = StreamLayout("order_list", Knowledge())
    layout.adopt(CATALOG)
    layout.apply(["number", "total", "tax", "due_date"])
    assert layout.current.columns[2:] == (Column("tax", N), Column("due_date", ColumnType.DATE_TIME))


def test_a_column_keeps_the_type_that_it_had_first():
    """A catalog's type, and what definitions said when the column was first seen."""
    layout = StreamLayout("order_list", Knowledge())
    layout.adopt(layout_of({"number": S, "total": S}, ("number",)))
    layout.apply(["number", "total", "tax"])
    layout.knowledge = Knowledge(column_types={"order_list": {"tax": S}})
    layout.apply(["number"])
    layout.apply(["number", "tax", "total"])
    assert layout.current.columns == (Column("number", S), Column("tax", N), Column("total", S))


def test_new_columns_are_ignored_and_reported_once(meets, said):
    meet = meets("ignore")
    for _ in range(2):
        assert meet("Number", "Total", "Tax") == (False, ["number", "total"])
    assert meet("Number", "Total", "Tax", "Fee") == (False, ["number", "total"])
    assert said() == [
        ("INFO", "order_list: new columns, ignored: tax"),
        ("INFO", "order_list: new columns, ignored: fee"),
    ]


def test_a_new_column_fails_its_stream_where_the_setting_says_so(meets):
    with pytest.raises(BadData, match=r"columns that the catalog does not: fee, tax\. on_new_column is fail"):
        meets("fail")("Number", "Total", "Tax", "Fee")


@pytest.mark.parametrize("choice", ["add", "ignore", "fail"])
def test_a_removed_column_leaves_the_schema_and_may_return(meets, said, choice):
    """A column that returns is not new; the warning is logged once."""
    meet = meets(choice)
    assert meet("Number") == (True, ["number"])
    assert meet("Number") == (False, ["number"])
    assert meet("Number", "Total") == (True, ["number", "total"])
    assert meet("Number") == (True, ["number"])
    assert said() == [("WARNING", "order_list: columns were removed, and are omitted from now on: total")]


def test_a_renamed_column_is_reported_in_one_line(meets, said):
    assert meets("add")("Number", "Grand Total") == (True, ["number", "grand_total"])
    assert said() == [
        (
            "WARNING",
            (
                "order_list: columns changed, or were renamed: "
                "total removed (omitted from now on), grand_total new (added)"
            ),
        )
    ]


@pytest.mark.parametrize("choice", ["ignore", "fail"])
def test_a_column_of_the_key_is_never_a_new_one(choice):
    layout = StreamLayout("order_list", Knowledge(primary_keys={"order_list": ("batch",)}), choice)
    layout.adopt(layout_of({"number": S}, ("batch",)))
    layout.apply(["Number", "Batch"])
    assert [column.name for column in layout.current.columns] == ["number", "batch"]


def test_a_file_without_any_of_the_columns_is_refused(meets):
    with pytest.raises(InvalidFile, match="none of the stream's columns"):
        meets()("a", "b")


def test_headers_that_collide_are_a_warning(meets, said):
    meet = meets(catalog=None)
    for _ in range(2):
        meet("Number", "Total!", "Total?")
    ((level, line),) = said()
    assert level == "WARNING"
    assert "Total!, Total?" in line


# The key

LINES = "return_line_items"


def of(stream="order_list", **knowledge):
    return StreamLayout(stream, Knowledge(**knowledge))


def test_the_header_decides_the_key_and_a_later_header_may_not_change_it():
    layout = of()
    layout.apply(["Order Number", "Total"])
    assert layout.current.keys == ("order_number",)
    with pytest.raises(InvalidFile) as error:
        layout.apply(["Number", "Total"])
    assert str(error.value) == (
        "the stream's key would change from order_number to number. "
        'To keep the key, set primary_keys to {"order_list": ["order_number"]}. '
        "For another key, load the stream into a new table."
    )


@pytest.mark.parametrize(
    ("earlier", "header"),
    [
        (("order_number",), ["ID", "Total"]),
        (("id",), ["Order Number", "ID"]),
        ((), ["Order Number"]),
        (("order_number",), ["Total", "Status"]),
    ],
)
def test_a_key_that_differs_from_an_earlier_runs_is_an_error(earlier, header):
    layout = of()
    layout.remember(Key(earlier, None))
    with pytest.raises(InvalidFile, match=r"key would change .*primary_keys"):
        layout.of(header)


def test_a_catalogs_key_that_differs_from_an_earlier_runs_is_an_error():
    layout = of()
    layout.adopt(CATALOG)
    with pytest.raises(InvalidFile, match=r"key would change from id to number\. To keep the key, set primary_keys"):
        layout.remember(Key(("id",), None))


def test_primary_keys_may_change_the_key():
    layout = of(primary_keys={"order_list": ("total",)})
    layout.remember(Key(("order_number",), None))
    layout.apply(["Order Number", "Total"])
    assert layout.current.keys == ("total",)


def test_a_file_without_the_keys_column_is_refused():
    layout = of()
    layout.adopt(CATALOG)
    with pytest.raises(InvalidFile, match=r"no column number, which is part of the stream's key\. Set primary_keys"):
        layout.of(["Total"])


def test_a_stream_without_a_key_is_a_warning_unless_the_user_chose_it(said):
    layout = of()
    for _ in range(2):
        layout.apply(["Total", "Status"])
    ((level, line),) = said()
    assert level == "WARNING"
    assert "order_list has no key" in line
    of(primary_keys={"order_list": ()}).apply(["Total", "Status"])
    assert len(said()) == 1


def test_the_line_identity_of_an_earlier_run_is_kept():
    """A better column that appears later changes no key."""
    layout = of(LINES)
    layout.remember(Key(("return_number", "export_line"), "sku"))
    layout.apply(["Return Number", "SKU", "Variant ID"])
    assert Key.of(layout.current) == (("return_number", "export_line"), "sku")
    with pytest.raises(InvalidFile, match="no column sku, which is part of the stream's key"):
        layout.of(["Return Number", "Variant ID"])


def test_the_line_identity_of_the_catalog_is_kept_where_there_is_no_state():
    """As its key is, so that a full refresh makes the same keys."""
    layout = of(LINES)
    layout.adopt(layout.of(["Return Number", "SKU", "Title"]))
    assert layout.of(["Return Number", "Variant ID", "SKU"]).line_identity == "sku"
    assert layout.of(["Return Number", "Title"]).line_identity == "title"


def test_the_line_identity_of_the_first_file_is_kept():
    layout = of(LINES)
    layout.apply(["Return Number", "SKU"])
    layout.apply(["Return Number", "Variant ID", "SKU"])
    assert layout.current.line_identity == "sku"


NAMES = st.lists(
    st.sampled_from(["Order Number", "ID", "Number", "Total", "Status", "Date", "SKU"]), unique=True, min_size=1
)


@given(NAMES, st.randoms())
def test_columns_types_and_key_do_not_depend_on_the_order_of_a_header(header, random):
    shuffled = random.sample(header, len(header))
    first, second = of().of(header), of().of(shuffled)
    assert set(first.columns) == set(second.columns)
    assert first.keys == second.keys
