from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_exports.schema.numeric_values import NumberReading, to_integer, to_number
from tap_exports.schema.values import is_null, to_boolean, to_date, to_datetime

UTC = timezone.utc
NEW_YORK = ZoneInfo("America/New_York")
CONVERTERS = [to_integer, to_number, to_boolean, to_date, to_datetime(UTC), to_datetime(NEW_YORK)]

YEAR_2, YEAR_9998 = datetime(2, 1, 1), datetime(9998, 1, 1)  # noqa: DTZ001 - clocks of any zone

decimals = st.decimals(allow_nan=False, allow_infinity=False, places=2) | st.decimals(
    min_value=-(10**40), max_value=10**40, places=10
)


def exact(number):
    """A decimal's sign, digits and exponent, which == ignores in part."""
    return Decimal(number).as_tuple()


NULLS = ["", " ", "\t\n", "None", "NONE", "none", "NULL", "null", "—", " — ", "-", " - ", "'-"]


def test_blanks_and_null_texts_are_null():
    assert all(map(is_null, NULLS))
    assert not any(map(is_null, ["0", "--", "n/a", "no", "nil", "False", "nan", "'"]))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", "0"), ("12.30", "12.30"), ("-0.10", "-0.10"), ("+5", "5"), (" 7.5 ", "7.5"), ("0.50", "0.50"),
        ("-0", "-0"), (".5", ".5"), ("5.", "5"), ("1e3", "1e3"), ("$1,234.50", "1234.50"), ("-€0.10", "-0.10"),
        ("€-0.10", "-0.10"), ("−£3", "-3"), ("(12.00)", "-12.00"), ("($1,234.00)", "-1234.00"), ("CA$5.00", "5.00"),
        ("R$ 12.00", "12.00"), ("12.00 €", "12.00"), ("₹1,000,000", "1000000"), ("1 234 567.89", "1234567.89"),
        ("1\u00a0234.5", "1234.5"), ("1\u202f234.5", "1234.5"), ("1'234.50", "1234.50"), ("CHF 12.34", "12.34"),
        ("12.34 CHF", "12.34"), ("EUR1,234", "1234"), ("-USD 5", "-5"), ("USD -5", "-5"), ("JPY\u00a01,200", "1200"),
        ("USD $5.00", "5.00"), ("$5.00 USD", "5.00"), ("(CHF 3.00)", "-3.00"), ("'-10.00", "-10.00"), ("'+5", "5"),
        ("'-$1,234.50", "-1234.50"), ("9" * 40 + ".99", "9" * 40 + ".99"),
        ("(" + "9" * 40 + ".99)", "-" + "9" * 40 + ".99"), ("-$" + "1" * 40, "-" + "1" * 40),
    ],
)  # fmt: skip
def test_numbers_are_read_with_signs_and_separators(text, number):
    assert exact(to_number(text)) == exact(number)


@given(decimals)
def test_a_decimal_is_exact_from_text_to_json(number):
    text = f"{number:f}"
    value = to_number(text)
    assert exact(value) == exact(text)
    assert exact(msgspec.json.Encoder(decimal_format="number").encode(value).decode()) == exact(text)


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_of_up_to_64_bits_are_exact(number):
    assert {to_integer(text) for text in (str(number), f"{number:,}", f"{number}.00", f" {number} ")} == {number}


@pytest.mark.parametrize("comma", ["12,50", "1.234,50", "0,990", "1.234.567", "-$1.234,5", "1 234,5", "1,2345"])
def test_a_decimal_comma_makes_ambiguous_cells_of_the_column_invalid(comma):
    reading = NumberReading()
    for cell in ("1,234", comma, "1,234,567", "x,y"):
        reading.observe(cell)
    convert = reading.converter(to_number)
    for text in (comma, "1,234", "1.234", "-12.345", "$1,234", "(1,234)", "007"):
        with pytest.raises(ValueError):  # noqa: PT011
            convert(text)
    assert [convert(text) for text in ("1234", "12.50", "1,234.50", "1,234,567", "0.990", "1234.567")] == [
        Decimal(text) for text in ("1234", "12.50", "1234.50", "1234567", "0.990", "1234.567")
    ]
    with pytest.raises(ValueError, match="ambiguous"):
        reading.converter(to_integer)("1,000")


@pytest.mark.parametrize(
    "cells", [["1,234", "1.234", "12.50"], ["1,234,567"], ["1,234.50"], ["x,y", "1,2,3", ",", "1.2.3", "00,5x", ""]]
)
def test_without_a_decimal_comma_commas_separate_thousands(cells):
    reading = NumberReading()
    for cell in cells:
        reading.observe(cell)
    assert reading.converter(to_number) is to_number


@pytest.mark.parametrize(
    ("value", "words"), [(True, "True TRUE true Yes y 1 t"), (False, "False false No N 0 f")], ids=str
)
def test_booleans_are_read_in_three_forms(value, words):
    assert {to_boolean(f" {word} ") for word in words.split()} == {value}


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024-09-03", "2024-09-03"), (" 2024-09-03 ", "2024-09-03"), ("2024-09-03T00:00:00", "2024-09-03"),
        ("Sept. 3, 2024", "2024-09-03"), ("Sept. 3, 2024, midnight", "2024-09-03"),
        ("2024-09-03 12:00 AM", "2024-09-03"), ("May 31, 0999", "0999-05-31"),
    ],
)  # fmt: skip
def test_days_are_read_in_two_forms(text, day):
    assert to_date(text) == day


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2024-09-03T14:00:00Z", "2024-09-03T14:00:00Z"), ("2024-09-03T14:00:00.000Z", "2024-09-03T14:00:00Z"),
        ("2024-09-03t14:00:00z", "2024-09-03T14:00:00Z"), ("2024-09-03 14:00:00 UTC", "2024-09-03T14:00:00Z"),
        ("2024-09-03 14:00:00+00:00", "2024-09-03T14:00:00Z"), ("2024-09-03T14:00:00-04:00", "2024-09-03T18:00:00Z"),
        ("2024-09-03T14:00:00 -0400", "2024-09-03T18:00:00Z"), ("2024-09-03T14:00:00+05:30", "2024-09-03T08:30:00Z"),
        ("2024-09-03T14:00:00-04", "2024-09-03T18:00:00Z"), ("2024-09-03T14:00:00", "2024-09-03T18:00:00Z"),
        ("2024-09-03 14:00", "2024-09-03T18:00:00Z"), ("2024-09-03 14:00:00.5", "2024-09-03T18:00:00.500000Z"),
        ("2024-09-03 14:00:00.123456789", "2024-09-03T18:00:00.123456Z"),
        ("2024-09-03 14:00:00,25", "2024-09-03T18:00:00.250000Z"), ("2024-09-03", "2024-09-03T04:00:00Z"),
        ("Sept. 3, 2024", "2024-09-03T04:00:00Z"), ("Sept. 3, 2024, 2 p.m.", "2024-09-03T18:00:00Z"),
        ("Sept. 3, 2024, 2:05 p.m.", "2024-09-03T18:05:00Z"), ("Sept. 3, 2024, noon", "2024-09-03T16:00:00Z"),
        ("Sept. 3, 2024, midnight", "2024-09-03T04:00:00Z"), ("Sept. 3, 2024, 12:30 a.m.", "2024-09-03T04:30:00Z"),
        ("Sept. 3, 2024, 12:30 p.m.", "2024-09-03T16:30:00Z"),
        ("September 3, 2024 at 2:00 PM", "2024-09-03T18:00:00Z"), ("2026-07-03 10:09 AM", "2026-07-03T14:09:00Z"),
        ("2026-07-03 10:09 PM", "2026-07-04T02:09:00Z"), ("2026-07-03 12:09 AM", "2026-07-03T04:09:00Z"),
        ("2026-07-03 12:09 p.m.", "2026-07-03T16:09:00Z"), ("2026-7-3 1:09:05 a.m.", "2026-07-03T05:09:05Z"),
        ("2026-07-03 01:09Pm", "2026-07-03T17:09:00Z"), ("2026-07-03 1:09\u202fpm", "2026-07-03T17:09:00Z"),
        ("Sep 3, 2024 2:00:07 pm", "2024-09-03T18:00:07Z"),
    ],
)  # fmt: skip
def test_times_become_utc(text, utc):
    """Times without an offset are New York's here."""
    assert to_datetime(NEW_YORK)(text) == utc


@given(st.datetimes(YEAR_2, YEAR_9998), st.integers(-23 * 60, 23 * 60), st.sampled_from("T "))
def test_iso_times_with_an_offset_agree_with_arithmetic(moment, minutes, letter):
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    utc = (moment - timedelta(minutes=minutes)).isoformat() + "Z"
    for colon in (":", ""):
        assert to_datetime(NEW_YORK)(f"{moment.isoformat(letter)}{sign}{hours:02d}{colon}{rest:02d}") == utc


@pytest.mark.parametrize(
    ("zone", "text", "utc"),
    [
        # Autumn: the hour is repeated, and the first one is meant.
        ("America/New_York", "2024-11-03T01:30:00", "2024-11-03T05:30:00Z"),
        ("Europe/Berlin", "2024-10-27T02:30:00", "2024-10-27T00:30:00Z"),
        ("America/New_York", "2024-11-03 01:30 AM", "2024-11-03T05:30:00Z"),
        ("Australia/Lord_Howe", "2024-04-07T01:45:00", "2024-04-06T14:45:00Z"),
        # Spring: the hour is skipped, and the offset before it applies.
        ("America/New_York", "2024-03-10T02:30:00", "2024-03-10T07:30:00Z"),
        ("Europe/Berlin", "2024-03-31T02:30:00", "2024-03-31T01:30:00Z"),
        ("Australia/Lord_Howe", "2024-10-06T02:15:00", "2024-10-05T15:45:00Z"),
        # A day that Samoa skipped.
        ("Pacific/Apia", "2011-12-30T12:00:00", "2011-12-30T22:00:00Z"),
    ],
)
def test_repeated_and_skipped_hours_are_read_as_documented(zone, text, utc):
    """The first of a repeated hour; a skipped hour by the offset before it."""
    assert to_datetime(ZoneInfo(zone))(text) == utc


INVALID = [
    (to_number, [
        "", "$", "-", ".", "()", "(", "(5", "5)", "--5", "-(5)", "+-5", "1,23", "1,2345", "1,234 567", "1.2.3", "1..2",
        "12 KG", "5%", "NaN", "Infinity", "-inf", "1_000", "0x10", "٣", "1e", "e5", "1e100", "1.234,50", "5-",
        "1" * 1001, "five", "2024-01-01",
        "007", "00077", "-07", "00.5", "00", "$007", "0,990", "0 990", "00,990", "CHFF 5", "chf 5", "ABC 5", "CHF", "'",
        "''5", "- 5 -",
    ]),
    (to_integer, [  # a fraction is not cut off
        "1.5", "", "1_000", "٣", "0x10", "True", "NaN", "1" * 1001, "9" * 5000, "$", "007", str(2**63),
        str(-(2**63) - 1), "1e19", f"{10**19:,}",
    ]),
    (to_boolean, ["", "2", "on", "maybe", "1.0", "truefalse"]),
    (to_date, [  # a time of day is not dropped, and an instant is a date in a zone only
        "2024-02-30", "2024-09-03T10:00:00", "2024-09-03T00:00:00Z", "09/03/2024", "20240903", "2024-W01-1", "—",
    ]),
    (to_datetime(UTC), [
        "", "2024-13-01T00:00:00Z", "2024-02-30 10:00:00", "2024-09-03T24:00:00Z", "2024-09-03T14:60:00",
        "2024-09-03T14:00:60Z", "2024-09-03T14:00:00+25:00", "2024-09-03T14:00:00+05:99", "2024-09-03X14:00:00",
        "2024-W36-2T14:00:00", "20240903T140000Z", "2024-09-03T14Z", "2024-09-03T14:00:00+05:30Z",
        "2024-09-03T14:00:00+05:30:15", "0000-01-01", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00",
        "２０２４-09-03", "3 Sept. 2024", "Foo. 3, 2024", "Sept. 31, 2024", "Sept. 3, 2024, 13 p.m.",
        "2026-07-03 13:09 PM", "2026-07-03 0:09 AM", "2026-02-30 1:09 AM",
        "2026-07-03 10:60 AM", "2026-07-03 10 AM", "26-07-03 10:09 AM", "2026-07-03 10:09 XM", "2026-07-03T10:09 AM",
        "Sept. 3, 2024, 0 a.m.", "Sept. 3, 2024, 2", "Sept. 3, 2024, 2:75 p.m.", "09/03/2024 10:00", "1725372000",
        "now",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("convert", "text"), [(convert, text) for convert, texts in INVALID for text in texts])
def test_an_invalid_value_is_refused(convert, text):
    with pytest.raises(ValueError):  # noqa: PT011
        convert(text)


@given(
    st.text(max_size=40)
    | st.text("0123456789.,-+()$€ eE'", max_size=40)
    | st.text("0123456789-:TZ +.apm,", max_size=40)
    | st.from_regex(r"[A-Z][a-z]{2,8}\.? [0-9]{1,2}, [0-9]{4}(, [0-9:]{1,8} [ap]\.m\.)?", fullmatch=True)
)
def test_a_converter_returns_json_or_raises_value_error(text):
    for convert in CONVERTERS:
        try:
            value = convert(text)
        except ValueError:
            continue
        assert msgspec.json.encode(value)
        assert not is_null(text)
