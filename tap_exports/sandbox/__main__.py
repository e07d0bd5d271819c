"""`tap-exports-sandbox`: a practice store that runs until a signal."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from dataclasses import fields
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from tap_exports.sandbox.faults import Fault
from tap_exports.sandbox.options import Options
from tap_exports.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence

DESCRIPTION = """\
Start a practice store: the whole Exports API on this machine, with generated data.
It prints a ready tap config as JSON, then runs until SIGINT or SIGTERM."""
EPILOG = """\
While it runs, on the API's port, without a token:
  POST /sandbox/faults {"place": "file", "kind": "cut"}
  DELETE /sandbox/faults
  POST /sandbox/advance {"days": 1}"""
FAULT = 'A fault, such as {"place": "create", "kind": "status", "status": 503, "times": 2}. Repeatable.'


def _fault(text: str) -> Fault:
    try:
        return Fault.from_json(json.loads(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tap-exports-sandbox",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="Port of the API; any free one by default.")
    add("--file-port", type=int, default=0, help="Port of the file host; any free one by default.")
    add("--behind-days", type=float, default=0.0, help="Start the store's clock this many days in the past.")
    add("--fault", type=_fault, action="append", default=[], metavar="JSON", help=FAULT)
    for one in fields(Options):
        how: dict[str, Any] = {"default": one.default, "help": one.metadata["help"]}
        if one.metadata["choices"]:
            how["choices"] = one.metadata["choices"]
        elif isinstance(one.default, bool):
            how["action"] = argparse.BooleanOptionalAction
        elif isinstance(one.default, tuple):
            how |= {"nargs": "*", "metavar": "TEXT"}
        else:
            how["type"] = str if one.default is None else type(one.default)
            how["metavar"] = how["type"].__name__.upper()
        if one.name != "now":
            add(f"--{one.name.replace('_', '-')}", **how)
    parser.set_defaults(ready_seconds=3.0)
    return parser


def _sandbox(given: dict[str, Any]) -> Sandbox:
    """The store of the command's arguments; those of no other use are options."""
    given["now"] = datetime.now(timezone.utc) - timedelta(days=given.pop("behind_days"))
    faults = given.pop("fault")
    store = Sandbox(**given)
    for fault in faults:
        store.add_fault(fault)
    return store


def _run(arguments: Sequence[str] | None) -> str | None:
    """Run until a signal; return an error message or None."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        store = _sandbox(vars(_parser().parse_args(arguments)))
    except (ValueError, LookupError) as error:
        return f"Invalid option: {error}"
    try:
        store.start()
    except ModuleNotFoundError as error:
        return f"{error.name} is missing: in a clone, run pip install '.[sandbox]'"
    except OSError as error:
        return f"Cannot open a port: {error.strerror or error}; see --port and --file-port"
    sys.stderr.write(
        f"Practice store at {store.api_url}, files at {store.file_origin}; "
        f"data from {store.start_date:%Y-%m-%d}. Stop it with Ctrl-C.\n"
    )
    sys.stdout.write(json.dumps(store.config, indent=2) + "\n")
    sys.stdout.flush()
    stopped.wait()
    store.stop()
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return its exit code."""
    trouble = _run(arguments)
    if trouble is not None:
        sys.stderr.write(f"tap-exports-sandbox: {trouble}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
