"""Options of a practice store: one for each open question about the real API."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tap_exports.sandbox.export import Export


class Scope(str, Enum):
    """What a token may do."""

    EXPORTS_READ = "exports:read"
    EXPORTS_WRITE = "exports:write"
    STORE_READ = "store:read"
    METADATA_READ = "metadata:read"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"


class TimeFormat(str, Enum):
    """How a CSV writes an instant."""

    ISO_Z = "iso_z"  # 2024-09-03T18:00:00Z
    ISO_OFFSET = "iso_offset"  # 2024-09-03T14:00:00-04:00, in the store's zone
    ISO_NAIVE = "iso_naive"  # 2024-09-03T14:00:00, in the store's zone
    DJANGO_LONG = "django_long"  # Sept. 3, 2024, 2 p.m., in the store's zone
    # The vendor's guide to subscription files, and its near relatives, in the store's zone:
    AM_PM = "am_pm"  # 2024-09-03 02:09 PM
    AM_PM_SECONDS = "am_pm_seconds"  # 2024-09-03 02:09:41 PM
    AM_PM_SHORT = "am_pm_short"  # 2024-9-3 2:09 PM
    AM_PM_DOTS = "am_pm_dots"  # 2024-09-03 02:09 p.m.


class MoneyFormat(str, Enum):
    """How a CSV writes an amount."""

    PLAIN = "plain"  # 1234.50
    SEPARATORS = "separators"  # 1,234.50
    SIGN = "sign"  # $1234.50
    SIGNS = "signs"  # $1,234.50
    CODE_BEFORE = "code_before"  # USD 1234.50
    CODE_AFTER = "code_after"  # 1234.50 USD
    COMMA = "comma"  # 1234,50
    COMMA_SEPARATORS = "comma_separators"  # 1.234,50


class BooleanFormat(str, Enum):
    """How a CSV writes a boolean."""

    TRUE_FALSE = "True/False"
    YES_NO = "Yes/No"
    ONE_ZERO = "1/0"


class HeaderStyle(str, Enum):
    """How a CSV writes its headers."""

    TITLE = "title"  # Order Number
    SNAKE = "snake"  # order_number


class MetadataHeaders(str, Enum):
    """The header of a merchant's own column."""

    NAME = "name"
    KEY = "key"


class OwnKey(str, Enum):
    """The header of the object's own number or id."""

    FULL = "full"  # Customer ID
    BARE = "bare"  # ID


class ListOrder(str, Enum):
    """The order of `GET exports/`."""

    NEWEST = "newest"
    OLDEST = "oldest"


class RangeField(str, Enum):
    """Which date of an object an export's range is held against."""

    CREATED = "created"
    PLACED = "placed"  # the date the order was placed, for every object that belongs to an order
    UPDATED = "updated"
    HAPPENED = "happened"  # `happened_at` of disputes; created for other objects
    REPORTS = "reports"  # as the vendor's reports: orders and fulfillments placed, disputes happened, others created


class EmptyFile(str, Enum):
    """The file of an export without objects."""

    HEADER = "header"
    BLANK = "blank"  # 0 bytes


class Gzip(str, Enum):
    """Whether files travel with `Content-Encoding: gzip`."""

    OFF = "off"
    ACCEPTED = "accepted"  # where the request's Accept-Encoding names it
    ALWAYS = "always"  # as an object store does with an object that is stored compressed
    MISLABELED = "mislabeled"  # the header says gzip, the bytes are plain


class StoreShape(str, Enum):
    """What `GET store/` answers."""

    OBJECT = "object"
    LIST = "list"  # a list with one store


class NextLinks(str, Enum):
    """The origin in `next` and `previous` links."""

    SAME = "same"
    OTHER_SCHEME = "other_scheme"  # http where the API is https, and the reverse
    NO_PORT = "no_port"


class ApiTimes(str, Enum):
    """How the API writes an instant."""

    UTC = "utc"  # 2026-07-03T14:09:41Z
    OFFSET = "offset"  # 2026-07-03T10:09:41.263144-04:00, in the store's zone


class WebhookSigns(str, Enum):
    """What a delivery's signature covers."""

    RAW = "raw"
    JSON_DUMPS = "json_dumps"  # Python's json.dumps of the parsed body


class WebhookMoment(str, Enum):
    """When `export.created` is sent."""

    READY = "ready"
    CREATED = "created"


@dataclass(frozen=True)
class Options:
    """Options of one practice store.

    Enum fields accept the value too: `Options(time_format="iso_naive")`.

    Attributes:
        seed: Same seed, `days` and `now` (to the day, UTC): same data.
        now: Start of the store's clock; the real now when None.
        frozen: The store's clock stands still; only `advance` moves it.
        days: Days of data before `now`, from a midnight UTC on.
        orders_per_day: Orders per day; 0 is a store without data.
        timezone: IANA name of the store's zone.
        row_cap: Maximum number of objects in an export; the rest is missing without a warning.
        cap_counts_parents: The cap of a line-item export counts parents instead of lines.
        rate_limit: Requests in any one second of the store's clock; None switches it off.
        ready_seconds: Time that making one export takes, once it has started.
        parallel_exports: Number of exports made at once; the others wait, first in, first out.
        date_to_included: Whether an object exactly at `date_to` is in the export.
        range_field: Which date the range is held against.
        range_fields: The same for single types, by code.
        lines_by_own_date: The range of an export of lines is held against each line's own date, not its parent's.
        edited_orders: Percentage of orders that are edited 1 to 40 days later: a line is added, removed or changed.
        late_refund_days: If not 0, every tenth order is partly refunded so many days later.
        dispute_report_days: Days between `happened_at` of a dispute and its creation.
        converted_carts: Percentage of open carts that become orders, and leave later exports.
        erased_customers: Percentage of customers that are erased, and leave later exports.
        link_seconds: How long a signed link is valid.
        page_size: Of the lists of exports, metadata and webhooks.
        list_order: Of the list of exports.
        list_timezone: Zone of the days in that list's filters; the store's when None.
        scopes: Scopes of the token.
        token: The accepted bearer token; derived from the seed when None.
        admin_scopes: A 403 message names the missing scope and `admin:read` or `admin:write`.
        store_shape: What `GET store/` answers.
        next_links: The origin in `next` and `previous` links.
        api_times: How the API writes an instant.
        campaigns_app: The 11 metadata definitions of the vendor's Campaigns App exist and are exported.
        unlisted_metadata: Keys of definitions that `GET metadata/` leaves out.
        time_format: How a CSV writes an instant.
        money_format: How a CSV writes an amount.
        currencies: ISO codes that orders, subscriptions and carts are in; JPY and KRW have no decimals.
        guarded_negatives: A `'` precedes each negative number of a CSV.
        lone_cr: Line breaks within cells are a CR alone.
        boolean_format: How a CSV writes a boolean.
        null_text: Text of a cell without a value.
        encoding: Encoding of the CSV; characters that it cannot hold become `?`.
        bom: Whether the CSV starts with a byte-order mark.
        line_ids: Whether line-item CSVs have ids of lines.
        lines_apart: Lines of one parent are not adjacent in line-item CSVs.
        metadata_headers: Header of a merchant's own column.
        header_style: How headers are written.
        own_key: Header of the object's own number or id.
        null_dates: `date_from` and `date_to` of an Export are null in answers.
        omit_status: `status` of an Export is missing while it is pending.
        gzip: Whether files are sent compressed.
        empty_file: File of an export without objects.
        extra_types: Codes of types that the platform added; they hold what `order_list` holds.
        webhook_signs: What a delivery's signature covers.
        webhook_moment: When deliveries are sent.
        webhook_retries: Further attempts at one delivery.
        webhook_retry_seconds: Pause before the first of them; it doubles each time.
    """

    seed: int = 29
    now: datetime | None = None
    frozen: bool = False
    days: int = 180
    orders_per_day: int = 3
    timezone: str = "US/Eastern"
    row_cap: int = 100_000
    cap_counts_parents: bool = False
    rate_limit: int | None = 4
    ready_seconds: float | Callable[[Export], float] = 0.0
    parallel_exports: int = 3
    date_to_included: bool = False
    range_field: RangeField = RangeField.CREATED
    range_fields: Mapping[str, RangeField] = field(default_factory=dict)
    lines_by_own_date: bool = False
    edited_orders: int = 0
    late_refund_days: int = 0
    dispute_report_days: int = 1
    converted_carts: int = 0
    erased_customers: int = 0
    link_seconds: float = 300.0
    page_size: int = 20
    list_order: ListOrder = ListOrder.NEWEST
    list_timezone: str | None = None
    scopes: frozenset[Scope] = field(default_factory=lambda: frozenset(Scope))
    token: str | None = None
    admin_scopes: bool = False
    store_shape: StoreShape = StoreShape.OBJECT
    next_links: NextLinks = NextLinks.SAME
    api_times: ApiTimes = ApiTimes.UTC
    campaigns_app: bool = False
    unlisted_metadata: tuple[str, ...] = ()
    time_format: TimeFormat = TimeFormat.ISO_Z
    money_format: MoneyFormat = MoneyFormat.PLAIN
    currencies: tuple[str, ...] = ("USD",) * 8 + ("EUR", "GBP")
    guarded_negatives: bool = False
    lone_cr: bool = False
    boolean_format: BooleanFormat = BooleanFormat.TRUE_FALSE
    null_text: str = ""
    encoding: str = "utf-8"
    bom: bool = False
    line_ids: bool = True
    lines_apart: bool = False
    metadata_headers: MetadataHeaders = MetadataHeaders.NAME
    header_style: HeaderStyle = HeaderStyle.TITLE
    own_key: OwnKey = OwnKey.FULL
    null_dates: bool = False
    omit_status: bool = False
    gzip: Gzip = Gzip.OFF
    empty_file: EmptyFile = EmptyFile.HEADER
    extra_types: tuple[str, ...] = ()
    webhook_signs: WebhookSigns = WebhookSigns.RAW
    webhook_moment: WebhookMoment = WebhookMoment.READY
    webhook_retries: int = 10
    webhook_retry_seconds: float = 0.05

    def __post_init__(self) -> None:
        for one in fields(self):
            if isinstance(one.default, Enum):
                object.__setattr__(self, one.name, type(one.default)(getattr(self, one.name)))
        by_code = {code: RangeField(date) for code, date in self.range_fields.items()}
        object.__setattr__(self, "range_fields", by_code)
        object.__setattr__(self, "scopes", frozenset(Scope(scope) for scope in self.scopes))
        if self.now is not None and self.now.tzinfo is None:
            raise ValueError("Options.now needs a time zone")
