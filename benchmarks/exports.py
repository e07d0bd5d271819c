"""The number of exports in a first load, and its time, also with one export at a time.

The practice store makes four exports at once, each in a few seconds, and allows four requests per second, as the real
one does. The ideal time is exports / 4 x seconds: the store is never idle.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from math import ceil
from pathlib import Path

from tap_exports.clock import Timings
from tap_exports.sandbox import Sandbox
from tap_exports.tap import TapExports

AT_ONCE = 4
YEARS = 1096
LONGEST_DAYS = 366


def load(seconds: float, windows: int, at_a_time: int) -> dict[str, float]:
    """Measure a first load of all types, each with `windows` windows of 30 days, in a process of its own.

    The store takes `seconds` for an export; `at_a_time` is the setting max_concurrent_exports.
    """
    with Sandbox(ready_seconds=seconds, parallel_exports=AT_ONCE, orders_per_day=1, days=30 * windows) as store:
        now = datetime.now(timezone.utc).replace(microsecond=0)
        config = store.config | {
            "start_date": (now - timedelta(days=30 * windows)).isoformat(),
            "max_window_days": 30,
            "end_date": now.isoformat(),
            "max_concurrent_exports": at_a_time,
        }
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "config.json"
            path.write_text(json.dumps(config))
            began = time.monotonic()
            subprocess.run(
                [sys.executable, "-m", "tap_exports", "--config", str(path)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "LOGLEVEL": "ERROR"},
                check=True,
            )
            took = time.monotonic() - began
        exports = len(store.exports)
        return {
            "exports": exports,
            "took": took,
            "ideal": exports / AT_ONCE * seconds,
            "requests": store.count(),
            "throttled": store.count(status=429),
            "peak": store.peak_requests_per_second(),
        }


def show(label: str, result: dict[str, float]) -> None:
    """Print one row."""
    print(
        f"  {label:28} {result['exports']:4.0f} exports {result['took']:7.1f} s {result['took'] / result['ideal']:5.2f}"
        f" of ideal   {result['requests']:5.0f} requests, {result['throttled']:.0f} throttled,"
        f" {result['peak']:.0f} a second at most"
    )


@dataclass(frozen=True)
class Load:
    """A first load of three years: exports made, the fewest that cap and longest window allow, and rows."""

    made: int
    fewest: int
    streams: int
    rows: int


def three_years(orders_per_day: int, cap: int, **settings: int) -> Load:
    """Load three years of all types, in this process and at once; a low cap takes the place of many rows."""
    quick = Timings(rate_seconds=0.004, first_poll_seconds=0.02)
    options = {
        "orders_per_day": orders_per_day,
        "days": YEARS,
        "now": datetime.now(timezone.utc).replace(microsecond=0),
    }
    uncapped = Sandbox(**options, row_cap=10_000_000)
    with Sandbox(**options, row_cap=cap, rate_limit=None, ready_seconds=0.0) as store:
        TapExports.timings = quick
        config = {**store.config, "max_export_rows": cap, **settings}
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            TapExports(config=config).sync_all()
        rows = {code: len(uncapped.rows(code, store.start_date, store.now)) for code in store.types}
        fewest = {code: max(ceil(YEARS / LONGEST_DAYS), ceil(count / (cap - 1))) for code, count in rows.items()}
        return Load(len(store.exports), sum(fewest.values()), len(rows), sum(rows.values()))


def show_windows() -> None:
    """Print exports of a small and of a dense store, beside windows of 30 days."""
    print("three years of all types: exports made, beside the fewest that cap and longest window allow")
    for label, orders_per_day, cap in (("small store", 1, 100_000), ("dense store", 6, 400)):
        by_rows = three_years(orders_per_day, cap)
        fixed = three_years(orders_per_day, cap, max_window_days=30)
        over = (by_rows.made - by_rows.streams) / by_rows.fewest
        print(
            f"  {label:12} {by_rows.rows:7,} rows, cap {cap:7,}: {by_rows.made:4} exports, {by_rows.fewest:4} at the"
            f" fewest ({by_rows.made / by_rows.fewest:.2f}; {over:.2f} without one per stream); windows of at most"
            f" 30 days: {fixed.made}"
        )


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0, help="that the store takes for one export")
    parser.add_argument("--windows", type=int, default=12, help="of each of the 13 types")
    parser.add_argument("--serial-windows", type=int, default=1, help="windows of the load with one at a time")
    parser.add_argument("--only-windows", action="store_true", help="leave out the loads that take minutes")
    options = parser.parse_args()
    show_windows()
    if options.only_windows:
        return
    print(f"13 types, the store makes {AT_ONCE} exports at once in {options.seconds:g} s each")
    show(f"{AT_ONCE} at a time", load(options.seconds, options.windows, AT_ONCE))
    show(f"{2 * AT_ONCE} at a time", load(options.seconds, options.windows, 2 * AT_ONCE))
    show("one at a time, fewer windows", load(options.seconds, options.serial_windows, 1))


if __name__ == "__main__":
    main()
