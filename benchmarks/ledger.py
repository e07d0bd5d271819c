"""The ledger's rows per second and memory, for a first load and for one without changes."""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_exports.ledger import Export, Ledger, StreamLedger
from tap_exports.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2025, 1, 1, tzinfo=timezone.utc)
WINDOW_ROWS, BATCH_ROWS, COLUMNS = 50_000, 250, 40


def batches(first: int, count: int) -> Iterator[list[dict[str, Any]]]:
    """Records like those of an export of orders."""
    for at in range(first, first + count, BATCH_ROWS):
        yield [
            {"order_number": str(100_000 + n), "export_id": 1}
            | {f"column_{c}": f"value {c} {n}" for c in range(COLUMNS)}
            for n in range(at, min(at + BATCH_ROWS, first + count))
        ]


def sync(path: Path, position: str, rows: int, first_export: int) -> tuple[str, int, float]:
    """Run once; return the position, the number of records to send, and the CPU seconds of the ledger alone."""
    began = time.process_time()
    for first in range(0, rows, WINDOW_ROWS):
        for _ in batches(first, WINDOW_ROWS):
            pass
    making = time.process_time() - began
    ledger = Ledger(path)
    stream = StreamLedger(ledger, "order_list", position=position, keys=["order_number"])
    sent, began = 0, time.process_time()
    for number, first in enumerate(range(0, rows, WINDOW_ROWS)):
        window = Window(START + timedelta(days=number), START + timedelta(days=number + 1))
        export = Export(first_export + number, window, START)
        sent += sum(map(len, stream.changed(export, lambda first=first: batches(first, WINDOW_ROWS))))
        position = stream.finish()
    seconds = time.process_time() - began - making
    ledger.close()
    return position, sent, seconds


def main() -> None:
    """Print a line for each run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as place:
        path, position = Path(place) / "ledger.db", ""
        for label, first_export in (("first load", 1), ("without changes", 1_000_000)):
            position, sent, seconds = sync(path, position, rows, first_export)
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            size = os.path.getsize(path) / 1e6  # noqa: PTH202 - one call
            print(
                f"  {label:16} {rows:,} rows of {COLUMNS} columns, {sent:,} sent: {rows / seconds:,.0f} rows a second,"
                f" {memory} MB of memory at most, {size:.0f} MB file"
            )


if __name__ == "__main__":
    main()
