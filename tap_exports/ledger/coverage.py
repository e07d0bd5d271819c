"""Which export last covered each range of time. Pure.

Ranges are `(start, end, export id)` in seconds since the epoch, sorted, without overlaps. Ids of exports grow in the
order in which they were requested.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tap_exports.window import Window

Range = tuple[int, int, int]


@dataclass(frozen=True)
class Export:
    """A complete export whose records are compared.

    `at` is the current time; it decides which records were sent too long ago.
    """

    id: int
    window: Window
    at: datetime

    @property
    def seconds(self) -> tuple[int, int]:
        """The window, in seconds since the epoch."""
        return int(self.window.start.timestamp()), int(self.window.end.timestamp())


def cover(ranges: Sequence[Range], start: int, end: int, export_id: int) -> list[Range]:
    """The ranges after another complete export. A part that a later export covered keeps that one."""
    pieces = []
    at = start
    for left, right, known in ranges:
        low, high = max(left, start), min(right, end)
        if low >= high:
            pieces.append((left, right, known))
            continue
        pieces += [(left, low, known), (at, low, export_id), (low, high, max(known, export_id)), (high, right, known)]
        at = high
    pieces.append((at, end, export_id))
    joined: list[Range] = []
    for left, right, last in sorted(piece for piece in pieces if piece[0] < piece[1]):
        if joined and joined[-1][1:] == (left, last):
            joined[-1] = (joined[-1][0], right, last)
        else:
            joined.append((left, right, last))
    return joined


def oldest_export(ranges: Sequence[Range], start: int) -> int:
    """The oldest of the exports that last covered each part from `start` to the newest end; 0 if there is a gap."""
    at, oldest = start, 0
    for left, right, export_id in ranges:
        if right <= start:
            continue
        if left > at:
            return 0
        at, oldest = right, min(oldest or export_id, export_id)
    return oldest
