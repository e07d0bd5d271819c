"""Options for the format of files."""

from __future__ import annotations

import re

import pytest

from .conftest import DAY, NOW, column, store_of

WINDOW = (NOW - 40 * DAY, NOW)
DAY_FIRST = r"2025-\d\d-\d\d"
FORMATS = [
    ({}, "Order Date", DAY_FIRST + r"T\d\d:\d\d:\d\d(\.\d+)?Z"),
    ({"time_format": "iso_offset"}, "Order Date", DAY_FIRST + r"T\d\d:\d\d:\d\d(\.\d+)?-05:00"),
    ({"time_format": "iso_naive"}, "Order Date", DAY_FIRST + r"T\d\d:\d\d:\d\d(\.\d+)?"),
    (
        {"time_format": "django_long", "timezone": "UTC"},
        "Order Date",
        r"(Jan\.|Feb\.|March) \d+, 2025, (midnight|noon|\d+(:\d\d)? [ap]\.m\.)",
    ),
    ({"time_format": "am_pm"}, "Order Date", DAY_FIRST + r" [01]\d:\d\d [AP]M"),
    ({"time_format": "am_pm_seconds"}, "Order Date", DAY_FIRST + r" [01]\d:\d\d:\d\d [AP]M"),
    ({"time_format": "am_pm_short"}, "Order Date", r"2025-\d-\d+ \d+:\d\d [AP]M"),
    ({"time_format": "am_pm_dots"}, "Order Date", DAY_FIRST + r" [01]\d:\d\d [ap]\.m\."),
    ({"boolean_format": "1/0"}, "Is Test", "0"),
    ({"null_text": "—"}, "VIP Order", "—|True|False"),
    ({"lone_cr": True}, "Gift Message", r"[^\n]*"),
    ({}, "Total Incl Tax", r"\d+\.\d\d"),
    ({"money_format": "sign", "currencies": ("CHF",)}, "Total Incl Tax", r"CHF \d+\.\d\d"),
    ({"money_format": "signs", "currencies": ("JPY",)}, "Total Incl Tax", r"¥(\d{1,3}|\d{1,3},\d{3})"),
    ({"money_format": "separators"}, "Total Incl Tax", r"(\d{1,3},)?\d{1,3}\.\d\d"),
    ({"money_format": "code_before", "currencies": ("CHF",)}, "Total Incl Tax", r"CHF \d+\.\d\d"),
    ({"money_format": "code_after", "currencies": ("CHF",)}, "Total Incl Tax", r"\d+\.\d\d CHF"),
    ({"money_format": "comma"}, "Total Incl Tax", r"\d+,\d\d"),
    ({"money_format": "comma_separators"}, "Total Incl Tax", r"(\d{1,3}\.)?\d{1,3},\d\d"),
    ({"guarded_negatives": True}, "Loyalty Points", r"|'-\d+|\d+"),
]


@pytest.mark.parametrize(("options", "name", "pattern"), FORMATS, ids=lambda value: str(value)[:50])
def test_cells_have_the_chosen_format(options, name, pattern):
    cells = column(store_of(**options).rows("order_list", *WINDOW), name)
    assert len(cells) > 100
    assert [cell for cell in cells if not re.fullmatch(pattern, cell, re.DOTALL)] == []


def test_a_byte_order_mark_comes_first():
    marked, plain = store_of(bom=True).csv("order_list", *WINDOW), store_of().csv("order_list", *WINDOW)
    assert marked == b"\xef\xbb\xbf" + plain


def test_headers_have_the_chosen_style():
    title, snake, keyed, bare = (
        list(store_of(**options).rows("order_list", *WINDOW)[0])
        for options in ({}, {"header_style": "snake"}, {"metadata_headers": "key"}, {"own_key": "bare"})
    )
    assert {"Order Number", "Order Date", "Customer First Name", "Total Incl Tax", "GCLID"} <= set(title)
    assert [name.lower().replace(" ", "_") for name in title] == snake
    assert ("vip" in keyed, "VIP Order" in keyed, "VIP Order" in title) == (True, False, True)
    assert bare == ["Number", *title[1:]]
