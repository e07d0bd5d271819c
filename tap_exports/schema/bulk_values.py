"""Many cells of one column → their values, where all of them are in the plainest form there is. Pure.

Each function does for a whole list what its namesake in values.py does for a cell, with a handful of calls
in C, and returns None where any cell is not that plain: then values.py has its say, cell by cell.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from tap_exports.schema.types import ColumnType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LONGEST = 300
_INSTANT = len("2025-04-01T12:00:00Z")
_INSTANTS = re.compile(r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}Z)*", re.ASCII)


def integers(cells: Sequence[str]) -> list[int | None] | None:
    """Whole numbers without a sign; blanks are null."""
    digits = "".join(cells)
    if not (digits.isascii() and digits.isdigit()) or max(map(len, cells)) > _LONGEST:
        return None
    if "" in cells:
        return [int(cell) if cell else None for cell in cells]
    return list(map(int, cells))


def numbers(cells: Sequence[str]) -> list[Decimal | None] | None:
    """Decimals with a point and perhaps a minus sign; blanks are null."""
    text = "".join(cells)
    digits = text.replace(".", "").replace("-", "")
    if not (digits.isascii() and digits.isdigit()) or max(map(len, cells)) > _LONGEST:
        return None
    try:
        return [Decimal(cell) if cell else None for cell in cells]
    except InvalidOperation:
        return None


def instants(cells: Sequence[str]) -> list[str | None] | None:
    """Times in UTC of whole seconds, written as this tap writes them; blanks are null."""
    if not {0, _INSTANT}.issuperset(map(len, cells)) or not _INSTANTS.fullmatch("".join(cells)):
        return None
    try:
        for cell in cells:
            if cell:
                datetime.fromisoformat(cell[:-1])
    except ValueError:  # such as a 30th of February
        return None
    return [cell or None for cell in cells]


CONVERTERS: dict[ColumnType, Callable[[Sequence[str]], list[Any] | None]] = {
    ColumnType.INTEGER: integers,
    ColumnType.NUMBER: numbers,
    ColumnType.DATE_TIME: instants,
}
"""By type; the other types have few distinct texts, or none that is plain."""
