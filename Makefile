# The two commands: `make run` and `make test`. The others are their parts, and what takes hours.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

WEB := client-demo
DYNAMODB_LOCAL := target/dynamodb-local
PYTHON := target/python
AWS := infra/aws
AWS_PYTHON := target/aws-python
IMAGE_PYTHON := target/image-python
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome || true)

# The version of cargo-deny that the pinned Rust builds.
CARGO_DENY := 0.20.2

SEEDS ?= 100000
MODE ?=
SCENARIOS ?=
FIRST ?= 1000000
FUZZ_SECONDS ?= 600
OLD ?=
TO ?= type=oci,dest=target/collabcanvas-image.tar
PREBUILT ?=

.PHONY: help run test fmt lint doc web unit integration browser storm sim roll fuzz hostile measure dynamodb-local deny audit deny-there rust-there node-there chromium-there redis-there postgres-there python-there rules rules-there aws image images image-check compose-test compose-there

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: web ## Set everything up and start a node with the demo page; prints the address to open
	@echo "Building the server (the first time takes a few minutes) …"
	@cargo build --release
	@exec target/release/collabcanvas serve

test: lint deny unit doc web integration aws image-check browser ## Install what the tests need, then run all of them
	@echo "All tests passed."

fmt: rust-there ## Format the Rust code
	cargo fmt --all

lint: rust-there ## Format check, house rules, clippy with warnings denied
	cargo fmt --all --check
	cargo test --quiet --test tidy
	cargo clippy --quiet --workspace --all-targets -- -D warnings

doc: rust-there ## Build the documentation, warnings denied
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --workspace --no-deps --document-private-items

unit: rust-there dynamodb-local redis-there postgres-there ## The Rust tests of single modules, some of them on a real Redis or Postgres
	cargo test --quiet --workspace --lib --bins
	cargo test --quiet --test golden

web: node-there $(WEB)/node_modules/.installed ## Build the SDK and the demo page
	@cd $(WEB) && npm run --silent build

$(WEB)/node_modules/.installed: $(WEB)/package-lock.json
	@echo "Installing the web packages …"
	@cd $(WEB) && npm ci --no-audit --no-fund --loglevel=error || { echo "The web packages cannot be installed: npm needs a network, or a registry that it can reach." >&2; exit 1; }
	@touch $@

integration: web rust-there redis-there postgres-there rules-there $(PYTHON)/.installed ## Whole-program tests: killed servers, several nodes on Redis, bad input, convergence with the SDK
	cd $(WEB) && npm run --silent typecheck && npm run --silent test
	cargo test --quiet --workspace --test '*'
	cd $(WEB)/sdk && COLLAB_SERVER="$(CURDIR)/target/debug/collabcanvas" COLLAB_PYTHON="$(CURDIR)/$(PYTHON)/bin/python" npm run --silent test:live

rules: rust-there rules-there ## Alerts, board and runbook: each metric exists, each alert has its tests and its entry
	cargo test --quiet --test observability

$(PYTHON)/.installed: $(WEB)/examples/python/requirements.txt | python-there
	@echo "Setting up Python for the test of its client …"
	@rm -rf $(PYTHON) && mkdir -p target && python3 -m venv $(PYTHON)
	@$(PYTHON)/bin/pip install --quiet --disable-pip-version-check -r $< || { echo "The Python packages cannot be installed: pip needs a network, or a package index that it can reach." >&2; exit 1; }
	@touch $@

aws: node-there $(AWS)/node_modules/.installed $(AWS_PYTHON)/.installed ## The stacks for AWS: types, assertions, cdk-nag, templates, cfn-lint, and a deployment to moto
	cd $(AWS) && npm run --silent check
	$(AWS_PYTHON)/bin/cfn-lint --non-zero-exit-code warning $(AWS)/cdk.out/*.template.json
	$(AWS_PYTHON)/bin/python -m unittest discover -s $(AWS)/deploy-test

$(AWS)/node_modules/.installed: $(AWS)/package-lock.json
	@echo "Installing the packages of the stacks for AWS …"
	@cd $(AWS) && npm ci --no-audit --no-fund --loglevel=error || { echo "The packages of infra/aws cannot be installed: npm needs a network, or a registry that it can reach." >&2; exit 1; }
	@touch $@

$(AWS_PYTHON)/.installed: $(AWS)/deploy-test/requirements.txt | python-there
	@echo "Setting up Python for the deployment to moto …"
	@rm -rf $(AWS_PYTHON) && mkdir -p target && python3 -m venv $(AWS_PYTHON)
	@$(AWS_PYTHON)/bin/pip install --quiet --disable-pip-version-check -r $< || { echo "The Python packages cannot be installed: pip needs a network, or a package index that it can reach." >&2; exit 1; }
	@touch $@

# A build with a list of its parts (SBOM) and a record of how it was made cannot go into Docker's own store of images, and so is another target.
BUILD_IMAGE = SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) docker buildx build --file infra/Dockerfile --build-arg COLLAB_REVISION=$$(git rev-parse --short=12 HEAD)

image: ## Build the container image collabcanvas:dev for this machine, which docker-compose.yml runs
	$(BUILD_IMAGE) --tag collabcanvas:dev --load .

images: ## The image for x86-64 and ARM with its SBOM: make images [TO=type=image,name=REGISTRY/collabcanvas:0.1.0,push=true]; needs a builder made by `docker buildx create --use`
	@mkdir -p target
	$(BUILD_IMAGE) --platform linux/amd64,linux/arm64 --sbom=true --provenance=mode=max --output $(TO),rewrite-timestamp=true .

image-check: redis-there $(IMAGE_PYTHON)/.installed ## Dockerfile, docker-compose.yml and the balancer's configuration, without Docker: hadolint, haproxy -c, and that they fit each other
	$(IMAGE_PYTHON)/bin/hadolint --failure-threshold style infra/Dockerfile
	$(IMAGE_PYTHON)/bin/python -m unittest discover -s infra/compose-check

$(IMAGE_PYTHON)/.installed: infra/compose-check/requirements.txt | python-there
	@echo "Setting up Python for the check of the image …"
	@rm -rf $(IMAGE_PYTHON) && mkdir -p target && python3 -m venv $(IMAGE_PYTHON)
	@$(IMAGE_PYTHON)/bin/pip install --quiet --disable-pip-version-check -r $< || { echo "The Python packages cannot be installed: pip needs a network, or a package index that it can reach." >&2; exit 1; }
	@touch $@

compose-test: ## The cluster of docker-compose.yml, for real: two tabs on two nodes, one of which is killed, and Prometheus and Grafana; PREBUILT=1 takes the image that is there
	@if ! docker compose version >/dev/null 2>&1; then \
	  echo "SKIPPED: docker-compose.yml is not tried: that needs Docker with its plugin compose." >&2; \
	elif ! docker info >/dev/null 2>&1; then \
	  echo "SKIPPED: docker-compose.yml is not tried: no Docker engine answers." >&2; \
	else \
	  $(MAKE) --no-print-directory compose-there; \
	fi

compose-there: $(if $(PREBUILT),,image) node-there $(WEB)/node_modules/.installed chromium-there
	cd $(WEB)/app && CHROMIUM="$(CHROMIUM)" npm run --silent e2e:compose

browser: web chromium-there redis-there ## The demo in a real Chromium
	cargo build --quiet
	cd $(WEB)/app && CHROMIUM="$(CHROMIUM)" COLLAB_BIN="$(CURDIR)/target/debug/collabcanvas" npm run --silent e2e

sim: rust-there ## The simulated world for as long as one likes: make sim SEEDS=100000 [MODE=pair] [FIRST=1000000]
	SIM_SEEDS=$(SEEDS) SIM_FIRST=$(FIRST) $(if $(MODE),SIM_MODE=$(MODE)) cargo test --release --lib sim::tests::long -- --ignored --nocapture

# What libFuzzer finds goes beside the committed corpus, which stays as it is; `-merge=1` with the two directories in the other order adds to it what reaches
# anything new.
fuzz: rust-there ## Every decoder and the conflict rule under libFuzzer, each target for FUZZ_SECONDS (600); needs nightly Rust and cargo-fuzz
	@cargo +nightly fuzz --version >/dev/null 2>&1 || { echo "Fuzzing needs a nightly Rust and cargo-fuzz: run 'rustup toolchain install nightly' and 'cargo install --locked cargo-fuzz', and try again." >&2; exit 1; }
	@for target in $$(cargo +nightly fuzz list); do \
	  echo "$$target for $(FUZZ_SECONDS) s …"; \
	  mkdir -p fuzz/target/corpus/$$target; \
	  cargo +nightly fuzz run $$target fuzz/target/corpus/$$target fuzz/corpus/$$target -- \
	    -max_total_time=$(FUZZ_SECONDS) -max_len=65536 -timeout=20 -rss_limit_mb=1024 -malloc_limit_mb=128 -print_final_stats=1; \
	done

dynamodb-local: ## Fetch Amazon's stand-in for DynamoDB, on which the durable store is tested as well
	@if [ ! -e $(DYNAMODB_LOCAL)/complete ]; then \
	  missing=""; \
	  command -v java >/dev/null || missing="$$missing openjdk-17-jre-headless"; \
	  command -v mvn >/dev/null || missing="$$missing maven"; \
	  if [ -n "$$missing" ] && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    echo "Installing$$missing for the tests on DynamoDB Local …"; \
	    { apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing >/dev/null; } || true; \
	  fi; \
	  if command -v java >/dev/null && command -v mvn >/dev/null; then \
	    echo "Fetching DynamoDB Local (the first time takes a minute) …"; \
	    mvn -q -B -f tests/dynamodb/local/pom.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/$(DYNAMODB_LOCAL) >/dev/null \
	      && touch $(DYNAMODB_LOCAL)/complete \
	      || echo "SKIPPED: DynamoDB Local cannot be fetched; the durable store is tested on the other stand-in only." >&2; \
	  else \
	    echo "SKIPPED: DynamoDB Local needs Java 17 and Maven (Debian: apt-get install openjdk-17-jre-headless maven); the durable store is tested on the other stand-in only." >&2; \
	  fi; \
	fi

storm: web rust-there redis-there ## Nodes, Redis and the durable store fail again and again while clients edit: for STORM_SECONDS (3600), seeds STORM_SEEDS (1..100), continued where it stopped
	cargo test --release --test storm a_long_storm -- --ignored --nocapture

roll: web rust-there redis-there ## Nodes of an older version are replaced by this one, one after another, while people edit: make roll OLD=<tag or commit>
	@[ -n "$(OLD)" ] || { echo "Say which version is to be replaced: make roll OLD=<tag or commit>" >&2; exit 1; }
	rm -rf target/old && git clone --quiet . target/old && git -C target/old checkout --quiet "$(OLD)"
	$(MAKE) -C target/old web && cd target/old && cargo build --quiet --release --bin collabcanvas
	STORM_OLD="$(CURDIR)/target/old/target/release/collabcanvas" cargo test --release --test storm a_rolling_restart -- --nocapture

hostile: rust-there ## Attackers of all kinds while a hundred honest people work: what these notice of it
	cargo test --release --test hostile --no-run
	taskset -c 1 cargo test --release --test hostile honest_people -- --ignored --nocapture

measure: rust-there redis-there postgres-there ## Measure a node and a cluster beside a relay that keeps nothing: make measure SCENARIOS="hot-room many-rooms"; takes hours without
	cargo build --quiet --release --workspace --bins
	target/release/loadtest run $(SCENARIOS)

deny: rust-there deny-there ## Licences, bans and sources of all dependencies
	cargo deny check bans licenses sources

audit: rust-there node-there deny-there ## Known vulnerabilities of all dependencies; fails, and says so, when a database cannot be reached
	@unknown=""; \
	cargo deny fetch db || unknown="$$unknown, the advisories of Rust crates"; \
	[ -n "$$unknown" ] || cargo deny check --disable-fetch advisories; \
	( cd $(WEB) && npm audit --audit-level=moderate > ../target/npm-audit.txt 2>&1 ) || { \
	  cat target/npm-audit.txt; \
	  ! grep -q "vulnerabilit" target/npm-audit.txt || exit 1; \
	  unknown="$$unknown, the advisories of npm packages"; \
	}; \
	if [ -n "$$unknown" ]; then echo "NOT CHECKED, because the database cannot be reached:$${unknown#,}." >&2; exit 2; fi; \
	echo "No known vulnerability."

deny-there: rust-there
	@cargo deny --version >/dev/null 2>&1 || { \
	  echo "Installing cargo-deny (takes a minute or two) …"; \
	  CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug cargo-deny@$(CARGO_DENY) || { echo "cargo-deny cannot be installed: cargo needs a network." >&2; exit 1; }; \
	}

rust-there:
	@command -v cargo >/dev/null || { echo "Rust is missing: install it from https://rustup.rs and try again." >&2; exit 1; }

node-there: rust-there
	@command -v npm >/dev/null || { echo "Node is missing: install Node 20 or newer from https://nodejs.org and try again." >&2; exit 1; }
	@node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' || { echo "Node is too old: version 20 or newer is needed, this is $$(node --version)." >&2; exit 1; }

chromium-there:
	@if [ -z "$(CHROMIUM)" ]; then \
	  if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    echo "Installing Chromium for the browser tests …"; \
	    { apt-get update -qq && apt-get install -y -qq chromium fonts-noto-core >/dev/null; } || { echo "Chromium cannot be installed: apt-get failed." >&2; exit 1; }; \
	  else \
	    echo "Chromium is missing: install it (Debian: apt-get install chromium), or set CHROMIUM to its path, and try again." >&2; exit 1; \
	  fi; \
	fi

rules-there:
	@if ! command -v promtool >/dev/null; then \
	  if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    echo "Installing promtool for the tests of rules and board …"; \
	    { apt-get update -qq && apt-get install -y -qq --no-install-recommends prometheus >/dev/null; } || { echo "promtool cannot be installed: apt-get failed." >&2; exit 1; }; \
	    if command -v systemctl >/dev/null; then systemctl disable --quiet --now prometheus 2>/dev/null || true; fi; \
	  else \
	    echo "The tests of rules and board need promtool: install it (Debian: apt-get install prometheus) and try again." >&2; exit 1; \
	  fi; \
	fi

redis-there:
	@missing=""; \
	for program in redis-server haproxy openssl; do \
	  PATH="$$PATH:/usr/sbin:/usr/local/sbin" command -v $$program >/dev/null || missing="$$missing $$program"; \
	done; \
	if [ -n "$$missing" ]; then \
	  if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    echo "Installing$$missing for the tests of several nodes …"; \
	    { apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing >/dev/null; } || { echo "These cannot be installed:$$missing; apt-get failed." >&2; exit 1; }; \
	  else \
	    echo "The tests of several nodes need these:$$missing. Install them (Debian: apt-get install$$missing) and try again." >&2; exit 1; \
	  fi; \
	fi

postgres-there:
	@if ! command -v initdb >/dev/null && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then \
	  if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    echo "Installing Postgres for the tests of the durable store …"; \
	    { apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql >/dev/null; } || { echo "Postgres cannot be installed: apt-get failed." >&2; exit 1; }; \
	  else \
	    echo "The tests of the durable store need Postgres: install it (Debian: apt-get install postgresql) and try again." >&2; exit 1; \
	  fi; \
	fi

# On Debian, `python3 -m venv` is there but does not work without the package python3-venv, which brings `ensurepip`.
python-there:
	@if ! python3 -c "import venv, ensurepip" 2>/dev/null; then \
	  if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    echo "Installing Python for the test of its client …"; \
	    { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 python3-venv >/dev/null; } || { echo "Python cannot be installed: apt-get failed." >&2; exit 1; }; \
	  else \
	    echo "The test of the Python client needs Python 3 with venv: install them (Debian: apt-get install python3 python3-venv) and try again." >&2; exit 1; \
	  fi; \
	fi
