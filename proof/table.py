"""A target's rows compared with the store's, key by key and cell by cell."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from runs import CODE, HEADER, KEY, column

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_exports.sandbox import Sandbox


@dataclass
class Table:
    """The differences of a target's rows from the store's; none if all counts but `cells` are 0."""

    lost: int = 0
    """Keys up to the bookmark that only the store has."""
    doubled: int = 0
    """Rows beyond one per key."""
    wrong: int = 0
    """Rows with a wrong cell, or with a key that the store does not have."""
    cells: int = 0
    """Cells compared."""
    examples: list[str] = field(default_factory=list)


def compare(store: Sandbox, until: datetime, rows: Iterable[dict[str, Any]], zone: str | None = None) -> Table:
    """Compare a target's rows up to its bookmark with the store's, each with the file of the export that it names.

    `zone` is that of times without an offset; None for the store's own.
    """
    found, files, rows = Table(), _Files(store, zone or store.options.timezone), list(rows)
    times = Counter(str(row[KEY]) for row in rows)
    missing = {row[HEADER] for row in store.rows(CODE, store.start_date, until)} - times.keys()
    found.lost = len(missing)
    found.doubled = len(rows) - len(times)
    if missing:
        found.examples.append(f"lost: {min(missing)}")
    if found.doubled:
        found.examples.append(f"twice: {times.most_common(1)[0][0]}")
    for row in rows:
        cells = files.row(int(row["export_id"]), str(row[KEY]))
        found.cells += len(cells)
        differing = files.differing(cells, row) if cells else f"export {row['export_id']} has no such row"
        if differing:
            found.wrong += 1
            found.examples.append(f"wrong: {row[KEY]}, {differing}")
    return found


class _Files:
    """The files of a store's exports."""

    def __init__(self, store: Sandbox, zone: str) -> None:
        self._store = store
        self._zone = ZoneInfo(zone)
        self._ids = {export.id for export in store.exports if export.type == CODE}
        self._read: dict[int, dict[str, dict[str, str]]] = {}

    def row(self, number: int, key: str) -> dict[str, str]:
        """A row of an export's file, by header; None if there is none."""
        if number not in self._ids:
            return {}
        if number not in self._read:
            text = self._store.file(number).decode()
            self._read[number] = {row[HEADER]: row for row in csv.DictReader(io.StringIO(text, newline=""))}
        return self._read[number].get(key, {})

    def differing(self, cells: dict[str, str], row: dict[str, Any]) -> str:
        """The first cell of a target's row that differs from the file, or None."""
        for header, text in cells.items():
            value = row.get(column(header))
            if not self._same(text, value):
                return f"{header}: {text!r} became {value!r}"
        return ""

    def _same(self, text: str, value: Any) -> bool:
        """Whether a cell of the table has the value of the file's text."""
        if value is None:
            return not text
        if isinstance(value, bool):
            return text == str(value)
        if isinstance(value, (int, float, Decimal)):
            return _number(text) == Decimal(str(value))
        if isinstance(value, datetime):
            return self._instant(text) == _utc(value)
        if isinstance(value, date):
            return text == value.isoformat()
        moment = self._instant(text)
        return text == value or (moment is not None and moment == self._instant(str(value)))

    def _instant(self, text: str) -> datetime | None:
        """A text's instant, in the store's zone where it has no offset."""
        try:
            moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        except ValueError:
            return None
        return _utc(moment if moment.tzinfo else moment.replace(tzinfo=self._zone))


def _utc(moment: datetime) -> datetime:
    """An instant in UTC; times without a zone are UTC in a database."""
    return moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
