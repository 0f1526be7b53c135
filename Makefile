# Every command sets up what it needs first, and is quick to run again. PYTHON picks the interpreter: 3.11 to 3.14.
PYTHON ?= python3
SETUP = @$(PYTHON) packaging/setup_venv.py
SCREEN = $(or $(DISPLAY),$(WAYLAND_DISPLAY),$(filter Darwin,$(shell uname)))
COMPILE = build/uv/bin/uv pip compile --quiet $(UPGRADE) --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock" pyproject.toml --extra demo --group build

.PHONY: help demo test test-slow lint lock pictures clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

demo: ## Open the program on an embedded broker with live sample data
	$(SETUP)
ifneq ($(SCREEN),)
	.venv/bin/kexplorer --demo
else
	@echo "There is no display here, so the tour of every panel is rendered to PNG files in build/tour instead."
	.venv/bin/kexplorer --demo --tour build/tour
endif

test: ## Run the tests; KEXPLORER_TEST_BROKER picks their broker (see CONTRIBUTING.md)
	$(SETUP) --dev
	.venv/bin/pytest -n 2 --dist loadfile -m "not slow"

test-slow: ## Run the tests that take long: faults, loads, comparisons
	$(SETUP) --dev
	.venv/bin/pytest -n 2 --dist loadfile -m slow

lint: ## Check style, format and types
	$(SETUP) --dev
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

lock: ## Lock versions and hashes again after a change of pyproject.toml; UPGRADE=--upgrade takes the newest
	$(PYTHON) -m venv build/uv
	build/uv/bin/python -m pip install --quiet uv
	$(COMPILE) --group dev --output-file packaging/requirements-dev.txt
	$(COMPILE) --constraint packaging/requirements-dev.txt --output-file packaging/requirements.txt

pictures: ## Make the README's pictures from the running demo, under Xvfb
	$(SETUP)
	.venv/bin/python packaging/make_pictures.py

clean: ## Remove all that these commands made
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
