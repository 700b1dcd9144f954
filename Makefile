# `make help` lists what there is to do.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export PYTHONDONTWRITEBYTECODE := 1

python := .tools/venv/bin/python

# What needs neither containers, a scheduler nor a download.
here := not containers and not slurm and not sge and not checkers

.PHONY: help setup demo run test test-quick coverage places lint lint-report types lint-schema bench bench-accuracy bench-human bench-planted bench-evidence image push sif test-containers test-slurm test-sge test-browser clean

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
	@PATH="$$PWD/.tools/venv/bin:$$PATH" $(python) -m pytest -q --durations=10 -n 2 --no-loadscope-reorder tests

test-quick: setup ## Run the tests that take a second or less (a minute in all; no Nextflow, no browser)
	@PATH="$$PWD/.tools/venv/bin:$$PATH" $(python) -m pytest -q -n 2 -m "not slow" tests

coverage: setup ## Run the tests without Nextflow or a browser, and print which lines of bin/scxpresso they run
	@PATH="$$PWD/.tools/venv/bin:$$PATH" $(python) -m pytest -q -n 2 -m "$(here) and not nextflow and not browser" \
	--cov --cov-report=term:skip-covered tests

places: setup ## Write the table of docs/running.md that says what is tested on each platform
	@PATH="$$PWD/.tools/venv/bin:$$PATH" SCXPRESSO_WRITE_PLACES=1 $(python) -m pytest -q tests/test_places.py

lint: setup ## Check the style of Python code, shell scripts and documents
	@$(python) -m ruff check bin tests benchmarks setup
	@$(python) -m ruff format --check bin tests benchmarks setup
	@$(python) setup/check_markdown.py $(shell git ls-files '*.md')
	@type -P shellcheck >/dev/null || { echo "shellcheck is not installed: shell scripts are not checked"; exit 0; }; \
	shellcheck $(shell git ls-files '*.sh') .ci/run setup/nextflow
	@[ ! -d .tools/eslint ] || setup/report_linter.sh
	@$(MAKE) --no-print-directory types

# Benchmarks are scripts, seldom run: what counts is that they call the library as it is now.
unchecked = arg-type assignment attr-defined index list-item misc operator union-attr

types: setup ## Check the types in bin/scxpresso, and the calls in benchmarks/
	@$(python) -m mypy
	@MYPYPATH=bin:benchmarks $(python) -m mypy --follow-imports silent --allow-untyped-defs $(unchecked:%=--disable-error-code %) benchmarks/*.py

lint-report: setup ## Check the report's scripts with eslint (20 MB into .tools/; from then on part of `make lint`)
	@setup/report_linter.sh

lint-schema: setup ## Check the schema, the citation and the record of a run with nf-core, cffconvert and RO-Crate's validator (0.5 GB)
	@setup/checkers.sh
	@$(python) -m pytest -q -m checkers tests/test_checkers.py

bench: setup demo ## Measure speed and memory (an hour); rewrites the tables of README.md and docs/performance.md
	@export PATH="$$PWD/.tools/venv/bin:$$PATH"; for name in start_up training_speed saturation_speed variant_reading variant_scoring genome_size pseudobulk_size report_size growth few_variants kernel_compilation task_overhead oversubscription variant_map variant_calibration task_costs gpu_training gpu_saturation gpu_memory; do \
	echo "== benchmarks/$$name.py"; $(python) benchmarks/$$name.py || failed="$${failed:-} $$name"; done; \
	[ -z "$${failed:-}" ] || { echo "failed:$$failed" >&2; exit 1; }

bench-accuracy: setup ## Measure held-out accuracy on the demo's and human atlases (half an hour); writes the tables of README.md and docs/evidence.md
	@PATH="$$PWD/.tools/venv/bin:$$PATH" $(python) benchmarks/accuracy.py

bench-human: setup ## The same on human atlases alone (10 minutes); docs/evidence.md's first table
	@PATH="$$PWD/.tools/venv/bin:$$PATH" $(python) benchmarks/accuracy.py human

bench-planted: setup ## Measure what networks find of a known grammar (20 minutes); writes docs/evidence.md's tables
	@export PATH="$$PWD/.tools/venv/bin:$$PATH"; for kind in exact degenerate positional pairs; do \
	$(python) benchmarks/planted_grammar.py --kind $$kind --network grammar; done; \
	$(python) benchmarks/planted_grammar.py --kind exact --network scxpresso,hybrid

bench-evidence: setup ## Measure all that docs/evidence.md states (two hours), and write its tables
	@$(MAKE) bench-accuracy
	@PATH="$$PWD/.tools/venv/bin:$$PATH" $(python) benchmarks/several_genomes.py
	@PATH="$$PWD/.tools/venv/bin:$$PATH" $(python) benchmarks/further_targets.py
	@PATH="$$PWD/.tools/venv/bin:$$PATH" $(python) benchmarks/training_genes.py
	@PATH="$$PWD/.tools/venv/bin:$$PATH" $(python) benchmarks/mpra.py
	@PATH="$$PWD/.tools/venv/bin:$$PATH" $(python) benchmarks/gene_features.py
	@$(MAKE) bench-planted
	@PATH="$$PWD/.tools/venv/bin:$$PATH" $(python) benchmarks/sign_calibration.py
	@PATH="$$PWD/.tools/venv/bin:$$PATH" $(python) benchmarks/planted_sizes.py

image: ## Build the container images with docker or podman (TARGET=cpu or TARGET=cuda: one of them)
	@containers/images.sh image

push: ## Put the images into a registry: make push REGISTRY=ghcr.io/mylab
	@containers/images.sh push

sif: ## Write the images as files of Apptainer
	@containers/images.sh sif

test-containers: setup ## Run the pipeline in its images, with podman and with docker, and push them to a registry
	@PATH="$$PWD/.tools/venv/bin:$$PATH" SCXPRESSO_WRITE_PLACES=1 $(python) -m pytest -q -s -m containers tests/test_compiled.py tests/test_containers.py

test-slurm: setup ## Run the pipeline as jobs of a real SLURM of one node (10 minutes; apt brings SLURM)
	@tests/schedulers/packages.sh "munged slurmctld slurmd sbatch" munge slurmctld slurmd slurm-client
	@$(python) -m pytest -q --durations=0 --durations-min=5 -m slurm tests/test_slurm.py

test-browser: setup ## Test the report in a real browser (apt brings Chromium); part of `make test` where there is one
	@[ -n "$${SCXPRESSO_BROWSER:-}$$(type -P chromium chromium-browser google-chrome)" ] || \
	tests/schedulers/packages.sh chromium chromium
	@$(python) -m pytest -q --durations=5 tests/test_browser.py

test-sge: setup ## Run the pipeline as jobs of a real Grid Engine of one node (3 minutes; apt brings Grid Engine)
	@tests/schedulers/packages.sh "sge_qmaster sge_execd qsub" gridengine-master gridengine-exec gridengine-client
	@$(python) -m pytest -q --durations=0 --durations-min=5 -m sge tests/test_sge.py

clean: ## Remove results, work folders and .tools/
	rm -rf .tools work results .nextflow .nextflow.log*
