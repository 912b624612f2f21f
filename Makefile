# Every target does its own set-up on a Debian machine with Rust.

.PHONY: help setup rust simulators lint test bench

help:
	@echo "make test   set up, check the style, run every test (simulators included)"
	@echo "make lint   formatting and clippy, warnings are errors"
	@echo "make bench  speed, against the simulators"
	@echo "make setup  only install what is missing: Icarus Verilog, Verilator, Yosys, a C++ compiler"

setup: rust simulators

rust:
	@command -v cargo >/dev/null || \
	  { echo "goldpath needs Rust 1.95 or newer: https://rustup.rs" >&2; exit 2; }
	@{ cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1 || \
	  rustup component add rustfmt clippy || \
	  { echo "goldpath needs rustfmt and clippy: rustup component add rustfmt clippy" >&2; exit 2; }

# Verilator compiles what it writes: it needs make and a C++ compiler at run time.
simulators:
	@missing=""; \
	for pair in iverilog:iverilog verilator:verilator yosys:yosys c++:g++ make:make; do \
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

lint: rust
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings

test: setup lint
	cargo test --locked --no-fail-fast

bench: setup
	cargo bench --locked --benches
