"""CPU and memory per record: this tap, a stock SDK stream and a plain loop, on the same file like an order export.

(a) and (b) are whole processes from start to exit: start-up, HTTP, download, and for the tap only, the validation of
the file. CPU seconds are those of the process, without the practice store's.
(c) to (e) are the inner loop: CPU seconds from the first row to the last, without start-up and download.
Figures are ratios within one run; those of (a) to (c) are from the least of three measurements, made in turn, because
machines that are shared vary by a third.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from tap_exports.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = ("string", "string", "string", "number", "string", "date-time", "string", "integer", "string", "boolean")
"""The columns of a file, repeated: most of them text, as in an export of orders."""
NAMES = {"string": "Note {}", "number": "Part {} Amount", "date-time": "Part {} Date", "integer": "Part {} Quantity"}
ZONE = timezone(timedelta(hours=-4))


def columns_of(count: int) -> list[tuple[str, str]]:
    """Headers and types of a file's columns."""
    kinds = [KINDS[n % len(KINDS)] for n in range(count)]
    return [("Order Number", "string")] + [
        (NAMES.get(kind, "Is Part {}").format(n), kind) for n, kind in enumerate(kinds) if n
    ]


def names_of(count: int) -> list[tuple[str, str]]:
    """Names and types of the columns of a stream."""
    return [(header.lower().replace(" ", "_"), kind) for header, kind in columns_of(count)]


def make_file(path: Path, rows: int, columns: int) -> None:
    """Write a realistic CSV: ids and amounts that rarely repeat, words that do, some blanks."""
    dice = random.Random(29)  # noqa: S311 - made-up data
    words = ["Express, 2 days", "naïve café", 'the "big" one', "new", "", "US", "customer@example.com", "A-1001"]
    start = datetime(2025, 1, 1, tzinfo=ZONE)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        kinds = columns_of(columns)
        writer.writerow([name for name, _ in kinds])
        for row in range(rows):
            cells: list[object] = []
            for n, (_, kind) in enumerate(kinds):
                if n == 0:
                    cells.append(f"A-{row + 1:07}")
                elif kind == "integer":
                    cells.append(dice.randrange(1000))
                elif kind == "number":
                    cells.append(f"{dice.randrange(100_000) / 100:.2f}")
                elif kind == "boolean":
                    cells.append(dice.random() < 0.5)  # noqa: PLR2004
                elif kind == "date-time":
                    moment = start + timedelta(seconds=row * 60 + n)
                    cells.append(moment.isoformat())
                else:
                    cells.append(dice.choice(words))
            writer.writerow(cells)


def tap_path(path: Path, columns: int) -> int:
    """This tap: check the whole file, then type and write its records."""
    from tap_exports.files.checked import CheckedFile
    from tap_exports.files.csv_file import CsvFile
    from tap_exports.files.records import Records
    from tap_exports.files.row_keys import KeyColumn
    from tap_exports.schema.layout import Column, Layout
    from tap_exports.schema.types import ColumnType
    from tap_exports.singer.writer import MessageWriter
    from tap_exports.window import Window

    began = time.process_time()
    layout = Layout(
        "bench", tuple(Column(name, ColumnType(kind)) for name, kind in names_of(columns)), ("order_number",)
    )
    window = Window(datetime(2025, 1, 1, tzinfo=timezone.utc), datetime(2025, 2, 1, tzinfo=timezone.utc))
    csv_file = CsvFile(path.open("rb"))
    header, _ = csv_file.head(0)
    checked = csv_file.check([KeyColumn("order_number", 0, None)], numbers=layout.number_columns)
    file = CheckedFile(csv_file, header, checked, path.stat().st_size, "")
    writer = MessageWriter()
    records = Records(file, window, 42, layout, set(layout.schema()["properties"]), timezone.utc)
    for batch in records.batches():
        writer.write_records("bench", batch, None)
    writer.flush()
    return round((time.process_time() - began) * 1e6)


def typed(path: Path, columns: int):
    """A row as a dict of typed values; blank is null."""
    kinds = names_of(columns)
    convert = {
        "integer": int,
        "number": Decimal,
        "boolean": "True".__eq__,
        "date-time": lambda cell: datetime.fromisoformat(cell).astimezone(timezone.utc).isoformat(),
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

    properties = {name: ColumnType(kind).json_schema() for name, kind in names_of(columns)}
    for name in ("date_from", "date_to"):
        properties[name] = ColumnType.DATE_TIME.json_schema()
    properties |= {"export_id": {"type": "integer"}, "invalid_values": {"type": ["object", "null"]}}

    class Bench(Stream):
        name = "bench"
        primary_keys = ("order_number",)
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


def environment() -> dict[str, str]:
    """The environment of the processes that are measured."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))
    import plumbing  # not above: the measured processes would import it too

    return plumbing.environment()


PATHS = {"tap": tap_path, "stock": stock_path, "plain": plain_path}


LAUNCHER = """
import json, resource, subprocess, sys, time
began = time.monotonic()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
wall = time.monotonic() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"cpu": used.ru_utime + used.ru_stime, "wall": wall, "peak": used.ru_maxrss / 1024}))
sys.exit(code)
"""
"""Linux counts the memory of the process that starts another as the other's peak, so a small one starts those here."""


def usage_of(command: list[object], **variables: str) -> tuple[dict[str, float], str]:
    """CPU and wall seconds and peak memory in MiB of a process of its own, and its stderr."""
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHER, *map(str, command)],
        capture_output=True,
        text=True,
        check=True,
        env={**environment(), **variables},
    )
    return json.loads(done.stdout), done.stderr


def measure(path_name: str, file: Path, columns: int) -> dict[str, float]:
    """CPU and wall seconds of one path's records, and the peak memory of its process."""
    usage, report = usage_of([sys.executable, __file__, "--run", path_name, file, columns])
    return {**usage, **json.loads(report.splitlines()[-1])}


def run(path_name: str, file: str, columns: str) -> None:
    """Run in the process that measure() starts."""
    began = time.monotonic()
    micros = PATHS[path_name](Path(file), int(columns))
    sys.stdout.flush()
    print(json.dumps({"cpu": micros / 1e6, "wall": time.monotonic() - began}), file=sys.stderr)


def whole(path_name: str, store: Sandbox, place: Path, columns: int) -> dict[str, float]:
    """CPU and wall seconds and peak memory in MiB of a whole process against the practice store."""
    config = place / "config.json"
    config.write_text(json.dumps(store.config | {"max_export_rows": 10_000_000}))
    if path_name == "tap":
        catalog = place / "catalog.json"
        if not catalog.exists():
            tap = [sys.executable, "-m", "tap_exports", "--config", config]
            found = json.loads(
                subprocess.run([*tap, "--discover"], capture_output=True, check=True, env=environment()).stdout
            )
            catalog.write_text(json.dumps({"streams": [s for s in found["streams"] if s["stream"] == "order_list"]}))
        command: list[object] = [sys.executable, "-m", "tap_exports", "--config", config, "--catalog", catalog]
    else:
        command = [sys.executable, __file__, "--load", path_name, store.api_url, store.token, str(columns)]
    return usage_of(command, LOGLEVEL="ERROR")[0]


def load(path_name: str, api_url: str, token: str, columns: str) -> None:
    """Request an export, download it and write its records, as a process of its own that checks nothing."""
    import requests

    with requests.Session() as session, tempfile.TemporaryDirectory() as place:
        session.headers.update({"Authorization": f"Bearer {token}", "X-29Next-Api-Version": "2024-04-01"})
        window = {"date_from": "2025-01-01T00:00:00Z", "date_to": "2025-02-01T00:00:00Z"}
        export = session.post(f"{api_url}exports/", json={"type": "order_list", **window}, timeout=60).json()
        while session.get(f"{api_url}exports/{export['id']}/", timeout=60).json()["status"] != "available":
            time.sleep(0.1)
        url = session.get(f"{api_url}exports/{export['id']}/download/", timeout=60).json()["url"]
        path = Path(place) / "file.csv"
        with requests.get(url, stream=True, timeout=60) as answer, path.open("wb") as file:
            for block in answer.iter_content(262_144):
                file.write(block)
        PATHS[path_name](path, int(columns))


def line(label: str, result: dict[str, float], rows: int, base: float | None) -> None:
    """Print one row of a table."""
    share = f"{base / result['cpu']:6.2f}" if base else "      "
    print(
        f"  {label:34} {rows / result['cpu']:9,.0f} rows/CPU s  {share}  {result['wall']:6.2f} s wall"
        f"  {result['peak']:6.0f} MiB peak"
    )


def compare(
    labels: dict[str, str], rows: int, measured: Callable[[str], dict[str, float]]
) -> dict[str, dict[str, float]]:
    """Measure each path three times, in turn; print the least of each, and the ratios of their CPU."""
    rounds = [{name: measured(name) for name in labels} for _ in range(3)]
    results = {name: min((one[name] for one in rounds), key=lambda result: result["cpu"]) for name in labels}
    for name, result in results.items():
        line(labels[name], result, rows, results["plain"]["cpu"])
    tap, stock, plain = (results[name]["cpu"] for name in ("tap", "stock", "plain"))
    print(f"  CPU: the stock stream {stock / tap:.2f} times this tap, this tap {tap / plain:.2f} times the plain loop")
    return results


def main() -> None:
    """Print five tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--most-rows", type=int, default=1_000_000, help="for the table of peak memory")
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--load", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run(*options.run)
        return
    if options.load:
        load(*options.load)
        return
    rows = options.rows
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "bench.csv"
        make_file(file, rows, 40)
        labels = {
            "plain": "plain loop, no check",
            "tap": "this tap, check included",
            "stock": "stock SDK stream, no check",
        }
        now = datetime.now(timezone.utc)
        with Sandbox(rate_limit=None, days=2, now=now) as store:
            for letter, many in (("a", rows), ("b", rows // 10)):
                make_file(file, many, 40)
                store.clear_faults()
                store.add_fault(Fault("file", "body", body=file.read_bytes(), times=None))
                print(f"({letter}) whole processes, {many:,} rows of 40 columns; the ratio is to the plain loop's CPU")
                compare(labels, many, lambda name: whole(name, store, Path(place), 40))
        print(f"(c) the inner loop, {rows:,} rows of 40 columns; the ratio is to the plain loop's CPU")
        make_file(file, rows, 40)
        results = compare(labels, rows, lambda name: measure(name, file, 40))

        print(f"(d) growth; the ratio is to the CPU seconds of {rows:,} rows of 40 columns, cell for cell")
        base = results["tap"]["cpu"] / (rows * 40)
        for many, wide in ((rows, 10), (rows, 40), (rows, 120), (2 * rows, 40), (4 * rows, 40)):
            make_file(file, many, wide)
            result = measure("tap", file, wide)
            line(f"{many:,} rows of {wide} columns", result, many, base * many * wide)

        print("(e) peak memory of the tap's path, 40 columns")
        peaks = []
        for many in sorted({1_000, 100_000, options.most_rows}):
            make_file(file, many, 40)
            result = measure("tap", file, 40)
            peaks.append(result["peak"])
            line(f"{many:,} rows, a file of {file.stat().st_size / 2**20:,.0f} MiB", result, many, None)
        print(f"  from the fewest rows to the most: {peaks[-1] - peaks[0]:+.1f} MiB")


if __name__ == "__main__":
    main()
