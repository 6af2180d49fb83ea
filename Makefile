# A fresh machine needs make and Python 3.11 or newer: everything else goes into .venv.
# Stamp files in .venv record what is done, so a second call starts at once.
# pip is used as it is configured: for a CPU-only torch on Linux, point PIP_EXTRA_INDEX_URL or
# PIP_FIND_LINKS to an index or folder that has one; otherwise the default index's build is taken.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help compare perf docs test check lint format-check types layers dead-code clean

# A name on the path may be a shim for a version that is not there, so each is run.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$p" && break; done)
PY := .venv/bin/python
# Not compiled by pip, which does it on one core: COMPILE does it on all.
PIP := $(PY) -m pip install -qq --disable-pip-version-check --no-input --no-compile -c constraints.txt
# Other packages' tests, and model families that nobody loads here, are a third of it.
COMPILE := $(PY) -m compileall -q -j 0 -x '/tests?/|/transformers/models/(?!auto|llama)' .venv/lib >/dev/null 2>&1 || true
# A process a core with one thread each: tests are many small products, which threads would only wait for.
# Neighbours share fixtures, so each process takes a stretch, and helps the other when it is through.
# Tests start a hundred processes, and containers often tell Python to keep nothing compiled.
PYTEST := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(PY) -m pytest -n auto --dist worksteal -q
# The peers of the speed benchmark need other versions than adaptkit's pins: they get an environment of their own.
# ADAPTKIT_PEERS_PYTHON names another Python that has them; then nothing is installed.
PEERS_PY := .venv-perf/bin/python
PEERS_PIP := $(PEERS_PY) -m pip install -qq --disable-pip-version-check --no-input
PEERS := $(if $(ADAPTKIT_PEERS_PYTHON),,.venv-perf/.peers .venv-perf/.compiled)
NOTEBOOKS := $(wildcard notebooks/*.ipynb)

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

compare: .venv/.runtime  ## Run the main comparison (options: make compare ARGS="--limit 20")
	@$(PY) -m benchmarks.run $(ARGS)

perf: .venv/.runtime $(PEERS)  ## Speed beside other engines (options: make perf ARGS="--workloads A,B --repeat 1")
	@$(PY) -m benchmarks.perf $(ARGS)

docs: .venv/.dev  ## Build the documentation into build/site
	@$(PY) -m benchmarks.docs_pages
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --quiet --strict
	@echo "build/site/index.html"

test: .venv/.dev  ## Checks, then all tests, the slow ones and the notebooks included
	@$(MAKE) --no-print-directory -j 2 check
	@echo "Tests, the slow ones, those in a browser, and notebooks"
	@$(PYTEST) -m "not gpu" --nbmake tests adaptkit $(NOTEBOOKS)

check: lint format-check types layers dead-code  ## Lint, formatting, types, layers, and code that only tests use

lint: .venv/.dev
	@echo "Lint"
	@$(PY) -m ruff check .

format-check: .venv/.dev
	@echo "Formatting"
	@$(PY) -m ruff format --check .

types: .venv/.dev
	@echo "Types"
	@$(PY) -m mypy

layers: .venv/.dev
	@echo "Layers"
	@.venv/bin/lint-imports

dead-code: .venv/.dev
	@echo "Dead code"
	@$(PY) -m benchmarks.dead_code

clean:  ## Remove .venv and .venv-perf, caches and build output (results in runs/ stay)
	@rm -rf .venv .venv-perf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find adaptkit benchmarks tests -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.created:
	@test -n "$(PYTHON)" || { echo "adaptkit needs Python 3.11 or newer, and found none: install one, or name it (make PYTHON=/path/to/python3.12 ...)." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "adaptkit needs Python 3.11 or newer, and '$(PYTHON)' is not one: name another (make PYTHON=/path/to/python3.12 ...)." >&2; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { echo "'$(PYTHON)' has no venv module: install it (on Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }
	@echo "Creating .venv with $$("$(PYTHON)" -V)"
	@"$(PYTHON)" -m venv .venv
	@touch $@

# torch by itself and first: it is the largest part, and a plain 'torch' could bring another build than the pinned.
.venv/.torch: .venv/.created constraints.txt
	@echo "Installing torch (the largest download, once)"
	@$(PIP) "$$(grep '^torch==' constraints.txt)"
	@touch $@

.venv/.runtime: .venv/.torch pyproject.toml
	@echo "Installing adaptkit and what it needs"
	@$(PIP) -e .
	@$(COMPILE)
	@touch $@

.venv/.dev: .venv/.torch pyproject.toml
	@echo "Installing adaptkit with its development tools"
	@$(PIP) -e '.[dev]'
	@$(COMPILE)
	@touch $@ .venv/.runtime

.venv-perf/.created: .venv/.created
	@echo "Creating .venv-perf for the peers"
	@$(PY) -m venv .venv-perf
	@touch $@

.venv-perf/.peers: .venv-perf/.created benchmarks/perf/peers.txt
	@echo "Installing the peers of the speed benchmark (as large as adaptkit's own environment, once)"
	@$(PEERS_PIP) "$$(grep '^torch==' benchmarks/perf/peers.txt)"
	@$(PEERS_PIP) -r benchmarks/perf/peers.txt
	@touch $@

# Apart, because it needs a C++ compiler: without one, its column stays blank.
# This version dies of an illegal instruction in its product for AMX tiles, which it chooses where there are some.
LLAMA_FLAGS := $(shell grep -qs amx_int8 /proc/cpuinfo && echo "-DCMAKE_C_FLAGS=-mno-amx-int8 -DCMAKE_CXX_FLAGS=-mno-amx-int8")
.venv-perf/.compiled: .venv-perf/.peers benchmarks/perf/peers-compiled.txt
	@echo "Compiling llama.cpp (about ten minutes on two cores, once)"
	@CMAKE_ARGS="-DLLAVA_BUILD=OFF $(LLAMA_FLAGS) $(CMAKE_ARGS)" $(PEERS_PIP) -r benchmarks/perf/peers-compiled.txt \
		|| echo "llama.cpp could not be compiled: its results will be blank." >&2
	@touch $@
