"""Files that are not an export: error pages, archives, documents, text, and CSV with another separator."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tap_exports.errors import ErrorPage, InvalidFile

if TYPE_CHECKING:
    from collections.abc import Sequence

_PAGE = re.compile(r"""\s*(?:<[?!a-z]|[{[]\s*(?:["{[\]}]|$))""", re.IGNORECASE)
_ARCHIVES = {
    b"PK\x03\x04": "a zip archive",
    b"PK\x05\x06": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
    b"Rar!": "a rar archive",
    b"%PDF": "a PDF document",
    b"\xd0\xcf\x11\xe0": "an Office document",
}
_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_QUOTED_CELL = re.compile(r'"[^"\r\n]*"([;\t|])')
_LONE_CR = re.compile(r"\r(?!\n)")


def reject_other_kinds(start: bytes, encoding: str) -> None:
    """Check the first bytes of a file, at least 262 if it has as many.

    Raises:
        ErrorPage: If it is HTML, XML or JSON.
        InvalidFile: If it is an archive or a document, or its first cell is quoted and followed by another separator
            than a comma.
    """
    for magic, name in _ARCHIVES.items():
        if start.startswith(magic):
            raise InvalidFile(f"the file is {name}, not CSV")
    if start[257:262] == b"ustar":
        raise InvalidFile("the file is a tar archive, not CSV")
    text = start.decode(encoding, "ignore").lstrip("\ufeff \t\r\n")
    if _PAGE.match(text):
        raise ErrorPage(f"the file is an error page, not CSV: {text[:60].rstrip()!r}")
    if quoted := _QUOTED_CELL.match(text):
        raise InvalidFile(f"the file is separated by {_OTHER_SEPARATORS[quoted[1]]}, not by commas")


def reject_other_headers(header: Sequence[str]) -> None:
    """Check the cells of the first line.

    Raises:
        InvalidFile: If it is text, has another separator than commas, or other line breaks than its cells.
    """
    for separator, name in _OTHER_SEPARATORS.items():
        if sum(cell.count(separator) for cell in header) >= len(header):
            raise InvalidFile(f"the file is separated by {name}, not by commas")
    if len(header) == 1:
        raise InvalidFile(f"the file is text, not an export: {header[0].strip()[:60]!r}")
    if any(map(_LONE_CR.search, header)):  # then the first rows are part of the header
        raise InvalidFile("the file's lines end with a carriage return, and its cells have other line breaks")


def reject_text_with_commas(header: Sequence[str]) -> None:
    """Check a header without a known column.

    Raises:
        InvalidFile: If a cell after the first starts with a space, as in a sentence.
    """
    if any(cell[:1].isspace() for cell in header[1:]):
        raise InvalidFile(f"the file is text, not an export: {','.join(header)[:60]!r}")
