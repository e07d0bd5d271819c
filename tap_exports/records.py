"""A checked file's rows → typed records, many at a time.

The plan of a row (which columns, which converter, which output name) is made once for a file. Work goes
column by column over a batch of rows: a column's distinct texts are converted once each, and a column that
nobody has selected is never touched.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any

from tap_exports.errors import BadData
from tap_exports.keys import EXPORT_LINE
from tap_exports.names import column_names
from tap_exports.values import is_null
from tap_exports.windows import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from datetime import tzinfo

    from tap_exports.columns import Layout
    from tap_exports.exports import CheckedExport

_BATCH_ROWS = 1000
_BATCH_BYTES = 4 * 1024 * 1024
_REMEMBERED = 20_000
"""Texts of one column whose values are kept, so that memory stays flat."""
_EXAMPLE = 40


class _Invalid:
    """Stands in a column for a cell that is no value of its type."""


_INVALID = _Invalid()


@dataclass
class InvalidCells:
    """What a file has of cells that do not fit their column's type."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, text: str) -> None:
        """Count one.

        Args:
            name: The column.
            text: The cell.
        """
        self.counts[name] = self.counts.get(name, 0) + 1
        self.examples.setdefault(name, text if len(text) <= _EXAMPLE else f"{text[:_EXAMPLE]}…")

    def lines(self, rows: int) -> Iterator[str]:
        """A line for each column.

        Args:
            rows: Rows of the file.
        """
        for name, count in self.counts.items():
            line = f"{name}: {count} of {rows} cells do not fit, for instance {self.examples[name]!r}"
            if count * 2 > rows:
                line += f'; set column_types, {{"<stream>": {{"{name}": "string"}}}}, if the column is no such type'
            yield line


class _Values(dict):  # type: ignore[type-arg]
    """A column's texts and their values; a text that is not there yet is converted."""

    def __init__(self, convert: Callable[[str], Any]) -> None:
        super().__init__()
        self._convert = convert
        self.has_invalid = False

    def __missing__(self, text: str) -> Any:  # noqa: ANN401
        if is_null(text):
            value: Any = None
        else:
            try:
                value = self._convert(text)
            except ValueError:
                value, self.has_invalid = _INVALID, True
        self[text] = value
        return value

    def of(self, cells: tuple[str, ...]) -> list[Any]:
        if len(self) > _REMEMBERED:
            self.clear()
        return list(map(self.__getitem__, cells))


@dataclass(frozen=True)
class _Planned:
    """One column of the output: where its cells stand, and what makes their values."""

    name: str
    position: int | None
    values: _Values | None


class Records:
    """The typed records of one file.

    Args:
        export: The checked file.
        layout: The schema in force.
        selected: Names of the columns that go out.
        zone: The zone of times that carry no offset.
    """

    def __init__(self, export: CheckedExport, layout: Layout, selected: Collection[str], zone: tzinfo) -> None:
        self._export = export
        self._layout = layout
        self._selected = selected
        at = {name: n for n, name in enumerate(column_names(export.header))}
        self._plan = [
            _Planned(column.name, at.get(column.name), None if convert is None else _Values(convert))
            for column in layout.columns
            if column.name in selected
            for convert in [column.type.converter(zone)]
        ]
        self._parents = [at[name] for name in layout.file_keys] if layout.numbered else []
        self.invalid = InvalidCells()

    def batches(self) -> Iterator[list[dict[str, Any]]]:
        """The records, in the file's order.

        Yields:
            Lists of at most a thousand, fewer where rows are long.
        """
        rows = self._export.csv.rows()
        size = self._batch_size()
        lines = _line_numbers(self._parents, grouped=self._export.checked.grouped)
        while batch := list(islice(rows, size)):
            yield self._typed(batch, lines)

    def refuse_invalid(self) -> None:
        """Look at every cell before the first record goes out.

        Raises:
            BadData: If a cell does not fit its column's type.
        """
        for _ in self.batches():
            for line in self.invalid.lines(self._export.checked.rows):
                raise BadData(line, "on_invalid_value is fail; keep would put the text into invalid_values.")

    def _batch_size(self) -> int:
        average = self._export.size // max(1, self._export.checked.rows)
        return max(1, min(_BATCH_ROWS, _BATCH_BYTES // max(1, average)))

    def _typed(self, batch: list[list[str]], lines: Callable[[list[list[str]]], list[int]]) -> list[dict[str, Any]]:
        columns = list(zip(*batch))  # noqa: B905 - every row is as wide as the header, that was checked
        names: list[str] = []
        values: list[Iterable[Any]] = []
        invalid: dict[int, dict[str, str]] = {}
        for planned in self._plan:
            names.append(planned.name)
            if planned.position is None:
                values.append(repeat(None))
                continue
            cells = columns[planned.position]
            if planned.values is None:
                values.append([cell or None for cell in cells] if "" in cells else cells)
                continue
            typed = planned.values.of(cells)
            if planned.values.has_invalid:
                self._set_aside(planned.name, cells, typed, invalid)
            values.append(typed)
        for name, value in self._base(batch, lines, invalid):
            if name in self._selected:
                names.append(name)
                values.append(value)
        return [dict(zip(names, record)) for record in _rows_of(values, len(batch))]  # noqa: B905

    def _set_aside(
        self, name: str, cells: tuple[str, ...], typed: list[Any], invalid: dict[int, dict[str, str]]
    ) -> None:
        """Null for the cells that do not fit, and their texts for `invalid_values`."""
        for n, value in enumerate(typed):
            if value is _INVALID:
                typed[n] = None
                invalid.setdefault(n, {})[name] = cells[n]
                self.invalid.add(name, cells[n])

    def _base(
        self,
        batch: list[list[str]],
        lines: Callable[[list[list[str]]], list[int]],
        invalid: dict[int, dict[str, str]],
    ) -> Iterator[tuple[str, Iterable[Any]]]:
        """The columns that the tap itself adds, in the schema's order."""
        yield "date_from", repeat(rfc3339(self._export.window.start))
        yield "date_to", repeat(rfc3339(self._export.window.end))
        yield "export_id", repeat(self._export.export.id)
        if self._layout.numbered:
            yield EXPORT_LINE, lines(batch)
        yield "invalid_values", [invalid.get(n) for n in range(len(batch))] if invalid else repeat(None)


def _rows_of(values: list[Iterable[Any]], count: int) -> Iterable[tuple[Any, ...]]:
    return islice(zip(*values), count)  # noqa: B905 - constants repeat for ever


def _line_numbers(parents: list[int], *, grouped: bool) -> Callable[[list[list[str]]], list[int]]:
    """The function that numbers the lines of each parent, from 1, over one batch after the other."""
    seen: dict[tuple[str, ...], int] = {}

    def number(batch: list[list[str]]) -> list[int]:
        numbers = []
        for row in batch:
            parent = tuple([row[n] for n in parents])
            count = seen.get(parent, 0) + 1
            if count == 1 and grouped:
                seen.clear()  # the lines of one parent stand together: the others are done with
            seen[parent] = count
            numbers.append(count)
        return numbers

    return number
