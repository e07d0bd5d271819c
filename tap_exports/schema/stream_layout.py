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
    """Where `export_line` is part of it: the column that says what a line is; None for a digest of the row."""

    @classmethod
    def of(cls, layout: Layout) -> Key:
        """The key of a layout."""
        return cls(layout.keys, layout.line_identity if layout.numbered else None)


class StreamLayout:
    """A stream's columns and key, decided by headers, never by rows.

    The columns are those of the last file; each keeps the type that it had first. The key is, in this order: the
    setting `primary_keys`, the catalog's, the header's choice; only the first may differ from an earlier run's key.

    Workers call `of` in their threads; the reader calls the rest.
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
        """What SCHEMA says; None before the first file where there is no catalog."""
        self._on_new_column = on_new_column
        self._logger = logger
        self._known: dict[str, Column] = {}
        self._catalog_key: tuple[str, ...] | None = None
        self._earlier_key: Key | None = None
        self._ignored: set[str] = set()
        self._reported: set[str] = set()

    def adopt(self, layout: Layout) -> None:
        """Use the columns and the key of a catalog, or of discovery."""
        self.current = layout
        self._known = {column.name: column for column in layout.columns}
        self._catalog_key = layout.keys

    def remember(self, key: Key) -> None:
        """Hold later files to the key that an earlier run chose.

        Raises:
            InvalidFile: If the catalog has another key.
        """
        self._earlier_key = key
        if self._catalog_key is not None:
            self._refuse_another_key(self._catalog_key)

    def of(self, header: Sequence[str]) -> Layout:
        """The layout of one file: all of its columns, in its order, and the key.

        Raises:
            InvalidFile: If it has none of the stream's columns, or another key.
        """
        layout = decide(self.stream, header, self.knowledge)
        names = {column.name for column in layout.columns}
        if self._known and not names & set(self._known):
            raise InvalidFile(
                "the file contains none of the stream's columns", "Discover again if the store has renamed them all."
            )
        if self._catalog_key is not None:
            layout = replace(layout, keys=self._catalog_key)
        self._refuse_another_key(layout.keys)
        earlier = self._earlier_key
        if earlier is not None and layout.numbered and layout.keys == earlier.columns:
            layout = replace(layout, line_identity=earlier.line_identity)
        wanted = [*layout.file_keys, *([layout.line_identity] if layout.numbered and layout.line_identity else [])]
        if missing := [name for name in wanted if name not in names]:
            raise InvalidFile(
                f"the file has no column {', '.join(missing)}, which is part of the stream's key",
                f"Set primary_keys for {self.stream} to the columns that identify a row, or discover again.",
            )
        return replace(layout, columns=tuple(self._known.get(c.name, c) for c in layout.columns))

    def has_news(self, header: Sequence[str]) -> bool:
        """Whether a file has columns that the stream did not have before."""
        return bool(self._known) and not (self._known.keys() | self._ignored).issuperset(column_names(header))

    def meet(self, header: Sequence[str]) -> bool:
        """Put a file's columns in force; return whether SCHEMA changes.

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
        if before is not None:  # columns that stay keep their places
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
            f"Set primary_keys, {keep} to keep the key; with another key, load the stream into a new table.",
        )

    def _report_header(self, header: Sequence[str], layout: Layout) -> None:
        """Warn of what a header lacks or repeats, once a run."""
        if not layout.keys and self.stream not in self.knowledge.primary_keys and self._once("no key"):
            self._logger.warning(
                "%s has no key: no column identifies a row, so that a target appends rows that it has already; "
                "set primary_keys",
                self.stream,
            )
        for cells in colliding_cells(header):
            if self._once(repr(cells)):
                self._logger.warning(
                    "%s: the headers %s differ in signs only; their columns have a suffix",
                    self.stream,
                    ", ".join(cells),
                )

    def _report(self, added: Sequence[Column], gone: Sequence[str]) -> None:
        names = ", ".join(sorted(column.name for column in added))
        if added and self._on_new_column == "fail":
            raise BadData(
                f"the file has columns that the catalog does not: {names}",
                "on_new_column is fail; discover again to include them, or set it to add or ignore.",
            )
        self._reported |= set(gone)
        what = "ignored" if self._on_new_column == "ignore" else "added"
        if added and gone:
            self._logger.warning(
                "%s: columns have changed, perhaps by renaming: %s gone (left out from now on), %s new (%s)",
                self.stream, ", ".join(gone), names, what,
            )  # fmt: skip
        elif added:
            self._logger.info("%s: new columns, %s: %s", self.stream, what, names)
        elif gone:
            self._logger.warning("%s: columns are gone, left out from now on: %s", self.stream, ", ".join(gone))

    def _once(self, what: str) -> bool:
        is_new = what not in self._reported
        self._reported.add(what)
        return is_new


def _named(columns: Sequence[str]) -> str:
    return ", ".join(columns) or "none"
