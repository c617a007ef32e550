# The two commands of the README are `make demo` and `make test`; `make help` lists the rest.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# One build configuration for everything: tests, demo and benchmarks run what users run (docs/architecture.md).
SWIFT_BUILD := swift build -c release
BIN := .build/release
# Programs in other languages that some tests compare with; `make reference` installs them.
REFERENCE := .cache/reference
# Set only where they are: a test takes the variable as a promise.
ifneq ($(wildcard $(REFERENCE)/bin/python),)
export TRIBUTARY_PYTHON ?= $(CURDIR)/$(REFERENCE)/bin/python
endif
# Log collectors that tests send events to; `make collectors` unpacks them.
COLLECTORS := .cache/collectors
ifneq ($(wildcard $(COLLECTORS)/stamp),)
export TRIBUTARY_COLLECTORS ?= $(CURDIR)/$(COLLECTORS)
endif

# The schema of compose files as Debian's docker-compose has it.
ifneq ($(wildcard $(REFERENCE)/compose_spec.json),)
export TRIBUTARY_COMPOSE_SCHEMA ?= $(CURDIR)/$(REFERENCE)/compose_spec.json
endif

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: packages
packages: ## Debian packages that the build needs (asks for root if it must)
	@scripts/packages

.PHONY: engine
engine: packages ## the training engine: libtorch out of the PyPI wheel, into .engine/ (about 190 MB, once)
	@scripts/engine

.PHONY: build
build: engine ## everything
	@echo "building (a first build takes a few minutes)"
	@$(SWIFT_BUILD)

PREFIX ?= /usr/local

.PHONY: install
install: ## what was built, with manual pages, completions, schemas, examples and docs: PREFIX=/usr/local DESTDIR= TRIBUTARY_ENGINE=no
	@test -x $(BIN)/tributary || { echo "nothing is built here: make build"; exit 1; }
	@scripts/install $(BIN) $(PREFIX) $(DESTDIR)

.PHONY: uninstall
uninstall: ## remove what `make install` put there
	@scripts/uninstall $(PREFIX) $(DESTDIR)

.PHONY: schemas
schemas: build ## write schemas/ again from what the readers know
	@for subject in topology ingest local-train encrypt aggregate publish; do \
		$(BIN)/tributary schema $$subject > schemas/$$subject.json; \
	done

.PHONY: tarball
tarball: engine ## tarballs for Debian 12 without Swift, in out/packages; BARE=yes runs them on a bare system (root, debootstrap)
	@scripts/tarball
	@$(if $(BARE),scripts/bare tarball)

.PHONY: deb
deb: engine ## Debian packages, in out/packages; BARE=yes installs and runs them on a bare system (root, debootstrap)
	@scripts/deb
	@$(if $(BARE),scripts/bare deb)

.PHONY: demo
demo: build ## the main job: three generated clouds fine-tune one model, encrypted, to a signed adapter
	@$(BIN)/tributary demo

.PHONY: real
real: build ## the same over real open data: make real DATA=DIR (docs/data.md tells how to get it)
	@test -n "$(DATA)" || { echo "make real DATA=DIR: DIR holds mimic3_demo and eicu_demo (docs/data.md)"; exit 4; }
	@$(BIN)/tributary demo --real "$(DATA)"
	@$(BIN)/tributary demo --real "$(DATA)" --regions

.PHONY: bench-wire
bench-wire: build ## bytes that a cloud sends and gets in an update round, by who opens sums (the demo's own lines)
	@mkdir -p out
	@for keys in publisher threshold; do \
		echo "keys: $$keys"; \
		$(BIN)/tributary demo --keys $$keys --out out/wire-$$keys --stays 300 --rounds 2 --no-compare > out/wire-$$keys.txt \
			|| exit $$?; \
		sed -n '/^On the wire/,/ in all/p' out/wire-$$keys.txt; \
	done

# One test after the other: those that compute would hold the threads that those that talk over sockets wait for.
.PHONY: test
test: engine ## all tests; TRIBUTARY_DATA=DIR adds those over real data, `make reference` those against PyTorch and PEFT
	@echo "building (a first build takes a few minutes)"
	@$(SWIFT_BUILD) --build-tests
	@set -o pipefail; swift test -c release --skip-build --no-parallel $(TESTFLAGS) 2>&1 | tee .build/test.log \
		|| { status=$$?; scripts/failures .build/test.log; exit $$status; }

.PHONY: long
long: packages ## what takes long: 10 million mutated inputs, vector arithmetic against GMP, 100,000 simulated schedules, 72 simulated hours, 1000 swaps, an hour of rounds, collectors away for a minute, hostile peers (docs/long-runs.md)
	@scripts/fuzz --inputs 10000000 --encryption
	@scripts/fuzz --inputs 10000000
	@TRIBUTARY_DIFFERENTIAL_SCALE=50 $(MAKE) --no-print-directory test TESTFLAGS='--filter LaneArithmeticTests'
	@TRIBUTARY_ARITHMETIC=portable $(MAKE) --no-print-directory test TESTFLAGS='--filter RunTests'
	@TRIBUTARY_SCHEDULES=100000 $(MAKE) --no-print-directory test TESTFLAGS='--filter SimulationTests'
	@TRIBUTARY_SIMULATED_HOURS=72 $(MAKE) --no-print-directory test TESTFLAGS='--filter DaysTests'
	@TRIBUTARY_SWAPS=1000 $(MAKE) --no-print-directory test TESTFLAGS='--filter ManySwapsTests'
	@TRIBUTARY_SOAK=3600 $(MAKE) --no-print-directory test TESTFLAGS='--filter SoakTests'
	@TRIBUTARY_AWAY=60 $(MAKE) --no-print-directory test TESTFLAGS='--filter AwayTests'
	@TRIBUTARY_MOVE_MEGABYTES=100 $(MAKE) --no-print-directory test TESTFLAGS='--filter LargeMoveTests'
	@$(MAKE) --no-print-directory hostile

.PHONY: links
links: build ## `tributary probe` on shaped links, held against iperf3 and ping; rounds with and without the planner (needs root, iperf3, iproute2, ping)
	@python3 Tests/Network/links.py $(LINKSFLAGS)
	@python3 Tests/Network/planner.py --steps 60 $(PLANNERFLAGS)

.PHONY: target
target: build ## time to a target AUROC by rate and delay of links, one cloud four times slower: plain, planned and buffered (needs root, iperf3, iproute2)
	@python3 Tests/Network/target.py $(TARGETFLAGS)

.PHONY: faults
faults: build ## simulated schedules (SCHEDULES=1000); kills, standstills, cuts, loss, slow links, full disks, a move of aggregate: real stages in network namespaces (needs root, iperf3, ping)
	@TRIBUTARY_SCHEDULES=$(or $(SCHEDULES),1000) $(MAKE) --no-print-directory test TESTFLAGS='--filter SimulationTests/schedules'
	@python3 Tests/Network/check.py
	@python3 Tests/Network/faults.py $(FAULTSFLAGS)
	@python3 Tests/Network/move.py $(MOVEFLAGS)

# pyzmq, msgpack and PyNaCl, which `make reference` installs.
HOSTILE_PYTHON := $(or $(TRIBUTARY_PYTHON),python3)

.PHONY: hostile
hostile: build ## hostile peers over real sockets: 10 million mutated frames, floods, connections by the thousand
	@$(HOSTILE_PYTHON) Tests/Network/hostile.py $(or $(HOSTILEFLAGS),--frames 10000000 --rounds 150)

.PHONY: fuzz
fuzz: packages ## the same for a chosen time: make fuzz SECONDS=600
	@scripts/fuzz --inputs 1000000000 --seconds $(or $(SECONDS),300)

.PHONY: reference
reference: ## PEFT, transformers, tokenizers and python-paillier for the tests that compare with them
	@scripts/reference $(REFERENCE)

.PHONY: collectors
collectors: ## rsyslog, syslog-ng and Prometheus, unpacked and not installed, for the tests that send events to them
	@scripts/collectors $(COLLECTORS)

.PHONY: screenshots
screenshots: build ## pictures of the page and of `tributary top` for docs/watching.md (chromium, chromium-driver, tmux, pngquant)
	@$(or $(TRIBUTARY_PYTHON),python3) scripts/screenshots $(BIN) docs/images

.PHONY: lint
lint: ## formatting, naming and documentation rules of .swift-format, each finding an error
	@swift format lint --strict --parallel --recursive Package.swift Sources Tests

.PHONY: format
format: ## rewrite the sources as the rules want them
	@swift format --in-place --parallel --recursive Package.swift Sources Tests

.PHONY: base-model
base-model: build ## train models/base again from its recipe
	@$(BIN)/tributary-lab base-model --out models/base

.PHONY: bench
bench: build ## speed, bytes and memory, as ratios to TenSEAL, python-paillier and PEFT where they are the peer
	@python3 bench/run.py $(BENCHFLAGS)

.PHONY: bench-encryption
bench-encryption: build ## encryption alone on one core, beside TenSEAL, python-paillier and ciphers; BENCHFLAGS=--all or --paper
	@python3 bench/encryption.py $(BENCHFLAGS)

.PHONY: bench-peers
bench-peers: build ## empty rounds in alternation with NVIDIA FLARE and Flower from PyPI
	@python3 bench/peers.py $(BENCHFLAGS)

.PHONY: bench-bytes
bench-bytes: build ## bytes that a cloud sends and gets until the model is as good as fp32 FedAvg of both factors makes it, over three seeds
	@python3 bench/bytes.py $(BENCHFLAGS)

.PHONY: bench-workers
bench-workers: build ## round times of a cloud of two workers, one of which becomes slow: records parted once, and by the speeds seen
	@python3 bench/workers.py $(BENCHFLAGS)

.PHONY: bench-modes
bench-modes: build ## AUROC by every way of weighing and stepping, over even and uneven clouds, a slow one and a lying one, three seeds (an hour)
	@python3 bench/modes.py $(BENCHFLAGS)

.PHONY: bench-privacy
bench-privacy: build ## AUROC under differential privacy by epsilon, three seeds (needs `make reference`)
	@$(REFERENCE)/bin/python bench/privacy.py $(BENCHFLAGS)

.PHONY: bench-quality
bench-quality: build ## AUROC of clouds alone, federation and pooled over three seeds, with intervals
	@$(BIN)/tributary-lab quality $(BENCHFLAGS)

.PHONY: clean
clean: ## remove what was built; keeps the engine
	@rm -rf .build out
