# `make demo` trains a model; `make test` runs all tests. Both make the virtual environment first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STOCK := "hydra-core>=1.3,<1.4" hydra-optuna-sweeper==1.3.0 "optuna<3" hydra-submitit-launcher==1.2.0

.PHONY: demo test test-quick test-slurm lint format bench-compose bench-cost bench-log bench-list bench-launch bench-journal bench-sweep bench-pruning test-frameworks set-up pictures picture-slurm clean

demo: $(VENV)/.daisy
	$(BIN)/python -m daisy framework=suffix
	$(BIN)/python -m daisy
	$(BIN)/python -m daisy list

test: $(VENV)/.daisy-test lint
	$(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST)

test-quick: $(VENV)/.daisy-test lint
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow" $(PYTEST)

# The tests on a real Slurm alone: brings one up on this machine, in a folder of its own (as root; Debian's packages).
test-slurm: $(VENV)/.daisy-test
	@folder=$$(mktemp -d /tmp/daisy-slurm.XXXXXX) && trap '$(abspath $(BIN))/python $(CURDIR)/tests/slurm/cluster.py down '$$folder EXIT && \
	$(BIN)/python tests/slurm/cluster.py up $$folder --nodes 2 >/dev/null && \
	DAISY_TEST_SLURM=$$folder $(BIN)/python -m pytest -n 2 --dist worksteal tests/slurm $(PYTEST)

lint: $(VENV)/.daisy-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/.daisy-test
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Every framework for real: sets up all of them (about 10 GB), trains a model with each, runs their slow tests, and writes the
# table into docs/frameworks.md. Nematus' checkout can be given: NEMATUS=path. Other overrides: OVERRIDES="env.mirror=path".
ENVIRONMENTS ?= environments
test-frameworks: $(VENV)/.daisy-test
	$(BIN)/python benchmarks/frameworks.py --environments $(ENVIRONMENTS) $(if $(NEMATUS),--nematus $(NEMATUS)) $(OVERRIDES)
	DAISY_TEST_ENVIRONMENTS=$(abspath $(ENVIRONMENTS)) $(BIN)/python -m pytest tests/frameworks

# One framework's own Python, in ./environments.
set-up: $(VENV)/.daisy
	$(BIN)/python -m daisy setup $(FRAMEWORK)

# What it costs to compose, check and write 400 and 10,000 models.
bench-compose: $(VENV)/.daisy
	$(BIN)/python benchmarks/compose.py

# Daisy's own processor seconds and memory beside a framework, and how long verbs take.
bench-cost: $(VENV)/.daisy
	$(BIN)/python benchmarks/cost.py

# What reading a log costs.
bench-log: $(VENV)/.daisy
	$(BIN)/python benchmarks/log.py

# How long the table takes with 400 and 10,000 models.
bench-list: $(VENV)/.daisy
	$(BIN)/python benchmarks/list.py

# Launching on a real Slurm, which it brings up (as root): the cap, the slots' time that is used, the prompt, what a job costs.
bench-launch: $(VENV)/.daisy-test
	$(BIN)/python benchmarks/launch.py $(PARTS)

# The journal of a search under 24 processes at once, of which four are killed: errors, doubled numbers, seconds per trial.
bench-journal: $(VENV)/.daisy
	$(BIN)/python benchmarks/journal.py

# A search on four slots beside the stock stack (hydra-optuna-sweeper, hydra-submitit-launcher), which gets a Python of its own.
# PARTS=local or PARTS=slurm (as root); MEDIAN=5 seconds of a trial; SEEDS="1 2 3".
bench-sweep: $(VENV)/.daisy-test $(VENV)/stock/.installed
	$(BIN)/python benchmarks/sweep.py $(PARTS) --stock $(VENV)/stock $(if $(MEDIAN),--median $(MEDIAN)) $(if $(SEEDS),--seeds $(SEEDS))

# What pruning saves and what it costs, on planted learning curves; PARTS=real: of arcadio on CoNLL-SIGMORPHON (see CONTRIBUTING).
bench-pruning: $(VENV)/.daisy-test
	$(BIN)/python benchmarks/pruning.py $(PARTS) $(if $(SEEDS),--seeds $(SEEDS)) $(if $(PRUNERS),--pruners $(PRUNERS))

# The pictures of terminals in README and docs, made anew in a project of their own.
pictures: $(VENV)/.daisy
	rm -rf $(VENV)/pictures && $(BIN)/python -m daisy init $(VENV)/pictures
	cd $(VENV)/pictures && PATH=$$PWD/../bin:$$PATH ../bin/python ../../docs/picture.py ../../docs/demo.svg "make demo" \
	  "python -m daisy framework=suffix" "python -m daisy" "python -m daisy list"

# The same of models on a Slurm that is brought up for it (as root; Debian's packages).
picture-slurm: $(VENV)/.daisy-test
	rm -rf $(VENV)/pictures && $(BIN)/python -m daisy init $(VENV)/pictures
	@folder=$$(mktemp -d /tmp/daisy-slurm.XXXXXX) && trap '$(abspath $(BIN))/python $(CURDIR)/tests/slurm/cluster.py down '$$folder EXIT && \
	$(BIN)/python tests/slurm/cluster.py up $$folder --port 22000 >/dev/null && cd $(VENV)/pictures && \
	export SLURM_CONF=$$folder/slurm.conf PATH=$$PWD/../bin:$$PATH && ../bin/python ../../docs/picture.py ../../docs/slurm.svg \
	  "daisy on Slurm" "daisy -m framework=arcadio arch.kernel=2,4,6 seed=range(1,6) arch.filters=16 train.epochs=3 env=slurm env.max_running=4" \
	  "@sleep 45" "daisy list" "daisy sweeps" "@daisy cancel -1 --yes"

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Daisy needs Python 3.11 or newer, and $(PYTHON) is older: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "$(PYTHON) can't make virtual environments: install its venv module (Debian: apt-get install python3-venv)"; exit 1; }

$(VENV)/.daisy: $(VENV)/bin/python pyproject.toml
	@echo "installing Daisy into $(VENV) (about a minute, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/stock/.installed: $(VENV)/bin/python
	@echo "installing the stock stack into $(VENV)/stock (about a minute, once)"
	@$(BIN)/python -m venv $(VENV)/stock
	@$(VENV)/stock/bin/python -m pip install --quiet --disable-pip-version-check $(STOCK)
	@touch $@

$(VENV)/.daisy-test: $(VENV)/bin/python pyproject.toml
	@echo "installing Daisy and the test tools into $(VENV) (about a minute, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@ $(VENV)/.daisy
