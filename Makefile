# Two commands: `make demo` lives through a whole season on a made farm, `make test` proves it.
# Each makes .venv, installs the pinned dependencies into it and runs. Needs Python 3.11 or newer.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One more worker than cores, four at most: tests that fly wait a lot.
WORKERS := $(shell $(PYTHON) -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))')
# Python compiles what is used when it is used; compiling all that is installed takes a minute.
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-compile --constraint constraints.txt
# Tests start programs by the hundred: each would read all sources anew where bytecode is not kept.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test check slow nightly docs release audit clean

demo: $(VENV)/.installed
	$(BIN)/agri demo

# Workers and the programs they start fill the cores: threads of linear algebra would only wait.
test: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m slow

# All slow suites, one after the other, and one table of what they found: docs/under_fire.md.
nightly: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/under_fire.py

# dist/: sdist and wheel (built twice, tried in an environment of their own), parts, licences, sums.
release: $(VENV)/.installed-release
	$(BIN)/python .ci/release/build.py

# Whether a vulnerability is known in a pinned package; needs a network.
audit: $(VENV)/.installed-release
	$(BIN)/python .ci/release/audit.py

# The documentation with every module's reference, in dist/docs.
docs: $(VENV)/.installed-dev
	AGRI_WHOLE_REFERENCE=1 $(BIN)/python -m mkdocs build --strict -f docs/making/mkdocs.yml -d ../../dist/docs

clean:
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "agri needs Python 3.11 or newer; name one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml constraints.txt
	$(PIP) --editable '.[imagery,web]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.created pyproject.toml constraints.txt
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-release: $(VENV)/.installed-dev
	$(PIP) --editable '.[dev,release]'
	@touch $@
