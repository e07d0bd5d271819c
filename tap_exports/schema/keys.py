"""Which columns are a stream's key. Pure.

An object's rows are keyed by its own number or id. A line item is keyed by its line's id where the header
names one unmistakably; a plain `ID` in a file of line items may be the parent's, so it is not taken for
the line's. Without a line id the key is the parent's number or id and `export_line`, the line's place
among its parent's lines in the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_exports.schema.names import BASE_COLUMNS
from tap_exports.schema.values import is_null

if TYPE_CHECKING:
    from collections.abc import Sequence

EXPORT_LINE = "export_line"

_LINES = "_line_items"


def fault_of_key(columns: Sequence[str]) -> str | None:
    """Why columns that somebody has chosen cannot tell a stream's rows apart, as far as names show it.

    The tap's own are the same for many rows, and no check of a file would notice: but for a line's place in a file,
    together with which file that is.

    Args:
        columns: Names of columns; none at all is no key, and no fault.
    """
    if "invalid_values" in columns:
        return "invalid_values, which is empty in most rows"
    lines = EXPORT_LINE in columns and {"export_id", "date_from", "date_to"} & set(columns)
    if columns and set(columns) <= set(BASE_COLUMNS) and not lines:
        told = f"{' and '.join(columns)} alone, the same in many rows"
        return f"{told}: add a column of the file, or take export_id and {EXPORT_LINE}"
    return None


def candidates(stream: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names that may be a stream's key, best first.

    Args:
        stream: The export type's code.

    Returns:
        Names that are a key alone, and names that are one together with `export_line`.
    """
    if stream.endswith(_LINES):
        parent = stream.removesuffix(_LINES).removeprefix("open_")
        # A fulfillment's line has an order line's id too, which is not its own: an order line may be
        # fulfilled in parts.
        lines = ("line_id", "line_item_id", f"{parent}_line_id", f"{parent}_line_item_id")
        return lines, (f"{parent}_number", f"{parent}_id", "number", "order_number", "order_id", parent, "id")
    thing = stream.removesuffix("_list").removeprefix("open_")
    own: tuple[str, ...] = (f"{thing}_number", "number", f"{thing}_id", "id", thing)
    if thing in ("customer", "transaction", "dispute", "subscription", "cart", "fulfillment"):
        own = ("id", f"{thing}_id", f"{thing}_number", "number", thing)
    return own, ()


def choose_keys(stream: str, names: Sequence[str], sample: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The key of a stream, judged by the header and a sample of a file.

    Args:
        stream: The export type's code.
        names: The columns' names, in the file's order.
        sample: Some rows of the file; none at all leaves the names to decide.

    Returns:
        Names of columns; empty where nothing in the file can be a key.
    """
    alone, with_line = candidates(stream)
    at = {name: n for n, name in enumerate(names)}
    for name in alone:
        if name in at:
            cells = [row[at[name]] for row in sample]
            if not any(map(is_null, cells)) and len(set(cells)) == len(cells):
                return (name,)
    for name in with_line:
        if name in at and not any(is_null(row[at[name]]) for row in sample):
            return (name, EXPORT_LINE)
    return ()
