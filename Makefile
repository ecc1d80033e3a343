# make demo | test | lint | bench | parity | clean: each makes what it needs. Wants Python 3.11 or later and make.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
READY := $(VENV)/.kerastorch-installed
EXAMPLES := $(filter-out examples/demo.py %data.py,$(wildcard examples/*.py))
BACKENDS := torch tensorflow

export TF_CPP_MIN_LOG_LEVEL ?= 3
# Tests run in two processes; more threads than cores would slow them down.
unit examples: export OMP_NUM_THREADS ?= 1

.PHONY: help demo test lint types unit examples bench parity clean distclean

help:
	@grep '^# make' Makefile

# torch first and by version: otherwise a requirement of another package may bring a different one. tf_keras, which writes old
# files for the tests, names tensorflow as its requirement and not the smaller tensorflow-cpu that is there.
$(READY): pyproject.toml requirements/constraints.txt
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet -c requirements/constraints.txt torch
	$(PIP) install --quiet -c requirements/constraints.txt -e '.[test,dev]'
	$(PIP) install --quiet -c requirements/constraints.txt --no-deps tf_keras
	touch $@

demo: $(READY)
	$(PY) -m kerastorch examples/digits_dense.py
	$(PY) examples/demo.py

test: lint types unit examples

lint: $(READY)
	$(PY) -m ruff check

types: $(READY)
	$(PY) -m mypy

unit: $(READY)
	$(PY) -m pytest -n 2 --dist loadfile

examples: $(READY)
	@set -e; for backend in $(BACKENDS); do for file in $(EXAMPLES); do \
	  echo "== $$file on $$backend"; \
	  KERASTORCH_BACKEND=$$backend $(PY) -m kerastorch $$file > $(VENV)/example.log 2>&1 \
	    || { cat $(VENV)/example.log; exit 1; }; \
	done; done

bench: $(READY)
	$(PY) benchmarks/run.py

# Keras's own tests: hours, where the rest takes minutes.
parity: $(READY)
	$(PIP) install --quiet -c requirements/constraints.txt -e '.[suite]'
	@status=0; for backend in $(BACKENDS); do \
	  $(PY) -m compat_tests.suite run --backend $$backend || status=1; \
	done; $(PY) -m compat_tests.suite report && exit $$status

clean:
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV)
