"""Faults at `content`: what an export's file holds instead of what it should."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile

import pytest

from tap_exports.sandbox import Fault

from .conftest import fetch

LINES = "order_line_items"


@pytest.fixture
def files(call, store):
    """The file of an export with faults, and the file that it would be without them, as rows of cells."""

    def made(*faults, code="order_list"):
        for kind in faults:
            store.add_fault(kind if isinstance(kind, Fault) else Fault("content", kind))
        link = call.link(call.create(code).json()["id"])
        changed = fetch(link).content
        assert fetch(link).content == changed  # the same with every download
        return changed, fetch(call.link(call.create(code).json()["id"])).content

    return made


def rows(content, delimiter=","):
    return list(csv.reader(io.StringIO(content.decode(), newline=""), delimiter=delimiter))


def test_the_last_line_break_may_be_missing(files):
    changed, right = files("no_line_break")
    assert changed + b"\r\n" == right


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        ("empty", lambda changed, _: changed == b""),
        ("zip", lambda changed, right: zipfile.ZipFile(io.BytesIO(changed)).read("export.csv") == right),
        ("gzip", lambda changed, right: gzip.decompress(changed) == right),
        ("prose", lambda changed, _: changed.count(b"\r\n") == 2 and b"," in changed),
        ("semicolons", lambda changed, right: rows(changed, ";") == rows(right)),
        ("tabs", lambda changed, right: rows(changed, "\t") == rows(right)),
    ],
)
def test_the_file_may_be_something_else(files, kind, check):
    assert check(*files(kind))


def test_the_header_may_come_again_in_the_middle(files):
    changed, right = map(rows, files("repeated_header"))
    middle = 1 + (len(right) - 1) // 2
    assert changed == [*right[:middle], right[0], *right[middle:]]
    changed, right = map(rows, files("reordered_header"))
    assert changed == [*right[:middle], right[0][::-1], *right[middle:]]


def test_a_row_may_be_repeated(files):
    changed, right = map(rows, files("repeated_row"))
    assert changed == [*right, right[1]]


@pytest.mark.parametrize(("code", "header"), [("order_list", "Order Number"), (LINES, "Line ID")])
def test_one_key_may_be_blank(files, code, header):
    changed, right = map(rows, files("blank_key", code=code))
    at = right[0].index(header)
    assert [row[at] for row in changed].count("") == 1
    assert sum(one != other for one, other in zip(changed, right, strict=True)) == 1


def test_faults_of_content_count_exports_and_apply_together(call, store):
    """Those for another type wait; requests and their faults do not use them up."""
    store.add_fault(Fault("content", "repeated_row", after=1, times=1))
    store.add_fault(Fault("content", "no_line_break", times=None, export_type="order_list"))
    store.add_fault(Fault("create", "status"))
    assert call.create().status_code == 503
    for code in ("order_list", "order_list", "order_list", "customer_list"):
        call.create(code)
    assert [[one.kind.value for one in export.window.changes] for export in store.exports] == [
        ["no_line_break"],
        ["repeated_row", "no_line_break"],
        ["no_line_break"],
        [],
    ]


@pytest.mark.parametrize(("place", "kind"), [("file", "zip"), ("content", "status"), ("any", "prose")])
def test_a_kind_at_a_place_where_it_cannot_occur_is_an_error(place, kind):
    with pytest.raises(ValueError, match="cannot occur"):
        Fault(place, kind)
