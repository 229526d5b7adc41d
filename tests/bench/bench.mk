# Benchmarks (doc/performance.md).

build/tests/bench/%: build/obj/tests/bench/%.o
	@mkdir -p $(@D); echo "LD  $@"
	$(Q)$(CC) $(LDHARDEN) $^ $(BENCH_LIBS) -o $@
build/tests/bench/neighbours: $(call OBJECTS,obj,$(HARNESS))
build/tests/bench/neighbours: BENCH_LIBS := -lcmocka
build/obj/tests/bench/neighbours.o: | build/.packages-check
build/tests/bench/nodelay.so: tests/bench/nodelay.c
	@mkdir -p $(@D); echo "LD  $@"
	$(Q)$(CC) -O2 -shared -fPIC $< -o $@
build/newer-peers: tests/bench/newer-peers | build/.packages-container
	@rm -rf $@ $@.new; mkdir -p $@.new; tests/bench/newer-peers $@.new; mv $@.new $@; touch $@
build/tests/bench/load: build/obj/tests/bench/costs.o
.PRECIOUS: build/tests/bench/%

# A comparison with other chat servers. QUICK=1 runs a few short rounds of the main part. The results are in
# build/bench.
BENCH := tests/bench/bench $(if $(QUICK),--quick)
BENCH_NEEDS := all build/tests/bench/load build/tests/bench/limit build/tests/bench/limit-sessions build/tests/bench/greeting build/peers build/nats \
		build/openbsd-inetd \
		build/.packages-check build/.packages-bench

.PHONY: bench bench-check bench-soak bench-counts bench-crowd bench-lines bench-peers bench-sweep bench-scale bench-cliff bench-hosts bench-neighbours bench-rooms bench-units bench-start bench-memory bench-init bench-recovery
bench: ## beside other chat servers: tables, and plots in build/bench; QUICK=1 takes three minutes
bench: $(BENCH_NEEDS)
	@BIN=$(BIN) $(BENCH)
bench-check: ## the same; fails if the chat misses a required ratio
bench-check: $(BENCH_NEEDS)
	@BIN=$(BIN) $(BENCH) --check
bench-crowd: ## time until 2000 people who connect at once are greeted, beside a cat
bench-lines: ## what the ratios depend on: length of lines, lines for each call, number of senders
bench-peers: ## the newest servers of Debian, and without Nagle's algorithm
bench-peers: build/newer-peers build/tests/bench/nodelay.so
bench-sweep: ## an open loop: latencies at each rate
bench-counts: ## system calls, context switches and wake-ups of a line, beside the baselines
bench-counts: $(BENCH_NEEDS)
	@BIN=$(BIN) tests/system/in-systemd tests/bench/counts
bench-soak: ## an hour with people who come and go (MINUTES=N: shorter): memory, descriptors and latency
bench-scale: ## thousands of sessions
bench-cliff: ## situations that could make a line expensive
bench-hosts: ## several hosts
bench-crowd bench-lines bench-peers bench-sweep bench-scale bench-cliff bench-hosts bench-soak: bench-%: $(BENCH_NEEDS)
	@BIN=$(BIN) $(if $(MINUTES),MINUTES=$(MINUTES)) $(BENCH) $*
bench-neighbours: ## costs of a bad client for the others
bench-neighbours: all build/tests/bench/neighbours
	@build/tests/bench/neighbours
bench-rooms: ## costs of rooms
bench-rooms: all build/tests/bench/load build/.packages-check
	@BIN=$(BIN) tests/bench/rooms
	@BIN=$(BIN) tests/system/in-systemd tests/bench/arrivals $(or $(ROUNDS),3)
# ROUNDS=1000 measures longer.
bench-units: ## costs and benefits of the directives of chat@.service
bench-units: build/tests/bench/greeting all build/.packages-check
	@BIN=$(BIN) tests/system/in-systemd tests/bench/units $(or $(ROUNDS),300)
bench-start: ## time that a session takes to start, beside a cat
bench-start: build/tests/bench/greeting all build/.packages-check build/openbsd-inetd
	@BIN=$(BIN) tests/system/in-systemd tests/bench/start $(or $(ROUNDS),300)
bench-memory: ## memory of a session, and of chatd for each session
bench-memory: all build/.packages-check
	@BIN=$(BIN) tests/system/in-systemd tests/bench/memory
bench-init: ## CPU time of systemd for a connection, beside a cat, with up to 2000 connections
bench-init: all build/tests/bench/load build/.packages-check
	@BIN=$(BIN) tests/system/in-systemd tests/bench/init $(or $(ROUNDS),3)
bench-recovery: ## delay of a line that is said when chatd is killed
bench-recovery: all build/.packages-check build/.packages-bench
	@BIN=$(BIN) tests/system/in-systemd tests/bench/recovery $(or $(ROUNDS),10)
