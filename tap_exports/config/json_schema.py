"""The JSON schema of the settings: the SDK's part of it, and its errors as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_exports.config.validation import CONFIDENTIAL
from tap_exports.errors import shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def well_formed(schema: Any) -> Any:  # noqa: ANN401
    """A JSON schema without the strings that the SDK has where there should be schemas."""
    if isinstance(schema, list):
        return [well_formed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    options = {"anyOf": [part for part in schema["anyOf"] if isinstance(part, dict)]} if "anyOf" in schema else {}
    return {name: well_formed(part) for name, part in (schema | options).items()}


def described(path: Sequence[Any], message: str, schema: Mapping[str, Any]) -> str:
    """The text of a schema error; without the value, if that may be a secret."""
    if not path:
        return shortened(message)
    name = shortened(".".join(map(str, path)), 80)
    if path[0] not in CONFIDENTIAL:
        return f"{name}: {shortened(message)}"
    if "enum" in schema:
        return f"{name}: it must be {' or '.join(schema['enum'])}"
    return f"{name}: it must be of the type {' or '.join(kind for kind in _kinds(schema) if kind != 'null')}"


def _kinds(schema: Mapping[str, Any]) -> Iterator[str]:
    """The types that a JSON schema allows."""
    kinds = schema.get("type", ())
    yield from [kinds] if isinstance(kinds, str) else kinds
    for one in schema.get("oneOf", ()):
        yield from _kinds(one)
