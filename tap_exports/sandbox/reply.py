"""Answers, and how they are sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Transmission(Enum):
    """How an answer is sent."""

    WHOLE = "whole"
    DROP = "drop"  # not at all
    RESET = "reset"  # not at all, and with an RST
    CUT = "cut"  # `keep` bytes of the body, then the connection is closed
    STALL = "stall"  # `keep` bytes of the body, then nothing for `seconds`, then the connection is closed
    AWAY = "away"  # whole; then the port is closed for `seconds`


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int
    body: bytes = b""  # the whole body
    headers: Mapping[str, str] = field(default_factory=dict)  # without `Content-Length`
    transmission: Transmission = Transmission.WHOLE
    keep: int | None = None  # for `Transmission.CUT` and `Transmission.STALL`
    # for `Transmission.STALL` and `Transmission.AWAY`; None: until the store stops
    seconds: float | None = None
    declared: int | None = None  # a false `Content-Length`


def json_reply(status: int, document: object, headers: dict[str, str] | None = None) -> Reply:
    """An answer in JSON."""
    body = json.dumps(document, ensure_ascii=False).encode()
    return Reply(status, body, {"Content-Type": "application/json", **(headers or {})})
