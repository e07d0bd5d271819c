"""The output of one run of the tap."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

CODE = "order_list"
KEY, HEADER = "order_number", "Order Number"
_HEAD = re.compile(r"^\d{4}-\d\d-\d\d [^|]*\| (\w+) +\|[^|]*\| ?(.*)$")


@dataclass
class Run:
    """The output of a run."""

    messages: list[dict[str, Any]]
    code: int
    log: str
    out: str
    hung: bool = False

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records of the stream, in order."""
        return [m["record"] for m in self.messages if m["type"] == "RECORD"]

    @property
    def state(self) -> dict[str, Any] | None:
        """The last state that a reader received."""
        states = [m["value"] for m in self.messages if m["type"] == "STATE"]
        return states[-1] if states else None

    @property
    def finished(self) -> bool:
        """Whether the stream is complete, so that the process only has to end."""
        return '"metric":"sync_duration"' in self.log and '"status":"succeeded"' in self.log

    @property
    def errors(self) -> list[str]:
        """The ERROR lines."""
        return [found[2] for line in self.log.splitlines() if (found := _HEAD.match(line)) and found[1] == "ERROR"]

    @property
    def tracebacks(self) -> int:
        """The number of tracebacks above the debug level."""
        level, seen = "", 0
        for line in self.log.splitlines():
            if found := _HEAD.match(line):
                level = found[1]
            seen += line.startswith("Traceback") and level != "DEBUG"
        return seen


def whole_lines(text: str) -> list[dict[str, Any]]:
    """The complete lines of an output."""
    return [json.loads(line, parse_float=str) for line in text[: text.rfind("\n") + 1].split("\n") if line]


def column(header: str) -> str:
    """The column's name of one of the practice store's headers."""
    return re.sub(r"[^a-z0-9]+", "_", header.lower()).strip("_")


def bookmark(state: dict[str, Any] | None) -> datetime | None:
    """The stream's bookmark in a state."""
    value = (state or {}).get("bookmarks", {}).get(CODE, {}).get("replication_key_value")
    return datetime.fromisoformat(value.replace("Z", "+00:00")) if value else None
