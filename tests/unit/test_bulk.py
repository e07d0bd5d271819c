from __future__ import annotations

from datetime import timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_exports.schema.bulk_values import CONVERTERS, instants, integers, numbers
from tap_exports.schema.values import to_datetime, to_integer, to_number

EACH = {integers: to_integer, numbers: to_number, instants: to_datetime(timezone.utc)}
plain = st.one_of(
    st.just(""),
    st.integers(0, 10**30).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=2).map("{:f}".format),
    st.datetimes().map(lambda moment: moment.replace(microsecond=0).isoformat() + "Z"),
)
odd = st.text("0123456789.-+:TZ ,_e", max_size=20) | st.sampled_from(
    ["None", "1_0", "٣", "²", "-", ".", "--1", "1-1", "2024-02-30T00:00:00Z", "2024-01-01T24:00:00Z", "9" * 301]
)


@given(st.sampled_from(list(EACH)), st.lists(plain | odd, min_size=1, max_size=4) | st.lists(plain, min_size=1))
def test_a_list_has_the_values_of_its_cells_or_none_at_all(convert, cells):
    """What values.py makes of each, digit for digit; a cell that it refuses is left to it."""
    found = convert(cells)
    if found is not None:
        assert repr(found) == repr([EACH[convert](cell) if cell else None for cell in cells])


@pytest.mark.parametrize(
    ("convert", "cells"),
    [
        (integers, ["1", "", "007", str(2**70)]),
        (numbers, ["1", "-12.30", "", "0.00"]),
        (instants, ["2024-02-29T23:59:59Z", ""]),
    ],
)
def test_the_plainest_form_is_read_in_bulk(convert, cells):
    """Else nothing would be gained."""
    assert convert in CONVERTERS.values()
    assert convert(cells) is not None


@pytest.mark.parametrize(
    ("convert", "cell"),
    [
        (integers, "-1"), (integers, " 1"), (integers, "٣"), (integers, "9" * 5000), (numbers, "$1"), (numbers, "1e5"),
        (numbers, "NaN"), (numbers, "1-1"), (instants, "2024-02-30T00:00:00Z"), (instants, "2024-01-01 00:00:00"),
        (instants, "2024-01-01T24:00:00Z"), (instants, "2024-01-01T00:00:60Z"), (instants, "None"),
    ],
)  # fmt: skip
def test_one_cell_in_another_form_leaves_all_to_the_slow_way(convert, cell):
    """It decides what is invalid."""
    assert convert([{instants: "2024-01-01T00:00:00Z"}.get(convert, "1"), cell]) is None
