"""JSON from outside, read so strictly that whatever comes later can write it again. Pure.

The SDK and the targets behind it have other readers than Python's own: what one takes and another does not
(NaN, an exponent of twenty digits, half a character, a thousand brackets) is refused where it comes in.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

DEEPEST = 100
"""Objects and lists within one another; a catalog has six."""


def load(text: str) -> Any:  # noqa: ANN401 - whatever it holds
    """The value that a JSON text stands for.

    Args:
        text: The JSON.

    Raises:
        ValueError: If it is none, or holds what could not be written again; saying what.
    """
    try:
        found = json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except ArithmeticError:
        raise ValueError("it has a number with an exponent beyond all bounds") from None
    if fault := find_unencodable(found):
        raise ValueError(fault)
    return found


def find_unencodable(value: Any) -> str | None:  # noqa: ANN401
    """What is in a document that could not be written again as JSON in UTF-8.

    Args:
        value: Decoded JSON.

    Returns:
        What it is, in words; None where there is nothing.
    """
    level = [value]
    for _ in range(DEEPEST + 1):
        if not level:
            return None
        below: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                below += one
                below += one.values()
            elif isinstance(one, list):
                below += one
            elif isinstance(one, str) and (half := _half_of(one)):
                return f"it has half a character, {half!a}"  # and not the text around it: that may be a secret
        level = below
    return _TOO_DEEP


_TOO_DEEP = f"it is nested more than {DEEPEST} deep"


def _half_of(text: str) -> str | None:
    """The first half of a surrogate pair in a text, which UTF-8 has no bytes for; None where there is none."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return text[error.start]
    return None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number that JSON has")
