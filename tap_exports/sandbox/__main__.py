"""`tap-exports-sandbox`: a practice store that runs until a signal."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from dataclasses import fields
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from tap_exports.sandbox.faults import Fault
from tap_exports.sandbox.options import Options, Scope
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
# Options without a flag, or with a flag of another form.
SPECIAL = {"now", "rate_limit", "ready_seconds", "scopes", "extra_types"}


def _help(name: str) -> str:
    (option,) = (one for one in fields(Options) if one.name == name)
    return str(option.metadata["help"]).replace("%", "%%")


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
    add(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="JSON",
        help='A fault, such as {"place": "create", "kind": "status", "status": 503, "times": 2}. Repeatable.',
    )
    for one in fields(Options):
        if one.name in SPECIAL:
            continue
        flag, choices, text = f"--{one.name.replace('_', '-')}", one.metadata["choices"], _help(one.name)
        if choices:
            add(flag, choices=choices, default=one.default, help=text)
        elif isinstance(one.default, bool):
            add(flag, action=argparse.BooleanOptionalAction, default=one.default, help=text)
        else:
            kind = str if one.default is None else type(one.default)
            add(flag, type=kind, default=one.default, metavar=kind.__name__.upper(), help=text)
    add(
        "--rate-limit",
        type=int,
        default=Options.rate_limit,
        metavar="INT",
        help="Requests per second; 0 turns the limit off.",
    )
    add("--ready-seconds", type=float, default=3.0, metavar="FLOAT", help=_help("ready_seconds"))
    add(
        "--without-scope",
        action="append",
        default=[],
        choices=[scope.value for scope in Scope],
        help="A scope that the token does not have. Repeatable.",
    )
    return parser


def _sandbox(given: argparse.Namespace) -> Sandbox:
    named = {one.name: getattr(given, one.name) for one in fields(Options) if one.name not in SPECIAL}
    options = Options(
        now=datetime.now(timezone.utc) - timedelta(days=given.behind_days),
        rate_limit=given.rate_limit or None,
        ready_seconds=given.ready_seconds,
        scopes=frozenset(Scope) - {Scope(scope) for scope in given.without_scope},
        **named,
    )
    store = Sandbox(options, port=given.port, file_port=given.file_port)
    for fault in given.fault:
        store.add_fault(fault)
    return store


def _run(arguments: Sequence[str] | None) -> str | None:
    """Run until a signal; return an error message or None."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        store = _sandbox(_parser().parse_args(arguments))
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
