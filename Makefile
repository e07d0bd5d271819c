# All commands for contributors. `make` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
# The end-to-end tests mostly wait for the store's rate limit, hence more workers than cores. With `loadgroup` each
# worker gets one test at a time.
PARALLEL ?= --numprocesses 4 --dist loadgroup
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-picture test test-all lint types unit e2e bench proof targets fleet hub audit format build constraints clean

help:  ## list these commands
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r word what; do \
		printf '  make %-12s %s\n' "$$word" "$$what"; done

setup: $(READY)  ## .venv with the tap, Meltano and all tools; every other command does this itself

demo: $(READY)  ## load a practice store into PostgreSQL with Meltano, twice
	@$(BIN)/python scripts/demo.py

demo-picture: $(READY)  ## the demo again, with its output in docs/demo.svg
	@$(BIN)/python scripts/demo.py --picture docs/demo.svg

test: lint types  ## linter, type checker, and the tests to run often: about 5 minutes on two cores
	@$(BIN)/python -m pytest $(PARALLEL) -m 'not slow'

test-all: lint types  ## everything: all tests, the proof, all targets, the fleet
	@$(BIN)/python -m pytest $(PARALLEL)
	@$(BIN)/python proof/prove.py
	@$(BIN)/python scripts/try_targets.py
	@$(BIN)/python scripts/try_fleet.py

lint: $(READY)  ## ruff: rules and format
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: $(READY)  ## mypy, strict
	@$(BIN)/mypy
	@$(BIN)/mypy scripts
	@MYPYPATH=scripts $(BIN)/mypy proof

unit: $(READY)  ## the tests that need neither Meltano nor PostgreSQL
	@$(BIN)/python -m pytest $(PARALLEL) -m 'not e2e'

e2e: $(READY)  ## the tests with Meltano and PostgreSQL
	@$(BIN)/python -m pytest $(PARALLEL) -m e2e

bench: $(READY)  ## CPU per record, the time of a load, the ledger, the webhook, and the whole pipeline
	@$(BIN)/python benchmarks/records.py
	@$(BIN)/python benchmarks/ledger.py
	@$(BIN)/python benchmarks/exports.py
	@$(BIN)/python benchmarks/webhook.py
	@$(BIN)/python benchmarks/pipeline.py

proof: $(READY)  ## faults in every request and file, and interrupted runs, into real targets; see docs/proof.md
	@$(BIN)/python proof/prove.py

targets: $(READY)  ## one sync into each of many Singer targets, compared with the store; see docs/targets.md
	@$(BIN)/python scripts/try_targets.py

fleet: $(READY)  ## six stores on two Airflow workers, one of which is killed; needs Python 3.11 and Linux
	@$(BIN)/python scripts/try_fleet.py

hub: $(READY)  ## write hub/tap-exports.yml, after a change of the plugin in meltano.yml
	@$(BIN)/python scripts/hub.py

audit: $(READY)  ## known vulnerabilities of the packages that users install; needs the internet
	@$(BIN)/python scripts/audit.py $(AUDIT)

format: $(READY)  ## apply ruff's automatic fixes
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

build: $(READY)  ## the wheel and the source archive, in dist/, and a test of the wheel
	@rm -rf build dist
	@PIP_CONSTRAINT=constraints.txt $(BIN)/python -m build --outdir dist
	@$(BIN)/python -m virtualenv --quiet build/try
	@build/try/bin/python -m pip install --quiet --constraint constraints.txt dist/*.whl
	@cd build && try/bin/tap-exports --version && try/bin/tap-exports --about --format=json >about.json

constraints: $(READY)  ## write constraints.txt; PYTHONS="python3.10 …" names one interpreter for each Python
	@$(BIN)/python scripts/constraints.py $(PYTHONS)

clean:  ## remove everything that make created, but not Meltano's state in .meltano/meltano.db
	@rm -rf $(VENV) .demo .fleet .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info \
		.meltano/extractors .meltano/loaders .meltano/targets .meltano/run .meltano/install.lock .meltano/install.log .meltano/installed.txt
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || { \
		echo "tap-exports needs Python 3.10 or newer, and '$(PYTHON)' is not: make PYTHON=/path/to/python …" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 \
		|| $(PYTHON) -m venv --clear $(VENV) >/dev/null 2>&1 \
		|| $(PYTHON) -m virtualenv --quiet --clear $(VENV) 2>/dev/null \
		|| { $(PYTHON) -m pip install --quiet --user virtualenv 2>/dev/null && $(PYTHON) -m virtualenv --quiet --clear $(VENV); } \
		|| { echo "'$(PYTHON)' cannot create a virtual environment: install its venv module (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@echo "Installing into $(VENV) …" >&2
	@$(PIP) install --constraint constraints.txt --upgrade pip
	@$(PIP) install --constraint constraints.txt --build-constraint constraints.txt --editable '.[sandbox,webhook]' --group dev
	@touch $@
