# `make` or `make help` lists the targets and the variables.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Benchmarks see the processor's own kernels, as users do.
UNPINNED := env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE

# What `make help` says of the variables, which are options of the command line in capitals.
#= RECIPE=name     a recipe in recipes/, or the path of one (default: fast)
#= DATA=path       the folder or zip archive with the competition's files (default: data)
#= SOURCE=name     kaggle, openml or sample: bring the files from there
#= JOBS=n          networks trained at the same time
#= SEED=n          of folds and training
#= FRESH=1         submit: begin anew where a run was trained before
#= UPLOAD=1        submit: upload the submission afterwards
#= FILE=path       upload: another file than submissions/submission.csv
#= MESSAGE=text    upload: its description at Kaggle
#= TIMEOUT=s       upload: the longest wait for the score
#= NO_WAIT=1       upload: do not wait for the score
#= YES=1           upload, runs CLEAN=1: do not ask
#= FORCE=1         upload: the same file once more; data: download what is there already
#= REFRESH=1       log: ask Kaggle for pending scores first
#= RUNS='a b'      compare: the two runs; runs CLEAN=1: those to remove
#= RUN=id          report, demo: another run than the newest
#= AGAINST=id      report: another run to compare it with
#= OPEN=1          report, demo: show it in the browser
#= CLEAN=1         runs: remove the unfinished
#= ALL=1           runs CLEAN=1: remove finished runs too
#= MINUTES=n       soak: how long
#= PYTHON=path     the Python to make .venv with (default: python3)
VARIABLES := $(shell sed -n 's/^.= \([A-Z_]*\)=.*/\1/p' Makefile)

# Variables of make's own command line; what is misspelt there is told rather than ignored.
GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
UNKNOWN := $(firstword $(filter-out VENV SHELL $(VARIABLES),$(GIVEN)))
NEAREST = import difflib, sys; \
	name, *known = sys.argv[1:]; \
	near = difflib.get_close_matches(name.upper(), known, 1, 0.5) or [", ".join(known)]; \
	print(f"There is no variable {name}; give {near[0]}")
ifneq ($(UNKNOWN),)
$(error $(shell $(PYTHON) -c '$(NEAREST)' '$(UNKNOWN)' $(VARIABLES)))
endif
# They go to the commands as they were written, $$ and quotes included, in the environment.
$(foreach name,$(GIVEN),$(eval override $(name) := $$(value $(name)))$(eval export $(name)))

COMMANDS := data submit upload report demo log leaderboard runs compare

.DEFAULT_GOAL := help
.PHONY: help setup $(COMMANDS) test check test-interop test-lowest soak bench notebooks clean moved

help: ## list the targets and the variables
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 14
	@echo
	@echo "Variables, as in make submit RECIPE=mlp (1, yes, true, on; 0, no, false, off):"
	@sed -n 's/^.= //p' Makefile

setup: $(VENV)/.installed ## make .venv and install the project in it

data: ## bring the competition's files into data/
submit: ## data, folds, training, ensemble: submissions/submission.csv
upload: ## upload it, wait for its score, write that to submissions/log.csv
report: ## write report.html of the newest run, or of RUN=id
demo: ## write demo.html, a page to draw on, of the newest run, or of RUN=id
log: ## the submissions to a competition, CV against LB
leaderboard: ## where your best score stands
runs: ## the runs there are; CLEAN=1 removes the unfinished
compare: ## say whether one of two runs is better: RUNS='a b'
$(COMMANDS): setup
	@$(BIN)/python -m digit_recognizer.command_line.make $@ '$(GIVEN)' '$(MAKECMDGOALS)' '$(COMMANDS)'

test: $(VENV)/.installed-dev ## ruff, then pytest
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check
	$(BIN)/python -m pytest --numprocesses auto

check: $(VENV)/.installed-dev ## ruff, then the tests of what changed
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check
	$(BIN)/python -m pytest --numprocesses auto $$($(BIN)/python tests/changed.py)

test-interop: $(VENV)/.installed-interop ## networks from and to PyTorch, Keras, Flax and ONNX
	$(BIN)/python -m pytest --numprocesses auto tests/interop tests/nn/test_against_torch.py tests/nn/test_images_against_torch.py

test-lowest: $(VENV)/.installed-dev ## pytest with the oldest versions that pyproject.toml allows
	$(BIN)/python -m uv venv --quiet --clear --python 3.11 $(VENV)-lowest
	$(BIN)/python -m uv pip install --quiet --python $(VENV)-lowest/bin/python --resolution lowest-direct -e '.[dev]'
	$(VENV)-lowest/bin/python -m pytest --numprocesses auto

soak: setup ## faults at random moments, the bytes compared: MINUTES, DATA
	@$(BIN)/python tests/faults/soak.py $${MINUTES:+--minutes "$$MINUTES"} $${DATA:+--data "$$DATA"} \
		$${RECIPE:+--recipe "$$RECIPE"} $${SEED:+--seed "$$SEED"}
	@$(BIN)/python tests/faults/saves.py

bench: $(VENV)/.installed-bench ## the benchmarks, beside scikit-learn, PyTorch and JAX
	$(UNPINNED) $(BIN)/python benchmarks/dense.py
	$(UNPINNED) $(BIN)/python benchmarks/convolution.py
	$(UNPINNED) $(BIN)/python benchmarks/cores.py $${DATA:+--data "$$DATA"}
	$(UNPINNED) $(BIN)/python benchmarks/augmentation.py
	[ -z "$$DATA" ] || $(UNPINNED) $(BIN)/python benchmarks/recipe_fast.py --data "$$DATA" --compile
	[ -z "$$DATA" ] || $(UNPINNED) $(BIN)/python benchmarks/resume.py --data "$$DATA"
	$(UNPINNED) $(BIN)/python benchmarks/parity.py
	$(UNPINNED) $(BIN)/python benchmarks/small_fits.py
	$(UNPINNED) $(BIN)/python benchmarks/inputs.py
	$(UNPINNED) $(BIN)/python benchmarks/reading.py

notebooks: setup ## the examples as notebooks/*.ipynb, for Jupyter, Kaggle and Colab
	@$(INSTALL) -e '.[notebooks]'
	@$(BIN)/python docs/notebooks.py

clean: ## remove .venv and what tools left
	rm -rf $(VENV) $(VENV)-lowest .pytest_cache .ruff_cache .hypothesis

# An installation knows its folder by its full path: where the clone was moved, a new one is made.
MOVED := $(shell [ ! -s $(VENV)/.installed ] || [ "$$(cat $(VENV)/.installed)" = "$$(pwd -P)" ] || echo moved)

$(BIN)/python: $(MOVED)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 …" >&2; exit 2; }
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 2; }

# Its Python is a link, whose age tells nothing.
$(VENV)/.installed: $(BIN)/python $(MOVED) pyproject.toml
	@echo "Installing into $(VENV) …"
	@$(INSTALL) -e '.[report]'
	@pwd -P > $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(INSTALL) -e '.[dev]'
	@touch $@

$(VENV)/.installed-interop: $(VENV)/.installed-dev
	@$(INSTALL) -e '.[interop]'
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed
	@$(INSTALL) -e '.[bench]'
	@touch $@
