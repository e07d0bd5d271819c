"""RunSummary: counts of a run, by stream, logged at its end; on a terminal, as a table."""

from __future__ import annotations

import logging
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Collection

    from tap_exports.clock import Clock
    from tap_exports.exports.fetch import CheckedExport

_COLUMNS = ("windows", "created", "reused", "written", "unchanged", "invalid")


@dataclass
class StreamSummary:
    """Counts of one stream, for windows whose records are all written."""

    windows: int = 0
    refreshed: int = 0
    """Windows of the refresh, which `windows` includes."""
    created: int = 0
    """Exports that this run created and used, including those at the cap."""
    reused: int = 0
    written: int = 0
    """Records."""
    unchanged: int = 0
    """Records that the ledger omitted."""
    invalid: int = 0
    """Cells kept in `invalid_values`."""
    _at_cap: int = 0
    _copies: int = 0
    _nul: int = 0

    def add(self, export: CheckedExport, *, written: int, invalid: int) -> None:
        """Count a window."""
        used = [export, *export.at_cap]
        self.windows += 1
        self.refreshed += export.refresh
        self.reused += sum(one.reused for one in used)
        self.created += sum(not one.reused for one in used)
        self.written += written
        self.unchanged += export.checked.rows - written
        self.invalid += invalid
        self._at_cap += len(export.at_cap)
        self._copies += len(export.checked.copies)
        self._nul += export.csv.nul_characters

    @property
    def to_check(self) -> str:
        """Counts that a user should check; empty if there are none."""
        found = {
            "invalid cells": self.invalid,
            "exports at the cap": self._at_cap,
            "equal rows omitted": self._copies,
            "NUL characters removed": self._nul,
        }
        return ", ".join(f"{count:,} {what}" for what, count in found.items() if count)


@dataclass
class RunSummary:
    """Counts of a run."""

    clock: Clock
    terminal: TextIO = field(default_factory=lambda: sys.stderr)
    streams: defaultdict[str, StreamSummary] = field(default_factory=lambda: defaultdict(StreamSummary))

    def __post_init__(self) -> None:
        self._began = self.clock.monotonic()

    def add_stream(self, name: str) -> None:
        """Include a stream in the summary, even if it has no window."""
        self.streams[name] = StreamSummary()

    def log(self, failed: Collection[str], requests: int) -> None:
        """Log the run in one line, and a line for each stream with counts to check."""
        logger = logging.getLogger("tap-exports")
        streams = {name: self.streams[name] for name in [*self.streams, *failed]}
        notes = {
            name: ", ".join(filter(None, ("failed" if name in failed else "", one.to_check)))
            for name, one in streams.items()
        }
        if self.terminal.isatty():
            self.terminal.write(_table(streams, notes))
        else:
            for name, note in notes.items():
                if note:
                    logger.info("Summary of %s: %s", name, note)
        total = {what: sum(getattr(one, what) for one in streams.values()) for what in (*_COLUMNS, "refreshed")}
        logger.info(
            "Summary: %d streams, %d failed; %d windows, %d of them refresh; %d exports created, %d reused;"
            " %s records written, %s unchanged, %s invalid cells; %s requests in %.0f s",
            len(streams), len(failed), total["windows"], total["refreshed"], total["created"], total["reused"],
            f"{total['written']:,}", f"{total['unchanged']:,}", f"{total['invalid']:,}", f"{requests:,}",
            self.clock.monotonic() - self._began,
        )  # fmt: skip


def _table(streams: dict[str, StreamSummary], notes: dict[str, str]) -> str:
    width = max(map(len, ["stream", *streams]))
    lines = [f"{'stream':{width}}" + "".join(f"{name:>11}" for name in _COLUMNS)]
    for name, one in streams.items():
        counts = "".join(f"{getattr(one, column):>11,}" for column in _COLUMNS)
        lines.append(f"{name:{width}}{counts}  {notes[name]}".rstrip())
    return "\n".join(lines) + "\n"
