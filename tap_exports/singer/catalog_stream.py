"""CatalogStream: the columns and the key of an export type's stream, from a catalog or from the files' headers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib.catalog import Metadata

from tap_exports.errors import SettingsError
from tap_exports.schema.keys import key_error
from tap_exports.schema.layout import Layout, standard_layout
from tap_exports.schema.stream_layout import StreamLayout
from tap_exports.singer.bookmark import REPLICATION_KEY
from tap_exports.singer.mapped_stream import MappedStream

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk import Tap
    from singer_sdk.singerlib import Catalog

    from tap_exports.context import RunContext


class CatalogStream(MappedStream):
    """The stream of one export type. Without a catalog, its columns are unknown until the first file."""

    replication_key = REPLICATION_KEY

    def __init__(self, tap: Tap, code: str, run: RunContext) -> None:
        super().__init__(tap, code, run)
        self.layout = StreamLayout(code, run.knowledge, tap.config["on_new_column"], self.logger)

    @property
    @override
    def has_columns(self) -> bool:
        return self.layout.current is not None

    @property
    def _current(self) -> Layout:
        return self.layout.current or standard_layout(self.name, self.run.knowledge)

    @property
    @override
    def schema(self) -> dict[str, Any]:
        return self._current.schema()

    @property
    @override
    def primary_keys(self) -> list[str]:
        return list(self._current.keys)

    @primary_keys.setter
    def primary_keys(self, new_value: Iterable[str]) -> None:
        """No effect: `apply_catalog` reads the catalog itself."""

    @property
    def selected_columns(self) -> set[str]:
        """Names of the columns to write. A column that is not in the catalog is selected with its stream."""
        return {name for name in self.schema["properties"] if self.mask["properties", name]}

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        super().apply_catalog(catalog)
        self.replication_key = REPLICATION_KEY
        self.use_own_schema()
        if entry := catalog.get_stream(self.name):
            root = entry.metadata.root
            keys = entry.key_properties or root.table_key_properties or ()
            self.adopt(Layout.of_schema(self.name, entry.schema.to_dict(), keys, self.run.knowledge))
            if error := key_error(self.primary_keys):
                raise SettingsError(f"the catalog's key of stream {self.name} cannot be used: {error}")
            for name in self.primary_keys:  # targets identify records by them
                if found := entry.metadata.get(("properties", name)):
                    found.inclusion = Metadata.InclusionType.AUTOMATIC

    def adopt(self, layout: Layout) -> None:
        """Use the columns and the key of a catalog or of discovery."""
        self.layout.adopt(layout)
        self.use_schema()

    def use_schema(self) -> None:
        """Let the SDK derive maps and selection from the current schema."""
        self.reset_maps()
        if not self.tap.input_catalog:
            self.reset_metadata()

    def report_columns(self, where: str) -> None:
        """Log the source of the columns, and warn of column_types for columns that do not exist."""
        names = {column.name for column in self._current.columns}
        self.logger.info("%s: %d columns, from %s", self.name, len(names), where)
        for name in sorted(set(self.run.knowledge.column_types.get(self.name, {})) - names):
            self.logger.warning("column_types names the column %s.%s, which the stream does not have", self.name, name)

    @property
    def is_plain(self) -> bool:
        """Whether records are written unchanged: no stream map, no flattening."""
        maps = self.stream_maps
        return len(maps) == 1 and type(maps[0]) is SameRecordTransform and not maps[0].flattening_enabled
