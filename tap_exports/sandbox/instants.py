"""Dates and times in requests."""

from __future__ import annotations

from datetime import date, datetime


def instant(text: object) -> datetime | None:
    """An RFC 3339 instant; None when invalid or without an offset."""
    try:
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def day(text: str) -> date | None:
    """A day; None when invalid."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
