# polyseme: `make help`. Everything runs in .venv, which the first command sets up.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

EXPERIMENT ?= demo
RUNTIME ?= cpu
EXECUTOR ?=
OVERRIDES ?=
PYTHON ?= python3
BENCH ?= all
SWEEP ?= bert_lr
JOBS ?=
TEST_JOBS ?= 2
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help
help: ## this list
	@echo "polyseme: what pre-trained word representations are worth"
	@echo
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## (.*)/  make \1|\2/' | column -t -s '|'
	@echo
	@echo "  EXPERIMENT=demo|wiki|standard|smoke     a file of conf/experiment/ (now: $(EXPERIMENT))"
	@echo "  RUNTIME=cpu|gpu|ddp|fsdp             a file of conf/runtime/   (now: $(RUNTIME))"
	@echo "  EXECUTOR=here|local|slurm            where it runs, a file of conf/executor/ (docs/scale.md)"
	@echo "  JOBS=2                               stages at a time (default: as many as the cores have room for)"
	@echo "  OVERRIDES='lm.bert.num_layers=2'     values other than those of conf/"
	@echo "  POLYSEME_MIRROR=<folder>             take data sets from <folder>/<dataset>/<file> first"

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: $(PYTHON) is older than 3.11; mend: make PYTHON=python3.12 ..."; exit 2; }
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/ready-dev: .venv/ready requirements-dev.lock
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	@touch $@

.PHONY: repro
repro: params ## run the experiment (only what is not up to date) and write reports/<experiment>/
	polyseme repro $(if $(JOBS),--jobs $(JOBS))
	@echo "done: reports/$(EXPERIMENT)/README.md and reports/$(EXPERIMENT)/index.html"

.PHONY: params
params: .venv/ready ## compose conf/ into params.yaml, checking every value
	@python -m polyseme.compose experiment=$(EXPERIMENT) runtime=$(RUNTIME) $(if $(EXECUTOR),executor=$(EXECUTOR)) $(OVERRIDES)

.PHONY: test
test: .venv/ready-dev ## run the tests, as many files at a time as TEST_JOBS says
	OMP_NUM_THREADS=1 python -m pytest -n $(TEST_JOBS) --dist loadfile

.PHONY: check
check: .venv/ready-dev ## format, lint, types, dead code
	ruff format --check .
	ruff check .
	mypy
	vulture

.PHONY: smoke
smoke: .venv/ready ## the whole pipeline on very little, in a copy of its own
	@bash tests/smoke.sh

.PHONY: sweep
sweep: .venv/ready ## search hyper-parameters as conf/sweep/<SWEEP>.yaml says; YES=1 begins unasked
	@polyseme sweep $(SWEEP) --workers $(or $(JOBS),1) $(if $(EXECUTOR),--executor $(EXECUTOR)) $(if $(YES),--yes)

.PHONY: verify
verify: .venv/ready ## compare a finished run with the committed report, artifact by artifact
	@polyseme verify $(EXPERIMENT)

.PHONY: bench
bench: .venv/ready-dev ## side-by-side measurements; BENCH=<name> for one of benchmarks/
	python -m benchmarks $(BENCH)

.PHONY: clean
clean: ## remove artifacts and unfinished work; reports, .venv and DVC's cache stay
	rm -rf artifacts .polyseme
