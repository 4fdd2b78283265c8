# Two commands do all the set-up: `make run` and `make test`. Everything lands in .venv and .cafe24.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export CAFE24_HOME ?= $(CURDIR)/.cafe24
# Progress and errors stay readable: no warnings of libraries' own, no telemetry.
export PYTHONWARNINGS ?= ignore
export DAGSTER_DISABLE_TELEMETRY ?= 1

.DEFAULT_GOAL := help
.PHONY: help install install-dev run ui test proofs lint types check lock bench clean

help: ## Show the targets
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

install: $(VENV)/.runtime ## Make the environment (hash-pinned)
install-dev: $(VENV)/.dev ## The same, with test tools

run: install ## The whole chain for the sandbox mall, on the embedded profile
	@$(BIN)/cafe24 run --source sandbox

ui: install ## The Dagster UI on http://127.0.0.1:3000
	@$(BIN)/cafe24 ui

test: install-dev ## Tests on real parts, within 15 minutes on 2 cores
	tests/in_memory.sh $(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder

proofs: install-dev ## Slow proofs: kills, full public data sets, a day of all workflows
	tests/in_memory.sh $(BIN)/python -m pytest -m slow -n 2 --dist loadfile --no-loadscope-reorder

lint: install-dev ## Style
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: install-dev ## Types
	$(BIN)/mypy

check: install-dev ## The code location loads
	@# An instance of its own: the root dagster.yaml is the server profile's and wants PostgreSQL.
	@home=$$(mktemp -d) && DAGSTER_HOME=$$home $(BIN)/dg check defs; code=$$?; rm -rf $$home; exit $$code

bench: install-dev ## Benchmarks, as ratios
	$(BIN)/python -m benchmarks

lock: ## Pin requirements anew (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		pyproject.toml requirements/build.in -o requirements/runtime.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--extra dev -c requirements/runtime.lock pyproject.toml requirements/build.in -o requirements/dev.lock

clean: ## Remove the environment; data in .cafe24 stays
	rm -rf $(VENV)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed; set PYTHON=") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

# The lock is complete, so nothing is resolved (--no-deps): older pips stumble over extras when they resolve by hash.
$(VENV)/.runtime: requirements/runtime.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/runtime.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.runtime
