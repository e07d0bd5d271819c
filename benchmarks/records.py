"""What a record costs: this tap's path, the SDK's stock path and a plain loop, on the same file.

Each path is a process of its own. Seconds are CPU seconds from the first row to the last, imports apart;
the tap's include its check of the whole file. Figures are ratios within one run.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

KINDS = ("id", "string", "string", "number", "string", "date-time", "string", "integer", "string", "boolean")
"""The columns of a file, over and over: half of them text, the others typed."""


def columns_of(count: int) -> list[tuple[str, str]]:
    """Names and types of a file's columns."""
    kinds = [KINDS[n % len(KINDS)] if n else "id" for n in range(count)]
    return [(f"column_{n}", "integer" if kind == "id" else kind) for n, kind in enumerate(kinds)]


def make_file(path: Path, rows: int, columns: int) -> None:
    """Write a believable CSV: ids and amounts that hardly repeat, words that do, some blanks."""
    dice = random.Random(29)  # noqa: S311 - made-up data
    words = ["Express, 2 days", "naïve café", 'the "big" one', "new", "", "US", "customer@example.com", "A-1001"]
    start = datetime(2025, 1, 1, tzinfo=timezone.utc)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        kinds = columns_of(columns)
        writer.writerow([name for name, _ in kinds])
        for row in range(rows):
            cells: list[object] = []
            for n, (_, kind) in enumerate(kinds):
                if n == 0:
                    cells.append(row + 1)
                elif kind == "integer":
                    cells.append(dice.randrange(1000))
                elif kind == "number":
                    cells.append(f"{dice.randrange(100_000) / 100:.2f}")
                elif kind == "boolean":
                    cells.append(dice.random() < 0.5)  # noqa: PLR2004
                elif kind == "date-time":
                    moment = start + timedelta(seconds=row * 60 + n)
                    cells.append(moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
                else:
                    cells.append(dice.choice(words))
            writer.writerow(cells)


def tap_path(path: Path, columns: int) -> int:
    """This tap: check the whole file, then type and write its records."""
    from tap_exports.files.checked import CheckedFile
    from tap_exports.files.csv_file import CsvFile, KeyColumn
    from tap_exports.files.records import Records
    from tap_exports.schema.layout import Column, Layout
    from tap_exports.schema.types import ColumnType
    from tap_exports.schema.values import to_integer
    from tap_exports.singer.writer import MessageWriter
    from tap_exports.window import Window

    began = time.process_time()
    layout = Layout("bench", tuple(Column(name, ColumnType(kind)) for name, kind in columns_of(columns)), ("column_0",))
    window = Window(datetime(2025, 1, 1, tzinfo=timezone.utc), datetime(2025, 2, 1, tzinfo=timezone.utc))
    csv_file = CsvFile(path.open("rb"))
    header, sample = csv_file.head(500)
    checked = csv_file.check([KeyColumn("column_0", 0, to_integer)])
    file = CheckedFile(csv_file, header, sample, checked, path.stat().st_size, "")
    writer = MessageWriter()
    records = Records(file, window, 42, layout, set(layout.schema()["properties"]), timezone.utc)
    for batch in records.batches():
        writer.write_records("bench", batch, None)
    writer.flush()
    return round((time.process_time() - began) * 1e6)


def typed(path: Path, columns: int):
    """What the plain loop makes of a row: a dict of typed values, blank being null."""
    kinds = columns_of(columns)
    convert = {
        "integer": int,
        "number": Decimal,
        "boolean": "True".__eq__,
        "date-time": lambda cell: datetime.fromisoformat(cell.replace("Z", "+00:00")).isoformat(),
    }
    plan = [(name, convert.get(kind)) for name, kind in kinds]
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        next(reader)
        for row in reader:
            record = {
                name: (None if cell == "" else cell if make is None else make(cell))
                for (name, make), cell in zip(plan, row, strict=True)
            }
            record["date_from"] = "2025-01-01T00:00:00Z"
            record["date_to"] = "2025-02-01T00:00:00Z"
            record["export_id"] = 42
            record["invalid_values"] = None
            yield record


def plain_path(path: Path, columns: int) -> int:
    """A plain loop: csv reader, typed dict, msgspec, buffered write."""
    import msgspec

    began = time.process_time()
    encoder = msgspec.json.Encoder(decimal_format="number")
    now = datetime.now(timezone.utc).isoformat()
    out = sys.stdout.buffer
    lines = []
    for record in typed(path, columns):
        lines.append({"type": "RECORD", "stream": "bench", "record": record, "time_extracted": now})
        if len(lines) == 1000:  # noqa: PLR2004
            out.write(encoder.encode_lines(lines))
            lines.clear()
    out.write(encoder.encode_lines(lines))
    return round((time.process_time() - began) * 1e6)


def stock_path(path: Path, columns: int) -> int:
    """An ordinary SDK stream that yields the same typed dicts."""
    from singer_sdk import Stream, Tap

    from tap_exports.schema.types import ColumnType

    properties = {name: ColumnType(kind).json_schema() for name, kind in columns_of(columns)}
    for name in ("date_from", "date_to"):
        properties[name] = ColumnType.DATE_TIME.json_schema()
    properties |= {"export_id": {"type": "integer"}, "invalid_values": {"type": ["object", "null"]}}

    class Bench(Stream):
        name = "bench"
        primary_keys = ("column_0",)
        replication_key = "date_to"

        def get_records(self, context):  # noqa: ARG002
            yield from typed(path, columns)

    class BenchTap(Tap):
        name = "tap-bench"

        def discover_streams(self):
            return [Bench(self, schema={"type": "object", "properties": properties})]

    tap = BenchTap()
    began = time.process_time()
    tap.sync_all()
    return round((time.process_time() - began) * 1e6)


PATHS = {"tap": tap_path, "stock": stock_path, "plain": plain_path}


def measure(path_name: str, file: Path, columns: int) -> dict[str, float]:
    """Run one path in a process of its own.

    Returns:
        CPU and wall seconds of the records, peak memory of the process in MiB.
    """
    done = subprocess.run(
        [sys.executable, __file__, "--run", path_name, str(file), str(columns)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stderr.splitlines()[-1])


def run(path_name: str, file: str, columns: str) -> None:
    """Be the process that measure() starts."""
    began = time.monotonic()
    micros = PATHS[path_name](Path(file), int(columns))
    sys.stdout.flush()
    report = {
        "cpu": micros / 1e6,
        "wall": time.monotonic() - began,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(report), file=sys.stderr)


def line(label: str, result: dict[str, float], rows: int, base: float | None) -> None:
    """Print one row of a table."""
    share = f"{base / result['cpu']:6.2f}" if base else "      "
    print(
        f"  {label:34} {rows / result['cpu']:9,.0f} rows/CPU s  {share}  {result['wall']:6.2f} s wall"
        f"  {result['peak']:6.0f} MiB peak"
    )


def main() -> None:
    """Print three tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--most-rows", type=int, default=1_000_000, help="for the table of peak memory")
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run(*options.run)
        return
    rows = options.rows
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "bench.csv"
        print(f"(a) {rows:,} rows of 40 columns; the ratio is to the plain loop's rows for each CPU second")
        make_file(file, rows, 40)
        results = {name: measure(name, file, 40) for name in ("plain", "tap", "stock")}
        labels = {
            "plain": "plain loop, no check",
            "tap": "this tap, check included",
            "stock": "stock SDK stream, no check",
        }
        for name, result in results.items():
            line(labels[name], result, rows, results["plain"]["cpu"])
        print(f"  this tap to the stock stream: {results['stock']['cpu'] / results['tap']['cpu']:.1f} times the rows")

        print(f"(b) growth; the ratio is to the CPU seconds of {rows:,} rows of 40 columns, cell for cell")
        base = results["tap"]["cpu"] / (rows * 40)
        for many, wide in ((rows, 10), (rows, 40), (rows, 120), (2 * rows, 40), (4 * rows, 40)):
            make_file(file, many, wide)
            result = measure("tap", file, wide)
            line(f"{many:,} rows of {wide} columns", result, many, base * many * wide)

        print("(c) peak memory of the tap's path, 40 columns")
        peaks = []
        for many in sorted({1_000, 100_000, options.most_rows}):
            make_file(file, many, 40)
            result = measure("tap", file, 40)
            peaks.append(result["peak"])
            line(f"{many:,} rows, a file of {file.stat().st_size / 2**20:,.0f} MiB", result, many, None)
        print(f"  from the fewest rows to the most: {peaks[-1] - peaks[0]:+.1f} MiB")


if __name__ == "__main__":
    main()
