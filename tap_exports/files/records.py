"""A checked file's rows → typed records, in batches.

Columns and converters are planned once for a file. A batch is converted column by column. A text that repeats is
converted once; columns that are not selected are not converted.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any

from tap_exports.errors import BadData
from tap_exports.schema.bulk_values import bulk_converter
from tap_exports.schema.keys import LineKeys
from tap_exports.schema.names import EXPORT_LINE, column_names
from tap_exports.schema.values import is_null
from tap_exports.window import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from datetime import tzinfo

    from tap_exports.files.checked import CheckedFile
    from tap_exports.schema.layout import Column, Layout
    from tap_exports.schema.numeric_values import NumberReadings
    from tap_exports.schema.types import ColumnType
    from tap_exports.window import Window

_REMEMBERED = 1000
"""The most texts of a column whose values are cached from one batch to the next."""
_SHORT = 100
"""The most characters of a text that is cached."""
_EXAMPLE = 40


class _Invalid:
    """Marks a cell that does not fit its column's type."""


_INVALID = _Invalid()


@dataclass
class InvalidCells:
    """Counts and examples of the cells of a file that do not fit their column's type."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, text: str) -> None:
        """Count a cell of a column."""
        self.counts[name] = self.counts.get(name, 0) + 1
        self.examples.setdefault(name, text if len(text) <= _EXAMPLE else f"{text[:_EXAMPLE]}…")

    def lines(self, rows: int) -> Iterator[str]:
        """A line for each column with such cells; `rows` is the number of the file's rows."""
        for name, count in self.counts.items():
            line = f"{name}: {count} of {rows} cells do not fit, for instance {self.examples[name]!r}"
            if count * 2 > rows:
                line += f'; set column_types, {{"<stream>": {{"{name}": "string"}}}}, if it is another type'
            yield line


class _Values(dict):  # type: ignore[type-arg]
    """A cache of a column's texts and values. A column whose texts rarely repeat is converted without it."""

    def __init__(
        self, convert: Callable[[str], Any], in_bulk: Callable[[Sequence[str]], list[Any] | None] | None
    ) -> None:
        super().__init__()
        self._convert = convert
        self._in_bulk = in_bulk
        self._mostly_distinct = False
        self.has_invalid = False

    def __missing__(self, text: str) -> Any:  # noqa: ANN401
        try:
            value = self._convert(text)
        except ValueError:  # no type has a value that looks like a null
            value = None if is_null(text) else _INVALID
            self.has_invalid = self.has_invalid or value is _INVALID
        if len(text) <= _SHORT:
            self[text] = value
        return value

    def of(self, cells: Sequence[str]) -> list[Any]:
        if self._in_bulk is not None and (plain := self._in_bulk(cells)) is not None:
            return plain
        if self._mostly_distinct:
            convert = self._convert
            with suppress(ValueError):  # a cell is a null such as None, or invalid
                return [convert(cell) if cell else None for cell in cells]
        known = len(self)
        values = list(map(self.__getitem__, cells))
        self._mostly_distinct = self._mostly_distinct or (len(self) - known) * 2 > len(cells)
        if self._mostly_distinct or len(self) > _REMEMBERED:
            self.clear()
        return values


def _values_of(column_type: ColumnType, zone: tzinfo, numbers: NumberReadings, position: int) -> _Values | None:
    """The converter of a column's cells; None for text, which is verbatim."""
    convert = column_type.converter(zone)
    if convert is None:
        return None
    as_read = numbers.converter(position, convert)
    return _Values(as_read, bulk_converter(column_type, convert) if as_read is convert else None)


@dataclass(frozen=True)
class _Planned:
    """A column of the records: the position of its cells in a row, and their converter."""

    name: str
    position: int
    values: _Values | None


class Records:
    """The typed records of one file.

    `layout` is that of the SCHEMA message: some or all of the file's columns. `zone` is for times without an offset.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a record
        self,
        file: CheckedFile,
        window: Window,
        export_id: int,
        layout: Layout,
        selected: Collection[str],
        zone: tzinfo,
    ) -> None:
        self._file = file
        self._window = window
        self._export_id = export_id
        self._layout = layout
        self._selected = selected
        self._names = column_names(file.header)

        def planned(column: Column) -> _Planned:
            position = self._names.index(column.name)
            return _Planned(column.name, position, _values_of(column.type, zone, file.checked.numbers, position))

        self._plan = [planned(column) for column in layout.columns if column.name in selected]
        self._parents = [planned(column) for column in layout.columns if column.name in layout.file_keys]
        self.invalid = InvalidCells()

    def batches(self) -> Iterator[list[dict[str, Any]]]:
        """The records in the file's order, a few hundred in a batch, fewer if rows are long."""
        self.invalid = InvalidCells()  # the file may be read twice
        lines = LineKeys(self._names, self._layout.line_identity)
        for batch in self._file.csv.batches():
            yield self._typed(batch, lines)

    def refuse_invalid(self) -> None:
        """Convert every cell, before the first record is written.

        Raises:
            BadData: If a cell does not fit its column's type.
        """
        for _ in self.batches():
            for name, example in self.invalid.examples.items():
                raise BadData(
                    f"a cell of {name} does not fit its type: {example!r}",
                    "on_invalid_value is fail; with keep, the text would be in invalid_values.",
                )

    def _typed(self, batch: list[list[str]], lines: LineKeys) -> list[dict[str, Any]]:
        columns = list(zip(*batch))  # noqa: B905 - all rows have the same width
        names: list[str] = []
        values: list[Iterable[Any]] = []
        invalid: dict[int, dict[str, str]] = {}
        for planned in self._plan:
            names.append(planned.name)
            cells = columns[planned.position]
            if planned.values is None:
                values.append([cell or None for cell in cells] if "" in cells else cells)
                continue
            typed = planned.values.of(cells)
            if planned.values.has_invalid:
                self._set_aside(planned.name, cells, typed, invalid)
            values.append(typed)
        for name, value in self._base(batch, columns, lines, invalid):
            if name in self._selected:
                names.append(name)
                values.append(value)
        return [dict(zip(names, record)) for record in _rows_of(values, len(batch))]  # noqa: B905

    def _set_aside(
        self, name: str, cells: tuple[str, ...], typed: list[Any], invalid: dict[int, dict[str, str]]
    ) -> None:
        """Replace cells that do not fit by null, and keep their texts for `invalid_values`."""
        for n, value in enumerate(typed):
            if value is _INVALID:
                typed[n] = None
                invalid.setdefault(n, {})[name] = cells[n]
                self.invalid.add(name, cells[n])

    def _base(
        self,
        batch: list[list[str]],
        columns: list[tuple[str, ...]],
        lines: LineKeys,
        invalid: dict[int, dict[str, str]],
    ) -> Iterator[tuple[str, Iterable[Any]]]:
        """The columns that the tap adds, in the schema's order."""
        yield "date_from", repeat(rfc3339(self._window.start))
        yield "date_to", repeat(rfc3339(self._window.end))
        yield "export_id", repeat(self._export_id)
        if self._layout.numbered:
            yield EXPORT_LINE, lines.of(self._parents_of(columns), batch)
        yield "invalid_values", [invalid.get(n) for n in range(len(columns[0]))] if invalid else repeat(None)

    def _parents_of(self, columns: list[tuple[str, ...]]) -> Iterable[object]:
        """The parent's key in each row, as a value, not as text."""
        keys = [
            columns[planned.position] if planned.values is None else planned.values.of(columns[planned.position])
            for planned in self._parents
        ]
        if not keys:  # primary_keys has export_line only
            return repeat(None, len(columns[0]))
        return keys[0] if len(keys) == 1 else zip(*keys)  # noqa: B905 - all have one value for each row


def _rows_of(values: list[Iterable[Any]], count: int) -> Iterable[tuple[Any, ...]]:
    return islice(zip(*values), count)  # noqa: B905 - constants repeat forever
