"""Many cells of one column → their values, if all cells have one common form. Pure.

Each function converts a list with a few calls of C code. It returns None if a cell has another form; the caller then
converts the cells one by one. A blank cell is null.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from tap_exports.schema.types import ColumnType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LONGEST_INTEGER = 18
_LONGEST_NUMBER = 300
_REMEMBERED = 2_000
"""Hours that are cached from one batch to the next."""
_LEADING_ZERO = re.compile(r",-?0[0-9]")


def bulk_converter(
    column_type: ColumnType, convert: Callable[[str], Any]
) -> Callable[[Sequence[str]], list[Any] | None] | None:
    """The function for a list of a column's cells; None for types with few distinct texts, which a cache serves.

    `convert` is the type's converter of one cell.
    """
    if column_type is ColumnType.DATE_TIME:
        return Instants(convert)
    return {ColumnType.INTEGER: integers, ColumnType.NUMBER: numbers}.get(column_type)


def integers(cells: Sequence[str]) -> list[int | None] | None:
    """Whole numbers without a sign."""
    text = "," + ",".join(cells)
    digits = text.replace(",", "")
    if not (digits.isascii() and digits.isdigit()) or max(map(len, cells)) > _LONGEST_INTEGER:
        return None
    if ",0" in text and _LEADING_ZERO.search(text):
        return None
    try:
        return [int(cell) if cell else None for cell in cells] if "" in cells else list(map(int, cells))
    except ValueError:  # a comma in a cell
        return None


def numbers(cells: Sequence[str]) -> list[Decimal | None] | None:
    """Decimals with a point and perhaps a minus sign."""
    text = "," + ",".join(cells)
    digits = text.replace(",", "").replace(".", "").replace("-", "")
    if not (digits.isascii() and digits.isdigit()) or max(map(len, cells)) > _LONGEST_NUMBER:
        return None
    if (",0" in text or ",-0" in text) and _LEADING_ZERO.search(text):
        return None
    try:
        return [Decimal(cell) if cell else None for cell in cells] if "" in cells else list(map(Decimal, cells))
    except InvalidOperation:  # such as a second point
        return None


_SHAPE = bytes.maketrans(b"123456789+P", b"000000000-A")
_HOUR = len("2026-07-03T10")
_FORMS = {
    form.replace("T", separator).encode(): (end, tail)
    for separator in "T "
    for form, end, tail in (
        # A cell's form, where its minutes, seconds and fraction end, and the text that completes RFC 3339.
        ("0000-00-00T00:00:00Z", 19, "Z"),
        ("0000-00-00T00:00:00.000000Z", 26, "Z"),
        ("0000-00-00T00:00:00-00:00", 19, "Z"),
        ("0000-00-00T00:00:00.000000-00:00", 26, "Z"),
        ("0000-00-00T00:00:00", 19, "Z"),
        ("0000-00-00T00:00:00.000000", 26, "Z"),
    )
} | {
    b"0000-00-00 00:00 AM": (16, ":00Z"),
}


class Instants:
    """Times in UTC, if all cells have the same form and their offsets are whole hours.

    Minutes are then the same in UTC, so each hour that occurs is converted once. If nearly every cell has another
    hour, this saves nothing, and the rest of the column is converted cell by cell.
    """

    def __init__(self, convert: Callable[[str], str]) -> None:
        self._hours = _Hours(convert)
        self._is_sparse = False

    def __call__(self, cells: Sequence[str]) -> list[str | None] | None:
        """The cells' values; a blank cell is null."""
        present = [cell for cell in cells if cell] if "" in cells else cells
        form = None if self._is_sparse else _form_of(present)
        if form is None:
            return None
        end, tail = form
        hours = self._hours
        known = hours.converted
        try:
            values: list[str | None] = [hours[cell[:_HOUR] + cell[end:]] + cell[_HOUR:end] + tail for cell in present]
        except ValueError:
            return None
        self._is_sparse = (hours.converted - known) * 4 > len(cells)
        if present is cells:
            return values
        following = iter(values)
        return [next(following) if cell else None for cell in cells]


def _form_of(cells: Sequence[str]) -> tuple[int, str] | None:
    """The form that all cells have, if their minutes and seconds are below 60."""
    text = "".join(cells)
    length = len(cells[0]) if cells else 0
    if not text.isascii() or set(map(len, cells)) != {length}:
        return None
    shapes = text.encode().translate(_SHAPE)
    form = _FORMS.get(shapes[:length])
    if form is None or shapes != shapes[:length] * len(cells):
        return None
    has_seconds = not form[1].startswith(":")
    if max(text[14::length]) > "5" or (has_seconds and max(text[17::length]) > "5") or ".000000" in text:
        return None
    return form


class _Hours(dict[str, str]):
    """A cache of hours in UTC, by date, hour and offset; ValueError where the minutes differ in UTC."""

    def __init__(self, convert: Callable[[str], str]) -> None:
        super().__init__()
        self._convert = convert
        self.converted = 0

    def __missing__(self, key: str) -> str:
        self.converted += 1
        first, last = (self._convert(f"{key[:_HOUR]}:{rest}{key[_HOUR:]}") for rest in ("00:00", "59:59"))
        hour = first[:_HOUR]
        if (first, last) != (f"{hour}:00:00Z", f"{hour}:59:59Z"):
            raise ValueError("an offset of minutes")
        if len(self) > _REMEMBERED:
            self.clear()
        self[key] = hour
        return hour
