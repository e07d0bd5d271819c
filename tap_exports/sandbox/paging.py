"""Lists in pages, with cursors that stay valid when entries are added."""

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


class Numbered(Protocol):
    """An entry of a list."""

    @property
    def id(self) -> int:
        """Rising or falling through the list."""


T = TypeVar("T", bound=Numbered)


def page(entries: Sequence[T], size: int, url: str, query: Mapping[str, str]) -> tuple[list[T], str | None]:
    """The entries of one page, and the address of the next page.

    Raises:
        InvalidCursorError: When the cursor is not from this list.
    """
    numbers = [entry.id for entry in entries]
    first = 0
    if cursor := query.get("cursor"):
        try:
            anchor = int(base64.b64decode(cursor, validate=True))
        except ValueError as error:
            raise InvalidCursorError(cursor) from error
        rising = numbers == sorted(numbers)
        first = sum(one <= anchor if rising else one >= anchor for one in numbers)
    shown = list(entries[first : first + size])
    if first + size >= len(entries):
        return shown, None
    following = base64.b64encode(str(shown[-1].id).encode()).decode()
    return shown, f"{url}?{urlencode({**query, 'cursor': following})}"


def list_reply(
    store: Store, path: str, entries: Sequence[T], query: Mapping[str, str], as_json: Callable[[T], object]
) -> Reply:
    """The answer to a request for a list."""
    try:
        shown, following = page(entries, store.options.page_size, store.list_url(path), query)
    except InvalidCursorError:
        return json_reply(404, {"detail": "Invalid cursor"})
    return json_reply(200, {"next": following, "previous": None, "results": [as_json(entry) for entry in shown]})
