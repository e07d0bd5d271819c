"""The columns and the key of a stream, from a file's header. Pure.

A type comes from, in this order: the setting `column_types`, the catalog, the store's metadata definitions, the names
that the API uses, rules over names, else `string`. Rows are used by `relaxed` only, in discovery.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tap_exports.schema.keys import candidates, choose_keys, line_identity_column
from tap_exports.schema.names import BASE_COLUMNS, EXPORT_LINE, column_names, snake_case
from tap_exports.schema.types import (
    KNOWN_DEFINITIONS,
    ColumnType,
    api_type,
    expected_columns,
    is_always_text,
    object_of,
    relax_type,
    type_by_rule,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

SAMPLE_ROWS = 500
"""Rows of a file that discovery samples."""


@dataclass(frozen=True)
class Column:
    """One column of a stream."""

    name: str
    type: ColumnType


@dataclass(frozen=True)
class Definition:
    """A merchant's own column, from `GET metadata/`.

    It is not published whether an export's header has the name or the key, so either matches.
    """

    name: str
    key: str
    object: str
    type: ColumnType | None

    @property
    def column_names(self) -> set[str]:
        """The names that its column can have."""
        return {snake_case(self.name), snake_case(self.key)} - {""}


@dataclass(frozen=True)
class Knowledge:
    """The sources of types and keys that are known before a file is read."""

    column_types: Mapping[str, Mapping[str, ColumnType]] = field(default_factory=dict)
    """The setting, by stream and column."""
    primary_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The setting, by stream; an empty tuple means no key."""
    definitions: tuple[Definition, ...] = ()
    """The store's metadata definitions, if the token may read them."""

    def type_of(self, stream: str, name: str) -> ColumnType:
        """A column's type, unless the catalog has one."""
        return self._known_type(stream, name) or type_by_rule(name)

    def is_from_rule(self, stream: str, name: str) -> bool:
        """Whether a column's type comes from a rule over names, so that a sample may contradict it."""
        return self._known_type(stream, name) is None

    def merchants_columns(self) -> set[str]:
        """Names of the merchant's own columns."""
        return {name for d in self.definitions if d.object.lower() not in _NOT_EXPORTED for name in d.column_names}

    def _known_type(self, stream: str, name: str) -> ColumnType | None:
        if override := self.column_types.get(stream, {}).get(name):
            return override
        if is_always_text(name):
            return ColumnType.STRING
        return self._defined(stream, name) or KNOWN_DEFINITIONS.get(name) or api_type(stream, name)

    def _defined(self, stream: str, name: str) -> ColumnType | None:
        found = [d for d in self.definitions if d.type and name in d.column_names]
        own = [d for d in found if object_of(stream) in d.object.lower()] or found
        kinds = {d.type for d in own if d.object.lower() not in _NOT_EXPORTED}
        return kinds.pop() if len(kinds) == 1 else None


_NOT_EXPORTED = ("blog", "page")
"""Objects that have metadata definitions and no export."""


@dataclass(frozen=True)
class Layout:
    """A stream's columns and its key."""

    stream: str
    columns: tuple[Column, ...]
    keys: tuple[str, ...]
    line_identity: str | None = None
    """The column for `export_line` that says what a line is. A column that is added later does not replace it."""

    @property
    def numbered(self) -> bool:
        """Whether records have `export_line`."""
        return EXPORT_LINE in self.keys

    @property
    def file_keys(self) -> tuple[str, ...]:
        """The key's columns that the file itself must have."""
        return tuple(key for key in self.keys if key not in BASE_COLUMNS)

    def parent_columns(self, written: Collection[str]) -> tuple[str, ...]:
        """The columns that identify a line item's parent; empty for other streams, or if they are not `written`."""
        if self.numbered:
            return self.file_keys
        present = {column.name for column in self.columns} & set(written) - set(self.keys)
        return next(((name,) for name in candidates(self.stream)[1] if name in present), ())

    @property
    def number_columns(self) -> tuple[int, ...]:
        """Positions of the integer and number columns."""
        kinds = (ColumnType.INTEGER, ColumnType.NUMBER)
        return tuple(n for n, column in enumerate(self.columns) if column.type in kinds)

    def schema(self) -> dict[str, Any]:
        """The stream's JSON schema: the CSV's columns, then the tap's own."""
        properties = {c.name: c.type.json_schema(null=c.name not in self.keys) for c in self.columns}
        properties |= {
            "date_from": ColumnType.DATE_TIME.json_schema(null=False),
            "date_to": ColumnType.DATE_TIME.json_schema(null=False),
            "export_id": ColumnType.INTEGER.json_schema(null=False),
        }
        if self.numbered:
            properties[EXPORT_LINE] = ColumnType.STRING.json_schema(null=False)
        properties["invalid_values"] = {
            "type": ["object", "null"],
            "additionalProperties": {"type": "string"},
        }
        return {"type": "object", "properties": properties}

    @classmethod
    def of_schema(cls, stream: str, schema: Mapping[str, Any], keys: Sequence[str], knowledge: Knowledge) -> Layout:
        """The layout of a catalog's entry; the settings `column_types` and `primary_keys` override it."""
        overrides = knowledge.column_types.get(stream, {})
        columns = tuple(
            Column(name, overrides.get(name) or ColumnType.of_schema(prop))
            for name, prop in schema.get("properties", {}).items()
            if name not in BASE_COLUMNS
        )
        identity = line_identity_column([c.name for c in columns], knowledge.merchants_columns())
        return cls(stream, columns, tuple(knowledge.primary_keys.get(stream, tuple(keys))), identity)


def decide(stream: str, header: Sequence[str], knowledge: Knowledge) -> Layout:
    """The columns, in the file's order, and the key, from the header of a file."""
    names = column_names(header)
    merchants = knowledge.merchants_columns()
    keys = knowledge.primary_keys.get(stream)
    keys = choose_keys(stream, names, merchants) if keys is None else keys
    columns = tuple(Column(name, knowledge.type_of(stream, name)) for name in names)
    return Layout(stream, columns, tuple(keys), line_identity_column(names, merchants))


def relaxed(layout: Layout, header: Sequence[str], sample: Sequence[Sequence[str]], knowledge: Knowledge) -> Layout:
    """The layout with types from rules relaxed to `string` where a sample of rows contradicts them. For discovery."""
    position = {name: n for n, name in enumerate(column_names(header))}

    def relax(column: Column) -> Column:
        if not knowledge.is_from_rule(layout.stream, column.name) or column.name not in position:
            return column
        cells = [row[position[column.name]] for row in sample]
        return replace(column, type=relax_type(column.type, cells))

    return replace(layout, columns=tuple(map(relax, layout.columns)))


def standard_layout(stream: str, knowledge: Knowledge) -> Layout:
    """The columns that the API documents, for a stream without any file."""
    return decide(stream, expected_columns(stream), knowledge)
