"""Options of a practice store: one for each open question about the real API."""

# ruff: noqa: FBT003, RUF009  # options are made by a function that takes their default

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tap_exports.sandbox.records import Export


SCOPES = ("exports:read", "exports:write", "store:read", "metadata:read", "webhooks:read", "webhooks:write")


def _option(default: object, text: str, *more: str) -> Any:  # noqa: ANN401
    """An option with its help; with `more`, the default and `more` are the choices."""
    return field(default=default, metadata={"help": text, "choices": (default, *more) if more else ()})


@dataclass(frozen=True)
class Options:
    """Options of one practice store; `field.metadata` has the help and the choices of each."""

    # The data
    seed: int = _option(29, "Same seed, `days` and `now` (to the day, UTC): same data.")
    now: datetime | None = _option(None, "Start of the store's clock; the real now when None.")
    frozen: bool = _option(False, "The store's clock stands still; only `advance` moves it.")
    days: int = _option(180, "Days of data before `now`, from a midnight UTC on.")
    orders_per_day: int = _option(3, "Orders per day; 0 is a store without data.")
    timezone: str = _option("US/Eastern", "IANA name of the store's zone.")
    currencies: tuple[str, ...] = _option(
        ("USD",) * 8 + ("EUR", "GBP"),
        "ISO codes of orders, subscriptions and carts; JPY and KRW have no decimals.",
    )
    campaigns_app: bool = _option(
        False, "The 11 metadata definitions of the vendor's Campaigns App exist and are exported."
    )
    late_changes: bool = _option(
        False,
        "Old objects change too: orders are edited or deleted, carts become orders, customers are erased, and "
        "disputes are reported months after they happened.",
    )
    extra_types: tuple[str, ...] = _option(
        (), "Codes of types that the platform added, with the objects of `order_list`."
    )

    # Exports: which objects, and when
    row_cap: int = _option(100_000, "Maximum number of objects in an export; the rest is missing without a warning.")
    cap_counts_parents: bool = _option(False, "The cap of a line-item export counts parents instead of lines.")
    ready_seconds: float | Callable[[Export], float] = _option(
        0.0, "Time that making one export takes, once it has started."
    )
    parallel_exports: int = _option(3, "Number of exports made at once; the others wait, first in, first out.")
    date_to_included: bool = _option(False, "Whether an object exactly at `date_to` is in the export.")
    range_field: str = _option(
        "created",
        "The date to which an export's range applies: created; placed (of the order, also for its fulfillments, "
        "returns and transactions); updated.",
        *("placed", "updated"),
    )

    # The API
    rate_limit: int | None = _option(4, "Requests in any one second of the store's clock; 0 turns the limit off.")
    page_size: int = _option(20, "Of the lists of exports, metadata and webhooks.")
    list_order: str = _option("newest", "What the list of exports begins with.", "oldest")
    list_timezone: str | None = _option(None, "Zone of the days in that list's filters; the store's when None.")
    scopes: tuple[str, ...] = _option(SCOPES, "Scopes of the token.")
    token: str | None = _option(None, "The accepted bearer token; derived from the seed when None.")
    admin_scopes: bool = _option(False, "A 403 message names the missing scope and `admin:read` or `admin:write`.")
    store_shape: str = _option("object", "What `GET store/` answers: an object, or a list with one.", "list")
    next_links: str = _option(
        "same",
        "Origin of `next` links: the API's, with the other one of http and https, or without the port.",
        *("other_scheme", "no_port"),
    )
    api_times: str = _option(
        "utc", "Instants of the API: 2026-07-03T14:09:41Z or 2026-07-03T10:09:41.263144-04:00.", "offset"
    )
    unlisted_metadata: tuple[str, ...] = _option((), "Keys of definitions that `GET metadata/` leaves out.")
    null_dates: bool = _option(False, "`date_from` and `date_to` of an Export are null in answers.")
    omit_status: bool = _option(False, "`status` of an Export is missing while it is pending.")
    webhook_signs: str = _option(
        "raw", "What a delivery's signature covers: the body, or Python's json.dumps of the parsed body.", "json_dumps"
    )
    webhook_moment: str = _option("ready", "When `export.created` is sent.", "created")

    # The CSV
    time_format: str = _option(
        "iso_z",
        "Instants of a CSV: 2024-09-03T18:09:00Z; with offset; naive; Sept. 3, 2024, 2:09 p.m.; 2024-09-03 02:09 PM; "
        "02:09:41 PM; 2024-9-3 2:09 PM; 02:09 p.m. All but iso_z are in the store's zone.",
        *("iso_offset", "iso_naive", "django_long", "am_pm", "am_pm_seconds", "am_pm_short", "am_pm_dots"),
    )
    money_format: str = _option(
        "plain",
        "Amounts of a CSV: 1234.50; 1,234.50; $1234.50 (CHF 1234.50); $1,234.50; USD 1234.50; 1234.50 USD; 1234,50; "
        "1.234,50.",
        *("separators", "sign", "signs", "code_before", "code_after", "comma", "comma_separators"),
    )
    guarded_negatives: bool = _option(False, "A `'` precedes each negative number of a CSV.")
    boolean_format: str = _option("True/False", "Booleans of a CSV.", "Yes/No", "1/0")
    null_text: str = _option("", "Text of a cell without a value.")
    lone_cr: bool = _option(False, "Line breaks within cells are a CR alone.")
    encoding: str = _option("utf-8", "Encoding of the CSV; characters that it does not have become `?`.")
    bom: bool = _option(False, "Whether the CSV starts with a byte-order mark.")
    empty_file: str = _option("header", "File of an export without objects: the header, or 0 bytes.", "blank")
    line_ids: bool = _option(True, "Whether line-item CSVs have ids of lines.")
    lines_apart: bool = _option(False, "Lines of one parent are not adjacent in line-item CSVs.")
    metadata_headers: str = _option("name", "Header of a merchant's own column.", "key")
    header_style: str = _option("title", "Headers: Order Number or order_number.", "snake")
    own_key: str = _option("full", "Header of the object's own number or id: Customer ID or ID.", "bare")
    gzip: str = _option(
        "off",
        "Files compressed with `Content-Encoding: gzip`: never, where the request accepts it, or always; or plain "
        "bytes with that header.",
        *("accepted", "always", "mislabeled"),
    )

    def __post_init__(self) -> None:
        for one in fields(self):
            choices = one.metadata.get("choices")
            if choices and getattr(self, one.name) not in choices:
                raise ValueError(f"{one.name} must be one of {', '.join(choices)}")
        if unknown := set(self.scopes) - set(SCOPES):
            raise ValueError(f"Unknown scopes: {', '.join(sorted(unknown))}")
        if self.now is not None and self.now.tzinfo is None:
            raise ValueError("now needs a time zone")
