"""A cell's text → a typed value, one function for each type. Pure.

Each function takes text that is not null (see `is_null`) and raises ValueError where the text does not fit. The
formats of the CSV files are not published, so all that a Python/Django application is likely to write are read.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo


_NULLS = frozenset({"", "none", "null", "-", "'-", "—"})

_TRUE = frozenset({"true", "t", "yes", "y", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "0"})

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
# The form for Python's own parser, which is fast but accepts many other forms too.
_COMMON_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{3}(?:\d{3})?)?(?:[+-]\d\d:[0-5]\d)?", re.ASCII)
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,12}))?)?\s?(Z|UTC|GMT|[+-]\d\d(?::?[0-5]\d)?)?)?",
    re.ASCII | re.IGNORECASE,
)
_HALF = r"([ap])\.?m\.?"
# The form that the vendor documents: 2026-07-03 10:09 AM.
_TWELVE_HOURS = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2}) (\d{1,2}):(\d{1,2})(?::(\d{1,2}))?[ \u00a0\u202f]?" + _HALF,
    re.ASCII | re.IGNORECASE,
)
_DJANGO = re.compile(
    r"([A-Za-z]{3,9})\.? (\d{1,2}), (\d{4})"
    r"(?:,? (?:at )?(?:(noon|midnight)|(\d{1,2})(?::(\d\d))?(?::(\d\d))? ?" + _HALF + "))?",
    re.ASCII | re.IGNORECASE,
)


def is_null(text: str) -> bool:
    """Whether a cell of a typed column, or of a key, has no value: blank, `None`, `NULL`, `-` or `—`."""
    return text.strip().lower() in _NULLS


def to_boolean(text: str) -> bool:
    """`True/False`, `Yes/No`, `1/0`, and their first letters, in any case."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("not a boolean")


def to_date(text: str) -> str:
    """A day, as `YYYY-MM-DD`. A time of day does not fit, except midnight without an offset."""
    moment, has_time = _parse(text.strip())
    if has_time and (moment.tzinfo or moment.time() != moment.min.time()):
        raise ValueError("not a day")
    return moment.date().isoformat()


def to_datetime(zone: tzinfo) -> Callable[[str], str]:
    """The converter of times to RFC 3339 in UTC, such as `2024-09-03T18:00:00Z`.

    A time without an offset is in `zone`. When clocks go back, the repeated hour is read as the first one (summer
    time). When they go forward, a time in the missing hour is read as one hour later: 02:30 as 03:30. A day alone is
    its midnight. Digits beyond microseconds are dropped.
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
    """A time from the API, a setting or a state, in UTC; without an offset it is UTC."""
    if not isinstance(text, str):
        raise ValueError("not a text")  # noqa: TRY004 - JSON may contain any type
    utc = to_datetime(timezone.utc)(text)
    return datetime.fromisoformat(utc.removesuffix("Z")).replace(tzinfo=timezone.utc)


def _is_canonical(text: str) -> bool:
    """Whether a time of nineteen characters, which has no offset, is in the form that this module writes."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return False
    return moment.isoformat() == text


def _parse(text: str) -> tuple[datetime, bool]:
    """A time as written, and whether it has a time of day."""
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
    if documented := _TWELVE_HOURS.fullmatch(text):
        *day_and_hour, minute, second, half = documented.groups()
        year, month, day, hour = map(int, day_and_hour)
        return datetime(year, month, day, _hour(hour, half), int(minute), int(second or 0)), True  # noqa: DTZ001
    if long := _DJANGO.fullmatch(text):
        return _long_form(long)
    raise ValueError("not a time")


def _hour(hour: int, half: str) -> int:
    if not 1 <= hour <= 12:  # noqa: PLR2004 - the hours of a clock face
        raise ValueError("not an hour")
    return hour % 12 + (12 if half in "pP" else 0)


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
        clock = _hour(int(hour), half)
    else:
        return datetime(today.year, today.month, today.day), False  # noqa: DTZ001 - naive as written
    return (
        datetime(today.year, today.month, today.day, clock, int(minute or 0), int(second or 0)),  # noqa: DTZ001
        True,
    )
