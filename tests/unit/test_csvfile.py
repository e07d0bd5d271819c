from __future__ import annotations

import codecs
import re
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_exports.errors import InvalidFile
from tap_exports.files.row_keys import KeyColumn
from tap_exports.schema.numeric_values import to_integer
from tests.unit.conftest import STAND_IN, file_of

NUMBER = KeyColumn("number", 0, None)
ID = KeyColumn("id", 0, to_integer)
SKU = KeyColumn("sku", 1, None)

# Without surrogates, which no text encoding has.
cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=STAND_IN), max_size=8) | st.sampled_from(
    ["", "a,b", 'say "hi"', "two\r\nlines", "\r", " ", "\0", "NULL", "007", "\ufeff", "{", "<a>", "'"]
)
# At least two columns: a single cell of NUL characters would leave a blank line, which is not a row.
tables = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), max_size=8).map(
        lambda rows: [[f"h{n}" for n in range(width)], *rows]
    )
)


def everything(file):
    header, _ = file.head(0)
    return [header, *file.rows()]


@given(tables)
def test_cells_are_read_as_written(table):
    """NUL characters are removed, because databases cannot store them."""
    file = file_of(table)
    assert everything(file) == [[cell.replace("\0", "") for cell in row] for row in table]
    assert file.nul_characters == sum(cell.count("\0") for row in table for cell in row)


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", codecs.BOM_UTF8),
        ("utf-8-sig", b""),
        ("cp1252", b""),
        ("utf-16-le", b""),
        ("UTF-16BE", codecs.BOM_UTF16_BE),
    ],
)
def test_a_byte_order_mark_is_dropped(encoding, mark):
    text = "Größe,€\r\n12,–\r\n" if encoding == "cp1252" else "Größe,注\r\n12,🎁\r\n"
    plain = codecs.lookup(encoding).name.removesuffix("-sig")
    file = file_of(mark + text.encode(plain), encoding)
    assert everything(file) == [line.split(",") for line in text.split()]
    assert file.check().rows == 1


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le"])
def test_nul_characters_are_removed_and_counted_in_each_pass(encoding):
    """In encodings of two bytes, every other byte is zero without being a NUL character."""
    file = file_of("a,b\r\nx\0y,\0\0\r\nz,\r\n", encoding)
    for _ in range(2):
        assert everything(file) == [["a", "b"], ["xy", ""], ["z", ""]]
        assert file.nul_characters == 3


def test_a_field_of_megabytes_is_read():
    big = 'x"\r\n' * 500_000
    file = file_of([["a", "b"], ["1", big], ["2", "small"]])
    assert file.check().rows == 2
    assert [row[1] for row in file.rows()] == [big, "small"]


@pytest.mark.parametrize(("quote", "end"), [("", "\n"), ('"', "\r\n")], ids=ascii)
def test_a_lone_carriage_return_belongs_to_its_cell(quote, end):
    text = f"a,b{end}1,{quote}x\ry{quote}{end}{quote}\r{quote},2{end}"
    assert everything(file_of(text)) == [["a", "b"], ["1", "x\ry"], ["\r", "2"]]
    assert file_of(text).check().rows == 2
    assert everything(file_of(text.encode("utf-16-le"), "utf-16-le")) == everything(file_of(text))


def test_a_file_knows_whether_it_ends_with_a_line_break():
    assert file_of("a,b\r\n1,2\r\n").ends_with_line_break
    assert file_of("a,b\n1,2\n".encode("utf-16-le"), "utf-16-le").ends_with_line_break
    assert not file_of("a,b\r\n1,2").ends_with_line_break
    assert not file_of("").ends_with_line_break


@pytest.mark.parametrize("cut", range(8, 31))
def test_the_head_of_a_partial_file_has_complete_rows_only(cut):
    content = 'a,b\r\n1,2\r\n"ä,\r\nö",4\r\n55,"66"\r\n'.encode()
    header, sample = file_of(content[:cut], partial=True).head(500)
    assert header == ["a", "b"]
    assert sample == [["1", "2"], ["ä,\r\nö", "4"], ["55", "66"]][: len(sample)]


def test_the_head_skips_invalid_rows():
    assert file_of("a,b\r\n1\r\n3,4\r\n").head(9) == (["a", "b"], [["3", "4"]])
    header, sample = file_of(b"a,b\r\n" + b"1,2\r\n" * 9_000 + b"3,\xff\r\n").head(10_000)
    assert (header, sample[-1]) == (["a", "b"], ["1", "2"])
    assert file_of('a,b\r\n1,2\r\n3,"4\r\n').head(9) == (["a", "b"], [["1", "2"]])


@pytest.mark.parametrize("header", ["{size},b", "[Order] id,b", "<18,b", "'{',b"])
def test_a_header_may_begin_with_a_bracket(header):
    assert file_of(f"{header}\r\n").check().rows == 0


def test_blank_lines_at_the_end_are_no_rows():
    file = file_of("a,b\r\n1,2\r\n\r\n\r\n")
    assert (file.check().rows, list(file.rows())) == (1, [["1", "2"]])


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "zero bytes"), ("\r\n", "the file is empty"), ("Service unavailable", "text, not an export"),
        ("<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an error page"),
        ("  <!DOCTYPE html>\n<html><body>, </body></html>", "an error page"),
        ('{"detail": "Not found."}', "an error page"), ("a;b;c, d\r\n1;2,5;3\r\n", "separated by semicolons"),
        ("a\tb\r\n1\t2\r\n", "separated by tabs"), ('\ufeff"a, b"\t"c"\r\n', "separated by tabs"),
        ('a,b\r1,"two\nlines"\r', "lines end with a carriage return"), ("PK\x03\x04a,b\r\n", "a zip archive"),
        ("%PDF-1.7,b\r\n", "a PDF document"), ("orders.csv" + "\0" * 247 + "ustar", "a tar archive"),
        ("a,b\r\n1,2\r\nb,a\r\n3,4\r\n", "row 2 repeats the header"),
        ("\ufeffa,b\r\n1,2\r\n\ufeffa,b\r\n3,4\r\n", "row 2 repeats the header"),
        ("a,b\r\n1,2\r\n3,4,5\r\n", "row 2 has 3 cells, the header has 2"),
        ("a,b\r\n1,2\r\n\r\n3,4\r\n", "row 2 follows a blank line"), ('a,b\r\n1,"2\r\n', "not well-formed CSV"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_an_export_is_refused(content, what):
    with pytest.raises(InvalidFile, match=what):
        file_of(content).check()


@pytest.mark.parametrize(
    ("content", "encoding", "what"),
    [
        (b"a,b\r\n1,\xe9\r\n", "utf-8", "the file is not utf-8: byte 0xe9 cannot be read.*Set encoding"),
        (b"a,b\r\n1,\x81\r\n", "cp1252", "the file is not cp1252: byte 0x81"),
        (b"a,b\r\n1,2\r", "utf-16-le", "the file is not utf-16-le"),
    ],
)
def test_another_encoding_is_refused(content, encoding, what):
    with pytest.raises(InvalidFile) as error:
        file_of(content, encoding).check()
    assert re.search(what, str(error.value))


@pytest.mark.parametrize(("cap", "capped", "rows"), [(2, True, 2), (3, True, 3), (4, False, 3)])
def test_a_file_with_as_many_rows_as_the_cap_is_capped(cap, capped, rows):
    found = file_of("a,b\r\n1,2\r\n3,4\r\n5,6\r\n").check(cap=cap)
    assert (found.capped, found.rows) == (capped, rows)


def test_rows_past_the_cap_are_not_checked_and_blank_lines_do_not_count():
    assert file_of("a,b\r\n1,2\r\nx\r\n").check([NUMBER], cap=1).capped
    with pytest.raises(InvalidFile, match="row 3 follows a blank line"):
        file_of("a,b\r\n1,2\r\n3,4\r\n\r\n5,6\r\n").check(cap=3)


SAME_HASH = 5 + 2**61 - 1
"""Python's hash of an integer is its remainder by 2**61 - 1."""


@pytest.mark.parametrize(
    ("keys", "rows", "words"),
    [
        ([NUMBER], "A,1 B,2 C,3 B,4 A,5", "rows 2 and 4 have the same key number = 'B'.*primary_keys"),
        ([NUMBER], "A,1 ,2", "row 2 has a blank number, which is the key.*primary_keys"),
        *(
            ([key], f"{blank},2", f"row 1 has a blank {key.name}")
            for key in (ID, NUMBER)
            for blank in ("", "None", "-", "—")
        ),
        *(([ID], f"1,1 {cell},2", f"row 2 has '{cell}' for id.*column_types.*primary_keys") for cell in ("x", "1.5")),
        # Keys that are equal in the target are equal here; text is not changed.
        ([ID], "7,1 8,2 7.0,3", "rows 1 and 3 have the same key id = 7"),
        ([NUMBER], "7,1 07,2", ""),
        ([NUMBER, SKU], "A,x A,y B,x", ""),
        ([NUMBER, SKU], "A,x A,x", "rows 1 and 2 have the same key number, sku = "),
        ([ID], f"5,1 {SAME_HASH},2", ""),
        ([ID], f"5,1 {SAME_HASH},2 {SAME_HASH},3", f"rows 2 and 3 have the same key id = {SAME_HASH}"),
    ],
)
def test_a_blank_or_repeated_key_is_an_error_that_names_rows_and_setting(keys, rows, words):
    file = file_of("\r\n".join(["a,b", *rows.split(" "), ""]))
    if not words:
        assert file.check(keys).rows == rows.count(" ") + 1
        return
    with pytest.raises(InvalidFile, match=words):
        file.check(keys)


def test_the_keys_of_many_rows_are_checked_in_little_memory():
    content = b"id,b\r\n" + b"".join(b"%d,x\r\n" % (n * 2**22) for n in range(30_000))
    file = file_of(content)
    tracemalloc.start()
    try:
        assert file.check([ID]).rows == 30_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5 * 1024 * 1024
