# make test is the whole test command; see CONTRIBUTING.md. Each setup step does nothing when done before.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

ORT_VERSION := 1.32.0
PYTHON ?= python3
CARGO ?= cargo

.PHONY: help build release setup test test-full lint deny bench clean

help: ## Lists what make can do.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/ort-$(ORT_VERSION) ## Installs what building and testing need (Debian), or says what is missing.

.venv/ort-$(ORT_VERSION): tools/setup
	tools/setup $(ORT_VERSION) "$(PYTHON)"
	touch $@

build: setup ## Builds the program and the library, optimised.
	$(CARGO) build --release --workspace

release: build

lint: setup ## Checks format, lints and documentation.
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -Dwarnings
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --workspace --no-deps --quiet

test: lint ## Runs every test that a change must pass.
	$(CARGO) test --workspace --no-fail-fast

deny: ## Checks licences, sources and bans of all crates (installs cargo-deny).
	command -v cargo-deny >/dev/null || $(CARGO) install --locked --quiet cargo-deny@0.20.2
	$(CARGO) deny --offline check licenses bans sources

test-full: test deny ## Adds full depth, whole scenes and long loops.
	SPECTRALGPT_FULL=1 $(CARGO) test --release --workspace --no-fail-fast

bench: setup ## Measures; prints ratios, keeps nothing.
	$(CARGO) bench --workspace

clean: ## Removes what was built.
	$(CARGO) clean
	rm -rf .venv build
