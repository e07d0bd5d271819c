"""Lists in pages, with cursors that hold while new entries arrive."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Protocol, TypeVar
from urllib.parse import urlencode

from tap_exports.sandbox.reply import json_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tap_exports.sandbox.reply import Reply
    from tap_exports.sandbox.store import Store


class InvalidCursorError(ValueError):
    """A cursor that this store did not make."""


def _encoded(direction: str, number: int) -> str:
    return base64.b64encode(f"{direction}={number}".encode()).decode()


def _decoded(cursor: str) -> tuple[str, int]:
    try:
        direction, _, number = base64.b64decode(cursor, validate=True).decode().partition("=")
        if direction not in {"p", "r"}:
            raise InvalidCursorError(cursor)
        return direction, int(number)
    except ValueError as error:
        raise InvalidCursorError(cursor) from error


class Numbered(Protocol):
    """An entry of a list."""

    @property
    def id(self) -> int:
        """Rising or falling through the list."""


T = TypeVar("T", bound=Numbered)


def page(entries: Sequence[T], size: int, url: str, query: Mapping[str, str]) -> tuple[list[T], str | None, str | None]:
    """The entries of one page, and the addresses of the next and the previous page.

    Raises:
        InvalidCursorError: When the cursor is not from this list.
    """
    numbers = [entry.id for entry in entries]
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

    after = address("p", shown[-1].id) if first + size < len(entries) else None
    ahead = address("r", shown[0].id) if first > 0 and shown else None
    return shown, after, ahead


def list_reply(
    store: Store, path: str, entries: Sequence[T], query: Mapping[str, str], as_json: Callable[[T], object]
) -> Reply:
    """The answer to a request for a list."""
    try:
        shown, after, ahead = page(entries, store.options.page_size, store.list_url(path), query)
    except InvalidCursorError:
        return json_reply(404, {"detail": "Invalid cursor"})
    return json_reply(200, {"next": after, "previous": ahead, "results": [as_json(entry) for entry in shown]})
