"""The files that a run is given: config, catalog, state. Read as JSON objects, or refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, Any

from tap_exports.errors import SettingsError


def json_object(text: str, what: str) -> dict[str, Any]:
    """The JSON object that a file holds.

    Args:
        text: Its content.
        what: What to call it in an error.

    Raises:
        SettingsError: If it is no JSON, or no object.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{what} is no JSON: {error}", "Look at the file; an empty object is {}.") from None
    if not isinstance(found, dict):
        raise SettingsError(f"{what} is JSON, but no object", "It has to begin with { and end with }.")
    return found


def read_config(path: str) -> None:
    """Make sure that a config file can be read; the SDK then reads it.

    Args:
        path: Where it is.

    Raises:
        SettingsError: If it cannot be read, or is no JSON object.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise SettingsError(f"the config file {path} cannot be read: {reason}") from None
    json_object(text, f"the config file {path}")


def read_object(file: IO[str], what: str) -> str:
    """The text of a file that holds a JSON object.

    Args:
        file: Open for reading.
        what: What to call it in an error.

    Raises:
        SettingsError: If it is no JSON object.
    """
    try:
        text = file.read()
    except ValueError:
        raise SettingsError(f"{what} {file.name} is not UTF-8") from None
    json_object(text, f"{what} {file.name}")
    return text


def check_catalog(catalog: Any) -> None:  # noqa: ANN401 - whatever the file holds
    """Refuse a catalog that the SDK would stumble over.

    Args:
        catalog: The decoded JSON.

    Raises:
        SettingsError: If it is no Singer catalog.
    """
    streams = catalog.get("streams") if isinstance(catalog, dict) else None
    if not isinstance(streams, list):
        raise SettingsError('the catalog has no list "streams"', "Make a new one with --discover.")
    for n, entry in enumerate(streams, start=1):
        fault = _fault(entry)
        if fault:
            name = entry.get("tap_stream_id", n) if isinstance(entry, dict) else n
            raise SettingsError(f"the catalog's stream {name} has {fault}", "Make a new one with --discover.")


def _fault(entry: Any) -> str | None:  # noqa: ANN401
    if not isinstance(entry, dict):
        return "no object"
    if not isinstance(entry.get("tap_stream_id"), str):
        return "no tap_stream_id"
    schema = entry.get("schema", {})
    properties = schema.get("properties", {}) if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or not all(isinstance(p, dict) for p in properties.values()):
        return "a schema that is none"
    keys = entry.get("key_properties") or []
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        return "key_properties that are no list of names"
    metadata = entry.get("metadata", [])
    if not isinstance(metadata, list) or not all(map(_is_metadata, metadata)):
        return "metadata that is none"
    return None


def _is_metadata(item: Any) -> bool:  # noqa: ANN401
    return (
        isinstance(item, dict)
        and isinstance(item.get("breadcrumb"), list)
        and all(isinstance(part, str) for part in item["breadcrumb"])
        and isinstance(item.get("metadata"), dict)
    )
