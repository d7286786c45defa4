# Two commands on a fresh machine: `make demo` and `make test`. Needs Python >= 3.11 with venv and pip, and PyPI.
PYTHON ?= python3
PORT ?= 8080
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The lock names the installer too, so that everybody resolves and builds alike.
UV_VERSION = $(shell awk '/^name = "uv"$$/ {found=1} found && /^version/ {gsub(/"/, "", $$3); print $$3; exit}' uv.lock)
export UV_PYTHON_DOWNLOADS := never

.PHONY: install demo run test check openapi bench bench-check bench-peers help
.DEFAULT_GOAL := help

help:
	@echo "make install   the locked dependencies into .venv; .venv/bin/orderwire is the command line"
	@echo "make demo      the whole stack, and four lives of orders played on it"
	@echo "make run       the demo's stack, staying up (PORT=8080; PORT=0 takes a free one)"
	@echo "make test      every test"
	@echo "make check     what CI runs: formats, lint, types, imports, dependencies, OpenAPI, tests"
	@echo "make openapi   write openapi/orderwire.json anew"
	@echo "make bench     measure beside naive, ceiling and other queues: ten minutes, docs/performance.md (QUICK=1: two)"
	@echo "make bench-check  measure, and fail when a ratio fell 15 % under the committed one (QUICK=1)"

install: $(STAMP)

$(STAMP): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Orderwire needs Python >= 3.11; name one with: make install PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || { echo "making $(VENV) with $$($(PYTHON) --version)"; $(PYTHON) -m venv $(VENV); }
	@$(BIN)/uv --version 2>/dev/null | grep -q "^uv $(UV_VERSION) " \
		|| { echo "installing uv $(UV_VERSION)"; $(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"; }
	@echo "installing the locked dependencies"
	@$(BIN)/uv sync --locked --compile-bytecode
	@touch $(STAMP)

demo: install
	@$(BIN)/python -m examples.demo

run: install
	@$(BIN)/orderwire up --sandbox --port $(PORT)

# The process trees of e2e and of the faults are a group each, so that their stacks start once; they mostly wait,
# so four test processes suit two cores.
test: install
	$(BIN)/pytest -n 4 --dist loadgroup --durations 10

check: install
	$(BIN)/uv lock --check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/orderwire openapi --check
	$(BIN)/orderwire docs states --check
	$(MAKE) test

openapi: install
	@$(BIN)/orderwire openapi

.PHONY: chaos chaos-sensitivity
EVENTS ?= 2000
SEEDS ?= 3
FIRST_SEED ?= 1
# Mean seconds between two faults.
PACE ?= 0.9

# Kills and cuts everything while orders are worked on, then judges by the sandbox's own ledger.
chaos: install
	@$(BIN)/python -m tests.chaos --events $(EVENTS) --seeds $(SEEDS) --first-seed $(FIRST_SEED) --pace $(PACE)

# Seeds known bugs one by one: the chaos tests must find each of them.
chaos-sensitivity: install
	@$(BIN)/python -m tests.chaos.sensitivity

# The queues Orderwire is measured against live in environments of their own, never beside its own packages.
bench-peers: .bench-venv/queues/.installed .bench-venv/arq/.installed

.bench-venv/%/.installed: bench/requirements-%.txt | $(STAMP)
	@echo "installing the queues to compare with: $*"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .bench-venv/$*
	@$(BIN)/uv pip install --quiet --python .bench-venv/$*/bin/python --requirements bench/requirements-$*.txt
	@touch $@

bench: install bench-peers
	@$(BIN)/python -m bench $(if $(QUICK),--quick)

bench-check: install bench-peers
	@$(BIN)/python -m bench --check $(if $(QUICK),--quick)
