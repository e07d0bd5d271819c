"""The CSV of a window: its objects, rows and bytes."""

from __future__ import annotations

import csv
import io
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from tap_exports.sandbox import fulfillment_rows, sales
from tap_exports.sandbox.cells import CellWriter
from tap_exports.sandbox.columns import Role, export_types
from tap_exports.sandbox.facts import Moment
from tap_exports.sandbox.late_changes import gone_at
from tap_exports.sandbox.model import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from tap_exports.sandbox.columns import Column, ExportType
    from tap_exports.sandbox.dataset import Dataset
    from tap_exports.sandbox.export import Window
    from tap_exports.sandbox.facts import Row
    from tap_exports.sandbox.merchant import Definition
    from tap_exports.sandbox.model import StoreObject
    from tap_exports.sandbox.options import Options


class RowBuilders(NamedTuple):
    """The functions that build the rows of one kind of object."""

    row: Callable[..., Row]
    lines: Callable[..., list[Row]] | None = None
    updated: Callable[..., datetime | None] | None = None


ROW_BUILDERS = {
    Kind.ORDER: RowBuilders(sales.order_row, sales.order_line_rows, sales.order_updated),
    Kind.CUSTOMER: RowBuilders(sales.customer_row),
    Kind.TRANSACTION: RowBuilders(sales.transaction_row),
    Kind.DISPUTE: RowBuilders(sales.dispute_row, None, lambda one, at: at.latest(one.created, one.resolved)),
    Kind.SUBSCRIPTION: RowBuilders(
        fulfillment_rows.subscription_row,
        fulfillment_rows.subscription_line_rows,
        fulfillment_rows.subscription_updated,
    ),
    Kind.CART: RowBuilders(
        fulfillment_rows.cart_row,
        fulfillment_rows.cart_line_rows,
        lambda one, at: at.latest(one.created, one.abandoned),
    ),
    Kind.RETURN: RowBuilders(
        fulfillment_rows.return_row, fulfillment_rows.return_line_rows, fulfillment_rows.return_updated
    ),
    Kind.FULFILLMENT: RowBuilders(
        fulfillment_rows.fulfillment_row, fulfillment_rows.fulfillment_line_rows, fulfillment_rows.fulfillment_updated
    ),
}


class CsvRenderer:
    """Renders a store's objects as CSV."""

    def __init__(self, options: Options, dataset: Dataset) -> None:
        self.types = export_types(options.extra_types)
        self._options = options
        self._dataset = dataset
        self._cells = CellWriter(options)

    def header(self, window: Window) -> list[str]:
        """The headers, left to right."""
        kind = self.types[window.code]
        return [self._header(column, kind) for column in self._columns(kind)] + [
            self._styled(column.header) for _, column in self._merchant(kind, window)
        ]

    def rows(self, window: Window) -> Iterator[list[str]]:
        """The rows below the header as cells of text."""
        kind = self.types[window.code]
        columns = [(column.key, column.type) for column in self._columns(kind)]
        own = self._merchant(kind, window)
        write, seed = self._cells.write, self._dataset.seed
        for row in self._capped(kind, window):
            values, currency = row.values, row.currency
            cells = [write(values[key], cell_type, currency) for key, cell_type in columns]
            for definition, column in own:
                value = definition.value(seed, row.owners[definition.owner])
                cells.append(write(value, column.type, currency))
            yield cells

    def csv(self, window: Window) -> bytes:
        """The file, byte for byte."""
        text = io.StringIO(newline="")
        text.write("\ufeff" if self._options.bom else "")
        header, rows = self.header(window), list(self.rows(window))
        for name, wanted in window.where:
            rows = [row for row in rows if row[header.index(name)] == wanted]
        if not rows and self._options.empty_file == "blank":
            return b""
        csv.writer(text).writerows([header, *rows])
        return text.getvalue().encode(self._options.encoding, errors="replace")

    def _columns(self, kind: ExportType) -> list[Column]:
        return [one for one in kind.columns if self._options.line_ids or one.role is not Role.LINE_ID]

    def _header(self, column: Column, kind: ExportType) -> str:
        bare = self._options.own_key == "bare" and column.role is Role.OWN_KEY and not kind.lines
        return self._styled(column.header.split()[-1] if bare else column.header)

    def _styled(self, header: str) -> str:
        snake = self._options.header_style == "snake"
        return header.lower().replace(" ", "_") if snake else header

    def _merchant(self, kind: ExportType, window: Window) -> list[tuple[Definition, Column]]:
        by_key = self._options.metadata_headers == "key"
        return [(one, one.column(by_key=by_key)) for one in window.merchant if one.owner in kind.merchant]

    def _capped(self, kind: ExportType, window: Window) -> Iterator[Row]:
        cap = self._options.row_cap
        at = Moment(self._dataset, window.now)
        builders = ROW_BUILDERS[kind.kind]
        if not kind.lines or builders.lines is None:
            return (builders.row(item, at) for item in self._items(kind.kind, window, at)[:cap])
        lines = builders.lines
        items = self._items(kind.kind, window, at)
        parents = self._options.cap_counts_parents
        numbered = [one for item in (items[:cap] if parents else items) for one in enumerate(lines(item, at))]
        if self._options.lines_apart:  # the first ones of all, then the second ones
            numbered.sort(key=lambda one: one[0])
        return islice((row for _, row in numbered), None if parents else cap)

    def _items(self, kind: Kind, window: Window, at: Moment) -> list[StoreObject]:
        """The objects in a window, oldest first by the date to which the range applies."""
        # Generated up to now for any window: customers count later orders.
        self._dataset.grow(at.now)
        is_late = self._options.late_changes and kind is Kind.DISPUTE
        field = "happened" if is_late else self._options.range_field
        start, end = self._dataset.start, at.now
        if field == "created":
            start, end = window.date_from, min(window.date_to, at.now)
        dated = []
        for item in self._dataset.between(kind, start, end):
            date = self._date(field, kind, item, at)
            gone = gone_at(self._dataset.seed, kind, item) if self._options.late_changes else None
            if self._inside(date, window) and not at.past(gone):
                dated.append((date, item.id, item))
        return [item for *_, item in sorted(dated, key=lambda one: one[:2])]

    def _inside(self, date: datetime, window: Window) -> bool:
        included = date == window.date_to and self._options.date_to_included
        return window.date_from <= date < window.date_to or included

    @staticmethod
    def _date(field: str, kind: Kind, item: StoreObject, at: Moment) -> datetime:
        if field == "happened":
            return getattr(item, "happened", item.created)
        if field == "placed":
            order = getattr(item, "order", item)
            return getattr(order, "placed", item.created)
        updated = ROW_BUILDERS[kind].updated if field == "updated" else None
        return (updated(item, at) if updated else None) or item.created
