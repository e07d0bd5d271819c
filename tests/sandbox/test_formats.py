from __future__ import annotations

# ruff: noqa: DTZ001  # formats are of local time
import csv
import io
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_formats_of_times_show_the_same_instants():
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
def test_the_long_form_is_djangos(moment, text):
    assert django_long(moment) == text


@pytest.mark.parametrize(
    ("how", "texts"), [("True/False", {"True", "False"}), ("Yes/No", {"Yes", "No"}), ("1/0", {"1", "0"})]
)
def test_booleans_have_the_chosen_format(how, texts):
    assert set(cells("customer_list", "Accepts Marketing", boolean_format=how)) == texts


def test_money_is_plain_or_has_signs():
    """Two decimal places; a sign comes after the minus."""
    plain = cells("transaction_list", "Amount", orders_per_day=20)
    signs = cells("transaction_list", "Amount", orders_per_day=20, money_format="signs")
    assert all(re.fullmatch(r"-?\d+\.\d\d", text) for text in plain)
    assert all(re.fullmatch(r"-?[$€£]\d{1,3}(,\d{3})*\.\d\d", text) for text in signs)
    assert [re.sub(r"[$€£,]", "", text) for text in signs] == plain
    assert any("," in text for text in signs)
    assert any(text.startswith("-$") for text in signs)
    sign = cells("transaction_list", "Amount", orders_per_day=20, money_format="sign")
    assert sign == [text.replace(",", "") for text in signs]
    separators = cells("transaction_list", "Amount", orders_per_day=20, money_format="separators")
    assert separators == [re.sub("[$€£]", "", text) for text in signs]


@pytest.mark.parametrize("text", ["", "None", "—"])
def test_nulls_have_the_chosen_text(text):
    """A customer who bought nothing has no purchase dates."""
    found = cells("customer_list", "Last Purchase Date", null_text=text)
    assert text in found
    assert all(one == text or one[:4].isdigit() for one in found)


def test_a_byte_order_mark_comes_first():
    with_mark, without = Sandbox(now=NOW, bom=True, frozen=True), Sandbox(now=NOW, frozen=True)
    assert with_mark.csv("order_list", *WINDOW) == b"\xef\xbb\xbf" + without.csv("order_list", *WINDOW)
    assert with_mark.rows("order_list", *WINDOW) == without.rows("order_list", *WINDOW)


def test_another_encoding_replaces_unknown_characters():
    """By a question mark; `rows` shows what the file holds."""
    store = Sandbox(now=NOW, encoding="latin-1")
    assert "Müller".encode("latin-1") in store.csv("order_list", *WINDOW)
    assert "??" in {row["Customer Last Name"] for row in store.rows("order_list", *WINDOW)}


def test_line_ids_may_be_missing():
    """Then a line has only its parent's number."""
    store = Sandbox(now=NOW, line_ids=False)
    for code in store.types:
        header = store.csv(code, *WINDOW).decode().splitlines()[0]
        assert "Line ID" not in header


def test_headers_have_the_chosen_style():
    """Title Case with spaces, or snake case; a merchant's by name or key."""
    title = Sandbox(now=NOW).rows("order_list", *WINDOW)[0]
    snake = Sandbox(now=NOW, header_style="snake").rows("order_list", *WINDOW)[0]
    assert {"Order Number", "Order Date", "Customer First Name", "Shipping State", "Total Incl Tax", "GCLID"} <= set(
        title
    )
    assert [name.lower().replace(" ", "_") for name in title] == list(snake)
    keyed = Sandbox(now=NOW, metadata_headers="key").rows("order_list", *WINDOW)[0]
    assert ("vip" in keyed, "VIP Order" in keyed, "VIP Order" in title) == (True, False, True)


def test_keys_may_have_bare_headers():
    """`ID` or `Number` in lists of objects, the parent's full name in lists of lines."""
    store = Sandbox(now=NOW, own_key="bare")
    first = {code: next(iter(store.rows(code, *WINDOW)[0])) for code in store.types}
    assert (first["order_list"], first["customer_list"]) == ("Number", "ID")
    assert first["order_line_items"] == "Order Number"


@pytest.mark.parametrize(("how", "lines"), [("header", 1), ("blank", 0)])
def test_an_empty_file_has_the_chosen_style(open_store, how, lines):
    """Only the header, or nothing."""
    store, _ = open_store(empty_file=how)
    ahead = (NOW + timedelta(days=9), NOW + timedelta(days=10))
    assert store.csv("order_list", *ahead).count(b"\n") == lines
    assert store.rows("order_list", *ahead) == []


def test_the_file_is_what_pythons_csv_writer_makes():
    """Read and written again, the bytes are the same."""
    store = Sandbox(now=NOW, frozen=True)
    content = store.csv("order_list", *WINDOW)
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    again = io.StringIO(newline="")
    csv.writer(again).writerows(rows)
    assert again.getvalue().encode() == content
    assert len({len(row) for row in rows}) == 1


@given(st.datetimes(min_value=datetime(1000, 1, 1)))
def test_the_long_form_can_be_read_back(moment):
    """To the minute, for any instant."""
    text = django_long(moment).replace("midnight", "12 a.m.").replace("noon", "12 p.m.")
    found = re.fullmatch(r"(\w{3})\w*\.? (\d+), (\d+), (\d+)(?::(\d\d))? ([ap])\.m\.", text)
    month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"].index(found[1]) + 1
    hour = int(found[4]) % 12 + (12 if found[6] == "p" else 0)
    minute = int(found[5] or 0)
    assert (int(found[3]), month, int(found[2]), hour, minute) == moment.timetuple()[:5]


def test_a_value_of_the_wrong_type_is_a_type_error():
    writer = CellWriter(Options())
    with pytest.raises(TypeError, match="Not an amount: 'x'"):
        writer.money("x", "USD")
    with pytest.raises(TypeError, match="Not an instant: 7"):
        writer.time(7)
