"""A file leads to records, or to one line that names the stream, the export and the window; never to a part of it.

Each file is downloaded and read by a whole sync.
"""

from __future__ import annotations

import csv
import gzip
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_exports.sandbox import Fault

from .conftest import assert_ends_well, assert_fails, list_types

HEADER = ["Order Number", "Status", "Total Incl Tax"]


def table(*rows, encoding="utf-8"):
    """A file from Python's CSV writer."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode(encoding)


@pytest.fixture
def read(small_store, inside):
    """Sync a store whose files all have the same bytes."""

    def run(content, **more):
        small_store.clear_faults()
        list_types(small_store, "order_list")
        small_store.add_fault(Fault("file", "body", body=content, times=None))
        return inside(small_store.config | {"reuse_exports_minutes": 0} | more)

    return run


REFUSED = {
    "an error page": (b"<html>\n", "an error page, not CSV"),
    "an archive": (gzip.compress(table(HEADER), mtime=0), "a gzip archive, not CSV"),
    "a narrow row": (b"Order Number,Status\n1\n", "row 1 has 1 cells, the header has 2"),
    "an encoding": (table(HEADER, encoding="utf-16"), "not utf-8: byte 0xff cannot be read"),
    "a blank key": (b"Order Number,Status\n1,new\n2,new\n,2 orders\n", "row 3 has a blank order_number"),
    "a repeated key": (b"Order Number,Status\n1,new\n1,paid\n", "rows 1 and 2 have the same key"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_an_invalid_file_writes_nothing(read, what):
    """One line names the error and its place."""
    content, words = REFUSED[what]
    run = read(content)
    assert_fails(run, words, "(stream order_list, export ", ", window ")
    assert run.of("RECORD") == []
    assert run.bookmark("order_list") is None


@pytest.mark.parametrize("encoding", ["cp1252", "shift_jis", "utf_16"])
def test_a_file_in_another_encoding_is_read(read, encoding):
    run = read(table(HEADER, ["1", "new", "1.50"], encoding=encoding), encoding=encoding)
    assert run.records("order_list")[0]["total_incl_tax"] == "1.50"
    for rubbish in (bytes(range(256)), b"Order Number,Status\r\n1,a\xff\xfe\xe4\r\n2,\\ud800+2AA-\r\n"):
        assert_ends_well(read(rubbish, encoding=encoding))


@pytest.mark.slow
@given(st.binary(max_size=60) | st.text(alphabet='",\r\n aA1<{[\0', max_size=40).map(str.encode))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_bytes_end_in_a_traceback(read, content):
    run = read(content, window_days=30)
    assert_ends_well(run)
    for line in run.out.split("\n"):
        assert not line or json.loads(line)
