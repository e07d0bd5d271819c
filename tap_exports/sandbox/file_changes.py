"""What faults at `Place.CONTENT` do to an export's file."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from tap_exports.sandbox.columns import CellType, Role
from tap_exports.sandbox.faults import Fault, FaultKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tap_exports.sandbox.columns import Column

PROSE = b"The export could not be made.\r\nPlease try again later, or contact support.\r\n"
DELIMITERS = {FaultKind.SEMICOLONS: ";", FaultKind.TABS: "\t"}


@dataclass
class Table:
    """A file before it is written."""

    columns: list[Column]  # what each cell of a row is
    header: list[str]  # as written
    rows: list[list[str]]  # as written

    def find(self, role: Role) -> int | None:
        """The position of the first column with a role."""
        return next((at for at, column in enumerate(self.columns) if column.role is role), None)

    def keep(self, positions: Sequence[int]) -> None:
        """Leave the columns at these positions, in this order."""
        self.columns = [self.columns[at] for at in positions]
        self.header = [self.header[at] for at in positions]
        self.rows = [[row[at] for at in positions] for row in self.rows]

    def text(self, delimiter: str = ",") -> str:
        """As Python's csv module writes it."""
        written = io.StringIO(newline="")
        writer = csv.writer(written, delimiter=delimiter)
        writer.writerow(self.header)
        writer.writerows(self.rows)
        return written.getvalue()


def _conflicting_row(table: Table, _: Fault) -> None:
    for row in table.rows[:1]:
        at = next(at for at, one in enumerate(table.columns) if one.type is CellType.TEXT and one.role is Role.PLAIN)
        table.rows.append([*row[:at], f"{row[at]} changed", *row[at + 1 :]])


def _blank_key(table: Table, _: Fault) -> None:
    at = table.find(Role.LINE_ID)
    at = table.find(Role.OWN_KEY) if at is None else at
    middle = len(table.rows) // 2
    if table.rows and at is not None:
        table.rows[middle] = ["" if one == at else cell for one, cell in enumerate(table.rows[middle])]


def _totals_line(table: Table, _: Fault) -> None:
    totals = []
    for at, column in enumerate(table.columns):
        total = Decimal(0)
        for row in table.rows if column.type is CellType.MONEY else ():
            with suppress(InvalidOperation):  # a cell with a sign or separator
                total += Decimal(row[at])
        totals.append(str(total) if total else "")
    table.rows.append(totals)


def _dropped_column(table: Table, fault: Fault) -> None:
    table.keep([at for at, header in enumerate(table.header) if header != fault.value])


TABLE_CHANGES: dict[FaultKind, Callable[[Table, Fault], object]] = {
    FaultKind.REPEATED_HEADER: lambda table, _: table.rows.insert(len(table.rows) // 2, table.header),
    FaultKind.REORDERED_HEADER: lambda table, _: table.rows.insert(len(table.rows) // 2, table.header[::-1]),
    FaultKind.REPEATED_ROW: lambda table, _: table.rows.extend(table.rows[:1]),
    FaultKind.CONFLICTING_ROW: _conflicting_row,
    FaultKind.BLANK_KEY: _blank_key,
    FaultKind.TOTALS_LINE: _totals_line,
    FaultKind.DROPPED_COLUMN: _dropped_column,
    FaultKind.REVERSED_COLUMNS: lambda table, _: table.keep(range(len(table.header))[::-1]),
}


def _zipped(content: bytes, _: Fault) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export.csv", content)
    return packed.getvalue()


BYTE_CHANGES: dict[FaultKind, Callable[[bytes, Fault], bytes]] = {
    FaultKind.NO_LINE_BREAK: lambda content, _: content.removesuffix(b"\r\n"),
    FaultKind.EMPTY: lambda _content, _fault: b"",
    FaultKind.PROSE: lambda _content, _fault: PROSE,
    FaultKind.ZIP: _zipped,
    FaultKind.GZIP: lambda content, _: gzip.compress(content, 1, mtime=0),
}


def change_table(table: Table, faults: Sequence[Fault]) -> str:
    """Apply the faults that concern rows and cells, and write the table."""
    for fault in faults:
        if fault.kind in TABLE_CHANGES:
            TABLE_CHANGES[fault.kind](table, fault)
    return table.text(next((DELIMITERS[fault.kind] for fault in faults if fault.kind in DELIMITERS), ","))


def change_bytes(content: bytes, faults: Sequence[Fault]) -> bytes:
    """Apply the faults that concern the file as a whole."""
    for fault in faults:
        if fault.kind in BYTE_CHANGES:
            content = BYTE_CHANGES[fault.kind](content, fault)
    return content
