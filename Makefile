# The two commands: `make up` starts a household and a prompt to it, `make test` checks everything.
# `make help` lists the others.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STATE := .manyends
export MANYENDS_MODELS ?= $(CURDIR)/$(STATE)/models
export PIP_DISABLE_PIP_VERSION_CHECK := 1
ARGS ?=

.PHONY: up test test-long check format coverage model help clean

up: $(VENV)/.up model ## start a household on this machine (ARGS=--fresh begins anew)
	@$(BIN)/manyends up --household $(STATE)/household $(ARGS)

test: $(VENV)/.dev model check ## all checks and tests
	$(BIN)/pytest -q -n 2 -m "not long"

test-long: $(VENV)/.dev model ## the tests that take many minutes
	$(BIN)/pytest -q -m long

check: $(VENV)/.dev ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## bring all files into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

coverage: $(VENV)/.dev model ## branch coverage of every folder
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q -m "not long" -p no:randomly
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

# Without the model the household still starts; open questions then get an honest answer.
model: $(VENV)/.up
	@$(BIN)/manyends models fetch || echo "Going on without a language model."

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.up: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q -e ".[brain]"
	@touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.up
	$(BIN)/python -m pip install -q -e ".[brain,eval,dev]"
	@touch $@

help: ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

clean: ## remove what the other commands made
	rm -rf $(VENV) $(STATE)
