"""One stream's exports at the store, as far as a run knows them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_exports.schema.layout import Knowledge, Layout, decide
from tap_exports.store.models import Export, ExportStatus

if TYPE_CHECKING:
    from tap_exports.window import Window


@dataclass
class StreamExports:
    """A stream's columns, and its exports that are known."""

    code: str
    knowledge: Knowledge
    layout: Layout | None
    """What the catalog says; None until the first file with rows has told."""
    recent: list[Export] = field(default_factory=list)
    """Exports that may be taken over."""
    first: Layout | None = None
    """What the first file said that had no rows, for want of a better one."""
    seen: set[int] = field(default_factory=set)
    """Ids that are not the answer to a lost create call."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def layout_for(self, header: list[str]) -> Layout:
        """The layout that a file is to be checked by: the one in force, else its own."""
        return self.layout or decide(self.code, header, self.knowledge)

    def layout_of(self, header: list[str], sample: list[list[str]]) -> Layout:
        """The layout in force; the first file with rows decides where there is none yet.

        Args:
            header: The first row of a file that was checked.
            sample: Some of its rows.
        """
        with self.lock:
            layout = self.layout_for(header)
            if sample:
                self.layout = layout
            self.first = self.first or layout
            return layout

    def offers(self, window: Window) -> bool:
        """Whether there is an export of just this window to take over.

        Args:
            window: The window.
        """
        return any(e.window == window for e in self.recent)

    def take(self, window: Window) -> Export | None:
        """An export of just this window that an earlier run has asked for, if there is one: once.

        Args:
            window: The window.
        """
        with self.lock:
            found = [e for e in self.recent if e.window == window]
            if not found:
                return None
            best = max(found, key=lambda e: (e.status is ExportStatus.AVAILABLE, e.id))
            self.recent.remove(best)
            return best
