"""The CSV of a window: its objects, rows and bytes."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from tap_exports.sandbox import fulfillment_rows, sales
from tap_exports.sandbox.cells import CellWriter
from tap_exports.sandbox.columns import Role, export_types
from tap_exports.sandbox.facts import Moment
from tap_exports.sandbox.file_changes import Table, change_bytes, change_table
from tap_exports.sandbox.model import Kind, Line

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


REPORTS = {
    Kind.ORDER: "placed",
    Kind.FULFILLMENT: "placed",
    Kind.DISPUTE: "happened",
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
        kind = self.types[window.code]
        columns = [*self._columns(kind), *(column for _, column in self._merchant(kind, window))]
        table = Table(columns, self.header(window), list(self.rows(window)))
        for header, text in window.where:
            at = table.header.index(header)
            table.rows = [row for row in table.rows if row[at] == text]
        if not table.rows and self._options.empty_file == "blank":
            return b""
        mark = "\ufeff" if self._options.bom else ""
        text = mark + change_table(table, window.changes)
        return change_bytes(text.encode(self._options.encoding, errors="replace"), window.changes)

    def vanished(self, code: str, now: datetime) -> list[str]:
        """Keys of the objects (for lines, ids of lines) that earlier exports held, and later ones do not."""
        kind = self.types[code]
        found: list[str] = []
        builders = ROW_BUILDERS[kind.kind]
        key = kind.key(Role.LINE_ID if kind.lines else Role.OWN_KEY)
        at = Moment(self._dataset, now)
        self._dataset.grow(now)
        for item in self._dataset.between(kind.kind, self._dataset.start, now):
            gone = self._dataset.gone_at(kind.kind, item)
            present = set() if at.past(gone) else self._keys(builders, kind, item, at, key)
            moments = [gone, *(line.removed for line in getattr(item, "lines", ()) if isinstance(line, Line))]
            for moment in sorted(moment for moment in moments if moment is not None and moment <= now):
                before = Moment(self._dataset, moment - timedelta(microseconds=1))
                found += sorted(self._keys(builders, kind, item, before, key) - present - set(found))
        return found

    @staticmethod
    def _keys(builders: RowBuilders, kind: ExportType, item: StoreObject, at: Moment, key: str) -> set[str]:
        rows = builders.lines(item, at) if kind.lines and builders.lines else [builders.row(item, at)]
        return {str(row.values[key]) for row in rows}

    def find(self, code: str, key: str, now: datetime) -> tuple[Kind, StoreObject]:
        """The object with a key.

        Raises:
            KeyError: When there is no such object.
        """
        kind = self.types[code]
        own = kind.key(Role.OWN_KEY)
        at = Moment(self._dataset, now)
        for item in self._dataset.between(kind.kind, self._dataset.start, now):
            if str(ROW_BUILDERS[kind.kind].row(item, at).values[own]) == key:
                return kind.kind, item
        raise KeyError(f"No {key!r} in {code}")

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
        if self._options.lines_by_own_date:
            return islice(self._lines_by_own_date(kind.kind, window, at), cap)
        items = self._items(kind.kind, window, at)
        parents = self._options.cap_counts_parents
        numbered = [one for item in (items[:cap] if parents else items) for one in enumerate(lines(item, at))]
        if self._options.lines_apart:  # the first ones of all, then the second ones
            numbered.sort(key=lambda one: one[0])
        return islice((row for _, row in numbered), None if parents else cap)

    def _items(self, kind: Kind, window: Window, at: Moment) -> list[StoreObject]:
        """The objects in a window, oldest first by the date that the range is held against."""
        # Generated up to now for any window: customers count later orders.
        self._dataset.grow(at.now)
        field = self._options.range_fields.get(window.code, self._options.range_field)
        start, end = self._dataset.start, at.now
        if field == "created":
            start, end = window.date_from, min(window.date_to, at.now)
        dated = []
        for item in self._dataset.between(kind, start, end):
            date = self._date(field, kind, item, at)
            if self._inside(date, window) and not at.past(self._dataset.gone_at(kind, item)):
                dated.append((date, item.id, item))
        return [item for *_, item in sorted(dated, key=lambda one: one[:2])]

    def _inside(self, date: datetime, window: Window) -> bool:
        included = date == window.date_to and self._options.date_to_included
        return window.date_from <= date < window.date_to or included

    def _lines_by_own_date(self, kind: Kind, window: Window, at: Moment) -> Iterator[Row]:
        everything = window._replace(date_from=self._dataset.start, date_to=at.now + timedelta(days=1))
        field = self._options.range_fields.get(window.code, self._options.range_field)
        lines = ROW_BUILDERS[kind].lines
        assert lines is not None  # noqa: S101  # kinds without lines have no export of lines
        for item in self._items(kind, everything, at):
            for row in lines(item, at):
                if self._inside(row.created or self._date(field, kind, item, at), window):
                    yield row

    @staticmethod
    def _date(field: str, kind: Kind, item: StoreObject, at: Moment) -> datetime:
        if field == "reports":
            field = REPORTS.get(kind, "created")
        if field == "placed":
            order = getattr(item, "order", item)
            return getattr(order, "placed", item.created)
        if field == "happened":
            return getattr(item, "happened", item.created)
        updated = ROW_BUILDERS[kind].updated if field == "updated" else None
        return (updated(item, at) if updated else None) or item.created
