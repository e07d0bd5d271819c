"""The exports of one stream that a run knows."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_exports.store.models import Export, ExportStatus

if TYPE_CHECKING:
    from datetime import datetime

    from tap_exports.schema.stream_layout import StreamLayout
    from tap_exports.window import Window


@dataclass
class StreamExports:
    """A stream's layout, and its known exports."""

    code: str
    layout: StreamLayout
    recent: list[Export] = field(default_factory=list)
    """Exports that may be reused."""
    seen: set[int] = field(default_factory=set)
    """Ids that cannot be the result of a lost create call."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def known(self) -> list[Export]:
        """The exports that may be reused."""
        with self.lock:
            return list(self.recent)

    def starts(self) -> list[datetime]:
        """The starts of their windows, in order."""
        return sorted({e.window.start for e in self.known() if e.window})

    def spans(self, window: Window) -> bool:
        """Whether an export to reuse begins before a window and ends after its start, and none begins at its start."""
        known = [e.window for e in self.known() if e.window]
        return any(w.start < window.start < w.end for w in known) and self.longest(window) is None

    def longest(self, within: Window) -> Window | None:
        """The longest window of an export to reuse that begins at a range's start and ends within it."""
        windows = [e.window for e in self.known() if e.window]
        return max((w for w in windows if w.start == within.start and w.end <= within.end), default=None)

    def take(self, window: Window) -> Export | None:
        """Remove and return an export to reuse of exactly this window; None if there is no such export."""
        with self.lock:
            found = [e for e in self.recent if e.window == window]
            if not found:
                return None
            best = max(found, key=lambda e: (e.status is ExportStatus.AVAILABLE, e.id))
            self.recent.remove(best)
            return best
