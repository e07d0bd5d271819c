"""One downloaded export on disk: its header, its validation, its rows.

A file is used only after all of it was validated: CSV separated by commas, not an error page, an archive or text; every
row as wide as the header; no row that repeats the header; a key that is present and unique; below the store's cap. The
download verifies that it is complete.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import IO, TYPE_CHECKING

from tap_exports.errors import InvalidFile, InvalidKey, LocalTrouble, ZeroBytes
from tap_exports.files.file_kinds import reject_other_headers, reject_other_kinds
from tap_exports.files.row_keys import KEY_HINT, key_values
from tap_exports.schema.numeric_values import NumberReadings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from tap_exports.files.row_keys import KeyColumn

csv.field_size_limit(sys.maxsize)  # a field may have many megabytes

_MARKS = {
    "utf-16": b"",  # these two codecs drop the mark themselves
    "utf-32": b"",
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}
_WIDEST = 4
"""Bytes of a character in the widest encoding."""
_BLOCK = 1024 * 1024
_BATCH_ROWS = 250
_BATCH_BYTES = 128 * 1024
"""So few that a batch stays in the processor's cache."""
_LONE_CR = re.compile(r"\r(?!\n|\Z)")
_LONE_CR_BYTES = re.compile(rb"\r[^\n]")
_BYTE_ORDER_MARK = "\ufeff"
"""A byte-order mark, which is in the middle of a file that was put together from several."""
_STAND_IN = "\ufdd0"
"""Replaces a lone CR, which the csv module would read as the end of the line. It is not a valid character."""
_ENCODING_HINT = "Set encoding to the store's."


@dataclass(frozen=True)
class CheckResult:
    """The result of a file's validation."""

    rows: int
    """Rows that become records; counting stops at the cap."""
    capped: bool
    """Whether the file is at the store's row cap, so that rows may be missing."""
    copies: frozenset[int] = frozenset()
    """Numbers of rows, from 1, that equal an earlier row in every cell and are omitted."""
    numbers: NumberReadings = field(default_factory=NumberReadings)
    """How the numbers in each column are read."""


class CsvFile:
    """An export's CSV on disk, which is deleted when it is closed.

    A byte-order mark is always dropped. `partial` says that the download was stopped, so the last row may be truncated.
    """

    def __init__(self, file: IO[bytes], encoding: str = "utf-8", *, partial: bool = False) -> None:
        self._file = file
        self._encoding = encoding
        self._name = codecs.lookup(encoding).name
        self._partial = partial
        self._scan()
        self.nul_characters = 0
        self._copies: frozenset[int] = frozenset()
        self._batch_rows = 1
        """Rows of the next batch; it depends on the length of the rows that were read so far, also by check()."""

    def _scan(self) -> None:
        """Find bytes that need extra work for each line: NUL, and CR without LF."""
        self._file.seek(0)
        nul = lone_cr = has_lf = False
        self.size = 0
        tail = b""
        while block := self._file.read(_BLOCK):
            self.size += len(block)
            nul = nul or b"\0" in block
            has_lf = has_lf or b"\n" in block
            lone_cr = lone_cr or has_lone_cr(tail[-1:] + block)
            tail = (tail + block)[-_WIDEST:]
        width = 4 if self._name.startswith("utf-32") else 2 if self._name.startswith("utf-16") else 1
        self.ends_with_line_break = bool({0x0A, 0x0D} & set(tail[-width:]))
        # In wide encodings most characters contain NUL bytes, so NUL characters must be searched for in the text.
        self._strip_nul = nul or self._name.startswith(("utf-16", "utf-32"))
        self._line_end = "\n" if has_lf else "\r"
        self._hide_lone_cr = has_lf and (lone_cr or self._name.startswith(("utf-16", "utf-32")))

    def close(self) -> None:
        """Delete the file."""
        self._file.close()

    def head(self, rows: int) -> tuple[list[str], list[list[str]]]:
        """The header, and some rows that are as wide as it.

        Raises:
            InvalidFile: If there is no header.
        """
        reader = self._reader()
        header = self._header(reader)
        sample: list[list[str]] = []
        with suppress(csv.Error, UnicodeError):  # check() reports these
            sample.extend(islice(reader, rows))
        if self._partial and len(sample) < rows:
            del sample[-1:]
        return header, [row for row in sample if len(row) == len(header)]

    def check(
        self,
        keys: Sequence[KeyColumn] = (),
        *,
        numbers: Collection[int] = (),
        unique: bool = True,
        cap: int = sys.maxsize,
        drop_copies: bool = False,
    ) -> CheckResult:
        """Validate the whole file, in one pass.

        Args:
            numbers: Positions of the number columns.
            unique: Whether the key must be unique; the parent of a line item may repeat.
            cap: The number of rows at which the file is treated as truncated, and the rest is not read.
            drop_copies: Whether rows with the same key that are equal in every cell are kept once.

        Raises:
            ZeroBytes: If the file is empty.
            ErrorPage: If it is a web server's error page.
            InvalidKey: If a key is blank or repeated.
            InvalidFile: If anything else is wrong, with the numbers of rows.
        """
        reader = self._reader()
        header = self._header(reader)
        names = {*header, *(_BYTE_ORDER_MARK + cell for cell in header)}
        ordered = sorted(header)
        readings = NumberReadings(numbers)
        seen: set[int] = set()
        suspects: set[int] = set()
        rows = 0
        for batch in _as_wide(self._in_batches(reader), len(header), cap):
            first = rows + 1
            rows += len(batch)
            if rows == cap:
                return CheckResult(rows, capped=True)
            if not names.isdisjoint([row[0] for row in batch]):
                for number, row in enumerate(batch, first):
                    if sorted(cell.removeprefix(_BYTE_ORDER_MARK) for cell in row) == ordered:
                        raise InvalidFile(f"row {number} repeats the header")
            readings.observe(batch)
            for key in key_values(keys, batch, first):
                digest = hash((key,))
                (suspects if unique and digest in seen else seen).add(digest)
        if suspects:
            self._copies = self._find_copies(suspects, keys, drop=drop_copies)
        return CheckResult(rows - len(self._copies), capped=False, copies=self._copies, numbers=readings)

    def rows(self) -> Iterator[list[str]]:
        """The rows of a validated file, without the header, copies and NUL characters; otherwise verbatim."""
        return chain.from_iterable(self.batches())

    def batches(self) -> Iterator[list[list[str]]]:
        """The rows, some hundred in a batch, fewer if they are long."""
        if not self.size:
            return iter(())
        reader = self._reader()
        self._header(reader)
        rows: Iterator[list[str]] = filter(None, reader)
        if copies := self._copies:
            rows = (row for number, row in enumerate(rows, start=1) if number not in copies)
        return self._in_batches(rows)

    def _in_batches(self, rows: Iterator[list[str]]) -> Iterator[list[list[str]]]:
        """The rows in batches that grow while they are short; errors of reading become InvalidFile."""
        position = self._file.tell()
        with _reading(self._encoding):
            while batch := list(islice(rows, self._batch_rows)):
                yield batch
                start, position = position, self._file.tell()
                short = position - start < _BATCH_BYTES
                self._batch_rows = min(2 * self._batch_rows, _BATCH_ROWS) if short else max(1, self._batch_rows // 4)

    def _find_copies(self, suspects: set[int], keys: Sequence[KeyColumn], *, drop: bool) -> frozenset[int]:
        """The rows that repeat a key and equal the first such row in every cell.

        Raises:
            InvalidKey: If rows with the same key differ, or copies are not dropped.
        """
        first: dict[object, tuple[int, list[str]]] = {}
        copies = set()
        for number, row in enumerate(self.rows(), start=1):
            (key,) = key_values(keys, [row], number)
            if hash((key,)) not in suspects:
                continue
            earlier, cells = first.setdefault(key, (number, row))
            if earlier == number:
                continue
            if not drop or cells != row:
                names = ", ".join(column.name for column in keys)
                raise InvalidKey(f"rows {earlier} and {number} have the same key {names} = {key!r:.80}", KEY_HINT)
            copies.add(number)
        return frozenset(copies)

    def _reader(self) -> Iterator[list[str]]:
        self._file.seek(0)
        mark = _MARKS.get(self._name, codecs.BOM_UTF8)
        if self._file.read(len(mark)) != mark:
            self._file.seek(0)
        lines: Iterator[str] = _Text(self._file, encoding=self._encoding, newline=self._line_end)
        if self._strip_nul:
            lines = self._without_nul(lines)
        if not self._hide_lone_cr:
            return csv.reader(lines, strict=True)
        hidden = csv.reader((_LONE_CR.sub(_STAND_IN, line) for line in lines), strict=True)
        return ([cell.replace(_STAND_IN, "\r") for cell in row] for row in hidden)

    def _without_nul(self, lines: Iterator[str]) -> Iterator[str]:
        self.nul_characters = 0
        for line in lines:
            if "\0" in line:
                self.nul_characters += line.count("\0")
                yield line.replace("\0", "")
            else:
                yield line

    def _header(self, reader: Iterator[list[str]]) -> list[str]:
        if not self.size:
            raise ZeroBytes("the file has zero bytes, not even a header")
        position = self._file.tell()  # after a byte-order mark
        self._file.seek(0)
        reject_other_kinds(self._file.read(512), self._encoding)
        self._file.seek(position)
        with _reading(self._encoding):
            header = next(reader, None)
        if not header:
            raise InvalidFile("the file is empty: it has no header")
        reject_other_headers(header)
        return header


def has_lone_cr(text: bytes) -> bool:
    """Whether a CR is followed by another byte than LF. One at the end may be half of a line break."""
    return _LONE_CR_BYTES.search(text) is not None


class _Text(io.TextIOWrapper):
    """A text layer that does not close the file below it when it is garbage-collected."""

    def __del__(self) -> None:
        if not self.closed and not self.buffer.closed:
            self.detach()


def _as_wide(batches: Iterable[list[list[str]]], width: int, cap: int) -> Iterator[list[list[str]]]:
    """The batches up to the cap; rows must be as wide as the header, and blank lines are allowed at the end only."""
    number, blank = 0, False
    for batch in batches:
        if not blank and set(map(len, batch)) == {width}:
            wide = batch[: cap - number]
        else:
            wide = []
            for row in batch:
                if number + len(wide) == cap:
                    break
                if row and (blank or len(row) != width):
                    problem = "follows a blank line" if blank else f"has {len(row)} cells, the header has {width}"
                    raise InvalidFile(f"row {number + len(wide) + 1} {problem}")
                blank = not row
                if row:
                    wide.append(row)
        number += len(wide)
        yield wide


@contextmanager
def _reading(encoding: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LocalTrouble(f"the downloaded file could not be read back: {error.strerror or error}") from None
    except csv.Error as error:
        raise InvalidFile(f"the file is not well-formed CSV: {error}") from None
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise InvalidFile(f"the file is not {encoding}: byte 0x{byte:02x} cannot be read", _ENCODING_HINT) from None
    except UnicodeError as error:
        raise InvalidFile(f"the file is not {encoding}: {error}", _ENCODING_HINT) from None
