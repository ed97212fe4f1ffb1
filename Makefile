# `make demo` and `make test` do their own set-up: a virtual environment in .venv with the tested versions.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: install demo test test-all lint types bench clean

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

demo: .venv/installed
	$(BIN)/simulate init-flip --width 4096 --dim 1024

test: .venv/installed
	$(BIN)/python -m pytest -n auto --dist loadgroup -m "not slow"

test-all: .venv/installed
	SIGNFLIP_EXAMPLES=thorough $(BIN)/python -m pytest -n auto --dist loadgroup

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed
	$(BIN)/mypy

bench: .venv/installed
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv runs
