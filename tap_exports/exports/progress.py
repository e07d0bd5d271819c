"""How far the run is: a line in the log every few seconds, or a bar where somebody watches a terminal."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from tap_exports.clock import Clock

EVERY_SECONDS = 10.0
"""How far apart the lines are at least."""

_ENOUGH = 3
"""Windows that have to be done before it is said how long the rest will take."""


@dataclass(frozen=True)
class Standing:
    """Where the reader is."""

    stream: str
    window: int
    """Which of the stream's windows is read or waited for, from 1."""
    windows: int
    """How many the stream has, as far as is known."""
    done: int
    """Windows of all streams that are out."""
    total: int
    """Windows of all streams, as far as is known."""
    pending: int
    """Exports pending at the store."""
    waited: float
    """Seconds that the reader has waited for this window."""
    refresh: bool = False
    """Whether the window is of the older history, which is exported again."""


class Progress:
    """Tells where the run is, not too often.

    Args:
        clock: To know how often that is.
        terminal: Where a bar is drawn if it is a terminal; standard error where nothing is given.
    """

    def __init__(self, clock: Clock, terminal: TextIO | None = None) -> None:
        self._clock = clock
        self._began = self._told = clock.monotonic()
        self._logger = logging.getLogger("tap-exports")
        self._terminal = terminal or sys.stderr
        self._bar: Any = None
        self._wipe = _Wipe(self._terminal)
        self.rows = 0

    def show(self, standing: Standing) -> None:
        """Tell it, if it is time.

        Args:
            standing: Where the reader is.
        """
        if self._terminal.isatty():
            self._draw(standing)
        elif self._clock.monotonic() - self._told >= EVERY_SECONDS:
            self._told = self._clock.monotonic()
            self._logger.info("%s", self.line(standing))

    def line(self, standing: Standing) -> str:
        """The standing in words.

        Args:
            standing: Where the reader is.
        """
        waits = f", waiting for {standing.waited:.0f} s" if standing.waited >= 1 else ""
        kind = "refresh, window" if standing.refresh else "window"
        return (
            f"{standing.stream}: {kind} {standing.window} of {max(standing.window, standing.windows)}{waits};"
            f" {standing.pending} exports pending, {self.rows:,} rows so far,"
            f" {standing.done} of {standing.total} windows done{self._rest(standing)}"
        )

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._wipe.wipe()
            self._bar = None
            for handler in logging.getLogger().handlers:
                handler.removeFilter(self._wipe)

    def _rest(self, standing: Standing) -> str:
        if standing.done < _ENOUGH or standing.total <= standing.done:
            return ""
        seconds = (self._clock.monotonic() - self._began) / standing.done * (standing.total - standing.done)
        return f", about {seconds / 60:.0f} min to go" if seconds >= 90 else f", about {seconds:.0f} s to go"  # noqa: PLR2004

    def _draw(self, standing: Standing) -> None:
        if self._bar is None:
            self._bar = click.progressbar(length=max(1, standing.total), file=self._terminal, show_pos=True)
            for handler in logging.getLogger().handlers:
                handler.addFilter(self._wipe)  # so that a line of the log does not begin behind the bar
        self._bar.length = max(1, standing.total)
        self._bar.label = f"{standing.stream} {self.rows:,} rows"
        self._bar.update(standing.done - self._bar.pos)
        self._bar.render_progress()


class _Wipe(logging.Filter):
    """Clears the terminal's line before a handler writes one of its own."""

    def __init__(self, terminal: TextIO) -> None:
        super().__init__()
        self._terminal = terminal

    def wipe(self) -> None:
        self._terminal.write("\r\x1b[K")
        self._terminal.flush()

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - the signature is logging's
        self.wipe()
        return True
