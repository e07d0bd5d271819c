from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_exports.schema.names import BASE_COLUMNS, colliding_cells, column_names, snake_case

IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}", re.ASCII)
headers = st.one_of(
    st.text(max_size=12),
    st.text("aA1 _-é日№", max_size=4),
    st.text(min_size=60, max_size=220),
    st.sampled_from([*BASE_COLUMNS, "Date To", "column_1", "Column 2", "a_2", "", " ", "%"]),
)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Order Number", "order_number"), ("order_number", "order_number"), ("GCLID", "gclid"),
        ("  Shipping -- State  ", "shipping_state"), ("Total (incl. Tax)", "total_incl_tax"),
        ("Subaffiliate 1", "subaffiliate_1"), ("line1", "line1"), ("3DS", "_3ds"), ("2nd Line", "_2nd_line"),
        ("_private_", "private"), ("E-Mail", "e_mail"), ("tab\tand\nnewline", "tab_and_newline"), ("Größe", "grosse"),
        ("Prénom du Client", "prenom_du_client"), ("İstanbul", "istanbul"), ("№", "no"), ("Weight ㎏", "weight_kg"),
        ("Power ㎾", "power_kw"), ("m²", "m2"), ("Discount %", "discount_percent"),
        ("Discount ($)", "discount_dollar"), ("Discount", "discount"), ("Order #", "order_number"),
        ("#1", "number_1"), ("R&D", "r_and_d"), ("100%", "_100_percent"), ("％", "percent"),
        # The tap's own columns, and PostgreSQL's system columns, are reserved.
        *((name.upper(), f"{name}_column")
          for name in (*BASE_COLUMNS, "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid")),
        # A digest of the text replaces letters of other scripts.
        ("注文番号", "column_88b75902"), ("注文日", "column_68cac7ca"), ("Номер", "column_8624c882"),
        ("Gift 注文", "gift_3a00e4e2"), ("—", "column_bda05058"), ("🎁", "column_8001511f"),
    ],
)  # fmt: skip
def test_names_are_snake_case(header, name):
    assert snake_case(header) == name


def test_identical_headers_are_numbered():
    """A number that is another header's own is skipped. Blank ones have their position."""
    assert column_names(["Total", "Total", "Total 2"]) == ("total", "total_3", "total_2")
    assert column_names(["", "b", "  "]) == ("column_1", "b", "column_3")


def test_different_headers_that_collide_all_get_a_digest():
    """Neither name depends on the order of the headers; each pair is reported."""
    assert column_names(["Total", "TOTAL", "Tax"]) == ("total_c9b3c382", "total_ab2882c8", "tax")
    assert column_names(["TOTAL", "Total", "Total"]) == ("total_ab2882c8", "total_c9b3c382", "total_c9b3c382_2")
    assert column_names(["", "Column 1"]) == ("column_1_e3b0c442", "column_1_99de32a5")
    assert colliding_cells(["Total", "TOTAL", "Tax", "Tax", ""]) == [("TOTAL", "Total")]


def test_long_headers_stay_distinct():
    """PostgreSQL would cut them to 63 characters."""
    one, other = "Custom Field " * 16 + "one", "Custom Field " * 16 + "two"
    names = column_names([one, other, one])
    assert len(set(names)) == 3
    assert {len(name) for name in names} == {63}
    assert all(name.startswith("custom_field_custom_field_custom_field_custom_field") for name in names)


@given(st.lists(headers, max_size=12))
@example(["a" * 63, "a" * 63, "a" * 61 + "_2"])
@example(["1" * 63, "_" + "1" * 62])
@example(["\ud800", "\udfff"])
def test_each_column_has_a_unique_valid_name(header):
    names = column_names(header)
    assert len(names) == len(header)
    assert len({*names, *BASE_COLUMNS}) == len(names) + len(BASE_COLUMNS)
    assert all(IDENTIFIER.fullmatch(name) for name in names)
    assert column_names(header) == names


@given(headers.filter(str.strip), st.lists(headers, max_size=8), st.integers(0, 8))
def test_a_name_does_not_depend_on_the_other_headers(cell, others, place):
    own = snake_case(cell)
    others = [other for n, other in enumerate(others) if other.strip() and snake_case(other) != own]
    header = [*others[:place], cell, *others[place:]]
    assert column_names(header)[len(others[:place])] == column_names([cell])[0] == own


@given(st.lists(headers.filter(str.strip), max_size=8), st.randoms())
def test_names_do_not_depend_on_the_order_of_columns(header, random):
    shuffled = random.sample(header, len(header))
    assert Counter(zip(header, column_names(header), strict=True)) == Counter(
        zip(shuffled, column_names(shuffled), strict=True)
    )
