# Every target works on a new machine with python3 (3.11 or newer), make and a C library.
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
SEEDS ?= 2000
MINUTES ?= 16
# Python compiles a file once, and not again in each of the processes that the tests start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup run demo test check e2e bench proof sim migrate lock chart picture
.DEFAULT_GOAL := help

help: ## List the targets
	@grep -E '^[a-z0-9]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 10

.venv/run.stamp: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "heartbeat needs Python 3.11 or newer; '$(PYTHON)' is older or missing (set PYTHON=/path/to/python3.11)." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "heartbeat needs Python's venv module (Debian: apt-get install python3-venv)." >&2; exit 1; }
	@echo "Installing heartbeat into .venv. This happens once and takes about a minute."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/test.stamp: .venv/run.stamp tests/requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r tests/requirements.lock
	@touch $@

setup: .venv/test.stamp ## Create the virtual environment with everything that the tests need

run: .venv/run.stamp ## Serve on http://127.0.0.1:8000 with an embedded database and a sample configuration
	@$(BIN)/python -m heartbeat serve --sample

demo: .venv/run.stamp ## Replay a day in about a minute
	@$(BIN)/python -m heartbeat demo

test: .venv/test.stamp ## Run all tests that need only Python packages
	$(BIN)/python -m pytest -n 2 --dist worksteal -q

check: .venv/test.stamp ## Check types, style and the import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.plain_words

e2e: export PHOTOGRAPHS ?= yes
e2e: .venv/test.stamp ## Test with real processes, a browser and Prometheus (needs Debian's chromium, chromium-headless-shell and prometheus)
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -q tests/e2e

bench: .venv/test.stamp ## Measure speed as ratios within one run, and write build/bench.json
	$(BIN)/python -m tests.bench

.venv/patroni.stamp: .venv/test.stamp tests/proof/patroni.lock
	@$(PYTHON) -m venv .venv/patroni
	@.venv/patroni/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r tests/proof/patroni.lock
	@touch $@

# Only the failover needs Patroni.
proof: .venv/test.stamp $(if $(or $(filter failover,$(SUBJECTS)),$(if $(SUBJECTS),,all)),.venv/patroni.stamp) ## Prove the promises, each beside a control that fails, within MINUTES=N, or only SUBJECTS="kills power"
	$(BIN)/python -m tests.proof $(SUBJECTS) --short --minutes $(MINUTES)

sim: .venv/test.stamp ## Run the simulation with SEEDS=N more seeds
	SIM_SEEDS=$(SEEDS) $(BIN)/python -m pytest -q -n 2 tests/simulation

migrate: .venv/run.stamp ## Migrate the database
	@$(BIN)/python -m heartbeat migrate

chart: .venv/test.stamp ## Update the golden files and the value table of the Helm chart
	$(BIN)/python -m tests.unit.deployment.chart

picture: .venv/test.stamp ## Draw docs/wings.svg and docs/demo.svg again, from the imports and the demonstration
	$(BIN)/python -m tests.picture
	$(BIN)/python -m tests.demo_picture

lock: ## Update requirements.lock, tests/requirements.lock and tests/proof/patroni.lock
	$(PYTHON) -m venv .venv && $(BIN)/python -m pip install -q uv
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	  --extra apprise --extra build --extra oidc --extra otel --extra socks pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	  --extra dev --extra apprise --extra build --extra oidc --extra otel --extra socks -c requirements.lock pyproject.toml -o tests/requirements.lock
	echo 'patroni[etcd3,psycopg3]' | $(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url \
	  --python-version 3.11 - -o tests/proof/patroni.lock
