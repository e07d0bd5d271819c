"""How close a first load comes to the time that the store itself needs, and what one export at a time takes.

The practice store makes four exports at once, each in a few seconds, and allows four requests a second, as the
real one does. Ideal is exports / 4 x seconds: the store never idle, and no time lost on the way.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

from tap_exports.sandbox import Sandbox

AT_ONCE = 4


def load(seconds: float, windows: int, at_a_time: int) -> dict[str, float]:
    """One first load of all types, by a process of its own.

    Args:
        seconds: How long the store takes for one export.
        windows: How many windows of 30 days each type has.
        at_a_time: The setting max_concurrent_exports.

    Returns:
        What is printed of it.
    """
    with Sandbox(ready_seconds=seconds, parallel_exports=AT_ONCE, orders_per_day=1, days=30 * windows) as store:
        now = datetime.now(timezone.utc).replace(microsecond=0)
        config = store.config | {
            "start_date": (now - timedelta(days=30 * windows)).isoformat(),
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


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0, help="that the store takes for one export")
    parser.add_argument("--windows", type=int, default=12, help="of each of the 13 types")
    parser.add_argument("--serial-windows", type=int, default=1, help="windows of the load with one at a time")
    options = parser.parse_args()
    print(f"13 types, the store makes {AT_ONCE} exports at once in {options.seconds:g} s each")
    show(f"{AT_ONCE} at a time", load(options.seconds, options.windows, AT_ONCE))
    show(f"{2 * AT_ONCE} at a time", load(options.seconds, options.windows, 2 * AT_ONCE))
    show("one at a time, fewer windows", load(options.seconds, options.serial_windows, 1))


if __name__ == "__main__":
    main()
