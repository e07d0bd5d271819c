"""The CSV of a window: which objects are in it, and what its rows and bytes are."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from tap_exports.sandbox import fulfillment_rows as parcels
from tap_exports.sandbox import sales
from tap_exports.sandbox.cells import Cells
from tap_exports.sandbox.columns import Role
from tap_exports.sandbox.facts import Moment
from tap_exports.sandbox.file_changes import Table, change_bytes, change_table
from tap_exports.sandbox.model import Kind, Line
from tap_exports.sandbox.options import EmptyFile, HeaderStyle, MetadataHeaders, OwnKey, RangeField
from tap_exports.sandbox.schema import export_types

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from tap_exports.sandbox.columns import Column
    from tap_exports.sandbox.dataset import History
    from tap_exports.sandbox.facts import Row
    from tap_exports.sandbox.faults import Fault
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


REPORTS = {
    Kind.ORDER: RangeField.PLACED,
    Kind.FULFILLMENT: RangeField.PLACED,
    Kind.DISPUTE: RangeField.HAPPENED,
}


class Window(NamedTuple):
    """What an export is asked for, and what the store was like when it was made.

    Attributes:
        code: The export's type.
        date_from: Objects of this instant are in.
        date_to: Whether objects of this instant are in is an option.
        now: What is later has not happened.
        merchant: The merchant's own columns.
        where: Pairs of a header and a text: only rows with these cells are in, as a filter of the dashboard does.
        changes: What is wrong with the file.
    """

    code: str
    date_from: datetime
    date_to: datetime
    now: datetime
    merchant: tuple[Definition, ...]
    where: tuple[tuple[str, str], ...] = ()
    changes: tuple[Fault, ...] = ()


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
        kind = self.types[window.code]
        columns = [*self._columns(kind), *(column for _, column in self._merchant(kind, window))]
        table = Table(columns, self.header(window), list(self.rows(window)))
        for header, text in window.where:
            at = table.header.index(header)
            table.rows = [row for row in table.rows if row[at] == text]
        if not table.rows and self._options.empty_file is EmptyFile.BLANK:
            return b""
        mark = "\ufeff" if self._options.bom else ""
        text = mark + change_table(table, window.changes)
        return change_bytes(text.encode(self._options.encoding, errors="replace"), window.changes)

    def vanished(self, code: str, now: datetime) -> list[str]:
        """Keys of a type's objects (ids of lines, for lines) that an export had once, and a later one has not."""
        kind = self.types[code]
        found: list[str] = []
        book = BOOKS[kind.kind]
        key = next(one for one in kind.columns if one.role is (Role.LINE_ID if kind.lines else Role.OWN_KEY)).key
        at = Moment(self._history, now)
        self._history.grow(now)
        for thing in self._history.between(kind.kind, self._history.start, now):
            gone = self._history.gone_at(kind.kind, thing)
            present = set() if at.past(gone) else self._keys(book, kind, thing, at, key)
            moments = [gone, *(line.removed for line in getattr(thing, "lines", ()) if isinstance(line, Line))]
            for moment in sorted(moment for moment in moments if moment is not None and moment <= now):
                before = Moment(self._history, moment - timedelta(microseconds=1))
                found += sorted(self._keys(book, kind, thing, before, key) - present - set(found))
        return found

    @staticmethod
    def _keys(book: Book, kind: ExportType, thing: Thing, at: Moment, key: str) -> set[str]:
        rows = book.lines(thing, at) if kind.lines and book.lines else [book.row(thing, at)]
        return {str(row.values[key]) for row in rows}

    def find(self, code: str, key: str, now: datetime) -> tuple[Kind, Thing]:
        """The object with a key.

        Raises:
            KeyError: When there is none.
        """
        kind = self.types[code]
        own = next(one for one in kind.columns if one.role is Role.OWN_KEY).key
        at = Moment(self._history, now)
        for thing in self._history.between(kind.kind, self._history.start, now):
            if str(BOOKS[kind.kind].row(thing, at).values[own]) == key:
                return kind.kind, thing
        raise KeyError(f"No {key!r} in {code}")

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
        book = BOOKS[kind.kind]
        if not kind.lines or book.lines is None:
            return (book.row(thing, at) for thing in self._things(kind.kind, window, at)[:cap])
        lines = book.lines
        if self._options.lines_by_own_date:
            return islice(self._lines_by_own_date(kind.kind, window, at), cap)
        things = self._things(kind.kind, window, at)
        parents = self._options.cap_counts_parents
        numbered = [one for thing in (things[:cap] if parents else things) for one in enumerate(lines(thing, at))]
        if self._options.lines_apart:  # the first ones of all, then the second ones
            numbered.sort(key=lambda one: one[0])
        return islice((row for _, row in numbered), None if parents else cap)

    def _things(self, kind: Kind, window: Window, at: Moment) -> list[Thing]:
        """The objects in a window, oldest first by the date that the range is held against."""
        # Grown up to now whatever the window is: customers count orders that came later.
        self._history.grow(at.now)
        field = self._options.range_fields.get(window.code, self._options.range_field)
        start, end = self._history.start, at.now
        if field is RangeField.CREATED:
            start, end = window.date_from, min(window.date_to, at.now)
        dated = []
        for thing in self._history.between(kind, start, end):
            date = self._date(field, kind, thing, at)
            if self._inside(date, window) and not at.past(self._history.gone_at(kind, thing)):
                dated.append((date, thing.id, thing))
        return [thing for *_, thing in sorted(dated, key=lambda one: one[:2])]

    def _inside(self, date: datetime, window: Window) -> bool:
        included = date == window.date_to and self._options.date_to_included
        return window.date_from <= date < window.date_to or included

    def _lines_by_own_date(self, kind: Kind, window: Window, at: Moment) -> Iterator[Row]:
        everything = window._replace(date_from=self._history.start, date_to=at.now + timedelta(days=1))
        field = self._options.range_fields.get(window.code, self._options.range_field)
        lines = BOOKS[kind].lines
        assert lines is not None  # noqa: S101  # kinds without lines have no export of lines
        for thing in self._things(kind, everything, at):
            for row in lines(thing, at):
                if self._inside(row.created or self._date(field, kind, thing, at), window):
                    yield row

    @staticmethod
    def _date(field: RangeField, kind: Kind, thing: Thing, at: Moment) -> datetime:
        if field is RangeField.REPORTS:
            field = REPORTS.get(kind, RangeField.CREATED)
        if field is RangeField.PLACED:
            order = getattr(thing, "order", thing)
            return getattr(order, "placed", thing.created)
        if field is RangeField.HAPPENED:
            return getattr(thing, "happened", thing.created)
        updated = BOOKS[kind].updated if field is RangeField.UPDATED else None
        return (updated(thing, at) if updated else None) or thing.created
