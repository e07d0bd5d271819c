"""A cell's text → a typed value, one function for each type. Pure.

Each function takes text that is neither blank nor a null (see `is_null`) and raises ValueError where
the text is no such value. Nobody has published the formats of the CSVs, so all that are plausible for a
Python/Django application are read: ISO 8601 with `Z`, with an offset or naive, Django's long form
(`Sept. 3, 2024, 2 p.m.`), currency signs, thousands separators, three kinds of booleans.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

_NULLS = frozenset({"", "none", "null", "—"})

_TRUE = frozenset({"true", "t", "yes", "y", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "0"})

_LONGEST_NUMBER = 1_000
"""Characters of a number: beyond some thousands of digits a target's own JSON reader gives up."""

_PLAIN = re.compile(r"-?[0-9]{1,500}(?:\.[0-9]{1,400})?")
# The currency is a sign, with its country's letters perhaps (CA$); other letters would be a unit (12 KG).
_CURRENCY = r"(?:[A-Z]{0,3}[$¢£¤¥֏؋৳฿₠-⃀﷼＄￡￥])?"
_NUMBER = re.compile(
    rf"""
    (?P<open>\()? \s?
    (?P<sign>[+\-−]?) \s? {_CURRENCY} \s? (?P<inner>[+\-−]?) \s?
    (?P<digits> [0-9]{{1,3}} (?:(?P<group>[,'’\ \u00a0\u2009\u202f])[0-9]{{3}}) (?:(?P=group)[0-9]{{3}})* | [0-9]+ )?
    (?P<point>\.[0-9]*)?
    (?P<exponent>[eE][+-]?[0-9]{{1,2}})?
    \s? {_CURRENCY} \s? (?P<close>\))?
    """,
    re.VERBOSE,
)

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("jan", "january"),
            ("feb", "february"),
            ("mar", "march"),
            ("apr", "april"),
            ("may",),
            ("jun", "june"),
            ("jul", "july"),
            ("aug", "august"),
            ("sep", "sept", "september"),
            ("oct", "october"),
            ("nov", "november"),
            ("dec", "december"),
        ),
        start=1,
    )
    for name in names
}
_CANONICAL = len("YYYY-MM-DDTHH:MM:SSZ")
# What Python's own reader is trusted with, which is fast but reads much else besides.
_COMMON_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{3}(?:\d{3})?)?(?:[+-]\d\d:[0-5]\d)?", re.ASCII)
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,12}))?)?\s?(Z|UTC|GMT|[+-]\d\d(?::?[0-5]\d)?)?)?",
    re.ASCII | re.IGNORECASE,
)
_DJANGO = re.compile(
    r"([A-Za-z]{3,9})\.? (\d{1,2}), (\d{4})"
    r"(?:,? (?:at )?(?:(noon|midnight)|(\d{1,2})(?::(\d\d))?(?::(\d\d))? ?([ap])\.?m\.?))?",
    re.ASCII | re.IGNORECASE,
)


def is_null(text: str) -> bool:
    """Whether a cell of a typed column says that there is no value.

    Args:
        text: The cell.

    Returns:
        True for a blank, `None`, `NULL` and `—`.
    """
    return text.strip().lower() in _NULLS


def to_integer(text: str) -> int:
    """A whole number of up to a thousand digits; `5.00` and `1,234` are read too.

    Args:
        text: The cell.

    Raises:
        ValueError: If it is none.
    """
    try:
        if text.isascii() and "_" not in text and len(text) <= _LONGEST_NUMBER:
            return int(text)
    except ValueError:
        pass
    number = to_number(text)
    whole = int(number)
    if whole != number:
        raise ValueError("not a whole number")
    return whole


def to_number(text: str) -> Decimal:
    """An exact decimal of up to a thousand characters: `1234.50`, `$1,234.50`, `-€0.10`, `(12.00)`.

    Args:
        text: The cell.

    Raises:
        ValueError: If it is none.
    """
    if _PLAIN.fullmatch(text):
        return Decimal(text)
    text = text.strip()
    if len(text) > _LONGEST_NUMBER:
        raise ValueError("too long for a number")
    match = _NUMBER.fullmatch(text)
    if match is None or bool(match["open"]) != bool(match["close"]):
        raise ValueError("not a number")
    digits = re.sub(r"[^0-9]", "", match["digits"] or "")
    point = match["point"] or ""
    signs = [sign for sign in (match["sign"], match["inner"]) if sign]
    if not (digits or len(point) > 1) or len(signs) + bool(match["open"]) > 1:
        raise ValueError("not a number")
    number = Decimal(f"{digits}{point}{match['exponent'] or ''}")
    # Not -number, which would round it to the 28 digits of the decimal context.
    return number.copy_negate() if match["open"] or (signs and signs[0] != "+") else number


def to_boolean(text: str) -> bool:
    """`True/False`, `Yes/No`, `1/0`, and their first letters, in any case.

    Args:
        text: The cell.

    Raises:
        ValueError: If it is none of them.
    """
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("not a boolean")


def to_date(text: str) -> str:
    """A day, as `YYYY-MM-DD`; a naive time is read as its day where it is midnight.

    Args:
        text: The cell.

    Raises:
        ValueError: If it is no day.
    """
    moment, has_time = _parse(text.strip())
    if has_time and (moment.tzinfo or moment.time() != moment.min.time()):
        raise ValueError("not a day")
    return moment.date().isoformat()


def is_day(text: str) -> bool:
    """Whether a text is a day without a time.

    Args:
        text: The cell.

    Returns:
        True for `2024-09-03` and `Sept. 3, 2024`.
    """
    try:
        return not _parse(text.strip())[1]
    except ValueError:
        return False


def to_datetime(zone: tzinfo) -> Callable[[str], str]:
    """The converter of times, for a store's zone.

    A time without an offset is read in that zone. Where the clocks go back, an hour comes twice: the
    first one is meant (summer time). Where they go forward, an hour is missing: a time in it is read as
    if the clocks had not been changed yet, so 02:30 is what is then called 03:30. A day alone is its
    midnight. Beyond microseconds, digits are cut off.

    Args:
        zone: The zone of times that carry no offset.

    Returns:
        A function from text to RFC 3339 in UTC, such as `2024-09-03T18:00:00Z`. It raises ValueError where
        the text is no time.
    """

    def convert(text: str) -> str:
        if len(text) == _CANONICAL and text[-1] == "Z" and _is_canonical(text[:-1]):
            return text
        moment = datetime.fromisoformat(text) if _COMMON_ISO.fullmatch(text) else _parse(text.strip())[0]
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        try:
            utc = moment.astimezone(timezone.utc)
        except OverflowError:
            raise ValueError("outside the calendar") from None
        return utc.isoformat().removesuffix("+00:00") + "Z"

    return convert


def to_instant(text: str) -> datetime:
    """A time of the API's, of a setting or of a state, for reckoning with it; without an offset it is UTC.

    Args:
        text: The time in any of the forms that a cell may have.

    Returns:
        An aware time in UTC.

    Raises:
        ValueError: If it is none.
    """
    if not isinstance(text, str):
        raise ValueError("not a text")  # noqa: TRY004 - what a JSON file holds is a value
    utc = to_datetime(timezone.utc)(text)
    return datetime.fromisoformat(utc.removesuffix("Z")).replace(tzinfo=timezone.utc)


def _is_canonical(text: str) -> bool:
    """Whether a time of nineteen characters, which leaves no room for an offset, is written as this module does."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return False
    return moment.isoformat() == text


def _parse(text: str) -> tuple[datetime, bool]:
    """A time as written, and whether it had a time of day at all."""
    if iso := _ISO.fullmatch(text):
        year, month, day, hour, minute, second, fraction, offset = iso.groups()
        micro = int((fraction or "0")[:6].ljust(6, "0"))
        return (
            datetime(
                int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micro,
                tzinfo=_offset(offset),
            ),
            hour is not None,
        )  # fmt: skip
    if long := _DJANGO.fullmatch(text):
        return _long_form(long)
    raise ValueError("not a time")


def _offset(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text[0] not in "+-":
        return timezone.utc
    digits = text[1:].replace(":", "").ljust(4, "0")
    ahead = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-ahead if text[0] == "-" else ahead)


def _long_form(match: re.Match[str]) -> tuple[datetime, bool]:
    """Django's `N j, Y, P`: AP-style months, `2 p.m.`, `2:30 p.m.`, `noon`, `midnight`."""
    name, day, year, word, hour, minute, second, half = match.groups()
    month = _MONTHS.get(name.lower())
    if month is None:
        raise ValueError("not a month")
    today = date(int(year), month, int(day))
    if word:
        clock = 12 if word.lower() == "noon" else 0
    elif hour:
        if not 1 <= int(hour) <= 12:  # noqa: PLR2004 - the hours of a clock face
            raise ValueError("not an hour")
        clock = int(hour) % 12 + (12 if half.lower() == "p" else 0)
    else:
        return datetime(today.year, today.month, today.day), False  # noqa: DTZ001 - naive as written
    return (
        datetime(today.year, today.month, today.day, clock, int(minute or 0), int(second or 0)),  # noqa: DTZ001
        True,
    )
