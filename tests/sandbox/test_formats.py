from __future__ import annotations

# ruff: noqa: DTZ001  # formats are of local time
from datetime import datetime, timezone
from decimal import Decimal

import pytest

from tap_exports.sandbox import Options
from tap_exports.sandbox.cells import CellWriter, django_long

from .conftest import DAY, NOW, store_of

WINDOW = (NOW - 40 * DAY, NOW)
EVENING, MORNING = (datetime(2024, 9, 3, hour, 9, 41, tzinfo=timezone.utc) for hour in (18, 13))
# The options, a value, and its cell in US/Eastern.
CELLS = [
    ({}, EVENING, "2024-09-03T18:09:41Z"),
    ({"time_format": "iso_offset"}, EVENING, "2024-09-03T14:09:41-04:00"),
    ({"time_format": "iso_naive"}, EVENING, "2024-09-03T14:09:41"),
    ({"time_format": "django_long"}, EVENING, "Sept. 3, 2024, 2:09 p.m."),
    ({"time_format": "am_pm"}, EVENING, "2024-09-03 02:09 PM"),
    ({"time_format": "am_pm"}, MORNING, "2024-09-03 09:09 AM"),
    ({"time_format": "am_pm_seconds"}, EVENING, "2024-09-03 02:09:41 PM"),
    ({"time_format": "am_pm_short"}, EVENING, "2024-9-3 2:09 PM"),
    ({"time_format": "am_pm_dots"}, EVENING, "2024-09-03 02:09 p.m."),
    ({}, True, "True"),
    ({"boolean_format": "1/0"}, False, "0"),
    ({"null_text": "—"}, None, "—"),
    ({"lone_cr": True}, "a\nb\r\nc", "a\rb\rc"),
    ({"guarded_negatives": True}, -5, "'-5"),
    ({"guarded_negatives": True, "money_format": "sign"}, Decimal(-5), "'-$5.00"),
]


@pytest.mark.parametrize(("options", "value", "cell"), CELLS, ids=str)
def test_cells_have_the_chosen_format(options, value, cell):
    assert CellWriter(Options(**options)).write(value, "USD") == cell


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2024, 9, 3, 14, 0, 59), "Sept. 3, 2024, 2 p.m."),
        (datetime(2024, 5, 31, 12, 0), "May 31, 2024, noon"),
        (datetime(2024, 1, 1, 0, 0), "Jan. 1, 2024, midnight"),
        (datetime(2024, 1, 1, 0, 5), "Jan. 1, 2024, 12:05 a.m."),
    ],
)
def test_the_long_time_format_is_djangos(moment, text):
    assert django_long(moment) == text


@pytest.mark.parametrize(
    ("how", "chf", "jpy"),
    [
        ("plain", "-1249.00", "-1249"),
        ("separators", "-1,249.00", "-1,249"),
        ("sign", "-CHF 1249.00", "-¥1249"),
        ("signs", "-CHF 1,249.00", "-¥1,249"),
        ("code_before", "CHF -1249.00", "JPY -1249"),
        ("code_after", "-1249.00 CHF", "-1249 JPY"),
        ("comma", "-1249,00", "-1249"),
        ("comma_separators", "-1.249,00", "-1.249"),
    ],
)
def test_amounts_have_the_chosen_format(how, chf, jpy):
    cells = CellWriter(Options(money_format=how))
    assert [cells.write(Decimal(-1249), currency) for currency in ("CHF", "JPY", "")] == [chf, jpy, "-1249.00"]


def test_a_byte_order_mark_comes_first():
    marked, plain = store_of(bom=True).csv("order_list", *WINDOW), store_of().csv("order_list", *WINDOW)
    assert marked == b"\xef\xbb\xbf" + plain


def test_headers_have_the_chosen_style():
    title, snake, keyed, bare = (
        list(store_of(**options).rows("order_list", *WINDOW)[0])
        for options in ({}, {"header_style": "snake"}, {"metadata_headers": "key"}, {"own_key": "bare"})
    )
    known = {"Order Number", "Order Date", "Customer First Name", "Shipping State", "Total Incl Tax", "GCLID"}
    assert known <= set(title)
    assert [name.lower().replace(" ", "_") for name in title] == snake
    assert ("vip" in keyed, "VIP Order" in keyed, "VIP Order" in title) == (True, False, True)
    assert bare == ["Number", *title[1:]]
