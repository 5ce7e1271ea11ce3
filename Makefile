# Everything a newcomer needs; `make` alone lists it. Works again and again, and offline after the first install.
SHELL := /bin/sh
BIN := .venv/bin
DATABASE ?= sqlite:///scalp.db

.PHONY: help install check test model bench docs migrate replay lock clean

help:
	@echo "make install   .venv with everything in it, from the lock (hashes checked)"
	@echo "make check     ruff, mypy, layout"
	@echo "make test      all tests, with branch coverage of operators/ (PostgreSQL is used, or started, if it is there)"
	@echo "make model     10,000 random runs of the model of the desk (make test plays 1,000)"
	@echo "make bench     run all benchmarks and write docs/benchmarks.md (some 6 minutes and 3 GB of disk)"
	@echo "make docs      write docs/rules.md from the settings and codes"
	@echo "make migrate   bring DATABASE to this program's tables ($(DATABASE))"
	@echo "make replay TAPE=F   replay a tape into DATABASE"
	@echo "make lock      write requirements.lock anew"

install: .venv/installed

.venv/installed: requirements.lock pyproject.toml
	@.ci/python-venv .venv
	$(BIN)/pip install --quiet --require-hashes --no-deps -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "installed: $(BIN)/scalp"

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_layout.py

test: install
	.ci/with-postgres $(BIN)/python -m pytest -q -n 2 -m "not slow" --cov --cov-report=term
	$(BIN)/python -m pytest -q -n 2 -m slow

model: install
	SCALP_MODEL_RUNS=10000 $(BIN)/python -m pytest -q tests/test_desk_model.py

bench: install
	$(BIN)/python -m benchmarks

docs: install
	$(BIN)/python -m flows.rulebook docs/rules.md

migrate: install
	$(BIN)/scalp db upgrade --database "$(DATABASE)"

replay: install
	$(BIN)/scalp replay "$(TAPE)" --database "$(DATABASE)"

# uv resolves for Python 3.11 and 3.12 at once; it is needed for this alone.
lock:
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --quiet --output-file requirements.lock

clean:
	rm -rf .venv build *.egg-info .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis
