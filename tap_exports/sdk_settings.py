"""The settings that the SDK reads by itself, checked before any request: it would stumble over them midway. Pure."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from tap_exports.documents import shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NOTHING = "__NULL__"
"""What a stream map says instead of null."""

_OPTIONS = ("__alias__", "__source__", "__else__", "__filter__", "__key_properties__")
_EXPRESSIONS = ("__alias__", "__filter__")
_BATCH = {
    "batch_config": ("encoding", "storage", "batch_size"),
    "encoding": ("format", "compression"),
    "storage": ("root", "prefix", "params"),
}


def sdk_faults(config: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with settings of the SDK's own whose kinds are right: a line for each fault.

    Args:
        config: Settings that fit the JSON schema.

    Yields:
        Lines that name the setting, its value, and what is wanted.
    """
    yield from _maps(config.get("stream_maps") or {})
    yield from _flattening(config)
    yield from _batches(config.get("batch_config") or {})


def _maps(maps: Mapping[str, Any]) -> Iterator[str]:
    for stream, mapped in maps.items():
        if stream.startswith("__") and stream != "__else__":
            yield f"stream_maps: {_told(stream)} is no stream"
        if not isinstance(mapped, dict):
            continue
        for name, text in mapped.items():
            where = f"stream_maps: {shortened(stream, 80)}.{shortened(name, 80)}"
            if not name:
                yield f"stream_maps: {shortened(stream, 80)} has a column without a name"
            elif isinstance(text, str) and _is_evaluated(name, text) and not _is_expression(text):
                yield f"{where} is {_told(text)}, which is no expression"


def _is_evaluated(name: str, text: str) -> bool:
    return name in _EXPRESSIONS or (name not in _OPTIONS and text != NOTHING)


def _is_expression(text: str) -> bool:
    """Whether a text is one Python expression, as the SDK's own evaluator takes them."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return len(body) == 1 and isinstance(body[0], ast.Expr)


def _flattening(config: Mapping[str, Any]) -> Iterator[str]:
    depth, longest = config.get("flattening_max_depth"), config.get("flattening_max_key_length")
    if config.get("flattening_enabled") and depth is None:
        yield "flattening_max_depth: it has to be set when flattening_enabled is"
    if depth is not None and depth < 0:
        yield f"flattening_max_depth: {depth} is not 0 or more"
    if longest is not None and longest < 1:
        yield f"flattening_max_key_length: {longest} is not 1 or more"


def _batches(batch: Mapping[str, Any]) -> Iterator[str]:
    if not batch:
        return
    encoding, storage = batch.get("encoding") or {}, batch.get("storage") or {}
    for where, given in (("batch_config", batch), ("encoding", encoding), ("storage", storage)):
        for name in sorted(set(given) - set(_BATCH[where])):
            yield f"batch_config: {_told(name)} is none of {', '.join(_BATCH[where])}"
    if not encoding.get("format"):
        yield "batch_config: encoding.format has to be set, to jsonl or parquet"
    if not storage.get("root") or "\0" in storage["root"]:
        yield "batch_config: storage.root has to be set, to a folder or an address such as file:///tmp/batches"
    if not isinstance(params := storage.get("params", {}), dict):
        yield f"batch_config: storage.params is {_told(params)}, which is no object"
    size = batch.get("batch_size")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 1):
        yield f"batch_config: batch_size is {_told(size)}, which is no whole number of 1 or more"


def _told(value: Any) -> str:  # noqa: ANN401
    return shortened(repr(value), 80)
