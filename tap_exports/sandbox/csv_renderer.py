"""The CSV of an export: its objects, rows and bytes."""

from __future__ import annotations

import csv
import io
from itertools import islice
from typing import TYPE_CHECKING

from tap_exports.sandbox.cells import CellWriter
from tap_exports.sandbox.columns import LINE_IDS, MERCHANT, export_types, key_of
from tap_exports.sandbox.late_changes import gone_at
from tap_exports.sandbox.model import Dispute
from tap_exports.sandbox.rows import line_rows, row
from tap_exports.sandbox.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from tap_exports.sandbox.columns import ExportType
    from tap_exports.sandbox.dataset import Dataset
    from tap_exports.sandbox.metadata import Definition
    from tap_exports.sandbox.model import StoreObject
    from tap_exports.sandbox.options import Options
    from tap_exports.sandbox.records import Export
    from tap_exports.sandbox.rows import Values


class CsvRenderer:
    """Renders a store's objects as CSV."""

    def __init__(self, options: Options, dataset: Dataset) -> None:
        self.types = export_types(options.extra_types)
        self._options = options
        self._dataset = dataset
        self._cells = CellWriter(options)

    def header(self, export: Export) -> list[str]:
        """The headers, left to right."""
        kind = self.types[export.type]
        headers = self._headers(kind)
        if self._options.own_key == "bare" and not kind.lines:
            headers[0] = headers[0].split()[-1]
        by_key = self._options.metadata_headers == "key"
        headers += [one.key if by_key else one.name for one, _ in self._merchant(export)]
        return [key_of(one) for one in headers] if self._options.header_style == "snake" else headers

    def rows(self, export: Export) -> Iterator[list[str]]:
        """The rows below the header as cells of text."""
        keys = [key_of(header) for header in self._headers(self.types[export.type])]
        own = self._merchant(export)
        write, seed = self._cells.write, self._dataset.seed
        for values in self._values(export):
            currency = str(values.get("currency") or "")
            cells = [write(values[key], currency) for key in keys]
            yield cells + [write(definition.value(seed, values[holder])) for definition, holder in own]

    def csv(self, export: Export) -> bytes:
        """The file, byte for byte."""
        header, rows = self.header(export), list(self.rows(export))
        for name, wanted in export.where.items():
            rows = [row for row in rows if row[header.index(name)] == wanted]
        if not rows and self._options.empty_file == "blank":
            return b""
        text = io.StringIO(newline="")
        text.write("\ufeff" if self._options.bom else "")
        csv.writer(text).writerows([header, *rows])
        return text.getvalue().encode(self._options.encoding, errors="replace")

    def _headers(self, kind: ExportType) -> list[str]:
        return [header for header in kind.headers if self._options.line_ids or header not in LINE_IDS]

    def _merchant(self, export: Export) -> list[tuple[Definition, str]]:
        """A merchant's own columns, each with the value that identifies what has it."""
        holders = MERCHANT.get(export.type, {})
        return [(one, holders[one.object]) for one in export.merchant if one.object in holders]

    def _values(self, export: Export) -> Iterable[Values]:
        """The rows up to the cap."""
        cap, parents = self._options.row_cap, self._options.cap_counts_parents
        at = Snapshot(self._dataset, export.created_at)
        kind = self.types[export.type]
        items = self._items(kind, export, at)
        if not kind.lines:
            return (row(item, at) for item in items[:cap])
        numbered = [one for item in (items[:cap] if parents else items) for one in enumerate(line_rows(item, at))]
        if self._options.lines_apart:  # the first ones of all, then the second ones
            numbered.sort(key=lambda one: one[0])
        return islice((values for _, values in numbered), None if parents else cap)

    def _items(self, kind: ExportType, export: Export, at: Snapshot) -> list[StoreObject]:
        """The objects in an export, oldest first by the date to which the range applies."""
        now, late = export.created_at, self._options.late_changes
        # Generated up to now for any range: customers count later orders.
        self._dataset.grow(now)
        field = "happened" if late and kind.kind is Dispute else self._options.range_field
        start, end = self._dataset.start, now
        if field == "created":
            start, end = export.date_from, min(export.date_to, now)
        dated = []
        for item in self._dataset.between(kind.kind, start, end):
            date = _date(field, item, at)
            inside = export.date_from <= date < export.date_to
            if inside or (date == export.date_to and self._options.date_to_included):
                dated.append((date, item.id, item))
        found = [item for *_, item in sorted(dated, key=lambda one: one[:2])]
        return [item for item in found if not at.past(gone_at(self._dataset.seed, item))] if late else found


def _date(field: str, item: StoreObject, at: Snapshot) -> datetime:
    if field == "updated":
        return at.updated(item)
    if field == "placed":
        item = getattr(item, "order", item)
    return getattr(item, field, item.created)
