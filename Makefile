# make book   build the book from the embedded digits and the recorded results   make test   the tests
# make quick, make paper   run the study on real data, then build the book       make serve  read it on localhost:8000
PYTHON  ?= python3
VENV    ?= .venv
BIN     := $(VENV)/bin
PROFILE ?= smoke
MINUTES ?= 10
SEED    ?= 0
EXTRAS  ?= run,book,test
TORCH   ?= $(or $(UV_TORCH_BACKEND),auto)
CORES   ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)
export OMP_WAIT_POLICY ?= PASSIVE
export HYPOTHESIS_STORAGE_DIRECTORY ?= build/cache/hypothesis
unexport PYTHONDONTWRITEBYTECODE  # each notebook and test process would compile torch and the others once more
export PYTHONPYCACHEPREFIX ?= $(abspath $(VENV))/bytecode
MORE = $(if $(wildcard $(BIN)/uv),$(BIN)/uv pip install --python $(BIN)/python,$(BIN)/python -m pip install) --quiet
SNAKEMAKE = $(BIN)/python workflow/alone.py --snakefile workflow/Snakefile --profile workflow/profiles/local --cores $(CORES)

.DEFAULT_GOAL := help
.PHONY: help book read test test-faults test-browser test-slurm mutants lint serve pdf quick paper record readme bench lock archive check-results locked clean

help:  ## what can be made
	@grep -hE '^[a-z -]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 15

book: $(VENV)/.ready  ## install, run every exhibit at the smoke profile, build the book
	@$(SNAKEMAKE) --config profile=$(PROFILE)
	@$(BIN)/python -m inputgrad announce

read:  ## the book from what is recorded, without torch: installs 0.7 GB into .venv-read
	@$(MAKE) --no-print-directory book VENV=.venv-read EXTRAS=read TORCH=index

test: $(VENV)/.ready  ## install, run the tests, one process a core
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(CORES) --dist loadfile --no-loadscope-reorder

test-faults: $(VENV)/.ready  ## the tests that kill, damage and mistype at random, one process: half an hour
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m faults -p no:xdist

test-browser: book  ## walk through the built book in Chromium: contrast, overflow, links, errors
	@$(MORE) -e '.[browser]'
	@$(BIN)/python -m pytest -m browser -p no:xdist

test-slurm: $(VENV)/.ready  ## jobs through the profile for SLURM, on a cluster of one node raised here; needs root
	@$(MORE) -e '.[cluster]'
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slurm -p no:xdist -rs tests/test_slurm.py

quick paper: $(VENV)/.ready  ## run the study on real data at that profile, then build the book
	@$(SNAKEMAKE) --config profile=$@ threads=$(CORES)
	@$(BIN)/python -m inputgrad announce

mutants: $(VENV)/.ready  ## change the code here and there for MINUTES, and print what no test notices
	@$(MORE) -e '.[mutants]'
	@OMP_NUM_THREADS=1 $(BIN)/python tests/mutants.py --minutes $(MINUTES) --seed $(SEED) --cores $(CORES) \
	  $(if $(ONLY),--only $(ONLY))

lint: $(VENV)/.ready  ## form, types, and which layer imports which
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/lint-imports --cache-dir build/cache/imports
	@$(BIN)/mypy

record: $(VENV)/.ready  ## HOURS=2: run what is not recorded, first what settles most
	@$(BIN)/python -m inputgrad record --hours $(or $(HOURS),2) --jobs $(CORES)

serve: book  ## read the book at http://localhost:8000
	@$(BIN)/python -m http.server --directory build/_build/html --bind 127.0.0.1 8000

pdf: book  ## the chapters as one PDF, printed by Chromium
	@$(BIN)/python -m inputgrad pdf

readme: $(VENV)/.ready  ## bring the README's scoreboard and figure up to date
	@$(BIN)/python -m inputgrad readme

bench: $(VENV)/.ready  ## measure attacks and training beside their limits and kept libraries
	@$(MORE) -e '.[bench]'
	@$(BIN)/python -m benchmarks.one_step
	@$(BIN)/python -m benchmarks.convex
	@$(BIN)/python -m benchmarks.pgd
	@$(BIN)/python -m benchmarks.training
	@$(BIN)/python -m benchmarks.audit

lock: $(VENV)/.ready  ## pin the set of packages that is known to work
	@$(BIN)/uv pip compile pyproject.toml --universal --extra run --extra book --extra test --python-version 3.11 --no-header --no-annotate --quiet -o requirements.lock

archive: $(VENV)/.ready  ## one deposit: all that git knows, trained networks, the book if it is built
	@$(BIN)/python -m inputgrad archive

check-results: $(VENV)/.ready  ## SAMPLE=5: measure recorded trials again, the cheapest of each exhibit first
	@$(BIN)/python -m inputgrad check-results --sample $(or $(SAMPLE),5)

locked:  ## install the packages of requirements.lock in place of the newest
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip install --python $(BIN)/python -r requirements.lock
	@$(BIN)/uv pip install --python $(BIN)/python --no-deps -e .
	@touch $(VENV)/.ready

clean:  ## remove build, with results of your own in it (build/results, build/runs); data/ stays
	rm -rf build .snakemake

# TORCH: the build of torch, as uv names it: auto is cpu where there is no GPU; index is whatever the package index has.
# Where the index of that build cannot be reached, or there is no uv, it is the package index's, with CUDA on Linux.
# It is asked for torch anew, so that one that lies here does not answer in its place.
BUILD = $(if $(filter index,$(TORCH)),,--torch-backend $(TORCH))
ASK   = UV_HTTP_TIMEOUT=20 UV_HTTP_RETRIES=0 $(BIN)/uv pip install --python $(BIN)/python --dry-run --quiet --no-deps --upgrade-package torch $(BUILD) torch

$(VENV)/.ready: pyproject.toml
	@echo "Installing into $(VENV) (several GB where torch comes with CUDA; minutes where the package index is far)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python >= 3.11 is needed; name one with make PYTHON=...")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet uv 2>/dev/null || true
	@if [ ! -x $(BIN)/uv ]; then $(BIN)/python -m pip install -e '.[$(EXTRAS)]'; \
	 elif $(ASK) 2>/dev/null; then $(BIN)/uv pip install --python $(BIN)/python $(BUILD) -e '.[$(EXTRAS)]'; \
	 else echo "The index of torch's build '$(TORCH)' cannot be reached: taking the package index's own"; \
	  env -u UV_TORCH_BACKEND $(BIN)/uv pip install --python $(BIN)/python -e '.[$(EXTRAS)]'; fi
	@touch $@
