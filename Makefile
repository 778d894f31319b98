# Needs Rust (rustup picks the version of rust-toolchain.toml), Python 3.11 or later, make and a C compiler.
# Everything else is made in .cache/, from the pinned lists in tests/requirements/.

PYTHON ?= $(shell for python in python3.11 python3.12 python3 python3.13; do \
	"$$python" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v "$$python" && break; done)
ifeq ($(PYTHON),)
$(error No Python 3.11 or later with venv was found; name one: make PYTHON=/path/to/python3)
endif

STAGES := $(PYTHON) -m tests.tools.stages
TOOLS := .cache/venvs/tools/bin
# Folders too: their times change when a file is removed.
SOURCES := $(shell find src python -name __pycache__ -prune -o -print) \
	$(wildcard Cargo.toml Cargo.lock pyproject.toml rust-toolchain.toml README.md LICENSE)

.DELETE_ON_ERROR:
.PHONY: run test test-store test-versions check options bench instructions-baseline soak fmt doc wheel wheels \
	reproducible test-wheel servers clean
# A wheel that is there already: `make run WHEEL=path` and the tests install it, and nothing is compiled for them.
export WHEEL TARGETS

run:            ## the example DAG on a real Airflow, reading through the backend; WHEEL=path: a wheel that is there
	@$(STAGES) run

test:           ## every test
	@$(STAGES) test

test-store: test-wheel  ## one store: the common suite, and the comparison with its official class; STORE=hashicorp_vault
	@STORE=$(STORE) $(STAGES) test-store

test-versions: test-wheel  ## the tests in a real Airflow on 2.9, 2.10, 3.0, 3.1, 3.2, and on 3.3 with teams; Python 3.11
	@$(STAGES) test-versions

check: test-wheel  ## formatting, lints, types, features, dependencies
	@$(STAGES) check

options: test-wheel  ## writes the types and tables generated from the declarations of the options
	@$(STAGES) options

bench: wheel    ## figures compared with the peers', written to docs/benchmarks.md, and a simulated day, to docs/day.md
	@$(STAGES) bench

instructions-baseline:  ## the instruction counts that `make test` compares with; needs valgrind
	@$(STAGES) instructions-baseline

soak: test-wheel  ## the long variants of the tests
	@$(STAGES) soak

wheel: dist/.built  ## the wheel of a release in dist/, rebuilt when a source has changed
dist/.built: $(SOURCES)
	@$(STAGES) wheel
	@touch $@

wheels:         ## the wheels and the sdist of a release in dist/wheels/, checked; TARGETS="...": some of the platforms
	@$(STAGES) wheels

reproducible:   ## builds a wheel twice in two folders and compares the bytes
	@$(STAGES) reproducible

ifneq ($(WHEEL),)
# Taken as it is. Without the stamp the next call without WHEEL builds one again.
test-wheel:
	@rm -f .cache/wheel/.built
	@$(STAGES) given-wheel
else
test-wheel: .cache/wheel/.built  ## the wheel that the tests install: built quickly, but slower and larger than a release
endif
.cache/wheel/.built: $(SOURCES)
	@$(STAGES) test-wheel
	@touch $@

servers:        ## the environments with the test servers, for running pytest by hand
	@$(PYTHON) -m tests.tools.venvs servers moto
	@$(PYTHON) -m tests.tools.node

fmt:            ## formats Rust and Python in place
	@$(PYTHON) -m tests.tools.venvs tools
	cargo fmt
	$(TOOLS)/ruff check --quiet --select I --fix python tests dags
	$(TOOLS)/ruff format python tests dags

doc:            ## the API documentation in target/doc
	@$(STAGES) doc

clean:          ## removes everything that these targets made
	rm -rf target dist .cache
