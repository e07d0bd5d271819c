"""One stream's exports at the store, as far as a run knows them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_exports.store.models import Export, ExportStatus

if TYPE_CHECKING:
    from tap_exports.schema.stream_layout import StreamLayout
    from tap_exports.window import Window


@dataclass
class StreamExports:
    """A stream's layout, and its exports that are known."""

    code: str
    layout: StreamLayout
    recent: list[Export] = field(default_factory=list)
    """Exports that may be reused."""
    seen: set[int] = field(default_factory=set)
    """Ids that are not the answer to a lost create call."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def offers(self, window: Window) -> bool:
        """Whether there is an export of exactly this window to reuse."""
        with self.lock:
            return any(e.window == window for e in self.recent)

    def take(self, window: Window) -> Export | None:
        """An export of exactly this window that an earlier run has requested, if there is one: once."""
        with self.lock:
            found = [e for e in self.recent if e.window == window]
            if not found:
                return None
            best = max(found, key=lambda e: (e.status is ExportStatus.AVAILABLE, e.id))
            self.recent.remove(best)
            return best
