"""The API's JSON → frozen dataclasses; no other module reads the API's JSON. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tap_exports.errors import ExportStuck
from tap_exports.schema.layout import Definition
from tap_exports.schema.types import METADATA_TYPES
from tap_exports.schema.values import to_instant
from tap_exports.window import SECOND, Window, whole_second

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

T = TypeVar("T")

_LONGEST = 300
_LONGEST_ID = 20
_LONGEST_WORD = 20
_LONGEST_CODE = 200
_NOT_IN_NAMES = frozenset("/\\")


class WrongShape(ValueError):
    """A response that is not JSON, or not of the documented shape."""

    def __init__(self, message: str, *, is_json: bool = True) -> None:
        super().__init__(message)
        self.is_json = is_json


class ExportStatus(Enum):
    """The two states of an export. There is no failed state: an export that fails stays pending."""

    PENDING = "pending"
    AVAILABLE = "available"


@dataclass(frozen=True)
class ExportType:
    """A type that `exports/types/` lists."""

    code: str
    name: str

    @property
    def is_usable(self) -> bool:
        """Whether its code can be a stream's name, which targets use for tables, files and log lines."""
        return (
            self.code.isprintable()
            and len(self.code) <= _LONGEST_CODE
            and not self.code.startswith(".")
            and not _NOT_IN_NAMES & set(self.code)
        )


@dataclass(frozen=True)
class Export:
    """An export as the store reports it."""

    id: int
    type: str
    status: ExportStatus
    created_at: datetime | None
    window: Window | None
    """The whole seconds that it certainly covers; None where the store does not report both dates."""

    @classmethod
    def of(cls, body: Any) -> Export:  # noqa: ANN401 - decoded JSON
        """Read one from JSON.

        Raises:
            WrongShape: If it is not an export.
            ExportStuck: If its status is unknown.
        """
        found = _object(body, "an export")
        status = found.get("status")
        known = ExportStatus.PENDING if status is None else next((s for s in ExportStatus if s.value == status), None)
        if known is None:
            raise ExportStuck(
                f"export {id_of(found)} has the unknown status {_word(status)}",
                "Check it in the store, and upgrade tap-exports.",
            )
        window = _window(_moment(found.get("date_from")), _moment(found.get("date_to")))
        code = found.get("type")
        return cls(id_of(found), str(code or ""), known, _moment(found.get("created_at")), window)


@dataclass(frozen=True)
class Webhook:
    """A webhook that is registered at the store."""

    id: int
    target: str

    @classmethod
    def of(cls, body: Any) -> Webhook:  # noqa: ANN401
        """Read one from JSON.

        Raises:
            WrongShape: If it is not a webhook.
        """
        found = _object(body, "a webhook")
        return cls(id_of(found), str(found.get("target") or ""))


@dataclass(frozen=True)
class Page(Generic[T]):
    """A page of a list."""

    next: str | None
    results: list[T]


def json_of(content: bytes) -> Any:  # noqa: ANN401
    """The JSON of a response's body.

    Raises:
        WrongShape: If it is not JSON, for instance HTML.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        kind = "an empty body" if not content.strip() else "a body that is not JSON"
        raise WrongShape(f"the response has {kind}", is_json=False) from None


def types_of(body: Any) -> list[ExportType]:  # noqa: ANN401
    """The export types, each code once, in the store's order.

    Raises:
        WrongShape: If it is not such a list.
    """
    found = _object(body, "the types").get("types")
    if not isinstance(found, list) or not all(isinstance(t, dict) and isinstance(t.get("code"), str) for t in found):
        raise WrongShape("the response has no list of export types")
    unique = {t["code"]: ExportType(t["code"], str(t.get("name") or t["code"])) for t in found if t["code"]}
    return list(unique.values())


def link_of(body: Any) -> str:  # noqa: ANN401
    """The signed link of a download.

    Raises:
        WrongShape: If it is not a link.
    """
    url = _object(body, "a link").get("url")
    if not isinstance(url, str) or not url.startswith(("https://", "http://")) or not url.isprintable():
        raise WrongShape("the response has no link to the file")
    return url


def timezone_of(body: Any) -> str | None:  # noqa: ANN401
    """The IANA name of the store's time zone, not validated; None where the store has none.

    Raises:
        WrongShape: If it is not a store, or has no field for the zone.
    """
    # The OpenAPI document says a list of stores; the vendor's own client reads an object.
    store = body[0] if isinstance(body, list) and len(body) == 1 else body
    zone = _object(store, "the store").get("timezone", False)
    if zone is not None and not isinstance(zone, str):
        raise WrongShape("the response has no time zone")
    return zone or None


def definition_of(body: Any) -> Definition | None:  # noqa: ANN401
    """A metadata definition; None for one that is not in exports.

    Raises:
        WrongShape: If it is not a definition.
    """
    found = _object(body, "a metadata definition")
    if found.get("enable_export") is False:
        return None
    kind = str(found.get("type") or "").lower().replace("_", " ").strip()
    return Definition(
        name=str(found.get("name") or ""),
        key=str(found.get("key") or ""),
        object=str(found.get("object") or ""),
        type=METADATA_TYPES.get(kind),
    )


def page_of(body: Any, parse: Callable[[Any], T]) -> Page[T]:  # noqa: ANN401
    """A page of a list; a plain list is its only page.

    Raises:
        WrongShape: If it is not a list, or an item has the wrong shape.
    """
    if isinstance(body, list):
        return Page(None, [parse(item) for item in body])
    found = _object(body, "a list")
    results, following = found.get("results"), found.get("next")
    if not isinstance(results, list) or not (following is None or isinstance(following, str)):
        raise WrongShape("the response has no list")
    return Page(following or None, [parse(item) for item in results])


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
    return _shorten(masked("; ".join(parts)).encode("utf-8", "replace"), _LONGEST)


def _word(value: Any) -> str:  # noqa: ANN401
    """A short word; any other text of a response may contain a secret."""
    return repr(value) if isinstance(value, str) and value.isalpha() and len(value) <= _LONGEST_WORD else "(not a word)"


def _shorten(content: bytes, longest: int) -> str:
    text = " ".join(content[: longest * 4].decode("utf-8", "replace").split())
    return text if len(text) <= longest else f"{text[:longest]}…"


def _object(body: Any, what: str) -> dict[str, Any]:  # noqa: ANN401
    if not isinstance(body, dict):
        raise WrongShape(f"the response is {type(body).__name__} instead of {what}")
    return body


def id_of(found: dict[str, Any]) -> int:
    """The id of an object.

    Raises:
        WrongShape: If it has none.
    """
    number = found.get("id")
    if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) <= _LONGEST_ID:
        return int(number)
    if not isinstance(number, int) or isinstance(number, bool):
        raise WrongShape("the response has no valid id")
    return number


def _window(start: datetime | None, end: datetime | None) -> Window | None:
    """The whole seconds between two times; a fraction at either end is not included."""
    if start is None or end is None:
        return None
    first, last = whole_second(start), whole_second(end)
    if first < start and first < last:
        first += SECOND
    return Window(first, last) if first < last else None


def _moment(text: Any) -> datetime | None:  # noqa: ANN401
    """A time of the API in RFC 3339; without an offset it is UTC. None where it is missing or invalid."""
    if not isinstance(text, str) or not text:
        return None
    try:
        return to_instant(text)
    except ValueError:
        return None
