"""A store, a run and a warehouse, as small as the ledger's promises allow."""

from __future__ import annotations

import json
from contextlib import closing
from copy import deepcopy
from datetime import datetime, timedelta, timezone

import pytest

from tap_exports.ledger import Export, Ledger, RemovedObjects, StreamLedger
from tap_exports.window import Window

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)


class Store:
    """Objects by key, each in one of some windows of a day; export ids grow."""

    options = {}  # noqa: RUF012 - of its runs

    def __init__(self, windows=3):
        self.windows = [Window(START + n * DAY, START + (n + 1) * DAY) for n in range(windows)]
        self.objects = {}
        self.exports = 0
        self.at = NOW

    def put(self, window, **values):
        """Place orders in a window: `put(0, a=1)`."""
        for key, value in values.items():
            self.objects[key] = (window, value)

    def remove(self, *keys):
        for key in keys:
            del self.objects[key]

    @property
    def totals(self):
        return {key: value for key, (_, value) in self.objects.items()}

    def rows(self, window, export_id):
        for key, (place, value) in sorted(self.objects.items()):
            if place == window:
                yield from self.rows_of(key, value, export_id)

    def rows_of(self, key, value, export_id):
        yield {"number": key, "total": value, "export_id": export_id, "invalid_values": None}


class LineStore(Store):
    """Each object is an order, and its value the list of its lines."""

    options = {"keys": ("order", "export_line"), "parent": ("order",)}  # noqa: RUF012

    def rows_of(self, key, value, export_id):
        for line in value:
            yield {"order": key, "export_line": line, "export_id": export_id, "invalid_values": None}


class Run:
    """What the tap does with a ledger in one run: messages in the order of their writing."""

    keys = ("number",)
    parent = ()
    fingerprint = "1"
    identity = "number"
    start = START

    def __init__(self, store, path, state, windows=None, **options):
        self.store, self.path, self.state = store, path, deepcopy(state)
        self.windows = range(len(store.windows)) if windows is None else windows
        for name, value in options.items():
            setattr(self, name, value)

    def entry(self, stream):
        return self.state.setdefault(stream, {})

    def messages(self):
        with closing(Ledger(self.path)) as ledger:
            yield from self.messages_with(ledger, self.entry("orders"))

    def messages_with(self, ledger, entry):
        stream = StreamLedger(
            ledger,
            "orders",
            position=entry.get("ledger"),
            keys=self.keys,
            parent=self.parent,
            fingerprint=self.fingerprint,
            identity=self.identity,
        )
        for number in self.windows:
            self.store.exports += 1
            export = Export(self.store.exports, self.store.windows[number], self.store.at)
            rows = list(self.store.rows(number, export.id))
            for records in stream.changed(export, lambda rows=rows: (rows[n : n + 2] for n in range(0, len(rows), 2))):
                yield from (("orders", record) for record in records)
            entry["ledger"] = stream.finish()
            yield self.state_message()
        removed = RemovedObjects(ledger, self.entry("removed_objects").get("ledger"))
        removed.find("orders", self.start, self.store.at)
        yield from (("removed_objects", row) for row in removed.rows())
        if position := removed.finish(self.store.at):
            self.entry("removed_objects")["ledger"] = position
            yield self.state_message()

    def state_message(self):
        return ("state", deepcopy(self.state))


class Pipeline:
    """A warehouse with its own state. `sync` returns the keys of the orders that a run sent."""

    def __init__(self, store, path):
        self.store, self.path = store, path
        self.state, self.rows, self.removed, self.options = {}, {}, {}, store.options

    def sync(self, windows=None, *, stop_after=None, **options):
        """`stop_after` ends the target after so many messages; the state stays the last one that it received."""
        run = Run(self.store, self.path, self.state, windows, **self.options, **options)
        messages = run.messages()
        sent = []
        for number, (kind, value) in enumerate(messages):
            if number == stop_after:
                messages.close()
                break
            self.take(kind, value)
            if kind == "orders":
                sent.append(key_of(value))
        return sent

    def run_lines(self):
        """A run's messages as lines, for a process of its own."""
        for kind, value in Run(self.store, self.path, self.state, **self.options).messages():
            yield json.dumps([kind, value], default=str)

    def take_lines(self, lines, *, keep_states=False):
        """Take a run's lines; with `keep_states` the state stays, and the received ones are returned."""
        before, states = self.state, []
        for line in lines:
            self.take(*json.loads(line))
            states.append(self.state)
        if keep_states:
            self.state = before
        return states

    def take(self, kind, value):
        if kind == "state":
            self.state = value
        elif kind == "orders":
            self.rows[key_of(value)] = value
        else:
            self.removed[value["object_key"]] = value

    @property
    def totals(self):
        return {key: row["total"] for key, row in self.rows.items()}

    @property
    def gone(self):
        return {key for key, row in self.removed.items() if row["removed_at"]}


def key_of(row):
    return row["number"] if "number" in row else json.dumps([row["order"], row["export_line"]])


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


@pytest.fixture
def pipeline(store, path):
    return Pipeline(store, path)


@pytest.fixture
def lines(path):
    """A pipeline of line items."""
    return Pipeline(LineStore(), path)
