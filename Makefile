# Two commands are all a newcomer needs: `make demo` and `make test`. Only Python >= 3.11 and make must be there.
PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
PIP    := $(PY) -m pip --disable-pip-version-check --no-input
AUTO   ?=

.PHONY: help install demo test lint pages lock clean

help:
	@echo "make demo      break a lab database and live through the incident (AUTO=1: without you)"
	@echo "make test      the tests (INCIDENT_STRICT=1: the long ones too, as in CI)"
	@echo "make install   .venv with the \`incident\` command in it"
	@echo "make lint      ruff and mypy"
	@echo "make pages     write the runbooks' pages anew"
	@echo "make lock      resolve the dependencies anew (needs uv)"

install: $(VENV)/.installed

# What a team's own systems import: installed beside ours, anew after each upgrade, and never in the place of ours.
TEAM := $(wildcard requirements-team.txt)

$(VENV)/.installed: requirements.txt pyproject.toml $(TEAM)
	@echo "Installing into $(VENV) (about a minute) …"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 …")'
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install -q --require-hashes --only-binary :all: --no-deps -r requirements.txt
	@$(PIP) install -q --no-index --no-deps --no-build-isolation --editable .
ifneq ($(TEAM),)
	@$(PIP) freeze --exclude-editable > $(VENV)/ours.txt
	@$(PIP) install -q --constraint $(VENV)/ours.txt -r $(TEAM)
endif
	@$(PIP) check
	@touch $@

$(VENV)/.developing: $(VENV)/.installed requirements-dev.txt
	@echo "Installing the test tools …"
	@$(PIP) install -q --require-hashes --only-binary :all: --no-deps -r requirements-dev.txt
	@touch $@

demo: install
	@AUTO=$(AUTO) $(VENV)/bin/incident demo

# Half of a test's time it waits for a server or a process: four at once keep two cores busy. Which belong together, and
# which come first, is in tests/spread.py.
test: $(VENV)/.developing
	@$(PY) -m pytest -q -n 4 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.developing
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

pages: install
	@$(PY) -m runbooks.page

# The lock holds hashes and no address, so that it installs from whatever index a machine is set up for.
LOCK := uv pip compile pyproject.toml --group build --no-config --universal --python-version 3.11 --generate-hashes \
	--only-binary :all: --no-emit-index-url --no-emit-find-links --no-header --no-annotate -q
lock:
	$(LOCK) --upgrade -o requirements.txt
	$(LOCK) --group dev -c requirements.txt -o requirements-dev.txt
	! grep -nE '://|--(extra-)?index|--find-links' requirements.txt requirements-dev.txt

clean:
	rm -rf $(VENV) .incident .mypy_cache .ruff_cache .pytest_cache
