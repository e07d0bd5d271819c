"""`make fleet`: six stores on two Airflow workers, one of which is killed during its runs.

The DAG files, the worker's script and the constraints are those of examples/airflow. Everything runs on this machine,
listens on loopback only, and is stopped at the end. The exit code is 1 if a line of the report is wrong.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import plumbing
from fleet.control_plane import EXAMPLE, ControlPlane, virtualenv, wait_for_runs
from fleet.controls import Bench, age_runs, states, suffix_trap
from fleet.processes import Processes, WaitedTooLong, kill_tree, plain_environment, wait_for
from fleet.shops import RATE_LIMIT, Shop, leftovers, open_shops, project, write_dags
from fleet.tables import compare

from tap_exports.sandbox import Fault

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import psutil  # type: ignore[import-untyped]

FOLDER = plumbing.ROOT / ".fleet"
NAMES = ["north", "south", "east", "west", "coast", "island"]
SAME_TOKEN = {"west": "east"}
BACKFILL = "island"
WRONG: list[dict[str, object]] = [
    {"name": "hill"},
    {"name": "north", "token": "SHOP_OTHER_TOKEN"},
    {"name": "shop--x", "token": "SHOP_X_TOKEN"},
    {"name": "lake", "token": "SHOP_LAKE_TOKEN", "schedule": "99 1 * * *"},
]
REPORTED = ["store 7 (hill): no token", "store 8 (north): the name", "store 9 (shop--x): the name", "store lake"]
AWAY_SECONDS = 40
HALF = 20
"""Files that a run has read when it is in the middle of its work."""
NIGHT_SECONDS = 420
THROTTLED = 429
PIECES = 2


class Report:
    """Checks and figures, printed as they come."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.wrong = 0

    def say(self, text: str) -> None:
        """Print a line with the time since the start."""
        print(f"{time.monotonic() - self.started:4.0f} s  {text}", flush=True)

    def check(self, claim: str, holds: object, detail: object = "") -> None:
        """Print whether a claim holds."""
        self.wrong += not holds
        self.say(f"{'ok   ' if holds else 'WRONG'} {claim}{f': {detail}' if detail != '' else ''}")


class Fleet:
    """All processes, and the steps of two nights."""

    def __init__(self, report: Report, shops: Sequence[Shop], server: str, commands: Path) -> None:
        self.report, self.shops = report, list(shops)
        for name in ("airflow", "meltano", "warehouse"):
            plumbing.query(server, f"CREATE DATABASE {name}")
        airflow, self.system, self.warehouse = (
            server.replace("/postgres?", f"/{name}?") for name in ("airflow", "meltano", "warehouse")
        )
        self.processes = Processes(FOLDER / "logs")
        dags = write_dags(FOLDER / "dags", EXAMPLE / "dags", shops, WRONG)
        self.plane = ControlPlane(commands, FOLDER / "airflow", airflow, dags, self.processes)
        self.settings = {
            "MELTANO_DATABASE_URI": plumbing.sqlalchemy(self.system),
            "MELTANO_AUTO_INSTALL": "false",
            "MELTANO_CLI_LOG_FORMAT": "uncolored",
            "XDG_STATE_HOME": str(FOLDER / "logs"),
            "TARGET_POSTGRES_SQLALCHEMY_URL": plumbing.sqlalchemy(self.warehouse),
            "TARGET_POSTGRES_LOAD_METHOD": "upsert",
        }
        for shop in shops:
            self.settings |= shop.settings
        self.projects = {name: project(FOLDER / name / "project", shops) for name in ("worker-1", "worker-2")}
        self.bench = Bench(project(FOLDER / "bench", shops), plain_environment() | self.settings, self.processes)
        self.workers: dict[str, psutil.Popen] = {}

    def start(self) -> None:
        """Start the control plane and both workers."""
        self.bench.migrate()
        self.plane.start()
        for name in self.projects:
            self.work(name)
        wanted = {shop.plugin for shop in self.shops} | {f"shop-{BACKFILL}-backfill"}
        wait_for("the DAGs", lambda: self.plane.dags() >= wanted and self.plane.import_errors(), 120)
        errors = self.plane.import_errors()
        missing = [text for text in REPORTED if text not in errors]
        self.report.check("wrong entries are import errors, the other stores have DAGs", not missing, missing or "")
        for shop in self.shops:
            if self.pool(shop):
                self.plane.call("POST", "pools", {"name": shop.token, "slots": 1})

    def pool(self, shop: Shop) -> bool:
        """Whether a store is the one that names a pool."""
        return shop.name in {*SAME_TOKEN.values(), BACKFILL}

    def work(self, name: str) -> None:
        """Start a worker."""
        self.workers[name] = self.plane.worker(name, self.projects[name], self.settings)

    def running(self, worker: str) -> list[Shop]:
        """The stores that a worker loads now."""
        names = {one["dag_id"] for one in self.plane.tasks() if (one["state"], one["hostname"]) == ("running", worker)}
        return [shop for shop in self.shops if shop.plugin in names]

    def first_night(self) -> None:
        """All stores from their start; a worker dies, a store is away."""
        report, plane = self.report, self.plane
        for shop in self.shops:
            plane.trigger(shop.plugin)

        def busy(worker: str) -> bool:
            return any(sum(one.downloads for one in shop.exports) >= HALF for shop in self.running(worker))

        wait_for("both workers to be busy", lambda: busy("worker-1") and busy("worker-2"), NIGHT_SECONDS)
        away, *_ = sorted(self.running("worker-2"), key=lambda one: len(one.exports))
        away.store.add_fault(Fault("any", "away", seconds=AWAY_SECONDS))
        killed = self.running("worker-1")
        names = kill_tree(self.workers["worker-1"])
        live = ", ".join(one.name for one in killed)
        report.say(f"      worker-1 is killed with {len(names)} processes; it was loading {live}")
        report.say(f"      {away.name} is away for {AWAY_SECONDS} s")
        report.check("a second run of a live pair is refused", self.bench.refused(away))
        report.check("a run right after SIGKILL is refused", self.bench.refused(killed[0]))
        report.check("the killed runs left files with settings", leftovers(self.projects["worker-1"]))
        age_runs(self.system, killed)
        self.night(len(self.shops), dead="worker-1")
        tasks = {one["dag_id"]: one for one in plane.tasks()}
        moved = all(tasks[one.plugin]["hostname"] == "worker-2" for one in killed)
        report.check("the killed stores succeeded on the other worker", moved)
        report.check("stores with one token never ran at once", self.apart("east", "west"))
        report.check("no run is left", self.idle())

    def second_night(self) -> None:
        """A day later, incremental; beside it the older history of one store."""
        report = self.report
        for shop in self.shops:
            shop.next_night()
        self.work("worker-1")
        wait_for("worker-1 to start", lambda: not leftovers(self.projects["worker-1"]), 60)
        report.check("the worker's start removed what the killed runs left", holds=True)
        for shop in self.shops:
            self.plane.trigger(shop.plugin)
        self.night(2 * len(self.shops))

    def older_history(self) -> None:
        """The backfill, in pieces."""
        before = self.nightly_state()
        self.plane.unpause(f"shop-{BACKFILL}-backfill")
        self.night(2 * len(self.shops) + PIECES)
        self.report.check("the backfill did not touch the nightly state", before and self.nightly_state() == before)

    def nightly_state(self) -> str:
        """The bookmarks of the store with the backfill."""
        (found,) = [text for name, text in states(self.system).items() if f":shop-{BACKFILL}-to-" in name]
        return found

    def night(self, runs: int, dead: str = "") -> None:
        """Wait until so many runs have ended."""
        until = time.monotonic() + NIGHT_SECONDS
        while True:
            if dead:
                self.plane.age(dead)
            try:
                return wait_for_runs(self.plane, runs, 2)
            except WaitedTooLong:
                if time.monotonic() > until:
                    raise

    def idle(self) -> bool:
        """Whether no process of Meltano or its plugins is left."""
        words = ("meltano", "tap-exports", "target-postgres")
        return not [one for one in self.processes.alive() if one.name() in words]

    def apart(self, *names: str) -> bool:
        """Whether the stores' tasks ran one after the other."""
        tasks = [one for one in self.plane.tasks() if one["dag_id"].removeprefix("shop-") in names]
        return all(early["end_date"] <= late["start_date"] for early, late in pairwise(tasks))

    def figures(self, title: str, *, all_history: bool = False) -> None:
        """One line for each store."""
        columns = ("tables", "rows", "cells", "wrong", "exports", "twice", "requests", "peak", "429")
        print(f"\n{title:14} {'worker':9} {'tries':>5}" + "".join(f"{name:>9}" for name in columns))
        tasks = {one["dag_id"]: one for one in self.plane.tasks()}
        for shop in self.shops:
            start = shop.store.start_date if all_history else shop.start
            found, task = compare(self.warehouse, shop, start), tasks[shop.plugin]
            peak = shop.store.peak_requests_per_second()
            requests = shop.store.log[shop.seen_requests :]
            refused = sum(one.status == THROTTLED for one in requests)
            figures = (found.tables, found.rows, found.cells, len(found.wrong), len(shop.exports), shop.repeated)
            line = "".join(f"{number:9}" for number in (*figures, len(requests), peak, refused))
            print(f"{shop.name:14} {task['hostname']:9} {task['try_number']:5}{line}")
            for example in found.wrong[:3]:
                print(f"  {example}")
            self.report.wrong += (
                bool(found.wrong) + bool(shop.repeated) + (refused > len(requests) / 10) + (peak > RATE_LIMIT)
            )
        print()


def story(report: Report, commands: Path) -> None:
    """Both nights, and the negative controls."""
    with open_shops(NAMES, SAME_TOKEN, BACKFILL) as shops, plumbing.postgres() as server:
        fleet = Fleet(report, shops, server, commands)
        try:
            report.say("Airflow and two workers start …")
            fleet.start()
            report.say("The first night …")
            fleet.first_night()
            fleet.figures("first night")
            report.say("The second night …")
            fleet.second_night()
            fleet.figures("second night")
            report.say("The older history of one store …")
            fleet.older_history()
            fleet.figures("backfill", all_history=True)
            report.say("One plugin with --state-id-suffix, twice in one folder …")
            rows, wanted, code = suffix_trap(fleet.bench, fleet.warehouse)
            report.check("it still loses rows", rows < wanted and code == 0, f"{rows} of {wanted}, exit code {code}")
        finally:
            killed = fleet.processes.end()
            left = fleet.processes.alive()
    report.check("no process is left", not left, f"{killed} had to be killed" if killed else "")


def main() -> int:
    """Run both nights; return 0 if nothing is wrong."""
    if sys.version_info < (3, 11) or not shutil.which("setpriv"):
        print("make fleet is skipped: it needs Python 3.11 or newer, and setpriv of util-linux.")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Terminated; everything is stopped."))
    report = Report()
    report.say("Airflow and Meltano's plugins are installed once, which takes a few minutes …")
    try:
        commands = virtualenv(FOLDER / "venv")
        plumbing.install_plugins()
        for path in FOLDER.iterdir():
            if path.name != "venv":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        story(report, commands)
    except (RuntimeError, WaitedTooLong, plumbing.MeltanoFailed, subprocess.CalledProcessError) as failure:
        report.check("all steps were run", holds=False, detail=failure)
    print(f"\n{report.wrong} wrong; logs are in {FOLDER.relative_to(plumbing.ROOT)}")
    return min(report.wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
