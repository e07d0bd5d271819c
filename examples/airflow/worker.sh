#!/usr/bin/env bash
# Start the edge worker of this machine: bash worker.sh worker.env
set -euo pipefail
stop() { echo "worker.sh: $1" >&2; exit 1; }

test -r "${1:-}" || stop "cannot read '${1:-}'; usage: bash worker.sh worker.env"
set -a
# shellcheck disable=SC1090
. "$(realpath "$1")"
set +a
test -f "${PROJECT:-}/meltano.yml" || stop "no Meltano project in PROJECT='${PROJECT:-}'; set it to the folder with meltano.yml"

test -n "${AIRFLOW__API_AUTH__JWT_SECRET:-}" || stop "AIRFLOW__API_AUTH__JWT_SECRET is empty; set it to the value of control.env"

# Meltano writes settings with tokens into files: for this user's eyes only.
umask 077
# One worker for each project folder: runs of a killed worker that still end hold this lock as well.
exec 9>"$PROJECT/.worker.lock"
flock --nonblock 9 || echo "worker.sh: waiting for the worker that uses $PROJECT to end" >&2
flock --wait "${LOCK_SECONDS:-60}" 9 || stop "another worker uses $PROJECT; give each worker its own project folder"
# What killed runs left behind.
if test -d "$PROJECT/.meltano/run"; then
  find "$PROJECT/.meltano/run" -mindepth 1 -maxdepth 1 -type d -exec rm -rf {} +
fi
exec airflow edge worker --edge-hostname "${WORKER_NAME:-$(hostname)}" --concurrency "${WORKER_SLOTS:-4}" \
  ${WORKER_QUEUES:+--queues "$WORKER_QUEUES"}
