"""The files that a run is given: config, catalog, state. Read as JSON objects, or refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

from tap_exports.config.documents import load
from tap_exports.errors import SettingsError, shortened


def json_object(text: str, what: str) -> dict[str, Any]:
    """The JSON object that a file holds.

    Args:
        text: Its content.
        what: What to call it in an error.

    Raises:
        SettingsError: If it is no JSON, or no object.
    """
    try:
        found = load(text)
    except ValueError as error:
        reason = shortened(str(error))
        raise SettingsError(
            f"{what} is no JSON that can be used: {reason}", "Look at the file; an empty object is {}."
        ) from None
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
        raise SettingsError(f"the config file {shortened(path)} cannot be read: {reason}") from None
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
