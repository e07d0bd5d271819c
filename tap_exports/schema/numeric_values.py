"""A cell's text → an exact number. Pure.

Each function raises ValueError where the text does not fit, also where it could mean two numbers.
"""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

T = TypeVar("T")

_LONGEST_NUMBER = 1_000
"""Characters of a number: a target's JSON reader may reject several thousand digits."""
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
"""The 64-bit integers that databases can store."""

_PLAIN_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]{0,499})(?:\.[0-9]{1,400})?")
_CODES = (
    "AED|AFN|ALL|AMD|ANG|AOA|ARS|AUD|AWG|AZN|BAM|BBD|BDT|BGN|BHD|BIF|BMD|BND|BOB|BRL|BSD|BTN|BWP|BYN|BZD|CAD|CDF|CHF"
    "|CLP|CNY|COP|CRC|CUP|CVE|CZK|DJF|DKK|DOP|DZD|EGP|ERN|ETB|EUR|FJD|FKP|GBP|GEL|GHS|GIP|GMD|GNF|GTQ|GYD|HKD|HNL|HTG"
    "|HUF|IDR|ILS|INR|IQD|IRR|ISK|JMD|JOD|JPY|KES|KGS|KHR|KMF|KPW|KRW|KWD|KYD|KZT|LAK|LBP|LKR|LRD|LSL|LYD|MAD|MDL|MGA"
    "|MKD|MMK|MNT|MOP|MRU|MUR|MVR|MWK|MXN|MYR|MZN|NAD|NGN|NIO|NOK|NPR|NZD|OMR|PAB|PEN|PGK|PHP|PKR|PLN|PYG|QAR|RON|RSD"
    "|RUB|RWF|SAR|SBD|SCR|SDG|SEK|SGD|SHP|SLE|SOS|SRD|SSP|STN|SVC|SYP|SZL|THB|TJS|TMT|TND|TOP|TRY|TTD|TWD|TZS|UAH|UGX"
    "|USD|UYU|UZS|VES|VND|VUV|WST|XAF|XCD|XCG|XOF|XPF|YER|ZAR|ZMW|ZWG"
)
# A sign, optionally with its country's letters (CA$), or an ISO 4217 code; other letters are a unit (12 KG).
_CURRENCY = rf"(?:(?:(?:{_CODES})\s?)?(?:[A-Z]{{0,3}}[$¢£¤¥֏؋৳฿₠-⃀﷼＄￡￥])|(?:{_CODES}))?"
_NUMBER = re.compile(
    rf"""
    (?P<open>\()? \s?
    (?P<sign>[+\-−]?) \s? {_CURRENCY} \s? (?P<inner>[+\-−]?) \s?
    (?P<digits>
        [1-9][0-9]{{0,2}} (?:(?P<group>[,'’\ \u00a0\u2009\u202f])[0-9]{{3}}) (?:(?P=group)[0-9]{{3}})*
        | 0 | [1-9][0-9]*
    )?
    (?P<point>\.[0-9]*)?
    (?P<exponent>[eE][+-]?[0-9]{{1,2}})?
    \s? {_CURRENCY} \s? (?P<close>\))?
    """,
    re.VERBOSE,
)
_SWAP_SEPARATORS = str.maketrans(",.", ".,")


def to_integer(text: str) -> int:
    """A whole number of at most 64 bits; also `5.00` and `1,234`."""
    if _PLAIN_INTEGER.fullmatch(text):
        return int(text)
    number = to_number(text)
    whole = int(number)
    if whole != number or not _SMALLEST <= whole <= _LARGEST:
        raise ValueError("not a whole number of at most 64 bits")
    return whole


def to_number(text: str) -> Decimal:
    """An exact decimal: `1234.50`, `$1,234.50`, `CHF 12.34`, `-€0.10`, `(12.00)`, `'-10.00`.

    Leading zeros and a group that starts with `0` do not fit: `00077` is a code, and `0,990` is less than one.
    """
    if _PLAIN.fullmatch(text):
        return Decimal(text)
    text = text.strip()
    if len(text) > _LONGEST_NUMBER:
        raise ValueError("too long for a number")
    match = _NUMBER.fullmatch(text.removeprefix("'"))  # protects from formulas in spreadsheets
    if match is None or bool(match["open"]) != bool(match["close"]):
        raise ValueError("not a number")
    digits = re.sub(r"[^0-9]", "", match["digits"] or "")
    point = match["point"] or ""
    signs = [sign for sign in (match["sign"], match["inner"]) if sign]
    if not (digits or len(point) > 1) or len(signs) + bool(match["open"]) > 1:
        raise ValueError("not a number")
    number = Decimal(f"{digits}{point}{match['exponent'] or ''}")
    # Not -number, which rounds to the 28 digits of the decimal context.
    return number.copy_negate() if match["open"] or (signs and signs[0] != "+") else number


class NumberReading:
    """How the numbers in one column of a file are read.

    Numbers have a decimal point. If a cell of the column can only have a decimal comma (`12,50`, `1.234,50`), cells
    that are valid either way (`1,234`, `1.234`) are ambiguous, and do not fit.
    """

    def __init__(self) -> None:
        self.decimal_comma = False
        """Whether a cell can only have a decimal comma."""

    def observe(self, cell: str) -> None:
        """Consider a cell; one without a comma and with at most one point is never ambiguous."""
        if ("," in cell or cell.count(".") > 1) and not self.decimal_comma:
            self.decimal_comma = _number_or_none(cell) is None and _number_or_none(_swapped(cell)) is not None

    def converter(self, convert: Callable[[str], T]) -> Callable[[str], T]:
        """The same function, or one that rejects ambiguous cells."""
        if not self.decimal_comma:
            return convert

        def strict(text: str) -> T:
            other = _number_or_none(_swapped(text))
            if other is not None and other != to_number(text):
                raise ValueError("ambiguous: a decimal point or a decimal comma")
            return convert(text)

        return strict


class NumberReadings:
    """How the integer and number columns of a file are read, by their positions.

    The validation of the file calls `observe` for all rows, before `converter` is used for the records.
    """

    def __init__(self, positions: Collection[int] = ()) -> None:
        self._readings = {position: NumberReading() for position in positions}
        first = list(self._readings)[:1]  # twice, because itemgetter returns a tuple only for several positions
        self._cells = itemgetter(*first, *self._readings) if first else None

    def observe(self, rows: Sequence[Sequence[str]]) -> None:
        """Consider some rows. Only a comma or two points in them cost more than one pass over their text."""
        if self._cells is None:
            return
        cells = chain.from_iterable(map(self._cells, rows))
        signs = "\n".join(cells).encode("utf-8", "replace").translate(None, b"0123456789")
        if b"," in signs or b".." in signs:
            for position, reading in self._readings.items():
                for row in rows:
                    reading.observe(row[position])

    def converter(self, position: int, convert: Callable[[str], T]) -> Callable[[str], T]:
        """The function for a column's cells: `convert`, or a stricter one."""
        reading = self._readings.get(position)
        return convert if reading is None else reading.converter(convert)


def _number_or_none(text: str) -> Decimal | None:
    try:
        return to_number(text)
    except ValueError:
        return None


def _swapped(text: str) -> str:
    return text.translate(_SWAP_SEPARATORS)
