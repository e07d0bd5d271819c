"""Negative controls: what must be rejected, and what must fail as documented."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plumbing
from plumbing import MELTANO

from fleet.processes import kill_tree, wait_for
from tap_exports.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import psutil  # type: ignore[import-untyped]

    from fleet.processes import Processes
    from fleet.shops import Shop

RUN_SECONDS = 120


class Bench:
    """Another Meltano project with the same system database, for runs beside those of Airflow.

    Args:
        folder: The project.
        settings: Variables that Meltano and the plugins get.
        processes: What starts the runs.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str], processes: Processes) -> None:
        self.folder, self.settings, self.processes = folder, dict(settings), processes

    def start(self, name: str, *arguments: str, **more: str) -> psutil.Popen:
        """Start Meltano with these arguments and further variables."""
        command: list[str | Path] = [MELTANO, f"--cwd={self.folder}", *arguments]
        return self.processes.start(name, command, self.settings | more)

    def migrate(self) -> None:
        """Make the tables of the system database, once, before any run."""
        if self.start("meltano-migrate", "state", "list").wait(RUN_SECONDS):
            raise RuntimeError(self.processes.output("meltano-migrate")[-2000:])

    def refused(self, shop: Shop) -> bool:
        """Whether Meltano refuses a run of a pair that is running, or was killed just now."""
        name = f"refused-{shop.name}"
        code = self.start(name, "run", shop.plugin, "target-postgres").wait(RUN_SECONDS)
        return code != 0 and "already running" in self.processes.output(name)


def suffix_trap(bench: Bench, warehouse: str) -> tuple[int, int, int]:
    """Load two stores by one plugin with `--state-id-suffix`, in one folder at the same time.

    The first run has no state yet. While it reads the columns, which the store's absence draws out here, the second
    run writes its state into the file that both share. So the first one starts at the bookmark of the other store.

    Returns:
        Rows of the first store in its table, rows that the store has, and the exit code of its run.
    """
    away = Fault("any", "away")
    with Sandbox(seed=71, days=9, rate_limit=None) as first, Sandbox(seed=72, days=9, rate_limit=None) as second:

        def start(name: str, store: Sandbox) -> psutil.Popen:
            settings = {f"TAP_EXPORTS_{key.upper()}": str(value) for key, value in store.config.items()}
            settings |= {
                "TAP_EXPORTS__SELECT": '["order_list.*"]',
                "TAP_EXPORTS_LOOKBACK_DAYS": "1",
                "TAP_EXPORTS__LOAD_SCHEMA": f"suffix_{name}",
            }
            suffix = f"--state-id-suffix={name}"
            return bench.start(f"suffix-{name}", "run", suffix, "tap-exports", "target-postgres", **settings)

        if start("second", second).wait(RUN_SECONDS):
            raise RuntimeError(bench.processes.output("suffix-second")[-2000:])
        first.add_fault(away)
        run = start("first", first)
        wait_for("the first request of the first store's run", lambda: first.log, RUN_SECONDS)
        second.add_fault(away)
        before = len(second.log)
        other = start("second", second)
        wait_for("the first request of the second store's run", lambda: len(second.log) > before, RUN_SECONDS)
        first.clear_faults()
        code = int(run.wait(RUN_SECONDS))
        kill_tree(other)
        rows = first.rows("order_list", first.start_date, first.now)
        ((count,),) = plumbing.query(warehouse, "SELECT count(*) FROM suffix_first.order_list")
    return count, len(rows), code


def age_runs(system: str, shops: list[Shop]) -> None:
    """Age the heartbeats by the five minutes for which Meltano takes a killed run for a live one."""
    names = ", ".join(f"'%:{shop.plugin}-to-%'" for shop in shops)
    statement = "UPDATE runs SET last_heartbeat_at = last_heartbeat_at - interval '6 minutes'"
    plumbing.query(system, f"{statement} WHERE state = 'RUNNING' AND job_name LIKE ANY (ARRAY[{names}])")


def states(system: str) -> dict[str, str]:
    """Each pair's state, as Meltano keeps it."""
    return dict(plumbing.query(system, "SELECT state_id, completed_state::text FROM state"))
