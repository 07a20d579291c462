# Every recipe is one line: what it does stands in scripts/.
.DEFAULT_GOAL := help
.PHONY: help setup build demo test lint doc audit fuzz heal-bench bench-matching bench-mutate bench-hostagent bench-search bench-event-log bench clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install or find what the build and the demonstration need
	@scripts/setup

build: setup ## Build the optimized binary, target/release/paramedic
	cargo build --locked --release -p paramedic

demo: setup ## See a real Spark job fail and be healed
	@scripts/demo

test: ## Everything that CI checks: lints, unit, integration and end-to-end tests on real Spark
	@scripts/setup --tests
	@scripts/check lint test

lint: ## Format, clippy, licences, unused dependencies, documentation, shell
	@scripts/setup --tests
	@scripts/check lint

doc: setup ## Build the documentation of the crates
	cargo doc --locked --workspace --no-deps --open

audit: ## Ask the RustSec database about the dependencies (needs GitHub)
	@scripts/setup --tests
	@scripts/check audit

fuzz: ## Feed any bytes to a reader of the outside world until it fails: TARGET=rule_file ARGS=-max_total_time=60
	@scripts/setup --fuzz
	@scripts/fuzz $(TARGET) $(ARGS)

heal-bench: build ## Measure how well real failing Spark jobs are healed: JOBS=manifest.json, ARGS=--help
	@scripts/spark-env python3 benches/heal/heal_bench.py --paramedic target/release/paramedic $(if $(JOBS),--manifest $(JOBS)) $(ARGS)

bench-matching: ## Match 500 rules over 200 MB of log, beside RegexSet, aho-corasick and Hyperscan: ARGS=--help
	@scripts/setup --benches
	cargo bench --locked -p paramedic-rules --bench matching --features bench-hyperscan -- $(ARGS)

bench-mutate: ## Requests a second and CPU of mutate beside a bare axum handler: ARGS=--help
	@scripts/setup --benches
	cargo build --locked --release -p paramedic-configsvc --bin paramedic-configsvc --example bare_mutate
	python3 benches/mutate/mutate_bench.py $(ARGS)

bench-hostagent: setup ## What the host agent costs, beside bpftrace and psutil where they are there; as root
	cargo bench --locked -p paramedic-runqueue --bench ping_pong
	cargo build --locked --release -p paramedic --no-default-features --features bpf --target-dir target/hostagent
	python3 benches/hostagent/agent_bench.py idle
	python3 benches/hostagent/agent_bench.py walk

bench-search: setup ## Measure the search's regret and time, beside a dense search, Optuna and Ax: ARGS=--help
	cargo build --locked --release -p paramedic-recommender --example search_oracle
	cargo build --locked --release --manifest-path benches/search/crates/Cargo.toml --target-dir target/search-crates
	@scripts/search-env benches/search/search_bench.py --oracle target/release/examples/search_oracle models/base-1 --crates target/search-crates/release/search-crates $(ARGS)

bench-event-log: setup ## Measure how fast an event log is read, beside serde_json and Python: ARGS=FILE
	cargo bench --locked -p paramedic-spark --bench event_log -- $(ARGS)

bench: setup ## Run the criterion benchmarks
	cargo bench --locked --workspace --benches

clean: ## Remove what was built (the cache of `make setup` stays)
	cargo clean
