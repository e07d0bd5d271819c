"""Which export last covered each range of time, against a count second by second."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tap_exports.ledger.coverage import cover, oldest_export

END = 20
exports = st.lists(
    st.tuples(st.integers(0, END - 1), st.integers(1, END), st.integers(1, 9)).filter(lambda part: part[0] < part[1]),
    max_size=12,
)


@settings(database=None, deadline=None)
@given(exports, st.integers(0, END))
def test_each_second_has_the_newest_of_its_exports(done, start):
    ranges, seconds = [], {}
    for left, right, export_id in done:
        ranges = cover(ranges, left, right, export_id)
        for second in range(left, right):
            seconds[second] = max(seconds.get(second, 0), export_id)
    assert {second: known for left, right, known in ranges for second in range(left, right)} == seconds
    assert all(a[1] < b[0] or (a[1] == b[0] and a[2] != b[2]) for a, b in pairwise(ranges))
    part = [seconds.get(second, 0) for second in range(start, max(seconds, default=-1) + 1)]
    assert oldest_export(ranges, start) == min(part, default=0)
