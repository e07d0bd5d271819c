"""The key of a CSV row, which must not be blank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_exports.errors import InvalidKey
from tap_exports.schema.values import is_null

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

KEY_HINT = "Set primary_keys for this stream to columns that are always filled and never repeat, or to [] for no key."


@dataclass(frozen=True)
class KeyColumn:
    """A column of the key: its position in a row, and the converter of its cells."""

    name: str
    position: int
    convert: Callable[[str], Any] | None


def key_values(keys: Sequence[KeyColumn], rows: Sequence[list[str]], first: int) -> Iterable[object]:
    """The key of each row; nothing without a key. `first` is the number of the first row.

    Raises:
        InvalidKey: If a key is blank or does not fit its type.
    """
    columns = [[_value(column, row, number) for number, row in enumerate(rows, first)] for column in keys]
    return columns[0] if len(columns) == 1 else zip(*columns)  # noqa: B905 - all have one value for each row


def _value(column: KeyColumn, row: list[str], number: int) -> object:
    cell = row[column.position]
    if is_null(cell):  # also in a text column: objects without a key would replace one another
        word = f" ({cell.strip()!r})" if cell.strip() else ""
        raise InvalidKey(f"row {number} has a blank {column.name}{word}, which is the key", KEY_HINT)
    if column.convert is None:
        return cell
    try:
        return column.convert(cell)
    except ValueError:
        raise InvalidKey(
            f"row {number} has {cell[:40]!r} for {column.name}, which is the key",
            "Set column_types for it to string, or primary_keys to other columns.",
        ) from None
