# What people and CI call. `make` alone prints what there is.

VENV ?= .venv
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := $(VENV)/bin
QUEUE ?= embedded
PYTEST ?= $(BIN)/python -m pytest
# Tests wait more than they compute: several processes share them. Those of tests/integration stay in one.
PARALLEL ?= -n 4 --dist loadgroup
# Where a service or a demo of this tree would go wrong for reasons of the shell it was started from.
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help install serve work demo check lint types contracts unit functional distributed integration fuzz test bench services services-stop docs docker clean

##@ Using it

help: ## Print this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed-test ## Make .venv with everything that tests need

serve: $(VENV)/.installed ## Run the service in the foreground on http://localhost:4001, data in ./var
	$(BIN)/weaverlite serve

work: $(VENV)/.installed ## Run a worker of its own beside a service that was started with --no-worker
	$(BIN)/weaverlite work

demo: $(VENV)/.installed ## Deploy, execute, follow and download an example; QUEUE=celery: over Redis
	@QUEUE=$(QUEUE) scripts/demo.sh

##@ Working on it

check: lint types ## All of the next three at once: under three minutes, uses the servers there are
	$(PYTEST) tests/contracts tests/unit tests/architecture tests/functional -q --backends=embedded $(PARALLEL)

lint: $(VENV)/.installed-test ## Style, order of imports, direction of imports
	$(BIN)/flake8 weaverlite tests benchmarks examples docs
	$(BIN)/isort --check-only --quiet weaverlite tests benchmarks examples docs
	$(BIN)/lint-imports

types: $(VENV)/.installed-test ## mypy, strict
	$(BIN)/mypy

contracts: $(VENV)/.installed-test ## One suite, every store, queue, engine and publisher
	$(PYTEST) tests/contracts -q $(PARALLEL)

unit: $(VENV)/.installed-test ## Single parts, and the rules of the architecture
	$(PYTEST) tests/unit tests/architecture -q $(PARALLEL)

functional: $(VENV)/.installed-test ## The whole application over the embedded backends, through the real client
	$(PYTEST) tests/functional -q --backends=embedded $(PARALLEL)

distributed: $(VENV)/.installed-test ## The same over Celery, Redis and MongoDB, with two workers
	$(PYTEST) tests/functional -q --backends=distributed $(PARALLEL)

integration: distributed ## Installed commands as processes, over the servers there are
	$(PYTEST) tests/integration -q

fuzz: $(VENV)/.installed-test ## 20,000 requests made of the API's own definition; FUZZ_REQUESTS=, FUZZ_SEED=
	FUZZ_REQUESTS=$${FUZZ_REQUESTS:-20000} FUZZ_SEED=$${FUZZ_SEED:-$$(date +%s)} $(PYTEST) tests/fuzz -q -s -n 0

conformance: $(VENV)/.installed-test ## The requirements of OGC API - Processes, one by one; writes docs/conformance.rst
	$(PYTEST) tests/conformance -q --write-conformance -p no:randomly
	$(BIN)/python -m tests.conformance.stubs

test: lint types ## All tests: under twenty minutes, with the servers that 'make services' started
	$(PYTEST) -q $(PARALLEL)

bench: $(VENV)/.installed-test ## Measure against bare cwltool; prints a table, writes benchmarks/results/
	$(BIN)/python -m benchmarks

services: ## Install and start Redis, a MongoDB wire server, an S3 server and Docker for the tests
	PYTHON=$(PYTHON) scripts/services.sh start

services-stop: ## Stop what 'make services' started
	PYTHON=$(PYTHON) scripts/services.sh stop

docs: $(VENV)/.installed-docs ## Build the documentation into docs/_build/html
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

docker: ## Build the image weaverlite:latest
	docker build -t weaverlite -f docker/Dockerfile .

clean: ## Remove everything that was built, except data and demo outputs
	rm -rf $(VENV) build dist docs/_build htmlcov .coverage .mypy_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info
	find weaverlite tests benchmarks examples -name __pycache__ -prune -exec rm -rf {} +

# Installing is keyed on what it depends on: nothing happens while that is unchanged.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.installed-test: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test,fleet]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	@touch $@ $(VENV)/.installed
