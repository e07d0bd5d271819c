"""Progress of the run: a log line every few seconds, or a progress bar on a terminal."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from collections.abc import Collection

    from tap_exports.clock import Clock
    from tap_exports.exports.stream_queue import StreamQueue

EVERY_SECONDS = 10.0
"""The least time between two log lines."""
_ENOUGH = 3
"""Windows that must be done before the remaining time is estimated."""


@dataclass(frozen=True)
class ReaderPosition:
    """The window that is read or waited for, as `window` of the stream's `windows`; and all windows of the run."""

    stream: str
    window: int
    windows: int
    done: int
    total: int
    pending: int
    """Exports pending at the store."""
    waited: float
    """Seconds that the reader has waited for this window."""
    refresh: bool = False

    @classmethod
    def of(cls, queue: StreamQueue, queues: Collection[StreamQueue], pending: int, waited: float) -> ReaderPosition:
        """The position in one of the queues; streams that are not planned yet are estimated like the others."""
        planned = [one.windows for one in queues if one.planned]
        unknown = len(queues) - len(planned)
        total = sum(planned) + (unknown * sum(planned) // len(planned) if planned else unknown)
        done = sum(one.read for one in queues)
        refresh = bool(queue.tasks) and queue.tasks[0].refresh
        return cls(queue.source.code, queue.read + 1, queue.windows, done, total, pending, waited, refresh)


class Progress(logging.Filter):
    """Reports progress: a bar if `terminal`, by default standard error, is one; else log lines.

    As a filter, it clears the bar before a log line is written.
    """

    def __init__(self, clock: Clock, terminal: TextIO | None = None) -> None:
        super().__init__()
        self._clock = clock
        self._began = self._logged = clock.monotonic()
        self._terminal = terminal or sys.stderr
        self._bar: Any = None
        self.rows = 0

    def show(self, position: ReaderPosition) -> None:
        """Update the bar, or write a log line if the last one is old enough."""
        if self._terminal.isatty():
            self._draw(position)
        elif self._clock.monotonic() - self._logged >= EVERY_SECONDS:
            self._logged = self._clock.monotonic()
            logging.getLogger("tap-exports").info("%s", self.line(position))

    def line(self, position: ReaderPosition) -> str:
        """The text of a log line."""
        waits = f", waiting for {position.waited:.0f} s" if position.waited >= 1 else ""
        kind = "refresh, window" if position.refresh else "window"
        rest = ""
        if _ENOUGH <= position.done < position.total:
            seconds = (self._clock.monotonic() - self._began) / position.done * (position.total - position.done)
            rest = f", about {seconds / 60:.0f} min to go" if seconds >= 90 else f", about {seconds:.0f} s to go"  # noqa: PLR2004
        return (
            f"{position.stream}: {kind} {position.window} of {max(position.window, position.windows)}{waits};"
            f" {position.pending} exports pending, {self.rows:,} rows so far,"
            f" {position.done} of {position.total} windows done{rest}"
        )

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._wipe()
            self._bar = None
            for handler in logging.getLogger().handlers:
                handler.removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - the signature is logging's
        """Clear the line of the terminal, so that a log line does not start behind the bar."""
        self._wipe()
        return True

    def _wipe(self) -> None:
        self._terminal.write("\r\x1b[K")
        self._terminal.flush()

    def _draw(self, position: ReaderPosition) -> None:
        if self._bar is None:
            self._bar = click.progressbar(length=1, file=self._terminal, show_pos=True)
            for handler in logging.getLogger().handlers:
                handler.addFilter(self)
        self._bar.length = max(1, position.total)
        self._bar.label = f"{position.stream} {self.rows:,} rows"
        self._bar.update(position.done - self._bar.pos)
        self._bar.render_progress()
