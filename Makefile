# make demo   see it work          make test   run all tests
# make lint   types and style      make test-slow  those that `make test` leaves out
# make clean  remove what these made

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
WORKERS ?= 2

.PHONY: demo test test-slow lint format clean

demo: $(VENV)/demo.installed
	$(BIN)/edge-vision demo --seconds 20

test: $(VENV)/dev.installed
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

test-slow: $(VENV)/dev.installed
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m slow

lint: $(VENV)/dev.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Debian's python3 comes without ensurepip; pip can then install itself into the environment.
$(BIN)/python:
	$(PYTHON) -m venv $(VENV) || \
	  { $(PYTHON) -m venv --clear --without-pip $(VENV) && $(PYTHON) -m pip --python $(BIN)/python install pip; }

$(VENV)/%.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[$*]'
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
