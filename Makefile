# `make help` lists what there is to do.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export PYTHONDONTWRITEBYTECODE := 1

python := .tools/venv/bin/python
version = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' bin/scxpresso/__init__.py)

.PHONY: help setup demo run test places lint bench bench-accuracy image test-containers clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile

setup: ## Install Nextflow, Java and the Python packages into .tools/ (once)
	@setup/install.sh

demo: setup ## Run the pipeline on its small demo data, without containers
	@start=$$SECONDS; setup/nextflow run . -profile test --outdir results/demo -resume && \
	echo "Report: results/demo/report.html (the run took $$((SECONDS - start)) s)"

run: setup ## Run on your data: make run ARGS="--input atlases.csv --genomes genomes.csv --outdir results"
	@setup/nextflow run . $(value ARGS)

test: setup ## Run the tests (without containers)
	@PATH="$$PWD/.tools/venv/bin:$$PATH" $(python) -m pytest -q --durations=10 tests

places: setup ## Write the table of docs/running.md that says what is checked of each place
	@PATH="$$PWD/.tools/venv/bin:$$PATH" SCXPRESSO_WRITE_PLACES=1 $(python) -m pytest -q tests/test_places.py

lint: setup ## Check the Python code's style
	@$(python) -m ruff check bin tests benchmarks
	@$(python) -m ruff format --check bin tests benchmarks

bench: setup ## Measure speed and memory (half an hour); the tables of README.md and docs/performance.md are written anew
	@export PATH="$$PWD/.tools/venv/bin:$$PATH"; for name in start_up training_speed saturation_speed variant_reading variant_scoring genome_size pseudobulk_size growth kernel_compilation task_overhead gpu_training; do \
	echo "== benchmarks/$$name.py"; $(python) benchmarks/$$name.py || failed="$${failed:-} $$name"; done; \
	[ -z "$${failed:-}" ] || { echo "failed:$$failed" >&2; exit 1; }

bench-accuracy: setup ## Measure held-out accuracy on the demo atlas (three quarters of an hour); writes README.md's table
	@PATH="$$PWD/.tools/venv/bin:$$PATH" $(python) benchmarks/accuracy.py

image: ## Build the container image with podman or docker
	@for engine in docker podman; do $$engine info >/dev/null 2>&1 && break; done; \
	$$engine build -t nf-scxpresso:$(version) -f containers/Dockerfile .

test-containers: setup ## Run the pipeline inside containers, with podman and with docker
	@$(python) -m pytest -q -s -m containers tests/test_containers.py

clean: ## Remove results, work folders and .tools/
	rm -rf .tools work results .nextflow .nextflow.log*
