"""Night after night with a ledger, into PostgreSQL: the tables equal the store, also where processes are killed.

The store has three years of history, and old objects change: refunds, subscriptions, edited and deleted orders, carts
that become orders, erased customers, disputes that are reported late.
"""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import plumbing
import psycopg
import pytest

from tap_exports.sandbox import Sandbox
from tap_exports.window import own_boundary
from tests.e2e.tables import tables
from tests.sync.conftest import COMMAND, QUICK

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

NOW = datetime(2026, 3, 3, 12, 34, 56, tzinfo=timezone.utc)
VANISHING = ("customer_list", "open_cart_list", "open_cart_line_items", "order_list", "order_line_items")
SETTLE = timedelta(minutes=5)


@pytest.fixture
def store():
    with Sandbox(
        now=NOW, frozen=True, rate_limit=None, days=1096, orders_per_day=2, late_changes=True, line_ids=False
    ) as store:
        yield store


class Pipeline:
    """The tap and target-postgres with a pipe between them, and the state that the target gives back."""

    def __init__(self, store, database, folder):
        self.store, self.database, self.folder = store, database, folder
        self.state = {}
        self.lines = 0
        plumbing.install_plugins()
        self._target = plumbing.PLUGINS / "loaders" / "target-postgres" / "venv" / "bin" / "target-postgres"
        self.configure()
        address = plumbing.sqlalchemy(database)
        self._write(
            "target", {"sqlalchemy_url": address, "default_target_schema": "tap_exports", "batch_size_rows": 500}
        )

    def configure(self, **settings):
        self._write("tap", self.store.config | {"ledger": str(self.folder / "ledger.db")} | settings)

    def _write(self, name, document):
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(document))
        return str(path)

    def sync(self, kill=None):
        """One sync; the exit codes of tap and target. `kill`: after how many lines, and which of them gets SIGKILL."""
        arguments = ["--config", str(self.folder / "tap.json")]
        if self.state:
            arguments += ["--state", self._write("state", self.state)]
        answer = self.folder / "answer"
        with contextlib.ExitStack() as ending:
            log = ending.enter_context((self.folder / "log").open("ab"))
            out = ending.enter_context(answer.open("wb"))
            tap = subprocess.Popen(
                [sys.executable, "-c", COMMAND, repr(QUICK), *arguments],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=plumbing.environment(),
            )  # fmt: skip
            ending.callback(tap.kill)
            target = subprocess.Popen(
                [self._target, "--config", str(self.folder / "target.json")],
                stdin=subprocess.PIPE, stdout=out, stderr=log, env=plumbing.environment(), bufsize=0,
            )  # fmt: skip
            ending.callback(target.kill)
            self.lines = 0
            with contextlib.suppress(BrokenPipeError):
                for line in tap.stdout:
                    self.lines += 1
                    if kill is not None and self.lines == kill[0]:
                        for process in {"tap": [tap], "target": [target], "both": [tap, target]}[kill[1]]:
                            process.kill()
                    target.stdin.write(line)
            tap.stdout.close()
            target.stdin.close()
            codes = tap.wait(), target.wait()
        for line in answer.read_text().splitlines(keepends=True):
            if line.endswith("\n") and (state := json.loads(line)):
                self.state = state
        return codes

    @property
    def log(self):
        """The end of both logs."""
        return (self.folder / "log").read_text()[-3000:]

    def rows(self, table):
        """The store's rows up to the bookmark, by key."""
        end = own_boundary(self.store.now - SETTLE)
        return table.expected(self.store.rows(table.code, self.store.start_date, end))

    def removed(self, code):
        """The keys, as text, that removed_objects reports."""
        statement = "SELECT object_key FROM tap_exports.removed_objects WHERE stream = %s AND removed_at IS NOT NULL"
        with psycopg.connect(self.database) as connection:
            return {key for (key,) in connection.execute(statement, [code])}

    def assert_equals_the_store(self):
        """Every cell; rows that the store no longer has are exactly those that removed_objects reports."""
        for table in tables(self.database, self.store):
            found, expected = table.by_key(), self.rows(table)
            extra = {as_text(key) for key in found.keys() - expected.keys()}
            assert {key: found[key] for key in found if key in expected} == expected, table.code
            assert extra == self.removed(table.code), table.code


@pytest.fixture
def pipeline(store, database, tmp_path):
    return Pipeline(store, database, tmp_path)


def as_text(key):
    """An object's key as removed_objects has it."""
    return str(key[0]) if len(key) == 1 else json.dumps(key, ensure_ascii=False, default=str)


@pytest.mark.parametrize(
    ("settings", "days", "nights"),
    [({"refresh_days": 5}, 1, 7), ({}, 5, 8)],
    ids=["refresh-in-5-days", "default-settings"],
)
def test_changes_of_old_objects_arrive_within_refresh_days(pipeline, settings, days, nights):
    """The nights are as many as the longest refresh, of 30 days by default, takes."""
    pipeline.configure(**settings)
    store, database = pipeline.store, pipeline.database
    snapshots, lines = [], []
    for night in range(nights + 1):
        if night:
            store.advance(timedelta(days=days))
        assert pipeline.sync() == (0, 0), pipeline.log
        lines.append(pipeline.lines)
        found = tables(database, store)
        snapshots.append({table.code: pipeline.rows(table) for table in found})
    for table in found:
        rows, first, last = table.by_key(), snapshots[0][table.code], snapshots[-1][table.code]
        for key in first.keys() & last.keys():
            assert rows[key] in [snapshot[table.code].get(key) for snapshot in snapshots], (table.code, key)
    orders = snapshots[0]["order_list"], snapshots[-1]["order_list"]
    month = store.now.replace(tzinfo=None) - timedelta(days=30)
    assert any(orders[0][key] != row for key, row in orders[1].items() if row["order_date"] < month)
    assert max(lines[1:]) < lines[0] / 5
    # Missed nights are caught up at once: then all of it is of the same instant.
    store.advance(timedelta(days=31))
    assert pipeline.sync() == (0, 0)
    for code in VANISHING:
        assert pipeline.removed(code), code
    pipeline.assert_equals_the_store()


@pytest.mark.parametrize("seed", range(2))
def test_nights_with_kills_end_with_the_stores_rows(pipeline, seed):
    chance = random.Random(seed)
    pipeline.configure(refresh_days=5)
    hit = 0
    for night in range(7):
        if night:
            pipeline.store.advance(timedelta(days=1))
        for _ in range(chance.randrange(1, 3)):
            kill = chance.randrange(1, 120 if night else 20_000), chance.choice(["tap", "target", "both"])
            hit += pipeline.sync(kill) != (0, 0)
        if chance.random() < 0.5:
            assert pipeline.sync() == (0, 0), pipeline.log
    assert hit >= 6
    for _ in range(2):  # all of it is due; the second run confirms what was too much at once
        pipeline.store.advance(timedelta(days=31))
        assert pipeline.sync() == (0, 0)
    pipeline.assert_equals_the_store()
