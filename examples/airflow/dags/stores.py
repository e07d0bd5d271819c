"""One DAG for each store in stores.yml, and one for each backfill.

Entries that cannot be used are left out here and reported by stores_errors.py, because Airflow stops every DAG of a
file that has an import error.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, CronDataIntervalTimetable
from store_list import Store, read

SECOND = timedelta(seconds=1)
ARGUMENTS = {
    "retries": 3,
    # Meltano refuses a pair of extractor and loader for 5 minutes after its last run was killed.
    "retry_delay": timedelta(minutes=6),
    "priority_weight": 10,
}
# Not an f-string: the shell has braces too. @PLUGIN@ and @TOKEN@ are names, checked by store_list.
COMMAND = """
stop() { echo "$1" >&2; exit 1; }
here="on worker $HOSTNAME"
test -f "${PROJECT:-}/meltano.yml" \\
  || stop "No Meltano project $here: set PROJECT in worker.env to the folder with meltano.yml."
test -n "${@TOKEN@:-}" || stop "No token of @PLUGIN@ $here: set @TOKEN@ in worker.env and restart the worker."
test -n "${MELTANO_DATABASE_URI:-}" || stop "No system database $here: set MELTANO_DATABASE_URI in worker.env."
command -v setpriv >/dev/null || stop "setpriv is missing $here: install util-linux."
command -v meltano >/dev/null \\
  || stop "meltano is missing $here: add the bin folder of its virtualenv to PATH in worker.env."
for plugin in extractors/tap-exports loaders/target-postgres; do
  test -x "$PROJECT/.meltano/$plugin/venv/bin/${plugin#*/}" \\
    || stop "The plugin ${plugin#*/} is not installed $here: run 'meltano install' in $PROJECT."
done
for folder in "$PROJECT" "${TMPDIR:-/tmp}"; do
  free=$(df -Pm "$folder" | awk 'NR == 2 { print $4 }')
  need=${MIN_FREE_MB:-1024}
  test "${free:-0}" -ge "$need" \\
    || stop "Only ${free:-0} MB are free in $(realpath "$folder") $here, $need MB are required: make space."
done
unset AIRFLOW__API_AUTH__JWT_SECRET
cd "$PROJECT" && exec setpriv --pdeathsig TERM -- meltano run @PLUGIN@ target-postgres
"""


def load(dag: DAG, store: Store, plugin: str, variables: dict[str, str] | None = None) -> None:
    """Add the task that runs one extractor; tokens are in the worker's environment, never in `variables`."""
    more = {name: value for name, value in (("queue", store.queue), ("pool", store.pool)) if value}
    BashOperator(
        task_id="load",
        dag=dag,
        bash_command=COMMAND.replace("@PLUGIN@", plugin).replace("@TOKEN@", store.token),
        env=variables or {},
        append_env=True,
        cwd="/",  # not a temporary folder, which cannot be made on a full disk
        skip_on_exit_code=None,
        do_xcom_push=False,
        execution_timeout=timedelta(hours=store.timeout_hours),
        **more,
    )


def nightly(store: Store) -> DAG:
    """The scheduled load of one store."""
    dag = DAG(
        f"shop-{store.name}",
        schedule=store.schedule,
        start_date=datetime(2025, 1, 1, tzinfo=timezone.utc),
        catchup=False,
        max_active_runs=1,
        default_args=ARGUMENTS,
        tags=["nightly"],
    )
    load(dag, store, f"shop-{store.name}")
    return dag


def backfill(store: Store) -> DAG:
    """The older history of one store: a run for each interval between `start` and `end`, one after another.

    The extractor `shop-{name}-backfill` has its own state, so the nightly bookmark is never touched. Each run goes
    from the end of the last one to the end of its interval; after a run that failed, the next one fills the gap.
    """
    plan = store.backfill
    plugin = f"shop-{store.name}-backfill"
    dag = DAG(
        plugin,
        schedule=CronDataIntervalTimetable(plan.every, timezone="UTC"),
        start_date=plan.start,
        end_date=plan.end - SECOND,
        catchup=True,
        max_active_runs=1,
        default_args={**ARGUMENTS, "priority_weight": 1},
        tags=["backfill"],
    )
    until = "{{ [data_interval_end.isoformat(), '" + plan.end.isoformat() + "'] | min }}"
    load(dag, store, plugin, {f"{plugin.upper().replace('-', '_')}_END_DATE": until})
    return dag


def build() -> tuple[list[DAG], list[str]]:
    """All DAGs, and one line for each entry that has none."""
    dags = []
    stores, problems = read()
    for store in stores:
        made = [nightly(store), *([backfill(store)] if store.backfill else [])]
        try:
            for dag in made:
                dag.validate()
        except Exception as error:  # noqa: BLE001  # a schedule that Airflow refuses, for instance
            problems.append(f"stores.yml, store {store.name}: {error}")
        else:
            dags += made
    return dags, problems


DAGS, PROBLEMS = build()
globals().update({dag.dag_id: dag for dag in DAGS})
