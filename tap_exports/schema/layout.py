"""The columns of a stream: decided from a file's header and a sample, held against later files. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tap_exports.schema.keys import EXPORT_LINE, choose_keys
from tap_exports.schema.names import BASE_COLUMNS, column_names, snake_case
from tap_exports.schema.types import (
    ColumnType,
    expected_columns,
    is_always_text,
    take_back,
    thing_of,
    type_by_name,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SAMPLE_ROWS = 500
"""Rows of a file that are looked at before its columns are decided."""


@dataclass(frozen=True)
class Column:
    """One column of a stream."""

    name: str
    type: ColumnType


@dataclass(frozen=True)
class Definition:
    """A merchant's own column, as `GET metadata/` tells it.

    Nobody has published whether an export's header shows the name or the key, so either is matched.
    """

    name: str
    key: str
    object: str
    type: ColumnType | None


@dataclass(frozen=True)
class Knowledge:
    """All that is known about columns before any file was seen."""

    column_types: Mapping[str, Mapping[str, ColumnType]] = field(default_factory=dict)
    """The user's own, by stream and column."""
    primary_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The user's own, by stream; an empty one means no key."""
    definitions: tuple[Definition, ...] = ()
    """The store's, where the token may read them."""

    def type_of(self, stream: str, name: str) -> tuple[ColumnType, bool]:
        """A column's type, and whether that is the user's last word.

        Args:
            stream: The export type's code.
            name: The column's name.

        Returns:
            The type, and True where `column_types` names it, so that no sample may take it back.
        """
        if override := self.column_types.get(stream, {}).get(name):
            return override, True
        defined = None if is_always_text(name) else self._defined(stream, name)
        return defined or type_by_name(stream, name), False

    def recognises(self, layout: Layout) -> bool:
        """Whether a file's own columns are anything that one may expect of its stream: a key, or a single name.

        Args:
            layout: What was decided from the file alone.
        """
        expected = {*expected_columns(layout.stream), *self.column_types.get(layout.stream, ()), *layout.file_keys}
        expected |= {snake_case(text) for one in self.definitions for text in (one.name, one.key)}
        prefix = f"{thing_of(layout.stream)}_"
        return any({c.name, c.name.removeprefix(prefix)} & expected for c in layout.columns)

    def _defined(self, stream: str, name: str) -> ColumnType | None:
        found = [d for d in self.definitions if d.type and name in (snake_case(d.name), snake_case(d.key))]
        own = [d for d in found if thing_of(stream) in d.object.lower()] or found
        kinds = {d.type for d in own}
        return kinds.pop() if len(kinds) == 1 else None


@dataclass(frozen=True)
class Layout:
    """What the schema in force says: a stream's columns and its key."""

    stream: str
    columns: tuple[Column, ...]
    keys: tuple[str, ...]

    @property
    def numbered(self) -> bool:
        """Whether records carry `export_line`."""
        return EXPORT_LINE in self.keys

    @property
    def file_keys(self) -> tuple[str, ...]:
        """The key's columns that the file itself has to have."""
        return tuple(key for key in self.keys if key not in BASE_COLUMNS)

    def schema(self) -> dict[str, Any]:
        """The stream's JSON schema: the CSV's columns, and the tap's own behind them."""
        properties = {c.name: c.type.json_schema(null=c.name not in self.keys) for c in self.columns}
        properties |= {
            "date_from": ColumnType.DATE_TIME.json_schema(null=False),
            "date_to": ColumnType.DATE_TIME.json_schema(null=False),
            "export_id": ColumnType.INTEGER.json_schema(null=False),
        }
        if self.numbered:
            properties[EXPORT_LINE] = ColumnType.INTEGER.json_schema(null=False)
        properties["invalid_values"] = {
            "type": ["object", "null"],
            "additionalProperties": {"type": "string"},
        }
        return {"type": "object", "properties": properties}

    @classmethod
    def of_schema(cls, stream: str, schema: Mapping[str, Any], keys: Sequence[str], knowledge: Knowledge) -> Layout:
        """The layout that a catalog's entry asks for; the user's `column_types` still win.

        Args:
            stream: The export type's code.
            schema: The entry's JSON schema.
            keys: The entry's key.
            knowledge: For the user's own types.
        """
        overrides = knowledge.column_types.get(stream, {})
        columns = tuple(
            Column(name, overrides.get(name) or ColumnType.of_schema(prop))
            for name, prop in schema.get("properties", {}).items()
            if name not in BASE_COLUMNS
        )
        return cls(stream, columns, tuple(knowledge.primary_keys.get(stream, tuple(keys))))

    def change(self, header: Sequence[str], sample: Sequence[Sequence[str]], knowledge: Knowledge) -> Change:
        """What a later file's header has, and has not, that this layout does.

        Args:
            header: The file's first row.
            sample: Some of its rows, for the types of new columns.
            knowledge: What is known about columns.
        """
        names = column_names(header)
        known = {column.name for column in self.columns}
        there = set(names)
        return Change(
            added=tuple(
                _column(self.stream, name, [row[n] for row in sample], knowledge)
                for n, name in enumerate(names)
                if name not in known
            ),
            gone=tuple(column.name for column in self.columns if column.name not in there),
        )

    def with_columns(self, added: Sequence[Column]) -> Layout:
        """This layout and some more columns.

        Args:
            added: The new ones.
        """
        return replace(self, columns=(*self.columns, *added))


@dataclass(frozen=True)
class Change:
    """How a file's header differs from the layout."""

    added: tuple[Column, ...]
    gone: tuple[str, ...]


def decide(stream: str, header: Sequence[str], sample: Sequence[Sequence[str]], knowledge: Knowledge) -> Layout:
    """The columns and the key of a stream, from one of its files.

    Args:
        stream: The export type's code.
        header: The file's first row.
        sample: Some of its rows, each as wide as the header.
        knowledge: What is known about columns.

    Returns:
        The layout, its columns in the file's order.
    """
    names = column_names(header)
    keys = knowledge.primary_keys.get(stream)
    keys = choose_keys(stream, names, sample) if keys is None else keys
    columns = [_column(stream, name, [row[n] for row in sample], knowledge) for n, name in enumerate(names)]
    return Layout(stream, tuple(columns), tuple(keys))


def is_prose(header: Sequence[str], layout: Layout, knowledge: Knowledge) -> bool:
    """Whether a file without rows is rather a line of text: with a comma in it, that is a header of two columns.

    Args:
        header: The file's only row.
        layout: What was decided from it.
        knowledge: What is known about columns.
    """
    sentence = any(cell[:1].isspace() for cell in header[1:]) or header[-1].rstrip().endswith((".", "!", "?"))
    return (len(header) == 1 or sentence) and not knowledge.recognises(layout)


def _column(stream: str, name: str, cells: Sequence[str], knowledge: Knowledge) -> Column:
    column_type, settled = knowledge.type_of(stream, name)
    return Column(name, column_type if settled else take_back(column_type, cells))


def standard_layout(stream: str, knowledge: Knowledge) -> Layout:
    """The columns that the API's own names let expect, where no file could be had.

    Args:
        stream: The export type's code.
        knowledge: What is known about columns.
    """
    return decide(stream, expected_columns(stream), (), knowledge)
