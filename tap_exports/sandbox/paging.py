"""Lists in pages, with cursors that hold while new entries arrive."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")


class BadCursorError(ValueError):
    """A cursor that this store never handed out."""


def _encoded(direction: str, number: int) -> str:
    return base64.b64encode(f"{direction}={number}".encode()).decode()


def _decoded(cursor: str) -> tuple[str, int]:
    try:
        direction, _, number = base64.b64decode(cursor, validate=True).decode().partition("=")
        if direction not in {"p", "r"}:
            raise BadCursorError(cursor)
        return direction, int(number)
    except ValueError as error:
        raise BadCursorError(cursor) from error


def page(
    entries: Sequence[T],
    number: Callable[[T], int],
    size: int,
    url: str,
    query: Mapping[str, str],
) -> tuple[list[T], str | None, str | None]:
    """One page of a list.

    Args:
        entries: All of them, in the order of the list.
        number: What an entry is numbered with: rising or falling through the list.
        size: Of a page.
        url: Of the list, without a query.
        query: Of the request.

    Returns:
        The entries, and the addresses of the next and the previous page.

    Raises:
        BadCursorError: When the cursor is not one of these.
    """
    numbers = [number(entry) for entry in entries]
    first = 0
    if cursor := query.get("cursor"):
        direction, anchor = _decoded(cursor)
        rising = numbers == sorted(numbers)
        before = sum(1 for one in numbers if (one < anchor if rising else one > anchor))
        # p is a page that starts after the anchor, r one that ends before it.
        first = before + (anchor in numbers) if direction == "p" else max(0, before - size)
    shown = list(entries[first : first + size])

    def address(direction: str, anchor: int) -> str:
        return f"{url}?{urlencode({**query, 'cursor': _encoded(direction, anchor)})}"

    after = address("p", number(shown[-1])) if first + size < len(entries) else None
    ahead = address("r", number(shown[0])) if first > 0 and shown else None
    return shown, after, ahead
