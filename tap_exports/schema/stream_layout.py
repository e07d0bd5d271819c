"""StreamLayout: the one owner of a stream's columns and key during a run."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from tap_exports.errors import BadData, InvalidFile
from tap_exports.schema.layout import Layout, decide
from tap_exports.schema.names import colliding_cells, column_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from logging import Logger, LoggerAdapter

    from tap_exports.schema.layout import Column, Knowledge


_LOGGER = logging.getLogger("tap-exports")


class Key(NamedTuple):
    """What identifies a row."""

    columns: tuple[str, ...]
    line_identity: str | None
    """The column for `export_line` that says what a line is; None for a digest of the row, or without `export_line`."""

    @classmethod
    def of(cls, layout: Layout) -> Key:
        """The key of a layout."""
        return cls(layout.keys, layout.line_identity if layout.numbered else None)


class StreamLayout:
    """A stream's columns and key, which depend on headers, never on rows.

    The columns are those of the last file; each keeps its first type. The key comes from, in this order: the setting
    `primary_keys`, the catalog, the header. Only the setting may change the key of an earlier run.

    Workers call `of` in their threads; the reader calls the other methods.
    """

    def __init__(
        self,
        stream: str,
        knowledge: Knowledge,
        on_new_column: str = "add",
        logger: Logger | LoggerAdapter[Logger] = _LOGGER,
    ) -> None:
        self.stream = stream
        self.knowledge = knowledge
        self.current: Layout | None = None
        """The layout of the last SCHEMA message; None before the first file without a catalog."""
        self._on_new_column = on_new_column
        self._logger = logger
        self._known: dict[str, Column] = {}
        self._catalog_key: Key | None = None
        self._earlier_key: Key | None = None
        self._ignored: set[str] = set()
        self._reported: set[str] = set()

    def adopt(self, layout: Layout) -> None:
        """Use the columns and the key of a catalog, or of discovery."""
        self.current = layout
        self._known = {column.name: column for column in layout.columns}
        self._catalog_key = Key(layout.keys, layout.line_identity)

    def remember(self, key: Key) -> None:
        """Require the key that an earlier run chose.

        Raises:
            InvalidFile: If the catalog has another key.
        """
        self._earlier_key = key
        if self._catalog_key is not None:
            self._refuse_another_key(self._catalog_key.columns)

    def of(self, header: Sequence[str]) -> Layout:
        """The layout of one file: all of its columns, in its order, and the key.

        Raises:
            InvalidFile: If it has none of the stream's columns, or another key.
        """
        layout = decide(self.stream, header, self.knowledge)
        names = {column.name for column in layout.columns}
        if self._known and not names & set(self._known):
            raise InvalidFile(
                "the file contains none of the stream's columns",
                "If the store renamed them all, run --discover again.",
            )
        if self._catalog_key is not None:
            layout = replace(layout, keys=self._catalog_key.columns)
            if self._catalog_key.line_identity in names:
                layout = replace(layout, line_identity=self._catalog_key.line_identity)
        self._refuse_another_key(layout.keys)
        earlier = self._earlier_key
        if earlier is not None and layout.numbered and layout.keys == earlier.columns:
            layout = replace(layout, line_identity=earlier.line_identity)
        wanted = [*layout.file_keys, *([layout.line_identity] if layout.numbered and layout.line_identity else [])]
        if missing := [name for name in wanted if name not in names]:
            raise InvalidFile(
                f"the file has no column {', '.join(missing)}, which is part of the stream's key",
                f"Set primary_keys for {self.stream} to the columns that identify a row, or run --discover again.",
            )
        return replace(layout, columns=tuple(self._known.get(c.name, c) for c in layout.columns))

    def has_new_columns(self, header: Sequence[str]) -> bool:
        """Whether a file has columns that the stream did not have before."""
        return bool(self._known) and not (self._known.keys() | self._ignored).issuperset(column_names(header))

    def apply(self, header: Sequence[str]) -> bool:
        """Use a file's columns from now on; return whether SCHEMA changes.

        Raises:
            InvalidFile: As `of` does.
            BadData: If there are new columns and `on_new_column` forbids them.
        """
        layout, before = self.of(header), self.current
        self._report_header(header, layout)
        known = {*self._known, *self._ignored, *layout.keys} if self._known else {c.name for c in layout.columns}
        added = [column for column in layout.columns if column.name not in known]
        there = {column.name for column in layout.columns}
        gone = [c.name for c in before.columns if c.name not in there] if before else []
        self._report(added, [name for name in gone if name not in self._reported])
        self._earlier_key = Key.of(layout)
        if self._on_new_column == "ignore":
            self._ignored |= {column.name for column in added}
        columns = [column for column in layout.columns if column.name not in self._ignored]
        self._known |= {column.name: column for column in columns}
        if before is not None:  # remaining columns keep their order
            place = {column.name: n for n, column in enumerate(before.columns)}
            columns.sort(key=lambda column: place.get(column.name, len(place)))
        self.current = replace(layout, columns=tuple(columns))
        return before is None or before.columns != self.current.columns or before.keys != self.current.keys

    def _refuse_another_key(self, columns: tuple[str, ...]) -> None:
        earlier = self._earlier_key
        if self.stream in self.knowledge.primary_keys or earlier is None or columns == earlier.columns:
            return
        keep = json.dumps({self.stream: list(earlier.columns)})
        raise InvalidFile(
            f"the stream's key would change from {_named(earlier.columns)} to {_named(columns)}",
            f"To keep the key, set primary_keys to {keep}. For another key, load the stream into a new table.",
        )

    def _report_header(self, header: Sequence[str], layout: Layout) -> None:
        """Warn once in a run about a missing key, and about headers with the same name."""
        if not layout.keys and self.stream not in self.knowledge.primary_keys and self._once("no key"):
            self._logger.warning(
                "%s has no key, because no column identifies a row; targets append rows that they already have; "
                "set primary_keys",
                self.stream,
            )
        for cells in colliding_cells(header):
            if self._once(repr(cells)):
                self._logger.warning(
                    "%s: the headers %s give the same column name, so each gets a suffix",
                    self.stream,
                    ", ".join(cells),
                )

    def _report(self, added: Sequence[Column], gone: Sequence[str]) -> None:
        names = ", ".join(sorted(column.name for column in added))
        if added and self._on_new_column == "fail":
            raise BadData(
                f"the file has columns that the catalog does not: {names}",
                "on_new_column is fail; run --discover again to include them, or set it to add or ignore.",
            )
        self._reported |= set(gone)
        what = "ignored" if self._on_new_column == "ignore" else "added"
        if added and gone:
            self._logger.warning(
                "%s: columns changed, or were renamed: %s removed (omitted from now on), %s new (%s)",
                self.stream, ", ".join(gone), names, what,
            )  # fmt: skip
        elif added:
            self._logger.info("%s: new columns, %s: %s", self.stream, what, names)
        elif gone:
            self._logger.warning(
                "%s: columns were removed, and are omitted from now on: %s", self.stream, ", ".join(gone)
            )

    def _once(self, what: str) -> bool:
        is_new = what not in self._reported
        self._reported.add(what)
        return is_new


def _named(columns: Sequence[str]) -> str:
    return ", ".join(columns) or "none"
