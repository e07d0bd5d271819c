from __future__ import annotations

# ruff: noqa: DTZ001  # formats are of local time
import csv
import io
import re
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tap_exports.sandbox import Sandbox
from tap_exports.sandbox.cells import CellWriter, django_long
from tap_exports.sandbox.options import Options

from .conftest import NOW

WINDOW = (NOW - timedelta(days=40), NOW)


def cells(code, name, **options):
    store = Sandbox(now=NOW, days=60, frozen=True, **options)
    return [row[name] for row in store.rows(code, *WINDOW)]


@pytest.mark.parametrize(
    ("how", "pattern"),
    [
        ("iso_z", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z"),
        ("iso_offset", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?-0[45]:00"),
        ("iso_naive", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?"),
        ("django_long", r"(Jan\.|Feb\.|March) \d{1,2}, 2025, (midnight|noon|\d{1,2}(:\d\d)? [ap]\.m\.)"),
    ],
)
def test_times_have_the_chosen_format(how, pattern):
    assert all(re.fullmatch(pattern, text) for text in cells("order_list", "Created At", time_format=how))


def test_all_time_formats_show_the_same_instants():
    zulu = [datetime.fromisoformat(t.replace("Z", "+00:00")) for t in cells("order_list", "Created At")]
    offset = [datetime.fromisoformat(t) for t in cells("order_list", "Created At", time_format="iso_offset")]
    naive = [datetime.fromisoformat(t) for t in cells("order_list", "Created At", time_format="iso_naive")]
    zone = ZoneInfo("US/Eastern")
    assert zulu == offset == [one.replace(tzinfo=zone) for one in naive]


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2024, 9, 3, 14, 0), "Sept. 3, 2024, 2 p.m."),
        (datetime(2024, 5, 31, 12, 0), "May 31, 2024, noon"),
        (datetime(2024, 1, 1, 0, 0), "Jan. 1, 2024, midnight"),
        (datetime(2024, 1, 1, 0, 5), "Jan. 1, 2024, 12:05 a.m."),
        (datetime(2024, 12, 24, 12, 30, 59), "Dec. 24, 2024, 12:30 p.m."),
    ],
)  # fmt: skip
def test_the_long_time_format_is_djangos(moment, text):
    assert django_long(moment) == text


def test_a_byte_order_mark_comes_first():
    with_mark, without = Sandbox(now=NOW, bom=True, frozen=True), Sandbox(now=NOW, frozen=True)
    assert with_mark.csv("order_list", *WINDOW) == b"\xef\xbb\xbf" + without.csv("order_list", *WINDOW)
    assert with_mark.rows("order_list", *WINDOW) == without.rows("order_list", *WINDOW)


def test_headers_have_the_chosen_style():
    title = Sandbox(now=NOW).rows("order_list", *WINDOW)[0]
    snake = Sandbox(now=NOW, header_style="snake").rows("order_list", *WINDOW)[0]
    assert {"Order Number", "Order Date", "Customer First Name", "Shipping State", "Total Incl Tax", "GCLID"} <= set(
        title
    )
    assert [name.lower().replace(" ", "_") for name in title] == list(snake)
    keyed = Sandbox(now=NOW, metadata_headers="key").rows("order_list", *WINDOW)[0]
    assert ("vip" in keyed, "VIP Order" in keyed, "VIP Order" in title) == (True, False, True)


def test_the_file_is_what_pythons_csv_writer_makes():
    store = Sandbox(now=NOW, frozen=True)
    content = store.csv("order_list", *WINDOW)
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    again = io.StringIO(newline="")
    csv.writer(again).writerows(rows)
    assert again.getvalue().encode() == content
    assert len({len(row) for row in rows}) == 1


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
    assert [cells.money(Decimal(-1249), currency) for currency in ("CHF", "JPY")] == [chf, jpy]
