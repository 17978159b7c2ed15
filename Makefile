# make test is the whole test command; see CONTRIBUTING.md. Each setup step does nothing when done before.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

ORT_VERSION := 1.32.0
PYTHON_TOOLS := build/python
WHEEL = .venv/lib/python3*/site-packages/onnxruntime
PYTHON ?= python3
CARGO ?= cargo

# Names that are targets and folders.
.PHONY: help build demo dist bundle plugin setup test test-full fuzz lint deny bench bench-gpu clean

help: ## Lists what make can do.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/ort-$(ORT_VERSION) ## Installs what building and testing need (Debian), or says what is missing.

.venv/ort-$(ORT_VERSION): tools/setup
	tools/setup $(ORT_VERSION) "$(PYTHON)"
	touch $@

# QGIS and what tests of the plugin use; nothing else needs them.
$(PYTHON_TOOLS)/ready: tools/setup-python tools/python-requirements.txt
	tools/setup-python $(PYTHON_TOOLS)
	touch $@

build: setup ## Builds the program and the library, optimised.
	$(CARGO) build --release --workspace
	tools/licences >target/release/THIRD-PARTY.txt

demo: build ## Makes a scene, maps it with the built-in model, shows both.
	target/release/spectralgpt demo build/demo --overwrite
	@if [[ -n "$${DISPLAY:-}" ]] && command -v xdg-open >/dev/null; then xdg-open build/demo/demo.png; fi

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib

install: ## Installs what `make build` built below PREFIX; DESTDIR is put before.
	DESTDIR="$(DESTDIR)" tools/install target/release "$(PREFIX)" "$(LIBDIR)"

dist: build ## Makes a tarball that runs where there is no Rust, in build/dist.
	tools/dist target/release build/dist $(WHEEL)

bundle: build ## Makes what the QGIS plugin installs: library, ONNX Runtime, licences, sums.
	tools/bundle target/release build/dist $(WHEEL)

plugin: bundle ## Makes the QGIS plugin's zip, which knows the bundle's sums; RELEASE=1: to publish.
	$(PYTHON) qgis-plugin/package.py $(if $(RELEASE),--release) build/dist build/dist/spectralgpt-*-linux-*.zip

lint: setup ## Checks format, lints and documentation.
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -Dwarnings
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --workspace --no-deps --quiet

test: lint deny $(PYTHON_TOOLS)/ready ## Runs every test that a change must pass.
	tools/test "$(CARGO) test --workspace --no-fail-fast" "tools/test-python $(PYTHON_TOOLS) debug"

deny: build/tools/bin/cargo-deny ## Checks licences, bans and sources of all crates.
	PATH="$(CURDIR)/build/tools/bin:$$PATH" $(CARGO) deny --log-level error check licenses bans sources

# Not optimised: it is built more often than it runs, and runs for a second.
build/tools/bin/cargo-deny:
	CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off \
		$(CARGO) install --quiet --locked --root build/tools cargo-deny@0.20.2

test-full: test build/openvino/ready ## Adds full depth, whole scenes and long loops.
	SPECTRALGPT_FULL=1 tools/test "$(CARGO) test --release --workspace --no-fail-fast" \
		"tools/test-python $(PYTHON_TOOLS) release"
	tools/gdal-matrix trixie forky
	tools/qgis-matrix trixie forky
	tools/qgis-screens build/screens
	$(MAKE) sanitize valgrind miri

sanitize: setup ## Runs C, C++ and the C ABI's tests under AddressSanitizer and UBSan.
	tools/sanitize

valgrind: setup ## Runs the C ABI's tests and the C example under Valgrind.
	tools/valgrind

# Of a nightly compiler there is only Miri here: nothing that is shipped is built with one.
miri: setup ## Interprets what crosses the C boundary without a network.
	if $(CARGO) +nightly miri --version >/dev/null 2>&1; then \
		MIRIFLAGS=-Zmiri-disable-isolation CARGO_TARGET_DIR=build/miri \
			$(CARGO) +nightly miri test --package conformance --test boundary; \
	else \
		echo "skipped: Miri not found; rustup toolchain install nightly --component miri rust-src"; \
	fi

# The sanitizer is a compiler option that a stable compiler refuses without RUSTC_BOOTSTRAP.
FUZZ := RUSTC_BOOTSTRAP=1 TMPDIR="$(CURDIR)/build/fuzz" PATH="$(CURDIR)/build/tools/bin:$$PATH" \
	$(CARGO) fuzz
FUZZ_RUNS ?= 200000

fuzz: setup build/tools/bin/cargo-fuzz ## Changes checkpoints and models under AddressSanitizer.
	for target in pickle layouts model; do \
		mkdir -p build/fuzz/corpus/$$target && \
		$(FUZZ) run --fuzz-dir tests/fuzz --target-dir build/fuzz $$target build/fuzz/corpus/$$target \
			-- -runs=$(FUZZ_RUNS) -rss_limit_mb=512 -timeout=5 -print_final_stats=1; \
	done

build/tools/bin/cargo-fuzz:
	CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off \
		$(CARGO) install --quiet --locked --root build/tools cargo-fuzz@0.13.2

# The ONNX Runtime with OpenVINO; only measuring and its tests need it.
build/openvino/ready: tools/setup-openvino
	tools/setup-openvino build/openvino "$(PYTHON)"
	touch $@

bench: build build/openvino/ready ## Measures what is ours alone, then whole runs against others.
	$(CARGO) bench --workspace
	tools/bench cpu

bench-gpu: build ## Measures whole runs on an NVIDIA GPU, with the ONNX Runtime that is found for it.
	tools/bench cuda

clean: ## Removes what was built.
	$(CARGO) clean
	rm -rf .venv build
