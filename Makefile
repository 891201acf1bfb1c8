# `make app` and `make test` do all the set-up that they need; the second time they start at once.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help app public test test-slow fuzz load mutants coverage newest lock lint bench evaluations pictures clean
.DELETE_ON_ERROR:

PORT ?= 8501
ADDRESS ?= 127.0.0.1
PYTHON ?= $(firstword $(foreach python,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
    $(python) -c 'import sys; sys.exit(sys.version_info < (3, 11) or print("$(python)"))' 2>/dev/null)) python3)
PYTEST_ARGS ?=
BENCH_ARGS ?=
FUZZ_ARGS ?=
LOAD_ARGS ?=
MUTANTS_ARGS ?=
VENV := .venv
RUN := $(VENV)/bin/python
LOCK := $(if $(LOCKED),requirements.lock)
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check --no-input $(addprefix -c ,$(LOCK))

help: ## What can be made
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

app: $(VENV)/.app ## Serve the app at http://localhost:8501 (PORT=..., ADDRESS=0.0.0.0 for other machines too)
	exec $(RUN) -m sat serve --address "$(ADDRESS)" --port "$(PORT)"

public: $(VENV)/.app ## Serve it to strangers: no training, nothing written, a share for each (SAT_HOSTS=demo.example.org)
	exec $(RUN) -m sat serve --public --address "$(ADDRESS)" --port "$(PORT)"

test: $(VENV)/.dev ## Every test that is not slow (PYTEST_ARGS="-k word" for some of them)
	$(RUN) -m pytest -q -m "not slow" --durations=10 $(PYTEST_ARGS)

test-slow: $(VENV)/.dev ## The slow tests; pytest's code 5 says that there are none, which is no failure
	$(RUN) -m pytest -q -m slow --durations=10 $(PYTEST_ARGS) || [ $$? -eq 5 ]

fuzz: $(VENV)/.dev ## Hostile input by the thousand, for about a minute (FUZZ_ARGS="--seed 7 --seconds 600" for more)
	$(RUN) -m fuzz $(FUZZ_ARGS)

load: $(VENV)/.dev ## Thirty visitors for ten minutes (LOAD_ARGS="--sessions 5 --minutes 2" for fewer, --save to keep the table)
	$(RUN) -m load $(LOAD_ARGS)

coverage: $(VENV)/.dev ## Which lines of sat the fast tests run
	$(RUN) -m pytest -q -m "not slow" --cov --cov-report=term:skip-covered $(PYTEST_ARGS)

mutants: $(VENV)/.mutants ## Are faults in the code noticed by its tests? (MUTANTS_ARGS="--seed 7 --count 30" for others)
	$(RUN) -m mutants $(MUTANTS_ARGS)

newest: $(VENV)/.system ## The fast tests of the models with the newest versions of everything, in .venv-newest
	$(PYTHON) -m venv .venv-newest
	sed -E 's/[<>=~!].*//' requirements.txt requirements-dev.txt | grep -vE '^(#|-r|$$)' > .venv-newest/requirements.txt
	.venv-newest/bin/python -m pip install --quiet --disable-pip-version-check --upgrade -r .venv-newest/requirements.txt
	.venv-newest/bin/python -m pytest -q -m "not slow and not browser" $(PYTEST_ARGS)

lock: $(VENV)/.dev ## requirements.lock and THIRD_PARTY.md, from what is installed (make LOCKED=1 app installs the former)
	$(RUN) -m supply

lint: $(VENV)/.dev ## ruff and mypy
	$(RUN) -m ruff check .
	$(RUN) -m mypy sat

bench: $(VENV)/.dev ## The benchmarks, ratios measured in one run (BENCH_ARGS="caption page" for some of them)
	$(RUN) -m benchmarks $(BENCH_ARGS)

evaluations: $(VENV)/.app ## The evaluations that ship with the models of shapes, made again (a minute)
	@data="$$(mktemp -d)"; trap 'rm -rf "$$data"' EXIT; \
	$(RUN) -m sat data prepare shapes --data "$$data" --count 0 0 200; \
	for model in shapes-soft shapes-hard; do \
	  $(RUN) -m sat evaluate --model "$$model" --data "$$data" --dataset shapes --split test \
	    --out "checkpoints/$$model/evaluation"; \
	done

pictures: $(VENV)/.dev ## The pictures of the app in README.md, taken again
	$(RUN) -m docs.pictures

clean: ## Remove what can be made again, the virtual environment included
	rm -rf $(VENV) .venv-newest .pytest_cache .hypothesis .mypy_cache .ruff_cache .coverage
	find sat tests pages fuzz load mutants supply benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# Set-up. Each stamp is newer than the files that it was made from, so nothing runs twice.

$(VENV)/.app: requirements.txt $(LOCK) $(VENV)/.system
	@echo "Installing requirements.txt (some minutes the first time) ..."
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt packages-dev.txt $(LOCK) $(VENV)/.app
	@$(call debian,$(shell grep -v '^#' packages-dev.txt)) || echo "The browser tests will be skipped."
	@echo "Installing requirements-dev.txt ..."
	@$(PIP) -r requirements-dev.txt
	@touch $@

$(VENV)/.mutants: requirements-mutants.txt $(VENV)/.dev
	@$(PIP) -r requirements-mutants.txt
	@touch $@

$(VENV)/.system: packages.txt | $(VENV)/bin/pip
	@$(call debian,$(shell grep -v '^#' packages.txt))
	@touch $@

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	    { echo "Python 3.11 or newer is needed: install it, or name it with 'make PYTHON=/path/to/python3 ...'." >&2; exit 1; }
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { $(call debian,python3-venv) && $(PYTHON) -m venv $(VENV); }

# Install those of the Debian packages $(1) that are missing, if we may; elsewhere than on Debian, trust the user.
# Some libraries are called ...t64 since Debian 13.
define debian
( command -v dpkg-query >/dev/null || exit 0; \
  missing=; \
  for package in $(1); do \
    status="$$(dpkg-query -W -f ' $${db:Status-Status}' "$$package" "$${package}t64" 2>/dev/null || true)"; \
    [[ "$$status" == *" installed"* ]] || missing="$$missing $$package"; \
  done; \
  [ -n "$$missing" ] || exit 0; \
  if [ "$$(id -u)" -eq 0 ]; then root=env; elif sudo -n true 2>/dev/null; then root="sudo -n env"; \
  else echo "These Debian packages are missing:$$missing. Install them with: sudo apt-get install$$missing" >&2; exit 1; fi; \
  echo "Installing Debian packages:$$missing ..."; \
  { $$root apt-get update -qq && \
    $$root DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing; } >/dev/null || \
  { echo "apt-get could not install$$missing: the lines above say why." >&2; exit 1; } )
endef
