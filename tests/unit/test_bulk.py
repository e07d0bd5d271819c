from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_exports.schema.bulk_values import Instants, integers, numbers
from tap_exports.schema.numeric_values import to_integer, to_number
from tap_exports.schema.values import to_datetime

NEW_YORK = to_datetime(ZoneInfo("America/New_York"))
KOLKATA = to_datetime(ZoneInfo("Asia/Kolkata"))
EACH = {integers: to_integer, numbers: to_number}
UTC_TIME = "2024-01-01T00:00:00Z"
ODD_TIMES = [
    "2024-02-30T00:00:00Z", "2024-01-01T00:00:00", "2024-01-01T24:00:00Z", "2024-01-01T00:00:60Z",
    "2024-01-01T00:60:00Z", "None", "2024-01-01t00:00:00Z",
]  # fmt: skip
moments = st.datetimes(datetime(1971, 1, 1), datetime(2036, 1, 1))  # noqa: DTZ001
offsets = st.sampled_from(["Z", "", "-04:00", "+05:30", "+00:00", "+14:00"])
plain = st.one_of(
    st.just(""),
    st.integers(0, 10**30).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=2).map("{:f}".format),
)
odd = st.text("0123456789.-+ ,_e", max_size=20) | st.sampled_from(
    ["None", "1_0", "٣", "²", "-", ".", "--1", "1-1", "007", "-07", "00.5", "1,234", "9" * 19, "9" * 301]
)


@given(st.sampled_from(list(EACH)), st.lists(plain | odd, min_size=1, max_size=4) | st.lists(plain, min_size=1))
def test_a_bulk_conversion_equals_the_conversion_of_each_cell(convert, cells):
    """A list with a cell that the bulk converter cannot read has no bulk conversion."""
    found = convert(cells)
    if found is not None:
        assert repr(found) == repr([EACH[convert](cell) if cell else None for cell in cells])


@st.composite
def times(draw):
    """Cells of one form, as files have them, sometimes with an unusual one."""
    separator, offset = draw(st.sampled_from("T ")), draw(offsets)
    form = draw(st.sampled_from(["seconds", "microseconds", "AM/PM"]))
    found = draw(st.lists(moments, min_size=1, max_size=12))
    if form == "AM/PM":
        cells = [f"{moment:%Y-%m-%d %I:%M %p}" for moment in found]
    else:
        cells = [moment.isoformat(separator, form) + offset for moment in found]
    changed = st.builds(
        lambda cell, at, by: cell[:at] + by + cell[at + 1 :],
        st.sampled_from(cells),
        st.integers(0, 31),
        st.sampled_from("019-:TZ+٣A "),
    )
    return cells + draw(st.lists(st.sampled_from(["", *ODD_TIMES]) | changed, max_size=2))


@given(st.sampled_from([NEW_YORK, KOLKATA]), times())
def test_a_bulk_conversion_of_times_equals_the_conversion_of_each_cell(convert, cells):
    found = Instants(convert)(cells)
    if found is not None:
        assert found == [convert(cell) if cell else None for cell in cells]


@pytest.mark.parametrize(
    ("convert", "cells"),
    [
        (integers, ["1", "", "7", "0", str(10**18 - 1)]),
        (numbers, ["1", "-12.30", "", "0.00", "-0.5"]),
        (Instants(NEW_YORK), ["2024-02-29T23:59:59Z", ""] * 5),
        (Instants(NEW_YORK), ["2026-07-03T10:09:41.263144-04:00", "2026-01-03T10:09:41.263144-05:00"] * 5),
        (Instants(NEW_YORK), ["2026-07-03T10:09:41-04:00"] * 5),
        (Instants(NEW_YORK), ["2026-07-03 10:09:41"] * 5),
        (Instants(NEW_YORK), ["2026-07-03 10:09 AM", "2026-07-03 12:00 PM", ""] * 5),
    ],
)
def test_plain_cells_are_converted_in_bulk(convert, cells):
    assert len(convert(cells)) == len(cells)


@pytest.mark.parametrize(
    ("convert", "cells"),
    [
        *((integers, ["1", cell]) for cell in ["-1", " 1", "٣", "9" * 19, "007", "1,2"]),
        *((numbers, ["1", cell]) for cell in ["$1", "1e5", "NaN", "1-1", "00.5", "-01", "1,2"]),
        *((Instants(NEW_YORK), [UTC_TIME, cell]) for cell in ODD_TIMES),
        (Instants(KOLKATA), ["2024-01-01 00:00:00"]),
        (Instants(NEW_YORK), [UTC_TIME, UTC_TIME[:12], UTC_TIME[12:] + UTC_TIME]),
    ],
    ids=lambda value: ascii(value) if isinstance(value, list) else "",
)
def test_one_cell_in_another_form_prevents_bulk_conversion(convert, cells):
    assert convert(cells) is None


def test_times_in_many_different_hours_are_converted_one_by_one():
    cells = [f"2024-01-{day:02d}T00:00:00-05:00" for day in range(1, 21)]
    convert = Instants(NEW_YORK)
    assert convert(cells) == [f"2024-01-{day:02d}T05:00:00Z" for day in range(1, 21)]
    assert convert(cells) is None
