# Everything sets itself up: a virtual environment in .venv from the hashed lock file, nothing outside this folder.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export DAGSTER_HOME := $(CURDIR)

.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/.installed: requirements.lock pyproject.toml
	@echo "── environment: Python packages from requirements.lock into $(VENV) (about a minute, once)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is %s" % sys.version.split()[0])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --disable-pip-version-check --require-hashes --no-deps --progress-bar off -r requirements.lock | sed -u -nE 's/^(Collecting|Installing).*/  &/p' | cut -c1-110
	@$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: install
install: $(VENV)/.installed ## the virtual environment

.PHONY: demo
demo: $(VENV)/.installed ## simulated company → sandbox → the whole chain → alerts in Slack (sandbox)
	@$(BIN)/uam demo

.PHONY: dev
dev: $(VENV)/.installed ## the Dagster UI on http://localhost:3000, on the same instance as the demo
	@set -a; if [ -f data/demo.env ]; then . data/demo.env; fi; if [ -f .env ]; then . ./.env; fi; set +a; PYTHONWARNINGS=ignore $(BIN)/dagster dev -w workspace.yaml -p $${PORT:-3000}

.PHONY: test
test: $(VENV)/.installed ## the whole test suite, by WORKERS=2 processes
	@$(BIN)/python -m pytest -n $${WORKERS:-2} --dist loadscope --no-loadscope-reorder

.PHONY: lint
lint: $(VENV)/.installed ## style and types
	@$(BIN)/ruff check uam_platform uam_platform_tests docs
	@$(BIN)/ruff format --check uam_platform uam_platform_tests docs
	@$(BIN)/mypy

# The clickstream library brings its own pandas, so it gets an environment of its own; without it the benchmark says so.
$(VENV)/peers/.installed: $(VENV)/.installed uam_platform/bench/retentioneering.lock
	@echo "── environment of the benchmark's clickstream library"
	@$(PYTHON) -m venv $(VENV)/peers
	@$(VENV)/peers/bin/python -m pip install --disable-pip-version-check -q --require-hashes --no-deps -r uam_platform/bench/retentioneering.lock
	@touch $@

.PHONY: bench
bench: $(VENV)/.installed ## speed and memory beside hand-written SQL, Polars, pandas, retentioneering; features, training, scoring
	@$(MAKE) --no-print-directory $(VENV)/peers/.installed || echo "not installable here; the benchmark goes on without it"
	@$(BIN)/uam bench

.PHONY: evaluate
evaluate: $(VENV)/.installed ## seven large companies simulated, run and judged against their truth; resumable, about 90 minutes
	@$(BIN)/uam suite

.PHONY: nulls
nulls: $(VENV)/.installed ## eight companies in which skill must vanish, fall or stay; resumable, about half an hour
	@$(BIN)/uam nulls

.PHONY: reference
reference: $(VENV)/.installed ## the reference learner that evaluations print beside every score; resumable, about half an hour
	@$(BIN)/uam reference

.PHONY: docs
docs: $(VENV)/.installed ## regenerate the generated documents
	@$(BIN)/uam docs

$(VENV)/browser/.installed: docs/screenshots.lock
	@$(PYTHON) -m venv $(VENV)/browser
	@$(VENV)/browser/bin/python -m pip install --disable-pip-version-check -q --require-hashes --no-deps -r docs/screenshots.lock
	@touch $@

.PHONY: screenshots
screenshots: $(VENV)/.installed $(VENV)/browser/.installed ## the pictures of docs/tour.md, after `make demo`; needs chromium
	@$(VENV)/browser/bin/python docs/screenshots.py

.PHONY: clean
clean: ## remove generated data (asks nothing; keeps data/README.md)
	@find data -mindepth 1 -maxdepth 1 ! -name README.md ! -name fixtures -exec rm -rf {} +
