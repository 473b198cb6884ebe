PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PORT ?= 8002
WORKERS ?= 3
TORCH ?=

.DEFAULT_GOAL := help
.PHONY: help demo run test test-all coverage lint types format bench bench-stores faults fuzz load docs screenshots clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: $(VENV)/installed ## Import the demo photos and serve the page on http://127.0.0.1:8002/
	$(BIN)/search-by-image demo --port $(PORT)

run: $(VENV)/installed ## Serve your own library as conf/server.xml says
	$(BIN)/search-by-image serve --config conf/server.xml

test: lint types $(if $(TORCH),$(VENV)/trained) ## Check style and types, then run every test
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadgroup --no-loadscope-reorder --max-worker-restart 0 $(PYTEST)

test-all: ## The same, and the tests that take minutes (CI leaves them out)
	SEARCH_BY_IMAGE_TEST_EVERY_CASE=1 $(MAKE) test

coverage: ## The same as test, and say which lines no test reaches (takes half as long again)
	$(MAKE) test PYTEST="--cov --cov-report=term --cov-fail-under=95"

lint: $(VENV)/tested ## Check the style, and the types of the page
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m scripts.page_tools

types: $(VENV)/tested ## Check the types
	$(BIN)/mypy

format: $(VENV)/tested ## Put the code in the house style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/installed ## Measure speed against its bounds, print one table of ratios
	$(BIN)/python -m benchmarks benchmarks/RESULTS.md

bench-stores: $(VENV)/tested ## Measure every vector index beside the others, 100,000 vectors each
	$(BIN)/python -m benchmarks.stores benchmarks/STORES.md

faults: $(VENV)/tested ## Kill the app and its servers, fill the disk, count what is lost
	$(BIN)/python -m faults

fuzz: $(VENV)/tested ## Make up more than 10,000 calls and 2,000 hostile pictures, look at every answer
	$(BIN)/python -m fuzz.calls
	$(BIN)/python -m fuzz.hostile

load: $(VENV)/tested ## Search with 32 clients while two import, for ten minutes; print the speed and the memory
	$(BIN)/python -m benchmarks.load benchmarks/LOAD.md

docs: $(VENV)/tested ## Write the reference in docs/api.md, in both languages, from the API's own description
	$(BIN)/python -m scripts.api_docs

screenshots: $(VENV)/tested ## Make the tour of the page in docs/images, in both languages
	$(BIN)/python -m scripts.screenshots

clean: ## Remove everything that was built, not your data
	rm -rf $(VENV) build dist artifacts tests/browser/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "search-by-image needs Python 3.11 or newer; name one: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "No virtual environment could be made. On Debian or Ubuntu: apt install python3-venv"; exit 1; }

$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/tested: $(VENV)/installed
	$(PIP) install --quiet --constraint constraints.txt --editable '.[test]'
	@touch $@

$(VENV)/trained: $(VENV)/tested
	$(PIP) install --quiet '$(TORCH)'
	$(PIP) install --quiet --constraint constraints.txt --editable '.[train]'
	@touch $@
