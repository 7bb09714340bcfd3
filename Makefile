# make up     opens the shop (installs what it needs first);  ARGS="--port-base 9080 --home other"
# make test   runs all tests (installs what they need first); ARGS="tests/local -k gateway"
# make check  runs every check that is not a test

UV_VERSION := 0.13.9
UV := $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)
INSTALLED := .venv/installed
INSTALLED_FOR_TESTS := .venv/installed-for-tests
LOCKED := uv.lock pyproject.toml

.PHONY: up test check

up: $(INSTALLED)
	@exec .venv/bin/roadbike up $(ARGS)

test: $(INSTALLED_FOR_TESTS)
	.venv/bin/python -m pytest $(ARGS)

check: $(INSTALLED_FOR_TESTS)
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/deptry src

# --inexact: installing for the one never takes away what the other, perhaps running, needs
$(INSTALLED): $(LOCKED) | $(UV)
	@echo "Installing the shop (once, about 300 MB) ..."
	$(UV) sync --frozen --no-dev --inexact --compile-bytecode
	@touch $@

$(INSTALLED_FOR_TESTS): $(LOCKED) | $(UV)
	@echo "Installing the shop and its tests (once) ..."
	$(UV) sync --frozen --inexact --compile-bytecode
	@touch $(INSTALLED) $@

.uv/bin/uv:
	@echo "Installing uv $(UV_VERSION) into .uv ..."
	python3 -m venv .uv
	.uv/bin/pip install --quiet uv==$(UV_VERSION)
