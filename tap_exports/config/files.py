"""The files of a run: config, catalog and state, each a JSON object."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from tap_exports.errors import SettingsError, shortened


def json_object(text: str, what: str, hint: str = "An empty object is {}.") -> dict[str, Any]:
    """The JSON object in a file's text.

    Raises:
        SettingsError: If it is not one; the message begins with `what`.
    """
    try:
        found = json.loads(text, parse_float=Decimal, parse_constant=_reject_constant)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise SettingsError(f"{what} is not valid JSON: {shortened(str(error))}", f"Correct the file. {hint}") from None
    if not isinstance(found, dict):
        raise SettingsError(f"{what} is JSON, but not an object", "It must begin with { and end with }.")
    return found


def read_config(path: str) -> None:
    """Check that a config file can be read; the SDK then reads it.

    Raises:
        SettingsError: If it cannot be read, or is not a JSON object.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise SettingsError(f"the config file {shortened(path)} cannot be read: {reason}") from None
    json_object(text, f"the config file {path}")


def read_object(file: IO[str], what: str, hint: str) -> dict[str, Any]:
    """The JSON object in an open file.

    Raises:
        SettingsError: If it is not one; the message begins with `what`.
    """
    try:
        with file:
            text = file.read()
    except ValueError:
        raise SettingsError(f"{what} {file.name} is not UTF-8") from None
    return json_object(text, f"{what} {file.name}", hint)


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
