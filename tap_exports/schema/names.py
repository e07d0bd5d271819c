"""Names of a stream's columns, from a CSV's header. Pure.

A name depends on its own header cell only, because columns may appear, disappear and move from one file to the next.
The rule is `snake_case`: lower case, runs of other characters become one `_`, trimmed. Only Latin letters are kept,
because several targets drop all others; accents are removed (`Größe` → `grosse`). A header that loses letters of
another script, or has no letter or digit, gets a digest of its whole text.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 63
"""Bytes of a name, which is ASCII. PostgreSQL truncates longer ones, which could make two names equal."""

EXPORT_LINE = "export_line"
BASE_COLUMNS = ("date_from", "date_to", "export_id", EXPORT_LINE, "invalid_values")
"""The columns that the tap adds to the CSV's."""

_SYSTEM_COLUMNS = ("ctid", "xmin", "xmax", "cmin", "cmax", "tableoid")
"""Names that PostgreSQL rejects in every table."""
_RESERVED = frozenset({*BASE_COLUMNS, *_SYSTEM_COLUMNS})
_WORDS = str.maketrans({"%": " percent ", "$": " dollar ", "#": " number ", "&": " and "})
_REST = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=4096)
def snake_case(header: str) -> str:
    """The name for a header cell alone; empty where the cell is blank."""
    # Normalized again after casefold: some signs become capital letters (№ is No, ㎏ is kg).
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", header).casefold()).translate(_WORDS)
    name = _REST.sub("_", "".join(c for c in plain if not unicodedata.combining(c))).strip("_")
    lost = any(c.isalnum() for c in plain if not c.isascii() and not unicodedata.combining(c))
    if lost or (not name and header.strip()):
        name = f"{name or 'column'}_{_digest(header)}"
    if name[:1].isdigit():
        name = f"_{name}"
    if name in _RESERVED:
        name = f"{name}_column"
    return name if len(name) <= LONGEST else _suffixed(name, _digest(header))


def column_names(header: Sequence[str]) -> tuple[str, ...]:
    """The unique names of a file's columns.

    Different cells with the same name all get a digest of their own text, so that no name depends on their order.
    Identical cells are numbered: `total`, `total_2`. A blank cell is `column_{n}`, counted from 1.
    """
    cells_of = _cells_by_name(header)
    own = [
        name if len(cells_of[name]) == 1 else _suffixed(name, _digest(cell))
        for name, cell in zip(_base_names(header), header, strict=True)
    ]
    taken, used = set(own), set[str]()
    last: dict[str, int] = {}
    names: list[str] = []
    for base in own:
        name, number = base, last.get(base, 1)
        while name in used or (number > 1 and name in taken):
            number += 1
            name = _suffixed(base, str(number))
        last[base] = number
        used.add(name)
        names.append(name)
    return tuple(names)


def colliding_cells(header: Sequence[str]) -> list[tuple[str, ...]]:
    """Groups of different header cells with the same `snake_case` name, which deserve a WARNING."""
    return [tuple(sorted(cells)) for cells in _cells_by_name(header).values() if len(cells) > 1]


def _base_names(header: Sequence[str]) -> list[str]:
    names = {cell: snake_case(cell) for cell in set(header)}
    return [names[cell] or f"column_{n}" for n, cell in enumerate(header, start=1)]


def _cells_by_name(header: Sequence[str]) -> dict[str, set[str]]:
    cells: dict[str, set[str]] = {}
    for name, cell in zip(_base_names(header), header, strict=True):
        cells.setdefault(name, set()).add(cell)
    return cells


def _suffixed(name: str, suffix: str) -> str:
    return f"{name[: LONGEST - len(suffix) - 1].rstrip('_')}_{suffix}"


def _digest(header: str) -> str:
    return sha256(header.encode("utf-8", "surrogatepass")).hexdigest()[:8]
