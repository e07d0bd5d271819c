"""Which columns are a stream's key, and the values of `export_line`. Pure.

The header decides; rows are not consulted. An object is keyed by its own number or id. A line item is keyed by its
line's id where the header has one that is unmistakable: a plain `ID` in a file of line items may be the parent's.
Without a line id the key is the parent's number or id and `export_line`.
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
"""Columns that say what a line is, best first."""
_LONGEST_IDENTITY = 200
"""Characters of `export_line` before the ordinal; some databases index no more than about a thousand bytes."""


def fault_of_key(columns: Sequence[str]) -> str | None:
    """Why chosen columns cannot identify a stream's rows, as far as their names show it; None where they may.

    Most columns of the tap itself have the same value in many rows, and no check of one file would notice.
    """
    if "invalid_values" in columns:
        return "invalid_values, which is empty in most rows"
    lines = EXPORT_LINE in columns and {"export_id", "date_from", "date_to"} & set(columns)
    if columns and set(columns) <= set(BASE_COLUMNS) and not lines:
        told = f"{' and '.join(columns)} alone, the same in many rows"
        return f"{told}: add a column of the file, or take export_id and {EXPORT_LINE}"
    return None


def candidates(stream: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names that may be a stream's key, best first: those that are one alone, those with `export_line`."""
    if stream.endswith(_LINES):
        parent = stream.removesuffix(_LINES).removeprefix("open_")
        # A fulfillment's line has an order line's id too, which is not its own: an order line may be
        # fulfilled in parts.
        lines = ("line_id", "line_item_id", f"{parent}_line_id", f"{parent}_line_item_id")
        parents = (f"{parent}_number", f"{parent}_id", "number", parent, "id")
        if parent == "order":
            return lines, ("order_number", "order_id", "number", "order", "id")
        return lines, (*parents, "order_number") if parent == "fulfillment" else parents
    thing = stream.removesuffix("_list").removeprefix("open_")
    own: tuple[str, ...] = (f"{thing}_number", "number", f"{thing}_id", "id", thing)
    if thing in ("customer", "transaction", "dispute", "subscription", "cart", "fulfillment"):
        own = ("id", f"{thing}_id", f"{thing}_number", "number", thing)
    return own, ()


def choose_keys(stream: str, names: Collection[str], merchants: Collection[str] = ()) -> tuple[str, ...]:
    """The key of a stream by the names of its file's columns; empty where none of them can be one.

    `merchants` are names of a merchant's own columns, which are never a key.
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
    """The `export_line` of a file's lines: what a line is, and its ordinal among its parent's equal lines.

    `SKU-001#1`. Where the identity's cell is blank, a digest of the row stands for it. The ordinal follows the last
    `#`, so that an identity may contain one.

    Args:
        names: The file's columns, in its order.
        identity: The column that says what a line is, by `line_identity_column`.
    """

    def __init__(self, names: Sequence[str], identity: str | None) -> None:
        self._names = names
        self._position = names.index(identity) if identity in names else None
        self._counts: dict[int, int] = {}

    def of(self, parents: Iterable[object], rows: Iterable[Sequence[str]]) -> list[str]:
        """The values for the file's next rows. `parents` are the values of the parent's key, one for each row."""
        return [self._next(parent, self._identity(row)) for parent, row in zip(parents, rows)]  # noqa: B905 - one each

    def _next(self, parent: object, identity: str) -> str:
        key = hash((parent, identity))  # of 64 bits: the pairs themselves would take five times the memory
        self._counts[key] = ordinal = self._counts.get(key, 0) + 1
        return f"{identity}#{ordinal}"

    def _identity(self, row: Sequence[str]) -> str:
        text = row[self._position].strip() if self._position is not None else ""
        if is_null(text):
            # Blank cells and the columns' order do not count: a new column that is mostly blank changes no digest.
            filled = sorted((name, cell) for name, cell in zip(self._names, row, strict=True) if cell)
            return _digest(repr(filled))
        if len(text) > _LONGEST_IDENTITY:
            return f"{text[: _LONGEST_IDENTITY - 17]}~{_digest(text)}"
        return text


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
