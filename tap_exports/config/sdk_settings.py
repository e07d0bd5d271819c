"""The check of stream maps and flattening before any request: the SDK finds errors in them only during the sync."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from tap_exports.errors import shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NOTHING = "__NULL__"
"""What a stream map contains instead of null."""

_OPTIONS = ("__alias__", "__source__", "__else__", "__filter__", "__key_properties__")
_EXPRESSIONS = ("__alias__", "__filter__")


def well_formed(schema: Any) -> Any:  # noqa: ANN401
    """A JSON schema without the strings that the SDK has where there should be schemas."""
    if isinstance(schema, list):
        return [well_formed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    options = {"anyOf": [part for part in schema["anyOf"] if isinstance(part, dict)]} if "anyOf" in schema else {}
    return {name: well_formed(part) for name, part in (schema | options).items()}


def sdk_validation_errors(config: Mapping[str, Any]) -> Iterator[str]:
    """One line for each error in the SDK's own settings, which fit the JSON schema."""
    yield from _maps(config.get("stream_maps") or {})
    yield from _flattening(config)


def _maps(maps: Mapping[str, Any]) -> Iterator[str]:
    for stream, mapped in maps.items():
        if stream.startswith("__") and stream != "__else__":
            yield f"stream_maps: {_shown(stream)} is not a stream"
        if not isinstance(mapped, dict):
            continue
        if not isinstance(mapped.get("__source__", ""), str):
            yield f"stream_maps: {shortened(stream, 80)}.__source__ is not the name of a stream"
        for name, text in mapped.items():
            where = f"stream_maps: {shortened(stream, 80)}.{shortened(name, 80)}"
            if not name:
                yield f"stream_maps: {shortened(stream, 80)} has a column without a name"
            elif isinstance(text, str) and _is_evaluated(name, text) and not _is_expression(text):
                yield f"{where} is {_shown(text)}, which is not a Python expression"


def _is_evaluated(name: str, text: str) -> bool:
    return name in _EXPRESSIONS or (name not in _OPTIONS and text != NOTHING)


def _is_expression(text: str) -> bool:
    """Whether a text is one Python expression, which is what the SDK evaluates."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return len(body) == 1 and isinstance(body[0], ast.Expr)


def _flattening(config: Mapping[str, Any]) -> Iterator[str]:
    depth, longest = config.get("flattening_max_depth"), config.get("flattening_max_key_length")
    if config.get("flattening_enabled") and depth is None:
        yield "flattening_max_depth: required with flattening_enabled"
    if depth is not None and depth < 0:
        yield f"flattening_max_depth: {depth} is not 0 or more"
    if longest is not None and longest < 1:
        yield f"flattening_max_key_length: {longest} is not 1 or more"


def _shown(value: Any) -> str:  # noqa: ANN401
    return shortened(repr(value), 80)
