# What one does with this shop. Python 3.11 and make are enough: uv comes into .uv, all else into .venv.

UV_VERSION := 0.13.9
UV := $(or $(shell command -v uv),.uv/bin/uv)
SYNC := $(UV) sync --frozen --compile-bytecode --inexact
ARGS ?=
N ?= 3

.PHONY: up demo test test-races siege check docs format

up: .venv/run  ## the shop on this machine; Ctrl-C closes it (ARGS="--detach" leaves it open)
	@exec .venv/bin/roadbike up $(ARGS)

demo: .venv/run  ## play every requirement on the open shop
	@.venv/bin/roadbike demo $(ARGS)

test: .venv/dev  ## all tests (ARGS="tests/flows -k cancel" for some)
	@.venv/bin/python -m pytest $(ARGS)

test-races: .venv/dev  ## the race tests, N times in a row
	@ROUNDS=$(N) .venv/bin/python -m pytest tests/races $(ARGS)

siege: .venv/dev  ## 30 clients reserving for 30 s (needs siege; ARGS="--clients 100 --seconds 30")
	@.venv/bin/python -m tests.system.siege $(ARGS)

check: .venv/dev  ## what CI checks besides the tests
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@.venv/bin/deptry .
	@.venv/bin/python -m tools.docs --check

docs: .venv/dev  ## write the documents that are generated from the code
	@.venv/bin/python -m tools.docs

format: .venv/dev
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

# --inexact: installing for the tests takes nothing away from a shop that is open, nor the reverse
.venv/run: uv.lock pyproject.toml | $(UV)
	@echo "Installing the shop into .venv (once; about 500 MB with PostgreSQL, NATS and Traefik) …"
	@$(SYNC) --no-dev
	@touch $@

.venv/dev: uv.lock pyproject.toml | $(UV)
	@echo "Installing the shop and its test tools into .venv (once) …"
	@$(SYNC)
	@touch $@ .venv/run

.uv/bin/uv:
	@echo "Installing uv into .uv (once) …"
	@python3 -m venv .uv
	@.uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
