"""Values as the text of a CSV's cells."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tap_exports.sandbox.columns import CellType

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_exports.sandbox.columns import Value
    from tap_exports.sandbox.options import Options

CENT = Decimal("0.01")
WHOLE = Decimal(1)
SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
WITHOUT_DECIMALS = {"JPY", "KRW"}
SWAPPED = str.maketrans(",.", ".,")
NOON = 12
# As Django's N: Associated Press style.
MONTHS = ["Jan.", "Feb.", "March", "April", "May", "June", "July", "Aug.", "Sept.", "Oct.", "Nov.", "Dec."]


def django_long(moment: datetime) -> str:
    """An instant in Django's default for US English (`N j, Y, P`), without seconds."""
    hour = moment.hour % NOON or NOON
    half = "a.m." if moment.hour < NOON else "p.m."
    clock = f"{hour}:{moment.minute:02d} {half}" if moment.minute else f"{hour} {half}"
    if not moment.minute:
        clock = {0: "midnight", NOON: "noon"}.get(moment.hour, clock)
    return f"{MONTHS[moment.month - 1]} {moment.day}, {moment.year}, {clock}"


def _half(moment: datetime) -> str:
    return "AM" if moment.hour < NOON else "PM"


AM_PM: dict[str, Callable[[datetime], str]] = {
    "am_pm": lambda one: f"{one:%Y-%m-%d %I:%M} {_half(one)}",
    "am_pm_seconds": lambda one: f"{one:%Y-%m-%d %I:%M:%S} {_half(one)}",
    "am_pm_short": lambda one: f"{one.year}-{one.month}-{one.day} {one.hour % NOON or NOON}:{one:%M} {_half(one)}",
    "am_pm_dots": lambda one: f"{one:%Y-%m-%d %I:%M} {_half(one)[0].lower()}.m.",
}


class CellWriter:
    """Writes cells in the formats of a store's options."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._zone = ZoneInfo(options.timezone)
        self._true, self._false = options.boolean_format.split("/")
        self._null = options.null_text
        self._writers: dict[CellType, Callable[[Value, str], str]] = {
            CellType.INTEGER: lambda value, _: self._guarded(str(value)),
            CellType.MONEY: lambda value, currency: self._guarded(self.money(value, currency)),
            CellType.DECIMAL: lambda value, _: self._guarded(self._plain(value)),
            CellType.BOOLEAN: lambda value, _: self._true if value else self._false,
            CellType.TIME: lambda value, _: self.time(value),
        }

    def write(self, value: Value, kind: CellType, currency: str) -> str:
        """One cell; the currency is that of the row."""
        if value is None:
            return self._null
        if kind is CellType.TEXT:
            text = str(value)
            return text.replace("\r\n", "\n").replace("\n", "\r") if self._options.lone_cr else text
        return self._writers[kind](value, currency)

    def _guarded(self, text: str) -> str:
        return f"'{text}" if self._options.guarded_negatives and text.startswith("-") else text

    @staticmethod
    def _plain(value: Value, unit: Decimal = CENT) -> str:
        if not isinstance(value, Decimal):
            raise TypeError(f"Not an amount: {value!r}")
        return str(value.quantize(unit))

    def money(self, value: Value, currency: str) -> str:
        """An amount."""
        text = self._plain(value, WHOLE if currency in WITHOUT_DECIMALS else CENT)
        how = self._options.money_format
        minus, amount = ("-" if text.startswith("-") else ""), text.removeprefix("-")
        if how in {"separators", "signs", "comma_separators"}:
            amount = f"{Decimal(amount):,}"
        if how in {"comma", "comma_separators"}:
            amount = amount.translate(SWAPPED)
        if how in {"sign", "signs"}:
            # As the platform does: CHF 12.34, and a sign where the currency has one.
            amount = f"{SIGNS.get(currency, f'{currency} ')}{amount}"
        before = f"{currency} " if how == "code_before" else ""
        after = f" {currency}" if how == "code_after" else ""
        return f"{before}{minus}{amount}{after}"

    def time(self, value: Value) -> str:
        """An instant."""
        if not isinstance(value, datetime):
            raise TypeError(f"Not an instant: {value!r}")
        how = self._options.time_format
        if how == "iso_z":
            return value.astimezone(timezone.utc).replace(tzinfo=None).isoformat() + "Z"
        local = value.astimezone(self._zone)
        if how == "iso_offset":
            return local.isoformat()
        if how in AM_PM:
            return AM_PM[how](local)
        return local.replace(tzinfo=None).isoformat() if how == "iso_naive" else django_long(local)
