"""RunSummary: counts of a run, by stream, logged at its end; on a terminal, as a table."""

from __future__ import annotations

import logging
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Collection

    from tap_exports.clock import Clock
    from tap_exports.exports.fetch import CheckedExport

_COLUMNS = ("windows", "created", "reused", "written", "unchanged", "invalid")
_TO_CHECK = {
    "invalid": "invalid cells",
    "at_cap": "exports at the cap",
    "copies": "equal rows omitted",
    "nul": "NUL characters removed",
}
"""Counts that a user should check."""


@dataclass
class RunSummary:
    """Counts of a run, for windows whose records are all written."""

    clock: Clock
    terminal: TextIO = field(default_factory=lambda: sys.stderr)
    streams: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def __post_init__(self) -> None:
        self._began = self.clock.monotonic()

    def add_stream(self, name: str) -> None:
        """Include a stream in the summary, even if it has no window."""
        self.streams[name] = Counter()

    def add(self, stream: str, export: CheckedExport, *, written: int, invalid: int) -> None:
        """Count a window: the records that were written, and the cells that were kept in `invalid_values`."""
        reused = sum(one.reused for one in (export, *export.at_cap))
        self.streams[stream].update(
            windows=1,
            refreshed=export.refresh,
            reused=reused,
            created=1 + len(export.at_cap) - reused,
            written=written,
            unchanged=export.checked.rows - written,  # the ledger omitted them
            invalid=invalid,
            at_cap=len(export.at_cap),
            copies=len(export.checked.copies),
            nul=export.csv.nul_characters,
        )

    def log(self, failed: Collection[str], requests: int) -> None:
        """Log the run in one line, and a line for each stream with counts to check."""
        logger = logging.getLogger("tap-exports")
        streams = {name: self.streams[name] for name in [*self.streams, *failed]}
        notes = {}
        for name, one in streams.items():
            checks = [f"{one[count]:,} {what}" for count, what in _TO_CHECK.items() if one[count]]
            notes[name] = ", ".join(["failed"] * (name in failed) + checks)
        if self.terminal.isatty():
            self.terminal.write(_table(streams, notes))
        else:
            for name, note in notes.items():
                if note:
                    logger.info("Summary of %s: %s", name, note)
        total = sum(streams.values(), Counter())
        logger.info(
            "Summary: %d streams, %d failed; %d windows, %d of them refresh; %d exports created, %d reused;"
            " %s records written, %s unchanged, %s invalid cells; %s requests in %.0f s",
            len(streams), len(failed), total["windows"], total["refreshed"], total["created"], total["reused"],
            f"{total['written']:,}", f"{total['unchanged']:,}", f"{total['invalid']:,}", f"{requests:,}",
            self.clock.monotonic() - self._began,
        )  # fmt: skip


def _table(streams: dict[str, Counter[str]], notes: dict[str, str]) -> str:
    width = max(map(len, ["stream", *streams]))
    lines = [f"{'stream':{width}}" + "".join(f"{name:>11}" for name in _COLUMNS)]
    for name, one in streams.items():
        counts = "".join(f"{one[column]:>11,}" for column in _COLUMNS)
        lines.append(f"{name:{width}}{counts}  {notes[name]}".rstrip())
    return "\n".join(lines) + "\n"
