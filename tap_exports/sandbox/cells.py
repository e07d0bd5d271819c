"""Values as the text of a CSV's cells."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tap_exports.sandbox.columns import CellType
from tap_exports.sandbox.options import BooleanFormat, MoneyFormat, TimeFormat

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_exports.sandbox.facts import Value
    from tap_exports.sandbox.options import Options

CENT = Decimal("0.01")
SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}
NOON = 12
# As Django's N: Associated Press style.
MONTHS = ["Jan.", "Feb.", "March", "April", "May", "June", "July", "Aug.", "Sept.", "Oct.", "Nov.", "Dec."]


def django_long(moment: datetime) -> str:
    """An instant as Django's default for US English has it (`N j, Y, P`), seconds dropped."""
    hour = moment.hour % NOON or NOON
    half = "a.m." if moment.hour < NOON else "p.m."
    clock = f"{hour}:{moment.minute:02d} {half}" if moment.minute else f"{hour} {half}"
    if not moment.minute:
        clock = {0: "midnight", NOON: "noon"}.get(moment.hour, clock)
    return f"{MONTHS[moment.month - 1]} {moment.day}, {moment.year}, {clock}"


class Cells:
    """Writes cells in the way that a store's options say."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._zone = ZoneInfo(options.timezone)
        self._true, self._false = {
            BooleanFormat.TRUE_FALSE: ("True", "False"),
            BooleanFormat.YES_NO: ("Yes", "No"),
            BooleanFormat.ONE_ZERO: ("1", "0"),
        }[options.boolean_format]
        self._null = options.null_text
        self._writers: dict[CellType, Callable[[Value, str], str]] = {
            CellType.INTEGER: lambda value, _: str(value),
            CellType.MONEY: self.money,
            CellType.DECIMAL: lambda value, _: self._plain(value),
            CellType.BOOLEAN: lambda value, _: self._true if value else self._false,
            CellType.TIME: lambda value, _: self.time(value),
        }

    def write(self, value: Value, kind: CellType, currency: str) -> str:
        """One cell; the currency is that of the row."""
        if value is None:
            return self._null
        if kind is CellType.TEXT:
            return str(value)
        return self._writers[kind](value, currency)

    def _plain(self, value: Value) -> str:
        if not isinstance(value, Decimal):
            raise TypeError(f"Not an amount: {value!r}")
        return str(value.quantize(CENT))

    def money(self, value: Value, currency: str) -> str:
        """An amount."""
        text = self._plain(value)
        how = self._options.money_format
        minus = "-" if text.startswith("-") else ""
        sign = SIGNS[currency] if how in {MoneyFormat.SIGN, MoneyFormat.SIGNS} else ""
        separated = how in {MoneyFormat.SEPARATORS, MoneyFormat.SIGNS}
        amount = text.removeprefix("-")
        return f"{minus}{sign}{Decimal(amount):,}" if separated else f"{minus}{sign}{amount}"

    def time(self, value: Value) -> str:
        """An instant."""
        if not isinstance(value, datetime):
            raise TypeError(f"Not an instant: {value!r}")
        how = self._options.time_format
        if how is TimeFormat.ISO_Z:
            return value.astimezone(timezone.utc).replace(tzinfo=None).isoformat() + "Z"
        local = value.astimezone(self._zone)
        if how is TimeFormat.ISO_OFFSET:
            return local.isoformat()
        return local.replace(tzinfo=None).isoformat() if how is TimeFormat.ISO_NAIVE else django_long(local)
