# Every command of the project. `make run` and `make test` need only Python 3.11 or newer.
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
NODE_MODULES := node_modules/.package-lock.json

.PHONY: setup run test check lock

setup: .venv/.dev $(NODE_MODULES)

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Cauce needs Python 3.11 or newer: make PYTHON=python3.11 setup" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv

# The stamps make a second start fast: pip is asked again only when a lock file changed.
.venv/.base: requirements/base.txt | .venv/bin/python
	$(PIP) install --require-hashes -r requirements/base.txt
	touch $@

.venv/.dev: requirements/dev.txt requirements/data.txt .venv/.base
	$(PIP) install --require-hashes -r requirements/dev.txt
	$(PIP) install --require-hashes --no-deps -r requirements/data.txt
	touch $@

$(NODE_MODULES): package-lock.json .npmrc
	npm ci --silent --no-audit --no-fund
	touch $@
