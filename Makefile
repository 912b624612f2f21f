# Every target does its own set-up on a Debian machine with Rust.

.PHONY: help demo setup rust simulators ccache lint test bench live

help:
	@echo "make demo   a convolution of a trained network, clock by clock, checked by two RTL simulators"
	@echo "make test   set up, check the style, run every test (simulators included)"
	@echo "make lint   formatting and clippy, warnings are errors"
	@echo "make bench  speed, against the simulators, ONNX Runtime and NumPy"
	@echo "make live   real networks from PyPI, every integer tensor compared with ONNX Runtime"
	@echo "make setup  only install what is missing: Icarus Verilog, Verilator, Yosys, Chromium, a C++ compiler"

setup: rust simulators

rust:
	@command -v cargo >/dev/null || \
	  { echo "goldpath needs Rust 1.95 or newer: https://rustup.rs" >&2; exit 2; }
	@{ cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1 || \
	  rustup component add rustfmt clippy || \
	  { echo "goldpath needs rustfmt and clippy: rustup component add rustfmt clippy" >&2; exit 2; }

# Verilator compiles what it writes: it needs make and a C++ compiler at run time. Chromium lays out the reports that
# are tested.
simulators:
	@missing=""; \
	for pair in iverilog:iverilog verilator:verilator yosys:yosys chromium:chromium c++:g++ make:make; do \
	  command -v "$${pair%%:*}" >/dev/null || missing="$$missing $${pair##*:}"; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	command -v apt-get >/dev/null || \
	  { echo "please install, with this system's package manager:$$missing" >&2; exit 2; }; \
	as_root=""; \
	if [ "$$(id -u)" -ne 0 ]; then \
	  command -v sudo >/dev/null || \
	    { echo "please install, as root: apt-get install$$missing" >&2; exit 2; }; \
	  as_root="sudo"; \
	fi; \
	echo "installing$$missing"; \
	$$as_root apt-get update -q && \
	$$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $$missing

# The golden path: a trained INT8 network's convolution through two arrays, ten images, every register of every
# cycle compared in both simulators.
demo_designs = os16x16_s8_acc16sat os8x8_s8_acc32
goldpath = target/release/goldpath

demo: setup
	cargo build --release --locked --bin goldpath
	@set -e; for design in $(demo_designs); do \
	  echo; rm -rf target/demo/$$design; mkdir -p target/demo; \
	  $(goldpath) vectors hw_models/$$design --model tests/models/cnn_s8_qoperator.onnx \
	    --layer conv2_quant --input tests/models/cnn_inputs.npy --images 0..10 --out target/demo/$$design; \
	  $(goldpath) cosim target/demo/$$design --simulator all; \
	  rm -rf target/demo/$$design-directed; \
	  $(goldpath) vectors hw_models/$$design --case directed --out target/demo/$$design-directed; \
	  $(goldpath) cosim target/demo/$$design-directed --simulator all; \
	  $(goldpath) strength target/demo/$$design target/demo/$$design-directed; \
	done

lint: rust
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings
	cargo check --lib --no-default-features --locked

# Verilator's run-time library is a part of every simulation that it builds: ccache compiles it once for all tests. Where it
# cannot be had, they take longer.
ccache: simulators
	@command -v ccache >/dev/null || { [ "$$(id -u)" -eq 0 ] && command -v apt-get >/dev/null && \
	  { timeout 60 env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends ccache || \
	    { timeout 60 apt-get update -q && timeout 60 env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends ccache; }; }; } || \
	  echo "without ccache, tests take longer" >&2

test: setup lint ccache
	@! command -v ccache >/dev/null || export OBJCACHE=ccache CCACHE_DIR="$(CURDIR)/target/ccache"; \
	cargo test --locked --no-fail-fast

# ONNX Runtime and NumPy in an environment of their own; without them the benchmark says so and leaves them out.
bench_python = target/bench-python
bench_stamp = $(bench_python)/made

$(bench_stamp): tests/bench/requirements.txt
	@{ python3 -m venv $(bench_python) && \
	  $(bench_python)/bin/python -m pip install --quiet --requirement $< && touch $@; } || \
	  echo "no Python environment with $<: its peers are left out" >&2

bench: setup $(bench_stamp)
	cargo bench --locked --bench speed
	BENCH_PYTHON="$(CURDIR)/$(bench_python)/bin/python" cargo bench --locked --bench gemm
	@[ ! -e $(bench_stamp) ] || { cargo build --release --locked --bin goldpath && \
	  $(bench_python)/bin/python tests/bench/infer.py $(goldpath); }

# Real networks, fetched from PyPI into a folder outside this one. What cannot be had is skipped by name.
live_cache ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/goldpath-live
live_python = $(live_cache)/python
live_stamp = $(live_python)/made

$(live_stamp): tests/live/requirements.txt
	@{ mkdir -p $(live_cache) && python3 -m venv $(live_python) && \
	  $(live_python)/bin/python -m pip install --quiet --requirement $< && touch $@; } || \
	  echo "no Python environment with $<: the live test will say what is missing" >&2

live: setup $(live_stamp)
	GOLDPATH_LIVE_CACHE="$(live_cache)" GOLDPATH_LIVE_PYTHON="$(live_python)/bin/python" \
	  cargo test --release --locked --test live -- --ignored --nocapture
