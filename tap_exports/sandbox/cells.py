"""Values as the text of a CSV's cells."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tap_exports.sandbox.clock import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_exports.sandbox.model import Value
    from tap_exports.sandbox.options import Options

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
WITHOUT_DECIMALS = {"JPY", "KRW"}
SWAPPED = str.maketrans(",.", ".,")
# As Django's N: Associated Press style.
MONTHS = ["Jan.", "Feb.", "March", "April", "May", "June", "July", "Aug.", "Sept.", "Oct.", "Nov.", "Dec."]


def _half(moment: datetime) -> str:
    return "a.m." if moment.hour < 12 else "p.m."  # noqa: PLR2004


def django_long(moment: datetime) -> str:
    """An instant in Django's default for US English (`N j, Y, P`), without seconds."""
    minutes = f":{moment:%M}" if moment.minute else ""
    clock = f"{moment.hour % 12 or 12}{minutes} {_half(moment)}"
    if not minutes:
        clock = {0: "midnight", 12: "noon"}.get(moment.hour, clock)
    return f"{MONTHS[moment.month - 1]} {moment.day}, {moment.year}, {clock}"


TIME_FORMATS: dict[str, Callable[[datetime], str]] = {
    "iso_offset": datetime.isoformat,
    "iso_naive": lambda one: one.replace(tzinfo=None).isoformat(),
    "django_long": django_long,
    "am_pm": lambda one: f"{one:%Y-%m-%d %I:%M %p}",
    "am_pm_seconds": lambda one: f"{one:%Y-%m-%d %I:%M:%S %p}",
    "am_pm_short": lambda one: f"{one.year}-{one.month}-{one.day} {one.hour % 12 or 12}:{one:%M %p}",
    "am_pm_dots": lambda one: f"{one:%Y-%m-%d %I:%M} {_half(one)}",
}
"""How times in the store's zone are written; `iso_z` is in UTC."""


class CellWriter:
    """Writes cells in the formats of a store's options."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._zone = ZoneInfo(options.timezone)
        self._true, self._false = options.boolean_format.split("/")

    def write(self, value: Value, currency: str = "") -> str:
        """One cell; with a currency, decimals are amounts."""
        if value is None:
            return self._options.null_text
        if isinstance(value, str):
            return value.replace("\r\n", "\n").replace("\n", "\r") if self._options.lone_cr else value
        if isinstance(value, bool):
            return self._true if value else self._false
        if isinstance(value, datetime):
            return self._time(value)
        text = self.money(value, currency) if isinstance(value, Decimal) else str(value)
        return f"'{text}" if self._options.guarded_negatives and text.startswith("-") else text

    def money(self, value: Decimal, currency: str) -> str:
        """An amount; without a currency, a plain decimal."""
        text = str(value.quantize(Decimal(1) if currency in WITHOUT_DECIMALS else Decimal("0.01")))
        how = self._options.money_format
        if not currency or how == "plain":
            return text
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

    def _time(self, moment: datetime) -> str:
        how = self._options.time_format
        return rfc3339(moment) if how == "iso_z" else TIME_FORMATS[how](moment.astimezone(self._zone))
