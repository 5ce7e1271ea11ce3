# Everything a newcomer needs; `make` alone lists it. Works again and again, and offline after the first install.
SHELL := /bin/sh
BIN := .venv/bin
DATABASE ?= sqlite:///scalp.db
# The demonstration: which simulated market, how many times as fast as its own time, where the page is.
DEMO := demo
SEED ?= 4
SPEED ?= 60
PORT ?= 5006
N ?= 1000
MINUTES ?= 30
NAME ?= operator
ENVIRONMENT := PATH="$(CURDIR)/$(BIN):$$PATH" SCALP_PORT=$(PORT)

.PHONY: help demo install check test model kill kill-orders bench soak docs picture migrate replay serve password lock clean

help:
	@echo "make demo      a simulated session through the whole engine, with the page at http://127.0.0.1:$(PORT); Ctrl-C ends it"
	@echo "make install   .venv with everything in it, from the lock (hashes checked)"
	@echo "make check     ruff, mypy, layout"
	@echo "make test      all tests, with branch coverage of operators/ (PostgreSQL is used, or started, if it is there)"
	@echo "make model     10,000 random runs of the model of the desk (make test plays 1,000)"
	@echo "make kill N=1000   kill engines so often at named points and at random, and check that nothing is lost or doubled"
	@echo "make kill-orders N=1000   the same with orders at a broker (the fake Alpaca)"
	@echo "make bench     run all benchmarks and write docs/benchmarks.md (some 45 minutes and 3 GB of disk)"
	@echo "make soak MINUTES=30   run an engine at its own speed for so long, and say whether it grew"
	@echo "make docs      write docs/rules.md from the settings and codes"
	@echo "make picture   take the README's picture anew (needs chromium)"
	@echo "make migrate   bring DATABASE to this program's tables ($(DATABASE))"
	@echo "make replay TAPE=F   replay a tape into DATABASE"
	@echo "make serve     the page alone, on DATABASE, at http://127.0.0.1:$(PORT)"
	@echo "make password NAME=$(NAME)   give an account of the page a new password (operator or viewer)"
	@echo "make lock      write requirements.lock anew"

demo: install
	@mkdir -p $(DEMO) && rm -rf $(DEMO)/state $(DEMO)/records.db $(DEMO)/records.db-* $(DEMO)/login.json
	@echo "making an empty database and new logins in $(DEMO)/"
	@$(BIN)/scalp db upgrade --database sqlite:///$(DEMO)/records.db
	@echo "the page comes up at http://127.0.0.1:$(PORT) in some seconds, its passwords are told below;"
	@echo "the engine trades a simulated market (seed $(SEED)) $(SPEED) times as fast as its own time; Ctrl-C ends it"
	@$(ENVIRONMENT) SCALP_DATABASE=sqlite:///$(DEMO)/records.db SCALP_STATE=$(DEMO)/state \
		SCALP_LOGIN=$(DEMO)/login.json SCALP_SEED=$(SEED) SCALP_SPEED=$(SPEED) $(BIN)/honcho start engine page

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
	.ci/with-postgres $(BIN)/python -m pytest -q -n 2 -m measured --cov --cov-report=term
	.ci/with-postgres $(BIN)/python -m pytest -q -n 4 --dist worksteal -m "not measured and not ui"
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m ui

model: install
	SCALP_MODEL_RUNS=10000 $(BIN)/python -m pytest -q tests/test_desk_model.py

kill: install
	$(BIN)/python -m tests.kills $(N)

kill-orders: install
	$(BIN)/python -m tests.order_kills $(N)

soak: install
	$(BIN)/python -m benchmarks.soak --minutes $(MINUTES)

bench: install
	$(BIN)/python -m benchmarks

docs: install
	$(BIN)/python -m flows.rulebook docs/rules.md

picture: install
	$(BIN)/python -m tests.ui.picture docs/page.png

migrate: install
	$(BIN)/scalp db upgrade --database "$(DATABASE)"

replay: install
	$(BIN)/scalp replay "$(TAPE)" --database "$(DATABASE)"

serve: install
	$(ENVIRONMENT) SCALP_DATABASE="$(DATABASE)" $(BIN)/honcho start page

password: install
	@$(BIN)/python -m dashboard.accounts "$(NAME)"

# uv resolves for Python 3.11 and 3.12 at once; it is needed for this alone.
lock:
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --quiet --output-file requirements.lock

clean:
	rm -rf .venv $(DEMO) build *.egg-info .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis
