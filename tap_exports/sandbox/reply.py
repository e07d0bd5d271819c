"""Answers, before they go over a connection."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Transmission(Enum):
    """How an answer goes over the connection."""

    WHOLE = "whole"
    DROP = "drop"  # not at all
    RESET = "reset"  # not at all, and with an RST
    CUT = "cut"  # `keep` bytes of the body, then the connection is closed
    STALL = "stall"  # `keep` bytes of the body, then nothing for `seconds`, then the connection is closed
    AWAY = "away"  # whole, and for `seconds` afterwards nobody listens on the port


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        status: Of HTTP.
        body: Whole, whatever is sent of it.
        headers: Beside `Content-Length`.
        transmission: How it goes over the connection.
        keep: For `Transmission.CUT` and `Transmission.STALL`.
        seconds: For `Transmission.STALL` and `Transmission.AWAY`; None for as long as the store lives.
        declared: The `Content-Length`, where it is not the body's.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    transmission: Transmission = Transmission.WHOLE
    keep: int | None = None
    seconds: float | None = None
    declared: int | None = None


def json_reply(status: int, document: object, headers: dict[str, str] | None = None) -> Reply:
    """An answer in JSON."""
    body = json.dumps(document, ensure_ascii=False).encode()
    return Reply(status, body, {"Content-Type": "application/json", **(headers or {})})
