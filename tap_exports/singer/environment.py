"""Settings from environment variables."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from tap_exports.errors import InvalidSettings
from tap_exports.singer.compat import parse_environment_config

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_environment(schema: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The settings from variables with a prefix; an empty variable is not set. The SDK reads each one separately.

    Raises:
        InvalidSettings: If variables cannot be read, naming their settings.
    """
    found: dict[str, Any] = {}
    errors = []
    for name, setting in schema["properties"].items():
        if not os.environ.get(f"{prefix}{name.upper()}"):
            continue
        try:
            found |= parse_environment_config({"properties": {name: setting}}, prefix)
        except (ValueError, ArithmeticError, RecursionError):
            expected = "a plain whole number" if "integer" in setting["type"] else "valid JSON"
            errors.append(f"{name}: the environment variable is not {expected}")
    if errors:
        raise InvalidSettings(errors)
    return found
