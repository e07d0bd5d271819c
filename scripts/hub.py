"""`make hub`: write `hub/tap-exports.yml`, the plugin's definition for MeltanoHub and `meltano add --from-ref`.

It is the definition in `meltano.yml`, with the package instead of this checkout, and with the hub's own fields. Its
form is that of MeltanoHub's JSON schemas for extractors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "hub" / "tap-exports.yml"
HEADER = "# Written by `make hub` from meltano.yml. Not by hand.\n"
SHOWN: dict[str, Any] = {
    "variant": "tap-exports",
    "pip_url": "tap-exports[webhook]",
    "keywords": ["api", "meltano_sdk", "e-commerce"],
    "maintenance_status": "active",
    "quality": "unknown",
    "log_parser": "singer-sdk",
    "supported_python_versions": ["3.10", "3.11", "3.12", "3.13"],
    "prereq": "A token of the store's Admin API with the scopes `exports:read` and `exports:write`; `store:read` and"
    " `metadata:read` help.",
}


def definition() -> dict[str, Any]:
    """The plugin's definition."""
    (plugin,) = yaml.safe_load((ROOT / "meltano.yml").read_text())["plugins"]["extractors"]
    settings = [
        {**setting, "kind": "password"} if setting.get("sensitive") else setting for setting in plugin["settings"]
    ]
    return {**plugin, **SHOWN, "settings": settings}


def text() -> str:
    """The file's content."""
    return HEADER + str(yaml.safe_dump(definition(), sort_keys=True, allow_unicode=True, width=100))


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text())
