"""The comparison of a target's tables with the store's rows, by key and cell."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, NamedTuple

from targets.recording import NEW_COLUMN

if TYPE_CHECKING:
    from pathlib import Path

    from targets.listed import Target
    from targets.readers import Row, Tables
    from targets.recording import Sync


class Finding(NamedTuple):
    """The result of one sync.

    Attributes:
        ended: The exit code, with the last line of the log if it is not 0.
        state: Whether the target returned the tap's last state.
        rows: Rows found and rows expected, over all tables.
        tables: Tables whose count is as expected, and all tables.
        wrong: The number of differing cells by type, with an example.
        cells: The number of compared cells.
        filled: Rows with the new column filled, and how many were expected.
    """

    ended: str
    state: bool = False
    rows: tuple[int, int] = (0, 0)
    tables: tuple[int, int] = (0, 0)
    wrong: dict[str, tuple[int, str]] = {}  # noqa: RUF012
    cells: int = 0
    filled: tuple[int, int] = (0, 0)

    @property
    def differences(self) -> set[str]:
        """The names of the differences from the store; cells by their types."""
        checks = {
            "exit": self.ended == "0",
            "state": self.state,
            "rows": self.rows[0] == self.rows[1] and self.tables[0] == self.tables[1],
            "new column": self.filled[0] == self.filled[1],
        }
        return {name for name, fine in checks.items() if not fine} | self.wrong.keys()


@dataclass
class Comparison:
    """Counts what differs between the store's rows and a target's."""

    cells: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def differs(self, kind: str, example: str) -> None:
        """Count a difference; the first of a kind is the example."""
        self.counts[kind] += 1
        self.examples.setdefault(kind, example)

    def table(
        self, found: dict[tuple[str, ...], Row], wanted: dict[tuple[str, ...], Row], kinds: dict[str, str]
    ) -> None:
        """Compare two tables by key, cell by cell."""
        for key, row in wanted.items():
            other = found.get(key)
            if other is None:
                self.differs("missing row", str(key))
                continue
            for name in row.keys() & kinds.keys():
                left, right = _plain(row[name], kinds[name]), _plain(other.get(name), kinds[name])
                self.cells += 1
                if left != right:
                    self.differs(kinds[name], f"{name}: {row[name]!r} became {other.get(name)!r}")


def compare(target: Target, syncs: list[Sync], tables: Tables, ended: str, *, state: bool) -> Finding:
    """Compare a target's tables with the store's rows of all syncs that it has read."""
    kinds, keys = _kinds_of(syncs[-1].messages, set(syncs[-1].rows))
    seen, surplus, comparison = 0, [], Comparison()
    for code, columns in kinds.items():
        maps = target.mapper.get("stream_maps", {}).get(code, {})
        key, all_rows = keys[code], [row for sync in syncs for row in sync.rows[code]]
        wanted = {_identity(row, key): row for row in all_rows}
        rows = tables.get(code, [])
        seen += len(rows)
        surplus.append(len(rows) - (len(wanted) if target.upserts else len(all_rows)))
        visible = {name: kind for name, kind in columns.items() if maps.get(name, name) is not None}
        comparison.table({_identity(row, key): row for row in rows}, wanted, visible)
    filled = sum(_plain(row.get(NEW_COLUMN), "number") is not None for row in tables.get("order_list", []))
    return Finding(
        ended,
        state,
        rows=(seen, seen - sum(surplus)),
        tables=(surplus.count(0), len(surplus)),
        wrong={kind: (number, comparison.examples[kind]) for kind, number in comparison.counts.items()},
        cells=comparison.cells,
        filled=(filled, syncs[-1].filled),
    )


def _kinds_of(messages: Path, types: set[str]) -> tuple[dict[str, dict[str, str]], dict[str, list[str]]]:
    """The columns' types and the key of the streams of export types, by stream."""
    kinds, keys = {}, {}
    with messages.open() as lines:
        for line in lines:
            if line.startswith('{"type":"SCHEMA"'):
                message = json.loads(line)
                if message["stream"] not in types:
                    continue
                columns = message["schema"]["properties"].items()
                kinds[message["stream"]] = {name: one.get("format") or one["type"][0] for name, one in columns}
                keys[message["stream"]] = message["key_properties"]
    return kinds, keys


def _instant(value: object) -> datetime:
    """A time in UTC; without a zone it is UTC, because some targets drop the zone."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)


def _plain(value: object, kind: str) -> object:
    """A cell's value in a form that can be compared."""
    if value is None or value == "":
        return None
    try:
        if kind in {"integer", "number"}:
            return Decimal(str(value))
        if kind == "boolean":
            return str(value).lower() in {"true", "1"}
        return _instant(value) if kind == "date-time" else str(value)
    except (ValueError, InvalidOperation):
        return f"unreadable: {value}"


def _identity(row: Row, key: list[str]) -> tuple[str, ...]:
    """A row's key as text."""
    return tuple(str(row[name]) for name in key)
