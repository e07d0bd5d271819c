"""What changed in a stream's header since the schema in force, and what the settings say to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_exports.errors import BadData
from tap_exports.schema.names import column_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from logging import Logger, LoggerAdapter

    from tap_exports.schema.layout import Column, Knowledge, Layout


@dataclass
class SchemaChanges:
    """Holds each file's header against the layout in force, and says once what it finds."""

    stream: str
    on_new_column: str
    logger: Logger | LoggerAdapter[Logger]
    _gone: set[str] = field(default_factory=set)
    _ignored: set[str] = field(default_factory=set)

    def has_news(self, layout: Layout, header: Sequence[str]) -> bool:
        """Whether a file has columns that nobody has seen in this stream.

        Args:
            layout: The one in force.
            header: The file's first row.
        """
        known = {column.name for column in layout.columns} | self._ignored
        return not known.issuperset(column_names(header))

    def apply(self, layout: Layout, header: Sequence[str], knowledge: Knowledge) -> Layout:
        """The layout in force from a file on: the same object where nothing is new, or new columns are ignored.

        Raises:
            BadData: If there are new columns and the setting forbids them.
        """
        change = layout.change(header, knowledge)
        newly_gone = set(change.gone) - self._gone
        self._gone |= newly_gone
        added = [column for column in change.added if column.name not in self._ignored]
        if not added and not newly_gone:
            return layout
        names = ", ".join(sorted(c.name for c in added))
        if added and self.on_new_column == "fail":
            raise BadData(
                f"the file has columns that the catalog does not: {names}",
                "on_new_column is fail; discover again to take them in, or set it to add or ignore.",
            )
        self._tell(added, names, sorted(newly_gone))
        if self.on_new_column == "ignore":
            self._ignored |= {column.name for column in added}
            return layout
        return layout.with_columns(added) if added else layout

    def _tell(self, added: Sequence[Column], names: str, gone: list[str]) -> None:
        what = "ignored" if self.on_new_column == "ignore" else "added"
        if added and gone:
            self.logger.warning(
                "%s: columns have changed, perhaps by another name: %s gone (null from now on), %s new (%s)",
                self.stream, ", ".join(gone), names, what,
            )  # fmt: skip
        elif added:
            self.logger.info("%s: new columns, %s: %s", self.stream, what, names)
        else:
            self.logger.warning("%s: columns are gone, null from now on: %s", self.stream, ", ".join(gone))
