"""The CSV of a window: which objects are in it, and what its rows and bytes are."""

from __future__ import annotations

import csv
import io
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from tap_exports.sandbox import fulfillment_rows as parcels
from tap_exports.sandbox import sales
from tap_exports.sandbox.cells import Cells
from tap_exports.sandbox.columns import Role
from tap_exports.sandbox.facts import Moment
from tap_exports.sandbox.model import Kind
from tap_exports.sandbox.options import EmptyFile, HeaderStyle, MetadataHeaders, OwnKey, RangeField
from tap_exports.sandbox.schema import export_types

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from tap_exports.sandbox.columns import Column
    from tap_exports.sandbox.dataset import History
    from tap_exports.sandbox.facts import Row
    from tap_exports.sandbox.merchant import Definition
    from tap_exports.sandbox.model import Thing
    from tap_exports.sandbox.options import Options
    from tap_exports.sandbox.schema import ExportType


class Book(NamedTuple):
    """How objects of one kind become rows."""

    row: Callable[..., Row]
    lines: Callable[..., list[Row]] | None = None
    updated: Callable[..., datetime | None] | None = None


BOOKS = {
    Kind.ORDER: Book(sales.order_row, sales.order_line_rows, sales.order_updated),
    Kind.CUSTOMER: Book(sales.customer_row),
    Kind.TRANSACTION: Book(sales.transaction_row),
    Kind.DISPUTE: Book(sales.dispute_row, None, lambda one, at: at.latest(one.created, one.resolved)),
    Kind.SUBSCRIPTION: Book(parcels.subscription_row, parcels.subscription_line_rows, parcels.subscription_updated),
    Kind.CART: Book(parcels.cart_row, parcels.cart_line_rows, lambda one, at: at.latest(one.created, one.abandoned)),
    Kind.RETURN: Book(parcels.return_row, parcels.return_line_rows, parcels.return_updated),
    Kind.FULFILLMENT: Book(parcels.fulfillment_row, parcels.fulfillment_line_rows, parcels.fulfillment_updated),
}


class Window(NamedTuple):
    """What an export is asked for, and what the store was like when it was made.

    Attributes:
        code: The export's type.
        date_from: Objects of this instant are in.
        date_to: Whether objects of this instant are in is an option.
        now: What is later has not happened.
        merchant: The merchant's own columns.
    """

    code: str
    date_from: datetime
    date_to: datetime
    now: datetime
    merchant: tuple[Definition, ...]


class Sheets:
    """Makes a store's CSVs.

    Args:
        options: The store's.
        history: Its objects.
    """

    def __init__(self, options: Options, history: History) -> None:
        self.types = export_types(options.extra_types)
        self._options = options
        self._history = history
        self._cells = Cells(options)

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
        write, seed = self._cells.write, self._history.seed
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
        writer = csv.writer(text)
        rows = self.rows(window)
        first = next(rows, None)
        if first is None and self._options.empty_file is EmptyFile.BLANK:
            return b""
        writer.writerow(self.header(window))
        if first is not None:
            writer.writerow(first)
            writer.writerows(rows)
        mark = "\ufeff" if self._options.bom else ""
        return (mark + text.getvalue()).encode(self._options.encoding, errors="replace")

    def _columns(self, kind: ExportType) -> list[Column]:
        return [one for one in kind.columns if self._options.line_ids or one.role is not Role.LINE_ID]

    def _header(self, column: Column, kind: ExportType) -> str:
        bare = self._options.own_key is OwnKey.BARE and column.role is Role.OWN_KEY and not kind.lines
        return self._styled(column.header.split()[-1] if bare else column.header)

    def _styled(self, header: str) -> str:
        snake = self._options.header_style is HeaderStyle.SNAKE
        return header.lower().replace(" ", "_") if snake else header

    def _merchant(self, kind: ExportType, window: Window) -> list[tuple[Definition, Column]]:
        by_key = self._options.metadata_headers is MetadataHeaders.KEY
        return [(one, one.column(by_key=by_key)) for one in window.merchant if one.owner in kind.merchant]

    def _capped(self, kind: ExportType, window: Window) -> Iterator[Row]:
        cap = self._options.row_cap
        at = Moment(self._history, window.now)
        things = self._things(kind.kind, window, at)
        book = BOOKS[kind.kind]
        if not kind.lines or book.lines is None:
            return (book.row(thing, at) for thing in things[:cap])
        lines = book.lines
        parents = self._options.cap_counts_parents
        numbered = [one for thing in (things[:cap] if parents else things) for one in enumerate(lines(thing, at))]
        if self._options.lines_apart:  # the first ones of all, then the second ones
            numbered.sort(key=lambda one: one[0])
        return islice((row for _, row in numbered), None if parents else cap)

    def _things(self, kind: Kind, window: Window, at: Moment) -> list[Thing]:
        """The objects in a window, oldest first by the date that the range is held against."""
        start, end = window.date_from, window.date_to
        # Grown up to now whatever the window is: customers count orders that came later.
        self._history.grow(at.now)
        if self._options.range_field is RangeField.CREATED:
            found = self._history.between(kind, start, min(end, at.now))
            return found if self._options.date_to_included else [one for one in found if one.created < end]
        inside = []
        for thing in self._history.between(kind, self._history.start, at.now):
            date = self._date(kind, thing, at)
            if start <= date < end or (date == end and self._options.date_to_included):
                inside.append((date, thing.id, thing))
        return [thing for *_, thing in sorted(inside)]

    def _date(self, kind: Kind, thing: Thing, at: Moment) -> datetime:
        if self._options.range_field is RangeField.PLACED:
            order = getattr(thing, "order", thing)
            return getattr(order, "placed", thing.created)
        updated = BOOKS[kind].updated
        return (updated(thing, at) if updated else None) or thing.created
