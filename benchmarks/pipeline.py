"""CPU of each process in the pipeline into PostgreSQL with Meltano, with different settings.

A practice store serves one file of many rows; Meltano runs the tap and target-postgres. CPU seconds are those of each
process with its children.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import psutil
import psycopg

from tap_exports.sandbox import Fault, Sandbox

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))
import plumbing

NAMES = {"tap-exports": "tap", "target-postgres": "target", "meltano": "meltano"}

BATCHES = {
    "TAP_EXPORTS_BATCH_CONFIG_ENCODING_FORMAT": "jsonl",
    "TAP_EXPORTS_BATCH_CONFIG_ENCODING_COMPRESSION": "gzip",
    "TAP_EXPORTS_BATCH_CONFIG_STORAGE_ROOT": "batches",
}

COUNTS = """
SELECT count(*), count(*) FILTER (WHERE export_id = (SELECT max(export_id) FROM tap_exports.order_list))
FROM tap_exports.order_list
"""
"""All rows, and those of the newest export."""


def make_csv(rows: int) -> bytes:
    """One file like an export of orders, 40 columns wide."""
    from records import make_file

    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "orders.csv"
        make_file(path, rows, 40)
        return path.read_bytes()


class Watch(threading.Thread):
    """Watches this process's children, and keeps the last CPU seconds of each."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seconds: dict[tuple[int, str], float] = {}
        self.done = threading.Event()

    def run(self) -> None:
        """Poll often, because CPU seconds cannot be read after a process has ended."""
        while not self.done.wait(0.05):
            for process in psutil.Process().children(recursive=True):
                try:
                    line, times = " ".join(process.cmdline()), process.cpu_times()
                except psutil.Error:
                    continue
                for word, name in NAMES.items():
                    if f"bin/{word}" in line:
                        self.seconds[process.pid, name] = times.user + times.system
                        break

    def of(self, name: str) -> float:
        """CPU seconds of all processes of a kind."""
        return sum(seconds for (_, who), seconds in self.seconds.items() if who == name)


def load(content: bytes, rows: int, next_content: bytes | None = None, **variables: str) -> dict[str, float]:
    """One load of one file into an empty database; with `next_content` the figures are those of a second load."""
    now = datetime.now(timezone.utc).replace(microsecond=0)
    with (
        plumbing.postgres() as server,
        Sandbox(rate_limit=None, days=2) as store,
        tempfile.TemporaryDirectory() as place,
    ):
        store.add_fault(Fault("file", "body", body=content, times=None))
        settings = {
            "TAP_EXPORTS_API_URL": store.api_url,
            "TAP_EXPORTS_ACCESS_TOKEN": store.token,
            "TAP_EXPORTS_START_DATE": (now - timedelta(days=1)).isoformat(),
            "TAP_EXPORTS_MAX_EXPORT_ROWS": str(rows + 1),
            "TAP_EXPORTS__SELECT": '["order_list.*"]',
            "TARGET_POSTGRES_SQLALCHEMY_URL": plumbing.sqlalchemy(server),
            **variables,
        }
        project = plumbing.Meltano(Path(place) / "project", settings)
        project.run("invoke", "tap-exports", "--discover")
        if next_content is not None:
            project.run("run", "tap-exports", "target-postgres")
            store.clear_faults()
            store.add_fault(Fault("file", "body", body=next_content, times=None))
        watch = Watch()
        watch.start()
        began = time.monotonic()
        project.run("run", "tap-exports", "target-postgres")
        took = time.monotonic() - began
        watch.done.set()
        watch.join()
        with psycopg.connect(server) as connection:
            count, written = connection.execute(COUNTS).fetchone() or (0, 0)
        if count != rows:
            raise ValueError(f"{count} of {rows} rows arrived")
        return {"took": took, "written": written, **{name: watch.of(name) for name in ("tap", "target", "meltano")}}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    rows = parser.parse_args().rows
    plumbing.install_plugins()
    content = make_csv(rows)
    print(f"(d) {rows:,} rows of 40 columns into PostgreSQL through Meltano")
    ways = {
        "as it is": {},
        "target: validate_records, its default": {"TARGET_POSTGRES_VALIDATE_RECORDS": "true"},
        "target: batch_size_rows 50000": {"TARGET_POSTGRES_BATCH_SIZE_ROWS": "50000"},
        "target: use_copy": {"TARGET_POSTGRES_USE_COPY": "true"},
        "tap: batch_config": BATCHES,
        "tap: batch_config, target: use_copy": BATCHES | {"TARGET_POSTGRES_USE_COPY": "true"},
    }
    _print_ways(content, rows, ways)
    _print_second_night(content, rows)


def _print_second_night(content: bytes, rows: int) -> None:
    """A sync whose look-back holds all rows, 2 % of them changed, with and without the ledger."""
    lines = content.split(b"\r\n")
    changed = [line.replace(b",new,", b",paid,") if n % 50 == 1 else line for n, line in enumerate(lines)]
    print(f"(e) the next night: the same {rows:,} rows, 2 % of them changed")
    for label, variables in {"ledger off": {}, "ledger on": {"TAP_EXPORTS_LEDGER": "ledger.db"}}.items():
        settings = {"TAP_EXPORTS_REUSE_EXPORTS_MINUTES": "0", **variables}
        result = load(content, rows, b"\r\n".join(changed), **settings)
        print(
            f"  {label:36} {result['written']:7,} rows written   CPU: tap {result['tap']:.1f} s, target"
            f" {result['target']:.1f} s, Meltano {result['meltano']:.1f} s   {result['took']:6.1f} s wall"
        )


def _print_ways(content: bytes, rows: int, ways: dict[str, dict[str, str]]) -> None:
    base = None
    for label, variables in ways.items():
        result = load(content, rows, **variables)
        used = result["tap"] + result["target"] + result["meltano"]
        base = base or used
        print(
            f"  {label:36} {used / base:5.2f} of the CPU   tap {result['tap'] / used:5.1%}, target"
            f" {result['target'] / used:5.1%}, Meltano {result['meltano'] / used:5.1%}   {result['took']:6.1f} s wall"
        )


if __name__ == "__main__":
    main()
