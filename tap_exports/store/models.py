"""The API's JSON → frozen dataclasses; no other module reads the API's JSON. Pure.

Each function raises WrongShape where the JSON is not what its name says.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from tap_exports.errors import ExportStuck, shortened
from tap_exports.schema.layout import Definition
from tap_exports.schema.types import METADATA_TYPES
from tap_exports.schema.values import to_instant
from tap_exports.window import Window, end_of_second, whole_second

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

T = TypeVar("T")

_LONGEST_ID = 20
_LONGEST_WORD = 20
_LONGEST_CODE = 200


class WrongShape(ValueError):
    """JSON that is not of the documented shape."""


@dataclass(frozen=True)
class Export:
    """An export as the store reports it."""

    id: int
    type: str
    created_at: datetime | None
    window: Window | None
    """The whole seconds that it certainly covers; None where the store does not report both dates."""
    available: bool = False
    """Its status; otherwise it is pending. There is no failed state: an export that fails stays pending."""

    @classmethod
    def of(cls, body: Any) -> Export:  # noqa: ANN401 - decoded JSON
        """Read one from JSON; an unknown status is ExportStuck."""
        found = _object(body, "an export")
        number, status = id_of(found), found.get("status")
        if status not in ("available", "pending", None):
            raise ExportStuck(
                f"export {number} has the unknown status {_word(status)}",
                "Check it in the store, and upgrade tap-exports.",
            )
        window = _window(_moment(found.get("date_from")), _moment(found.get("date_to")))
        code = str(found.get("type") or "")
        return cls(number, code, _moment(found.get("created_at")), window, status == "available")


def types_of(body: Any) -> list[str]:  # noqa: ANN401
    """The codes of the export types, in the store's order."""
    found = _object(body, "the types").get("types")
    if not isinstance(found, list) or not all(isinstance(t, dict) and isinstance(t.get("code"), str) for t in found):
        raise WrongShape("the response has no list of export types")
    return list(dict.fromkeys(t["code"] for t in found if t["code"]))


def is_usable(code: str) -> bool:
    """Whether a type's code can be a stream's name, which targets use for tables, files and log lines."""
    return code.isprintable() and len(code) <= _LONGEST_CODE and not code.startswith(".") and not set("/\\") & set(code)


def link_of(body: Any) -> str:  # noqa: ANN401
    """The signed link of a download."""
    url = _object(body, "a link").get("url")
    if not isinstance(url, str) or not url.startswith(("https://", "http://")) or not url.isprintable():
        raise WrongShape("the response has no link to the file")
    return url


def timezone_of(body: Any) -> str | None:  # noqa: ANN401
    """The IANA name of the store's time zone, not validated; None where the store has none."""
    # The OpenAPI document says a list of stores; the vendor's own client reads an object.
    store = body[0] if isinstance(body, list) and len(body) == 1 else body
    zone = _object(store, "the store").get("timezone", False)
    if zone is not None and not isinstance(zone, str):
        raise WrongShape("the response has no time zone")
    return zone or None


def definition_of(body: Any) -> Definition | None:  # noqa: ANN401
    """A metadata definition; None for one that is not in exports."""
    found = _object(body, "a metadata definition")
    if found.get("enable_export") is False:
        return None
    name, key, owner, kind = (str(found.get(field) or "") for field in ("name", "key", "object", "type"))
    return Definition(name, key, owner, METADATA_TYPES.get(kind.lower().replace("_", " ").strip()))


def webhook_of(body: Any) -> tuple[int, str]:  # noqa: ANN401
    """The id and the target of a registered webhook."""
    found = _object(body, "a webhook")
    return id_of(found), str(found.get("target") or "")


def page_of(body: Any, parse: Callable[[Any], T]) -> tuple[list[T], str | None]:  # noqa: ANN401
    """A page of a list, and the address of the next one; a plain list is its only page."""
    found = {"results": body} if isinstance(body, list) else _object(body, "a list")
    results, following = found.get("results"), found.get("next")
    if not isinstance(results, list) or not (following is None or isinstance(following, str)):
        raise WrongShape("the response has no list")
    return [parse(item) for item in results], following or None


def id_of(body: Any) -> int:  # noqa: ANN401
    """The id of an object."""
    number = _object(body, "an object").get("id")
    if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) <= _LONGEST_ID:
        return int(number)
    if not isinstance(number, int) or isinstance(number, bool):
        raise WrongShape("the response has no valid id")
    return number


def error_message(content: bytes, masked: Callable[[str], str] = str) -> str:
    """The API's error message in one line: `{"detail": …}` or `{"field": ["message", …]}`; empty in any other form.

    `masked` masks secrets. It is applied before the text is cut, which might leave a part of one.
    """
    parts = []
    try:
        body = json.loads(content)
        for key, value in body.items() if isinstance(body, dict) else ():
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            parts.append(text if key == "detail" else f"{key}: {text}")
    except (ValueError, RecursionError):
        return ""
    return shortened(" ".join(masked("; ".join(parts)).encode("utf-8", "replace").decode().split()))


def _word(value: Any) -> str:  # noqa: ANN401
    """A short word; any other text of a response may contain a secret."""
    return repr(value) if isinstance(value, str) and value.isalpha() and len(value) <= _LONGEST_WORD else "(not a word)"


def _object(body: Any, what: str) -> dict[str, Any]:  # noqa: ANN401
    if not isinstance(body, dict):
        raise WrongShape(f"the response is {type(body).__name__} instead of {what}")
    return body


def _window(start: datetime | None, end: datetime | None) -> Window | None:
    """The whole seconds between two times; a fraction at either end is not included."""
    if start is None or end is None:
        return None
    first, last = end_of_second(start), whole_second(end)
    return Window(first, last) if first < last else None


def _moment(text: Any) -> datetime | None:  # noqa: ANN401
    """A time of the API in RFC 3339; without an offset it is UTC. None where it is missing or invalid."""
    try:
        return to_instant(text)
    except ValueError:
        return None
