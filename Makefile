# Every target makes .venv first where it is missing or older than setup.cfg, pyproject.toml or constraints.txt.
#
#   PYTHON=python3.12     the interpreter that makes .venv (3.11 or newer)
#   TORCH_INDEX=URL       where torch comes from; https://download.pytorch.org/whl/cpu has the small wheels without CUDA
#   WORKERS=2             processes that the unit tests share; as many as there are cores, four at most, unless said;
#                         browser and notebooks take as many, two at most
#   ARGS='...'            passed on to JupyterLab (demo), pytest (test, browser, notebooks), the benchmarks or Sphinx
#   SEED=0 COUNT=600      mutants: which are drawn, and how many
#   FAST=1                browser and notebooks: leave out tests marked slow, use smaller sizes
#   MINUTES=20            of processor time that 'make fuzz' takes, all readers together
#   CHROMIUM=/path        the browser that 'make browser' drives

PYTHON ?= python3
TORCH_INDEX ?=
ARGS ?=
FAST ?=
WORKERS ?= auto
SEED ?= 0
COUNT ?= 600

# PyTorch's threads wait asleep: spinning, they take many times as long where another program has one of the cores.
OMP_WAIT_POLICY ?= passive
export OMP_WAIT_POLICY

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DOCS_STAMP := $(VENV)/.installed-docs
PIP := $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt
LAB := $(BIN)/jupyter lab --ServerApp.root_dir=notebooks --LabApp.default_url=/lab/tree/00_start_here.ipynb \
	--LabApp.extension_manager=readonly $(if $(filter 0,$(shell id -u)),--allow-root)
# Tests read English, whatever the system speaks.
PYTEST := LATENT_WIDGETS_LANGUAGE=en $(BIN)/python -m pytest
OLDEST := .venv-oldest
# One thread a process: the processes share the cores already.
UNIT_ENV := OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1}
UNIT_TESTS := latent_widgets tests --ignore=tests/browser --ignore=tests/notebooks --dist=loadfile \
	--numprocesses=$(WORKERS) $(if $(filter auto,$(WORKERS)),--maxprocesses=4)
# Each test has a page and a kernel of its own, and waits for them half of the time.
PAIRED := --numprocesses=$(WORKERS) $(if $(filter auto,$(WORKERS)),--maxprocesses=2)
FAST_ENV := $(if $(FAST),LATENT_WIDGETS_FAST=1)
FAST_ARGS := $(if $(FAST),-m 'not slow')

.DEFAULT_GOAL := help
.PHONY: help demo test test-oldest lint format browser notebooks fuzz mutants bench bench-quick docs texts constraints clean

help:
	@echo "make demo        open JupyterLab on the first notebook (ARGS=--no-browser only serves it)"
	@echo "make test        unit tests and doctests"
	@echo "make test-oldest the same with the oldest versions that setup.cfg allows, in an environment of its own"
	@echo "make lint        ruff, mypy and the floors that rooms lie on; 'make format' mends what ruff can"
	@echo "make browser     tests in a real JupyterLab, driven in Chromium"
	@echo "make notebooks   run every notebook from top to bottom"
	@echo "make fuzz        change files at random, guided by what the readers' code covers (MINUTES=20)"
	@echo "make mutants     small wrong changes of what computes: which of them do the tests not notice? (SEED=0 COUNT=600)"
	@echo "make bench       timings beside those of the published procedures"
	@echo "make bench-quick those of geometry and panels with fewer rounds, in some five minutes"
	@echo "make docs        the site, into docs/_build/html"
	@echo "make texts       collect the texts of the widgets, for catalogues in other languages"
	@echo "make constraints write the installed versions to constraints.txt"
	@echo "make clean       remove what these targets leave behind; .venv stays"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "latent_widgets needs Python 3.11 or newer; name one with PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# JupyterLab's announcements ask the network for news and updates: off, so that the demo needs none.
$(STAMP): setup.cfg pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) torch $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
	$(PIP) --editable '.[dev,lab]'
	$(BIN)/jupyter labextension disable --level=sys_prefix @jupyterlab/apputils-extension:announcements
	@touch $@

$(DOCS_STAMP): $(STAMP)
	$(PIP) --editable '.[docs]'
	@touch $@

demo: $(STAMP)
	$(LAB) $(ARGS)

test: $(STAMP)
	$(UNIT_ENV) $(PYTEST) $(UNIT_TESTS) $(ARGS)

# Old versions warn of what newer ones around them do, so warnings are no errors here.
test-oldest: $(OLDEST)/.installed
	$(UNIT_ENV) $(OLDEST)/bin/python -m pytest $(UNIT_TESTS) -W default $(ARGS)

$(OLDEST)/.installed: setup.cfg
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --disable-pip-version-check uv
	$(OLDEST)/bin/uv pip install --python $(OLDEST)/bin/python --resolution lowest-direct --compile-bytecode --editable '.[dev,lab]'
	@touch $@

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	@git ls-files '*.py' | xargs wc -l | awk '$$1 > 400 && $$2 != "total" {print "warning: " $$2 " has " $$1 " lines: is it one idea?"}'

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

browser: $(STAMP)
	tests/browser/install-chromium
	$(FAST_ENV) $(PYTEST) tests/browser $(PAIRED) $(FAST_ARGS) $(ARGS)

notebooks: $(STAMP)
	$(UNIT_ENV) $(FAST_ENV) $(PYTEST) tests/notebooks $(PAIRED) $(FAST_ARGS) $(ARGS)

MINUTES ?= 20

# Atheris has wheels for Python 3.11 to 3.13.
fuzz: $(STAMP)
	$(PIP) --editable '.[fuzz]'
	$(UNIT_ENV) $(BIN)/python -W ignore -m tests.hostile.fuzz --minutes $(MINUTES) $(ARGS)

# One thread a process, and least of all programs: some minutes for each hundred on an idle processor.
mutants: $(STAMP)
	OMP_NUM_THREADS=1 nice -n 10 $(BIN)/python -m tests.mutation --seed $(SEED) --count $(COUNT) $(ARGS)

BENCHES ?= $(patsubst benchmarks/bench_%.py,%,$(wildcard benchmarks/bench_*.py))

bench: $(STAMP)
	tests/browser/install-chromium
	@for name in $(BENCHES); do \
		echo; echo "== bench_$$name"; $(BIN)/python -m benchmarks.bench_$$name $(ARGS) || exit 1; \
	done

# Those of training and of files take minutes each, even with few steps: they are left to 'make bench'.
bench-quick:
	$(MAKE) bench ARGS=--quick BENCHES='encode frames strokes jacobian warpage regions painter browser'

# From a copy: notebooks do not find each other through the symbolic link docs/notebooks.
docs: $(DOCS_STAMP)
	rm -rf build/docs && mkdir -p build/docs && cp -RL docs/. build/docs && rm -rf build/docs/_build build/docs/api
	$(BIN)/python -m sphinx -W --keep-going -b html build/docs docs/_build/html $(ARGS)

TEXTS := latent_widgets/locale/latent_widgets.pot

# What would change with the day or the version of Babel is left out, and so is its guess that "% of" formats a number.
texts: $(STAMP)
	$(BIN)/pybabel -q extract --no-default-keywords --keywords=tr --keywords=trn:1,2 --no-wrap --sort-by-file \
		--add-location=file --project=latent_widgets --header-comment='# The texts of the widgets, in English.' \
		-o $(TEXTS).new latent_widgets
	sed -e '/^"POT-Creation-Date:/d' -e '/^"Generated-By:/d' -e '/^"Report-Msgid-Bugs-To:/d' -e 's/ VERSION\\n/\\n/' \
		-e 's/, python-format$$//' -e '/^#$$/d' $(TEXTS).new >$(TEXTS)
	rm $(TEXTS).new

# The file serves every index of torch and every machine: no local versions, nothing installed from a folder.
constraints: $(DOCS_STAMP)
	$(PIP) --editable '.[dask,dev,lab,docs,fuzz,hub,segment,video,train]'
	@{ sed -n '/^#/p' constraints.txt; \
		$(BIN)/python -m pip freeze --all --exclude pip --exclude-editable | sed -E 's/\+[a-z0-9.]+$$//' | LC_ALL=C sort -f; } > constraints.new
	@mv constraints.new constraints.txt

clean:
	rm -rf build dist htmlcov .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache docs/_build docs/api
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +
