"""A CSV's header → the names of a stream's columns. Pure.

The rule is `snake_case`: lower case, anything but letters and digits to one `_`, trimmed. Letters are
Latin ones, because several targets drop all others from a column's name; accents go (`Größe` → `grosse`).
A header that loses letters of another script, or has nothing but signs, gets a suffix made from the whole of
it, so that its name depends on nothing but itself: the order of columns may change from one file to the next.
"""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LONGEST = 63
"""Characters in a name: what PostgreSQL takes; it would cut longer ones, and two might become one."""

BASE_COLUMNS = ("date_from", "date_to", "export_id", "export_line", "invalid_values")
"""The columns that the tap itself adds; a CSV column of such a name gets another one."""

_REST = re.compile(r"[^a-z0-9]+")


def snake_case(header: str) -> str:
    """The name that one header has, collisions apart.

    Args:
        header: A cell of the CSV's first row.

    Returns:
        A lower-case identifier, or an empty text where the header is blank.
    """
    # Once more behind the case: some signs stand for capital letters (№ is No, ㎏ is kg).
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", header).casefold())
    name = _REST.sub("_", "".join(c for c in plain if not unicodedata.combining(c))).strip("_")
    lost = any(c.isalnum() for c in plain if not c.isascii() and not unicodedata.combining(c))
    if lost or (not name and header.strip()):
        name = f"{name or 'column'}_{_digest(header)}"
    if name[:1].isdigit():
        name = f"_{name}"
    if len(name) > LONGEST:
        name = f"{name[: LONGEST - 9].rstrip('_')}_{_digest(header)}"
    return name


def column_names(header: Sequence[str], reserved: Iterable[str] = BASE_COLUMNS) -> tuple[str, ...]:
    """The names of all columns of a file, each once.

    Args:
        header: The CSV's first row.
        reserved: Names that no column may have.

    Returns:
        As many names as the header has cells: an empty one is `column_{n}` (the first is 1), a name
        taken already gets `_2`, `_3` and so on.
    """
    taken = set(reserved)
    last: dict[str, int] = {}
    names: list[str] = []
    for n, cell in enumerate(header, start=1):
        base = snake_case(cell) or f"column_{n}"
        name, again = base, last.get(base, 1)
        while name in taken:
            again += 1
            suffix = f"_{again}"
            name = base[: LONGEST - len(suffix)] + suffix
        last[base] = again
        taken.add(name)
        names.append(name)
    return tuple(names)


def _digest(header: str) -> str:
    return sha256(header.encode("utf-8", "surrogatepass")).hexdigest()[:8]
