"""Airflow on this machine: its virtualenv, the control plane, edge workers, and calls of its REST API."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import plumbing
from ports import free_port

from fleet.processes import Processes, plain_environment, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import psutil  # type: ignore[import-untyped]

EXAMPLE = plumbing.ROOT / "examples" / "airflow"
AIRFLOW = "apache-airflow[postgres,edge3]==3.3.2"
READY_SECONDS = 180
WORKER_SLOTS = 3


def virtualenv(folder: Path) -> Path:
    """Install Airflow from the example's constraints, if it is not installed; return the folder of its commands."""
    constraints = EXAMPLE / "constraints.txt"
    wanted = hashlib.sha256((sys.version + AIRFLOW + constraints.read_text()).encode()).hexdigest()
    stamp = folder / "installed.txt"
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip: list[str | Path] = [
            folder / "bin" / "python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        subprocess.run([*pip, AIRFLOW, "--constraint", constraints], check=True)
        stamp.write_text(wanted)
    return folder / "bin"


class ControlPlane:
    """API server, scheduler and DAG processor of one Airflow.

    Args:
        commands: Folder of Airflow's commands.
        folder: For its settings and logs.
        database: Address of an empty database.
        dags: Folder of its DAG files.
        processes: What starts its processes.
    """

    def __init__(self, commands: Path, folder: Path, database: str, dags: Path, processes: Processes) -> None:
        self.commands, self.folder, self.database, self.processes = commands, folder, database, processes
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.worker_settings = {
            "AIRFLOW__CORE__EXECUTOR": "airflow.providers.edge3.executors.EdgeExecutor",
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__EDGE__API_URL": f"{self.url}/edge_worker/v1/rpcapi",
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            # The machine may be busy with much else: the defaults are 5 and 10 s.
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
            "AIRFLOW__API_AUTH__JWT_LEEWAY": "60",
            # A short trial must not wait for long polls.
            "AIRFLOW__EDGE__JOB_POLL_INTERVAL": "1",
            "AIRFLOW__EDGE__HEARTBEAT_INTERVAL": "5",
        }
        self.environment = {
            **plain_environment(),
            "PATH": f"{commands}:{os.environ['PATH']}",
            "AIRFLOW_HOME": str(folder),
            **self.worker_settings,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database.replace("postgresql://", "postgresql+psycopg2://", 1),
            "AIRFLOW__EDGE__API_ENABLED": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        }
        self._token = ""

    def start(self) -> None:
        """Migrate the database and start all three."""
        folder, airflow = self.folder, self.commands / "airflow"
        folder.mkdir(parents=True)
        if self.processes.run("airflow-db-migrate", [airflow, "db", "migrate"], self.environment, READY_SECONDS):
            raise RuntimeError(self.processes.output("airflow-db-migrate")[-2000:])
        for name in ("api-server", "scheduler", "dag-processor"):
            self.processes.start(name, [airflow, name], self.environment)
        wait_for("the API server", self._answers, READY_SECONDS)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/auth/token", timeout=10) as answer:  # noqa: S310 - loopback
                self._token = json.load(answer)["access_token"]
        except (OSError, urllib.error.HTTPError):
            return False
        return True

    def call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        """One call of the REST API."""
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{self.url}/api/v2/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - loopback
            found: dict[str, Any] = json.load(answer)
            return found

    def dags(self) -> set[str]:
        """The DAGs that Airflow has read and would run."""
        return {dag["dag_id"] for dag in self.call("GET", "dags?limit=100")["dags"] if not dag["is_stale"]}

    def import_errors(self) -> str:
        """All import errors as one text."""
        return "\n".join(one["stack_trace"] for one in self.call("GET", "importErrors")["import_errors"])

    def trigger(self, dag: str) -> None:
        """Unpause a DAG and start a run of it."""
        self.unpause(dag)
        self.call("POST", f"dags/{dag}/dagRuns", {"logical_date": None})

    def unpause(self, dag: str) -> None:
        """Let the schedule of a DAG run."""
        self.call("PATCH", f"dags/{dag}", {"is_paused": False})

    def worker(self, name: str, project: Path, settings: Mapping[str, str]) -> psutil.Popen:
        """Start an edge worker by the example's own script."""
        lines = {
            "WORKER_NAME": name,
            "WORKER_SLOTS": str(WORKER_SLOTS),
            "PROJECT": str(project),
            "PATH": f"{plumbing.MELTANO.parent}:{self.commands}:{os.environ['PATH']}",
            "AIRFLOW_HOME": str(self.folder.parent / name),
            **self.worker_settings,
            **settings,
        }
        path = self.folder.parent / f"{name}.env"
        path.write_text("".join(f"{key}='{value}'\n" for key, value in lines.items()))
        path.chmod(0o600)
        return self.processes.start(name, ["bash", EXAMPLE / "worker.sh", path], plain_environment())

    def tasks(self) -> list[dict[str, Any]]:
        """Each task's last attempt: DAG, run, state, number of the attempt, worker, start and end."""
        columns = "dag_id, run_id, state, try_number, hostname, start_date, end_date"
        rows = plumbing.query(self.database, f"SELECT {columns} FROM task_instance ORDER BY start_date")  # noqa: S608
        return [dict(zip(columns.split(", "), row, strict=True)) for row in rows]

    def age(self, worker: str) -> None:
        """Age a dead worker, and the tasks that wait for a retry, by some minutes."""
        old = "interval '10 minutes'"
        delay = "interval '6 minutes'"
        beats = f"UPDATE task_instance SET last_heartbeat_at = now() - {old}"  # noqa: S608
        waits = f"UPDATE task_instance SET end_date = end_date - {delay}"  # noqa: S608
        for statement in (
            f"{beats} WHERE hostname = '{worker}' AND state = 'running'",
            f"UPDATE edge_worker SET last_update = now() - {old} WHERE worker_name = '{worker}'",  # noqa: S608
            f"{waits} WHERE state = 'up_for_retry' AND end_date > now() - {delay}",
        ):
            plumbing.query(self.database, statement)

    def failures(self) -> str:
        """The ends of the logs of failed attempts."""
        found = []
        for path in sorted(self.folder.parent.glob("worker-*/logs/**/attempt=*.log")):
            lines = path.read_text(errors="replace").splitlines()
            if any("non-zero exit code" in line for line in lines):
                found += [str(path), *lines[-40:]]
        return "\n".join(found)


def wait_for_runs(plane: ControlPlane, count: int, seconds: float) -> None:
    """Wait until so many runs have succeeded.

    Raises:
        RuntimeError: One failed.
    """

    def ended() -> bool:
        states = [state for (state,) in plumbing.query(plane.database, "SELECT state FROM dag_run")]
        if "failed" in states:
            raise RuntimeError(f"A run failed:\n{plane.failures()}")
        return states.count("success") >= count

    wait_for(f"{count} runs to end", ended, seconds)
    time.sleep(1)
