"""One downloaded export on disk: its header, the check of the whole of it, its rows.

Nothing of a file is used before all of it was checked: CSV and not an error page, every row as wide as the
header, the key present and unique, below the store's cap. Whether it arrived whole by its length is for
the download to say.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import sys
from array import array
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

from tap_exports.errors import InvalidFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

csv.field_size_limit(sys.maxsize)  # a field of many megabytes is no reason to fail

_PAGE = re.compile(r"""\s*(?:<[?!a-z]|[{[]\s*(?:["{[\]}]|$))""", re.IGNORECASE)
_MARKS = {
    "utf-16": b"",  # these two find and drop their mark themselves
    "utf-32": b"",
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}
_WIDEST = 4
"""Bytes of a character in the widest encoding."""
_KEY_HINT = "Set primary_keys for this stream to columns that are always filled and never repeat, or to [] for none."


@dataclass(frozen=True)
class KeyColumn:
    """Where a column of the key stands in a file, and what makes its value."""

    name: str
    position: int
    convert: Callable[[str], Any] | None


@dataclass(frozen=True)
class Checked:
    """What the check of a file found."""

    rows: int
    """Rows below the header; counting stops at the cap."""
    capped: bool
    """Whether the file has as many rows as the store puts into one export, so that some may be missing."""
    grouped: bool
    """Whether all lines of one parent stand together, where records are numbered by their parent."""


class CsvFile:
    """An export's CSV on disk.

    Args:
        file: The bytes, in a file that vanishes when it is closed.
        encoding: Of the text; a byte-order mark is dropped whatever it is.
        has_nul: Whether there are NUL bytes in it, which cost a pass of their own over each line.
        partial: Whether the download was stopped early, so that the last row may be cut.
    """

    def __init__(
        self, file: IO[bytes], encoding: str = "utf-8", *, has_nul: bool = False, partial: bool = False
    ) -> None:
        self._file = file
        self._encoding = encoding
        # Where characters are wider than a byte, NUL bytes are in half of them and say nothing of NUL characters.
        self._strip_nul = has_nul or codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))
        self._partial = partial
        self.nul_characters = 0

    def close(self) -> None:
        """Give the disk space back."""
        self._file.close()

    def refuse_open_end(self) -> None:
        """Refuse a file whose last line has no end, as one has that was cut before it was sent.

        Its length may be just as declared then, and its last cell or even its header be short of a few letters.
        Whatever Python's csv module writes ends with a line break.

        Raises:
            InvalidFile: If it is so.
        """
        self._file.seek(0, io.SEEK_END)
        self._file.seek(max(0, self._file.tell() - _WIDEST))
        if not {0x0A, 0x0D} & set(self._file.read()):
            raise InvalidFile("the file's last line has no end, so that it may have been cut within it")

    def head(self, rows: int) -> tuple[list[str], list[list[str]]]:
        """The header, and some rows for a sample.

        Args:
            rows: How many at most.

        Returns:
            The header's cells, and rows that are as wide as it.

        Raises:
            InvalidFile: If there is no header.
        """
        reader = self._reader()
        header = self._header(reader)
        sample: list[list[str]] = []
        with suppress(csv.Error, UnicodeError):  # for check() to judge, which reads all of it
            sample.extend(islice(reader, rows))
        if self._partial and len(sample) < rows:
            del sample[-1:]
        return header, [row for row in sample if len(row) == len(header)]

    def check(self, keys: Sequence[KeyColumn] = (), *, numbered: bool = False, cap: int = sys.maxsize) -> Checked:
        """Read the whole file once and find what is wrong with it.

        Args:
            keys: The key's columns.
            numbered: Whether `export_line` is a part of the key, so that the columns may repeat.
            cap: Rows at which the file is taken as cut short; the rest is not read then.

        Returns:
            What was found.

        Raises:
            InvalidFile: Naming the first rows that are wrong.
        """
        reader = self._reader()
        header = self._header(reader)
        width = len(header)
        key_of = _key_function(keys)
        digests = _Digests()
        rows = 0
        blank = False
        last: object = None
        for row in _strictly(reader, self._encoding):
            if len(row) != width or blank:
                if row:
                    found = "a blank line before it" if blank else f"{len(row)} cells"
                    raise InvalidFile(f"row {rows + 1} has {found} where the header has {width}")
                blank = True
                continue
            rows += 1
            if rows >= cap:
                return Checked(rows, capped=True, grouped=False)
            if key_of is not None:
                key = key_of(row, rows)
                if numbered and key == last:
                    continue
                last = key
                digests.add(key)
        if not rows and width == 1:
            raise InvalidFile(f"the file is one line of text and no export: {header[0][:60]!r}")
        repeated = digests.repeated()
        del digests
        if repeated and not numbered and key_of is not None:
            self._refuse_repeated(key_of, repeated, keys)
        return Checked(rows, capped=False, grouped=not repeated)

    def rows(self) -> Iterator[list[str]]:
        """The rows below the header, of a file that was checked.

        Returns:
            Cells, as they left the store but for NUL characters.
        """
        reader = self._reader()
        self._header(reader)
        return filter(None, reader)

    def _refuse_repeated(self, key_of: _KeyFunction, suspects: set[tuple[int, int]], keys: Sequence[KeyColumn]) -> None:
        """Tell a key that repeats from two that merely share a digest."""
        seen: dict[object, int] = {}
        for number, row in enumerate(self.rows(), start=1):
            key = key_of(row, number)
            if _digest(key) not in suspects:
                continue
            if key in seen:
                names = ", ".join(column.name for column in keys)
                raise InvalidFile(f"rows {seen[key]} and {number} have the same key {names} = {key!r:.80}", _KEY_HINT)
            seen[key] = number

    def _reader(self) -> Iterator[list[str]]:
        self._file.seek(0)
        mark = _MARKS.get(codecs.lookup(self._encoding).name, codecs.BOM_UTF8)
        if self._file.read(len(mark)) != mark:
            self._file.seek(0)
        lines: Iterator[str] = _Text(self._file, encoding=self._encoding, newline="")
        if self._strip_nul:
            lines = self._without_nul(lines)
        return csv.reader(lines, strict=True)

    def _without_nul(self, lines: Iterator[str]) -> Iterator[str]:
        self.nul_characters = 0
        for line in lines:
            if "\0" in line:
                self.nul_characters += line.count("\0")
                yield line.replace("\0", "")
            else:
                yield line

    def _header(self, reader: Iterator[list[str]]) -> list[str]:
        header = next(_strictly(reader, self._encoding), None)
        if not header:
            raise InvalidFile("the file is empty: not even a header is in it")
        if _PAGE.match(header[0]):
            raise InvalidFile(f"the file is an error page and no CSV: {header[0].strip()[:60]!r}")
        return header


if TYPE_CHECKING:
    _KeyFunction = Callable[[list[str], int], object]


class _Text(io.TextIOWrapper):
    """A text layer that leaves the file below it open when it goes."""

    def __del__(self) -> None:
        if not self.closed and not self.buffer.closed:
            self.detach()


_BUCKETS = 4096


def _digest(key: object) -> tuple[int, int]:
    """Forty-four bits of a key: which bucket, and what is put into it."""
    digest = hash((key,))  # in a tuple, because a number's own hash is the number, and those come in patterns
    return digest & (_BUCKETS - 1), digest >> 12 & 0xFFFF_FFFF


class _Digests:
    """Which of many keys occur twice, or may do, at four bytes each."""

    def __init__(self) -> None:
        self._buckets = [array("I") for _ in range(_BUCKETS)]

    def add(self, key: object) -> None:
        bucket, digest = _digest(key)
        self._buckets[bucket].append(digest)

    def repeated(self) -> set[tuple[int, int]]:
        twice: set[tuple[int, int]] = set()
        for n, bucket in enumerate(self._buckets):
            if len(set(bucket)) != len(bucket):
                twice |= {(n, digest) for digest, times in Counter(bucket).items() if times > 1}
        return twice


def _strictly(reader: Iterator[list[str]], encoding: str) -> Iterator[list[str]]:
    """The reader's rows, its own errors told in our words."""
    try:
        yield from reader
    except csv.Error as error:
        raise InvalidFile(f"the file is no well-formed CSV: {error}") from None
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise InvalidFile(
            f"the file is not {encoding}: byte 0x{byte:02x} cannot be read", "Set encoding to the store's."
        ) from None
    except UnicodeError as error:
        raise InvalidFile(f"the file is not {encoding}: {error}", "Set encoding to the store's.") from None


def _key_function(keys: Sequence[KeyColumn]) -> _KeyFunction | None:
    """The function from a row and its number to the key's value."""
    if not keys:
        return None

    def value(column: KeyColumn, row: list[str], number: int) -> object:
        cell = row[column.position]
        if not cell:
            raise InvalidFile(f"row {number} has a blank {column.name}, which is its key", _KEY_HINT)
        if column.convert is None:
            return cell
        try:
            return column.convert(cell)
        except ValueError:
            raise InvalidFile(
                f"row {number} has {cell[:40]!r} for {column.name}, which is its key",
                "Set column_types for it to string, or primary_keys to other columns.",
            ) from None

    if len(keys) == 1:
        only = keys[0]
        return lambda row, number: value(only, row, number)
    return lambda row, number: tuple(value(column, row, number) for column in keys)
