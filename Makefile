# `make` or `make help` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CLI := $(BIN)/digit-recognizer
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Benchmarks see the processor's own kernels, as users do.
UNPINNED := env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE

# make submit RECIPE=mlp DATA=path JOBS=2 SEED=0 SOURCE=sample FRESH=1 UPLOAD=1
# make compare RUNS='a b'
# make soak MINUTES=30 DATA=path
# make upload FILE=path MESSAGE=text YES=1 FORCE=1
RECIPE_OPTION = $(if $(RECIPE),--recipe '$(RECIPE)')
DATA_OPTIONS = $(if $(RECIPE),--recipe '$(RECIPE)') $(if $(DATA),--data '$(DATA)') $(if $(SOURCE),--source '$(SOURCE)')
RUN_OPTIONS = $(if $(JOBS),--jobs '$(JOBS)') $(if $(SEED),--seed '$(SEED)') $(if $(filter-out 0,$(FRESH)),--fresh) $(if $(UPLOAD),--upload)
UPLOAD_OPTIONS = $(if $(MESSAGE),--message '$(MESSAGE)') $(if $(TIMEOUT),--timeout '$(TIMEOUT)')
RUN_ARGUMENTS = $(foreach run,$(RUNS),'$(run)')
FORCE_OPTION = $(if $(FORCE),--force)

.DEFAULT_GOAL := help
.PHONY: help setup data submit upload log leaderboard runs compare test test-lowest soak bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(VENV)/.installed ## make .venv and install the project in it

data: setup ## bring the competition's files into data/
	@$(CLI) data $(DATA_OPTIONS) $(FORCE_OPTION)

submit: setup ## data, folds, training, ensemble: submissions/submission.csv
	@$(CLI) submit $(DATA_OPTIONS) $(RUN_OPTIONS)

upload: setup ## upload it, wait for its score, write that to submissions/log.csv
	@$(CLI) upload $(RECIPE_OPTION) $(if $(DATA),--data '$(DATA)') $(if $(FILE),--file '$(FILE)') $(UPLOAD_OPTIONS) $(if $(YES),--yes) $(FORCE_OPTION)

log: setup ## all submissions, CV against LB
	@$(CLI) log $(RECIPE_OPTION) $(if $(REFRESH),--refresh)

leaderboard: setup ## where your best score stands
	@$(CLI) leaderboard $(RECIPE_OPTION)

runs: setup ## the runs there are; CLEAN=1 removes the unfinished
	@$(CLI) runs $(if $(filter-out 0,$(CLEAN)),clean)

compare: setup ## say whether one of two runs is better: RUNS='a b'
	@$(CLI) compare $(RUN_ARGUMENTS)

test: $(VENV)/.installed-dev ## ruff, then pytest
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pytest

test-lowest: $(VENV)/.installed-dev ## pytest with the oldest versions that pyproject.toml allows
	$(BIN)/uv venv --quiet --clear --python 3.11 $(VENV)-lowest
	$(BIN)/uv pip install --quiet --python $(VENV)-lowest/bin/python --resolution lowest-direct -e '.[dev]'
	$(VENV)-lowest/bin/pytest

soak: setup ## faults at random moments, the bytes compared: MINUTES, DATA
	@$(BIN)/python tests/faults/soak.py $(if $(MINUTES),--minutes '$(MINUTES)') $(if $(DATA),--data '$(DATA)') $(RECIPE_OPTION) $(if $(SEED),--seed '$(SEED)')

bench: $(VENV)/.installed-bench ## the benchmarks, beside scikit-learn, PyTorch and JAX
	$(UNPINNED) $(BIN)/python benchmarks/dense.py
	$(UNPINNED) $(BIN)/python benchmarks/convolution.py
	$(UNPINNED) $(BIN)/python benchmarks/augmentation.py
	$(if $(DATA),$(UNPINNED) $(BIN)/python benchmarks/recipe_fast.py --data '$(DATA)' --compile)
	$(if $(DATA),$(UNPINNED) $(BIN)/python benchmarks/resume.py --data '$(DATA)')
	$(UNPINNED) $(BIN)/python benchmarks/parity.py
	$(UNPINNED) $(BIN)/python benchmarks/small_fits.py
	$(UNPINNED) $(BIN)/python benchmarks/reading.py

clean: ## remove .venv and what tools left
	rm -rf $(VENV) $(VENV)-lowest .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 …" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 2; }

$(VENV)/.installed: $(BIN)/python pyproject.toml
	@echo "Installing into $(VENV) …"
	@$(INSTALL) -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(INSTALL) -e '.[dev]'
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed
	@$(INSTALL) -e '.[bench]'
	@touch $@
