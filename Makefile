# Every command of the project. `make run` and `make test` need only Python 3.11 or newer.
PYTHON ?= python3
PORT ?= 8000
WORKERS ?= 2
# How many test processes; each has a database of its own.
TESTERS ?= 2
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
BROWSER := node_modules/.package-lock.json
# The SDKs of others that the tracking addresses are tried with; nothing of it is served.
SDKS := tests/sdks/node_modules/.package-lock.json
MESSAGES := $(patsubst %.po,%.mo,$(wildcard locale/*/LC_MESSAGES/django.po))
LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --quiet

.PHONY: setup run test check format bench faults fuzz shots lock messages clean

setup: .venv/.dev $(BROWSER) $(SDKS) $(MESSAGES)

run: .venv/.base $(BROWSER) $(MESSAGES)
	exec $(BIN)/python manage.py up --port $(PORT) --workers $(WORKERS)

test: setup
	$(BIN)/pytest -n $(TESTERS) --dist loadscope --no-loadscope-reorder

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint templates --lint --quiet
	$(BIN)/djlint templates --check --quiet
	$(BIN)/python manage.py makemigrations --check --dry-run
	DEBUG=0 CAUCE_ENV_FILE=none BASE_URL=https://cauce.example ALLOWED_HOSTS=cauce.example \
	  SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))') \
	  SUPPRESSION_PEPPER=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))') \
	  $(BIN)/python manage.py check --deploy --fail-level WARNING

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djlint templates --reformat --quiet

bench: setup
	$(BIN)/python -m benchmarks

faults: setup
	$(BIN)/python -m tests.faults --contacts 20000 --kills 25

# The API under what nobody would send by hand: a hundred requests to each address for each role.
fuzz: setup
	FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-100} FUZZ_SEED=$${FUZZ_SEED:-$$$$} $(BIN)/pytest tests/api/test_fuzz.py -s -q

# Pictures of every page, for looking at them, in .cauce/shots.
shots: setup
	$(BIN)/pytest tests/browser --shots

# The stamps make a second start fast: pip is asked again only when a lock file changed.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Cauce needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv

.venv/.base: requirements/base.txt | .venv/bin/python
	$(PIP) install --require-hashes -r requirements/base.txt
	@touch $@

.venv/.dev: requirements/dev.txt requirements/data.txt .venv/.base
	$(PIP) install --require-hashes -r requirements/dev.txt
	$(PIP) install --require-hashes --no-deps -r requirements/data.txt
	@touch $@

# Where the machine has no Node, it comes as a wheel.
$(BROWSER): package-lock.json .npmrc | .venv/bin/python
	@if command -v npm >/dev/null; then npm ci --silent; else \
	  $(PIP) install --require-hashes -r requirements/node.txt; \
	  PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent; fi
	@touch $@

$(SDKS): tests/sdks/package-lock.json tests/sdks/.npmrc | $(BROWSER)
	@PATH="$$PATH:$(CURDIR)/$(BIN)" npm ci --silent --ignore-scripts --prefix tests/sdks
	@touch $@

%.mo: %.po | .venv/.base
	$(BIN)/pybabel --quiet compile --input-file $< --output-file $@ --locale $(notdir $(patsubst %/LC_MESSAGES/django.po,%,$<))

# Newer versions within the ranges of requirements/*.in.
lock: .venv/.dev
	$(LOCK) --upgrade requirements/base.in -o requirements/base.txt
	$(LOCK) --upgrade requirements/dev.in -o requirements/dev.txt
	$(LOCK) --no-deps requirements/data.in -o requirements/data.txt
	$(LOCK) --upgrade requirements/node.in -o requirements/node.txt
	npm install --package-lock-only

# Collect the words to translate (needs the gettext programs; compiling them does not).
messages: setup
	$(BIN)/python manage.py makemessages -l es -l ru --no-location --no-wrap -i .venv -i node_modules -i tests

clean:
	rm -rf .venv node_modules tests/sdks/node_modules .cauce
