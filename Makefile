# Each target makes .venv by itself; `make PYTHON=python3.12 ...` chooses the interpreter.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo ui test test-all check bench

demo: .venv/.stamp-run  ## from simulated particles to a sharper head domain, with a report
	$(BIN)/triskelion demo demo

ui: .venv/.stamp-run  ## the demo project in the browser
	test -e demo/project.json || $(BIN)/triskelion demo demo
	$(BIN)/triskelion serve demo

test: check  ## all tests but those marked slow
	$(BIN)/pytest -m "not slow"

test-all: check
	$(BIN)/pytest

check: .venv/.stamp-dev  ## style, layers and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache
	$(BIN)/pyright

bench: .venv/.stamp-dev
	$(BIN)/python benchmarks/startup.py

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.stamp-run: pyproject.toml constraints.txt hatch_build.py package.json package-lock.json | .venv/bin/python
	$(INSTALL) -e .
	touch $@

.venv/.stamp-dev: pyproject.toml constraints.txt hatch_build.py package.json package-lock.json | .venv/bin/python
	$(INSTALL) -e '.[dev]'
	touch $@ .venv/.stamp-run
