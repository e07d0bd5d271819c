"""Dates and times in requests."""

from __future__ import annotations

import re
from datetime import date, datetime

INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,6})\d*)?\s*(Z|z|[+-]\d{2}:?\d{2})?",
)


def instant(text: object) -> datetime | None:
    """An RFC 3339 instant; None when invalid or without an offset."""
    found = INSTANT.fullmatch(text) if isinstance(text, str) else None
    if found is None or found[4] is None:
        return None
    offset = "+00:00" if found[4] in "Zz" else found[4]
    if ":" not in offset:
        offset = f"{offset[:3]}:{offset[3:]}"
    fraction = (found[3] or "").ljust(6, "0")
    clock = found[2] if found[2].count(":") > 1 else f"{found[2]}:00"
    try:
        return datetime.fromisoformat(f"{found[1]}T{clock}.{fraction}{offset}")
    except ValueError:
        return None


def day(text: str) -> date | None:
    """A day; None when invalid."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
