"""The key of a stream, and the values of `export_line`. Pure.

The key depends on the header, not on rows. An object's key is its own number or id. A line item's key is the line's id
if the header has one that is clearly the line's: a plain `ID` may be the parent's. Otherwise the key is the parent's
number or id, and `export_line`.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from tap_exports.schema.names import BASE_COLUMNS, EXPORT_LINE
from tap_exports.schema.values import is_null

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

_LINES = "_line_items"
_LINE_IDENTITIES = (
    "variant_id", "product_variant_id", "product_id", "sku", "product_sku", "variant_sku",
    "product_title", "variant_title", "title", "product_name", "product", "name", "order_line_id",
)  # fmt: skip
"""Columns that say what a line is, in order of preference."""
_LONGEST_IDENTITY = 200
"""Characters of `export_line` before the ordinal; some databases index no more than about a thousand bytes."""


def key_error(columns: Sequence[str]) -> str | None:
    """Why columns cannot be a key, as far as their names show it; None where they can.

    Most of the tap's own columns have one value in many rows, which the validation of a file may not notice.
    """
    if "invalid_values" in columns:
        return "invalid_values is blank in most rows"
    lines = EXPORT_LINE in columns and {"export_id", "date_from", "date_to"} & set(columns)
    if columns and set(columns) <= set(BASE_COLUMNS) and not lines:
        same = f"many rows have the same {' and '.join(columns)}"
        return f"{same}; add a column of the file, or use export_id and {EXPORT_LINE}"
    return None


def candidates(stream: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names that may be a stream's key, in order of preference: those that are alone, those with `export_line`."""
    if stream.endswith(_LINES):
        parent = stream.removesuffix(_LINES).removeprefix("open_")
        # An order line's id does not identify a fulfillment's line: an order line may be fulfilled in parts.
        lines = ("line_id", "line_item_id", f"{parent}_line_id", f"{parent}_line_item_id")
        parents = (f"{parent}_number", f"{parent}_id", "number", parent, "id")
        if parent == "order":
            return lines, ("order_number", "order_id", "number", "order", "id")
        return lines, (*parents, "order_number") if parent == "fulfillment" else parents
    kind = stream.removesuffix("_list").removeprefix("open_")
    if kind in ("customer", "transaction", "dispute", "subscription", "cart", "fulfillment"):
        return ("id", f"{kind}_id", f"{kind}_number", "number", kind), ()
    return (f"{kind}_number", "number", f"{kind}_id", "id", kind), ()


def choose_keys(stream: str, names: Collection[str], merchants: Collection[str] = ()) -> tuple[str, ...]:
    """The key of a stream by the names of its file's columns; empty where no candidate is present.

    `merchants` are the names of the merchant's own columns, which are never a key.
    """
    alone, with_line = candidates(stream)
    present = set(names) - set(merchants)
    if found := next((name for name in alone if name in present), None):
        return (found,)
    if found := next((name for name in with_line if name in present), None):
        return (found, EXPORT_LINE)
    return ()


def line_identity_column(names: Collection[str], merchants: Collection[str] = ()) -> str | None:
    """The column that says what a line is: variant id, product id, SKU or title, the first that is present."""
    present = set(names) - set(merchants)
    return next((name for name in _LINE_IDENTITIES if name in present), None)


class LineKeys:
    """The `export_line` of a file's lines, such as `SKU-001#1`: what a line is, and its ordinal among equal lines.

    What a line is comes from the column `identity`, or from a digest of the row where that cell is blank. The ordinal
    follows the last `#`, so that an identity may contain one. `names` are the file's columns, in its order.
    """

    def __init__(self, names: Sequence[str], identity: str | None) -> None:
        self._names = names
        self._position = names.index(identity) if identity in names else None
        self._counts: dict[int, int] = {}

    def of(self, parents: Iterable[object], rows: Iterable[Sequence[str]]) -> list[str]:
        """The values of the next rows. `parents` are the values of the parent's key, one for each row."""
        return [self._next(parent, self._identity(row)) for parent, row in zip(parents, rows)]  # noqa: B905 - one each

    def _next(self, parent: object, identity: str) -> str:
        key = hash((parent, identity))  # 64 bits: the pairs themselves take five times the memory
        self._counts[key] = ordinal = self._counts.get(key, 0) + 1
        return f"{identity}#{ordinal}"

    def _identity(self, row: Sequence[str]) -> str:
        text = row[self._position].strip() if self._position is not None else ""
        if is_null(text):
            # Without blank cells and in any order of columns: a new column that is mostly blank changes few digests.
            filled = sorted((name, cell) for name, cell in zip(self._names, row, strict=True) if cell)
            return _digest(repr(filled))
        if len(text) > _LONGEST_IDENTITY:
            return f"{text[: _LONGEST_IDENTITY - 17]}~{_digest(text)}"
        return text


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
