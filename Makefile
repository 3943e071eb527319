# The one entry: what `make` runs here is what CI runs.
# Needs python3 >= 3.11 and make; uv is used when it is there.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
USABLE := $(VENV)/.usable
READY := $(VENV)/.ready
SOURCES := pyproject.toml
# The time that archives carry: that of the last commit.
EPOCH := $(shell git log -1 --format=%ct 2>/dev/null || echo 1577836800)

.DEFAULT_GOAL := help

# What a user needs. The development tools come on top, with the tests.
$(USABLE): $(SOURCES)
	@echo "Setting up $(VENV), once: claudecheck and what it needs"
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --allow-existing --python $(PYTHON) $(VENV) && uv pip install --python $(BIN)/python -e .; \
	else \
	  $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1' && $(BIN)/python -m pip install -e .; \
	fi
	@touch $@

$(READY): $(USABLE)
	@echo "Adding the development tools"
	@if command -v uv >/dev/null 2>&1; then \
	  uv pip install --quiet --python $(BIN)/python -e . --group dev; \
	else \
	  $(BIN)/python -m pip install --quiet -e . --group dev; \
	fi
	@touch $@

demo: $(USABLE)  ## set up, and run the doctor against the embedded lab
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/claudecheck demo

test: $(READY)  ## set up, and run the tests
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q -n 4 --dist worksteal -m 'not netlab and not slow'

slow: $(READY)  ## the tests that `make test` leaves to CI
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q -n 4 --dist worksteal --hypothesis-profile=thorough \
	  -m '(slow or hypothesis) and not exhaustive and not netlab'

exhaustive: $(READY)  ## every shell with every fault, every stream with every command: an hour
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q -n 3 --dist worksteal -m exhaustive

fuzz: $(READY)  ## every parser of foreign bytes under a coverage-guided fuzzer, where it installs (FUZZ_SECONDS=10 each)
	@$(BIN)/python -m pip install --quiet --group fuzz 2>/dev/null || { echo "atheris does not install here: nothing is fuzzed"; exit 0; }; \
	$(BIN)/python -m tests.fuzz --seconds $(or $(FUZZ_SECONDS),10)

clients: $(READY)  ## other generations of the clients, for the slow tests
	.ci/install-clients

checkers: $(READY)  ## other readers of our formats, for the tests: promtool, the JUnit schema
	.ci/install-checkers

fleet: $(READY)  ## deploy/ and watch, read by the programs that they are for: a real Prometheus through an outage
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q -n 4 --dist worksteal tests/test_deploy.py tests/test_watch.py tests/test_ci_formats.py

lint: $(READY)  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)  ## mypy, strict, as Linux, macOS and Windows are
	for system in linux darwin win32; do $(BIN)/mypy --platform $$system --cache-dir .mypy_cache/$$system || exit 1; done

lab: $(READY)  ## the network lab: real components in network namespaces (root, Linux)
	.ci/install-netlab
	$(BIN)/python -m tests.netlab.runner

stability: $(READY)  ## the network lab three times, and docs/accuracy.md with how often a verdict changed
	.ci/install-netlab
	for run in 1 2 3; do $(BIN)/python -m tests.netlab.runner --paste sh,bash,zsh,fish --json .lab-$$run.json || true; done
	$(BIN)/python -m tests.netlab.report .lab-1.json .lab-2.json .lab-3.json docs/accuracy.md

journals: $(READY)  ## record the embedded lab's faults anew for the replay, and say what comes out
	$(BIN)/python -m tests.record_journals

bench: $(READY)  ## ratios: the doctor against what it is compared with, in one run (root: docs/performance.md)
	$(BIN)/python -m tests.bench

pictures: $(READY)  ## docs/pictures: what a terminal shows of real runs
	$(BIN)/python -m tests.pictures

docs: $(READY)  ## write docs/problems.md from the catalogue
	$(BIN)/python -c 'from claudecheck.diagnosis.problems import CATALOGUE; from claudecheck.render.page import catalogue_markdown; print(catalogue_markdown(CATALOGUE), end="")' > docs/problems.md

man: $(READY)  ## write man/, a page a command
	SOURCE_DATE_EPOCH=$(EPOCH) $(BIN)/python .ci/man_pages.py man

dist: man  ## wheel and sdist into dist/, the same bytes from the same sources
	rm -rf dist
	umask 022 && SOURCE_DATE_EPOCH=$(EPOCH) $(BIN)/python -m build --no-isolation --outdir dist . >/dev/null
	@ls dist

check-dist: $(READY)  ## install what stands in dist/ in a fresh environment, and try it
	$(BIN)/python -m pytest -q tests/test_dist.py -k installed

completions: $(READY)  ## write completions/ for bash, zsh and fish
	@for shell in bash zsh fish; do \
	  $(BIN)/python -c "import sys; from typer.completion import get_completion_script; print(get_completion_script(prog_name='claudecheck', complete_var='_CLAUDECHECK_COMPLETE', shell=sys.argv[1]))" $$shell > completions/claudecheck.$$shell; \
	done

clean:  ## remove what was made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist man *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1\t/' | expand -t 20

.PHONY: demo test slow fleet exhaustive fuzz clients checkers lint types lab stability journals bench pictures docs man dist check-dist completions clean help
