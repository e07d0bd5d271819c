"""The DAG files of examples/airflow: which entries become DAGs, and what a task does on a worker.

Airflow is not installed beside Meltano: two of its classes are replaced here. `make fleet` runs the same files in
Airflow itself.
"""

from __future__ import annotations

import importlib
import os
import stat
import subprocess
import sys
import types
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

EXAMPLE = Path(__file__).parents[2] / "examples" / "airflow"
NORTH = {"name": "north", "token": "SHOP_NORTH_TOKEN"}
MODULES = ("store_list", "stores", "stores_errors")


class Recorded:
    """Records its arguments."""

    def __init__(self, *values, **settings):
        self.values, self.tasks = values, []
        vars(self).update(settings)
        if "dag" in settings:
            settings["dag"].tasks.append(self)

    @property
    def dag_id(self):
        return self.values[0]

    def validate(self):
        if self.schedule == "99 1 * * *":
            raise ValueError("not acceptable")


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Write stores.yml beside the DAG files, and import one of them."""
    names = {"airflow.sdk": ("DAG", "CronDataIntervalTimetable")}
    names["airflow.providers.standard.operators.bash"] = ("BashOperator",)
    for name, classes in names.items():
        module = types.ModuleType(name)
        vars(module).update(dict.fromkeys(classes, Recorded))
        monkeypatch.setitem(sys.modules, name, module)
    for path in (EXAMPLE / "dags").glob("*.py"):
        (tmp_path / path.name).write_text(path.read_text())
    monkeypatch.syspath_prepend(tmp_path)

    def make(stores, module="stores", **more):
        (tmp_path / "stores.yml").write_text(yaml.safe_dump({"stores": stores, **more}))
        for name in MODULES:
            monkeypatch.delitem(sys.modules, name, raising=False)
        return importlib.import_module(module)

    yield make
    for name in MODULES:
        sys.modules.pop(name, None)


def by_name(module):
    return {dag.dag_id: dag for dag in module.DAGS}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"token": None}, "store 2 (hill): no token. Add the name of the variable that holds it on the workers"),
        ({"name": "north"}, "store 2 (north): the name is used by an earlier entry"),
        ({"name": "a--b"}, "store 2 (a--b): the name contains `--`, which Meltano takes for an extra"),
        ({"name": "North Pole"}, "the name must be lower-case letters"),
        ({"name": "x-backfill"}, "names that end in -backfill are reserved"),
        ({"token": "sk_9f86d0"}, "must be the name of an environment variable"),
        ({"shedule": None}, "unknown key shedule. Known: "),
        ({"timeout_hours": "long"}, "timeout_hours: long is not a number"),
        ({"schedule": "99 1 * * *"}, "store hill: not acceptable"),
        ({"backfill": "2023"}, "`backfill` needs `start` and `end`"),
        ({"backfill": {"start": "May", "end": "2024-01-01"}}, "May is not a date"),
        ({"backfill": {"start": "2024-01-01", "end": "2023-01-01"}}, "must be before"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_wrong_entry_is_an_import_error_and_the_other_stores_go_on(load, change, problem):
    entries = [NORTH, {"name": "hill", "token": "T"} | change]
    assert list(by_name(load(entries))) == ["shop-north"]
    with pytest.raises(ValueError, match="These stores have no DAG") as raised:
        load(entries, "stores_errors")
    assert problem in str(raised.value)
    assert "sk_9f86d0" not in str(raised.value)


@pytest.mark.parametrize("stores", [None, ["north"]])
def test_a_file_without_a_list_of_stores_is_an_error(load, stores):
    with pytest.raises(ValueError, match="must have a list named `stores`"):
        load(stores)


def test_the_examples_own_list_is_valid(load):
    document = yaml.safe_load((EXAMPLE / "dags" / "stores.yml").read_text())
    assert list(by_name(load(**document))) == ["shop-north", "shop-south"]
    load(**document, module="stores_errors")


def test_a_nightly_dag_is_safe(load):
    dag = by_name(load([NORTH], defaults={"schedule": "@daily"}))["shop-north"]
    assert (dag.schedule, dag.catchup, dag.max_active_runs) == ("@daily", False, 1)
    assert dag.default_args["retries"] == 3
    assert dag.default_args["retry_delay"] == timedelta(minutes=6)
    (task,) = dag.tasks
    assert task.execution_timeout == timedelta(hours=6)
    assert "--force" not in task.bash_command
    assert not hasattr(task, "pool")


def test_a_backfill_has_pieces_with_an_end_and_its_own_extractor(load):
    dags = by_name(load([NORTH | {"backfill": {"start": "2023-01-01", "end": "2023-03-15"}}]))
    dag = dags["shop-north-backfill"]
    assert (dag.catchup, dag.max_active_runs, dag.schedule.values) == (True, 1, ("@monthly",))
    assert dag.start_date.isoformat() == "2023-01-01T00:00:00+00:00"
    assert dag.end_date.isoformat() == "2023-03-14T23:59:59+00:00"
    (task,) = dag.tasks
    assert list(task.env) == ["SHOP_NORTH_BACKFILL_END_DATE"]
    assert "'2023-03-15T00:00:00+00:00'] | min" in task.env["SHOP_NORTH_BACKFILL_END_DATE"]
    assert task.bash_command.rstrip().endswith("meltano run shop-north-backfill target-postgres")
    assert task.pool == dags["shop-north"].tasks[0].pool == "SHOP_NORTH_TOKEN"


@pytest.fixture
def worker(load, tmp_path):
    """Run the task of shop-north on a worker with these differences from one that is complete."""
    commands, project = tmp_path / "bin", tmp_path / "project"
    plugins = [project / ".meltano" / name for name in ("extractors/tap-exports", "loaders/target-postgres")]
    meltano = '#!/bin/sh\necho "$(pwd) $* ${SHOP_NORTH_TOKEN} ${AIRFLOW__API_AUTH__JWT_SECRET:-hidden}"\n'
    files = {commands / "meltano": meltano, project / "meltano.yml": ""}
    files |= {path / "venv" / "bin" / path.name: "" for path in plugins}
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    command = by_name(load([NORTH]))["shop-north"].tasks[0].bash_command

    def run(remove=None, free=None, **differences):
        if remove:
            (tmp_path / remove).unlink()
        if free is not None:
            (commands / "df").write_text(f"#!/bin/sh\necho Header\necho disk 9 9 {free} 9 /\n")
            (commands / "df").chmod(0o755)
        environment = {
            "PATH": f"{commands}:{os.environ['PATH']}",
            "HOSTNAME": "worker-1",
            "PROJECT": str(project),
            "MELTANO_DATABASE_URI": "postgresql://",
            "SHOP_NORTH_TOKEN": "secret",
            "AIRFLOW__API_AUTH__JWT_SECRET": "of Airflow",
            "MIN_FREE_MB": "1",
            **differences,
        }
        return subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)

    return run


def test_a_task_runs_meltano_in_the_workers_project(worker, tmp_path):
    done = worker()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{tmp_path / 'project'} run shop-north target-postgres secret hidden\n"


@pytest.mark.parametrize(
    ("difference", "line"),
    [
        ({"PROJECT": ""}, "No Meltano project on worker worker-1: set PROJECT in worker.env"),
        ({"remove": "project/meltano.yml"}, "No Meltano project on worker worker-1: set PROJECT in worker.env"),
        ({"SHOP_NORTH_TOKEN": ""}, "No token of shop-north on worker worker-1: set SHOP_NORTH_TOKEN in worker.env"),
        ({"MELTANO_DATABASE_URI": ""}, "No system database on worker worker-1: set MELTANO_DATABASE_URI"),
        (
            {"remove": "bin/meltano", "PATH": "/usr/bin:/bin"},
            "meltano is missing on worker worker-1: add the bin folder",
        ),
        (
            {"remove": "project/.meltano/loaders/target-postgres/venv/bin/target-postgres"},
            "The plugin target-postgres is not installed on worker worker-1: run 'meltano install' in ",
        ),
        ({"free": 3, "MIN_FREE_MB": "1024"}, "Only 3 MB are free in "),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_worker_that_is_not_complete_fails_with_one_line_that_says_what_to_do(worker, difference, line):
    done = worker(**difference)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1


def test_a_worker_removes_what_killed_runs_left_and_does_not_share_its_project(tmp_path):
    project = tmp_path / "project"
    left = project / ".meltano" / "run" / "shop-north" / "tap.config.json"
    settings = f"PATH={tmp_path}:$PATH\nPROJECT={project}\nWORKER_NAME=one\nLOCK_SECONDS=0\n"
    files = {left: "{}", project / "meltano.yml": "", tmp_path / "airflow": "#!/bin/sh\necho $(umask) $*\n"}
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "airflow").chmod(0o755)

    def start(more, *prefix):
        (tmp_path / "worker.env").write_text(settings + more)
        command = [*prefix, "bash", EXAMPLE / "worker.sh", tmp_path / "worker.env"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    secret = "AIRFLOW__API_AUTH__JWT_SECRET"
    assert start("").stderr == f"worker.sh: {secret} is empty; set it to the value of control.env\n"
    assert start(f"{secret}=x\n").stdout == "0077 edge worker --edge-hostname one --concurrency 4\n"
    assert not left.parent.exists()
    done = start(f"{secret}=x\n", "flock", project / ".worker.lock")
    assert done.returncode == 1
    assert done.stderr.startswith(f"worker.sh: waiting for the worker that uses {project} to end\n")
    assert f"worker.sh: another worker uses {project}" in done.stderr
