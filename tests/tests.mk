# Tests (doc/testing.md).

# ---- the programs ---------------------------------------------------------------------------------------------------
# The files that connect chat-link to NATS, and the test hosts that use them
NETWORK   := tests/system/network-hosts.c \
		$(addprefix chat-link/,connection.c gap.c inbound.c network.c reader.c report.c resend.c stream.c twin.c)
UNIT      := $(patsubst tests/unit/test-%.c,%,$(wildcard tests/unit/test-*.c))
SYSTEM    := $(patsubst tests/system/test-%.c,%,$(wildcard tests/system/test-*.c))
FUZZ      := $(patsubst tests/fuzz/fuzz-%.c,%,$(wildcard tests/fuzz/fuzz-*.c))
# Libraries that are preloaded into tested programs.
PRELOADED := build/tests/valgrind-pidfd.so build/tests/clock.so build/tests/late-libc.so build/tests/under-qemu.so
# The people of the tests that kill chatd, and the killing
KILLING   := tests/system/roles.c tests/system/killing.c
HARNESS   := $(filter-out tests/system/test-%.c $(NETWORK) $(KILLING),$(wildcard tests/system/*.c))
# Tests without sanitizers: valgrind excludes them, packages have none, thousands of sessions have no memory for them,
# and nspawn tests the units.
SANITIZED := $(filter-out valgrind package full nspawn,$(SYSTEM))
# Tests that kill chatd in front of each of its system calls.
KILLPOINTS := $(filter killpoints-%,$(SYSTEM))
NETWORKED  := $(filter network-%,$(SYSTEM))
# Tests that need a systemd as PID 1. tests/system/in-systemd boots one for them.
BOOTED    := units settings telnet crowd full crash outage hijack flood package upgrade access ircs irc-suite bots web proxies web-proxies chatctl monitoring
# Tests that need three systems. They run outside of these, and tests/system/in-hosts boots the hosts.
HOSTED    := hosts
# Tests beside containers with a systemd. tests/system/in-containers boots the containers.
CONTAINED := nspawn

# ---- checks ---------------------------------------------------------------------------------------------------------
# Sanitized on request only, because they take minutes.
ON_REQUEST    := $(HOSTED) $(NETWORKED)
CHECKS        := $(SYSTEM:%=check-system/%) $(filter-out $(ON_REQUEST:%=check-sanitized/%),$(SANITIZED:%=check-sanitized/%))
CHECKS_BOOTED := $(filter $(addprefix %/,$(BOOTED) $(HOSTED) $(CONTAINED)),$(CHECKS))

# Tests that take minutes, or download much. Only check-all runs them, together with sanitized tests. The longest come
# first.
LONG          := $(KILLPOINTS) $(NETWORKED) flood hosts package full upgrade proxies web-proxies monitoring container nspawn page
CHECKS_SHORT  := $(filter-out $(LONG:%=check-system/%),$(SYSTEM:%=check-system/%)) $(UNIT:%=check-unit/%)
CHECKS_LONG   := $(LONG:%=check-system/%) $(filter check-sanitized/%,$(CHECKS))

# The sanitized chatd does the same as the other, four times as slowly, so a sample of the kill points is enough.
sample   = $(if $(filter $(KILLPOINTS:%=sanitized/%),$(1)),EVERY=$(or $(EVERY),8) ROUNDS=$(or $(ROUNDS),40))
# $(call command,KIND/NAME) is the command that runs that program of tests.
run_in   = $(if $(filter $(1),$(BOOTED)),tests/system/in-systemd) $(if $(filter $(1),$(HOSTED)),tests/system/in-hosts) \
		$(if $(filter $(1),$(CONTAINED)),tests/system/in-containers)
command  = $(if $(filter unit/%,$(1)),$(strip $(EMULATOR) build/asan/tests/unit/test-$(notdir $(1))),$(strip $(sample) \
		BIN=$(if $(filter system/%,$(1)),$(BIN),build/sanitized) \
		$(call run_in,$(notdir $(1))) build/tests/system/test-$(notdir $(1))))
# $(call run,CHECKS) runs all CHECKS: tests that boot systems three at a time, the others beside them. It runs two jobs
# more than there are cores, because many tests mostly wait. With exec, a signal that ends make also ends the tests, and
# not only a shell.
programs = $(foreach c,$(patsubst check-%,%,$(1)),'$(c)=$(call command,$(c))')
run      = exec tests/run --jobs $$(($(CORES) + 2)) --booted $(call programs,$(filter $(CHECKS_BOOTED),$(1))) \
		--beside $(call programs,$(filter-out $(CHECKS_BOOTED),$(1)))
# A make without a number of jobs uses all cores.
CORES    := $(shell nproc)
PARALLEL  = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(CORES))
# With BUILD_ONLY=1, a check only builds the files that it needs, and runs no test.
run_one  = @$(if $(BUILD_ONLY),:,echo "$(1): $(notdir $@)"; $(call command,$(@:check-%=%)))

.PHONY: check check-all check-long
check: ## unit tests, and the system tests of what the chat promises
check:
	+@$(PARALLEL) BUILD_ONLY=1 $(CHECKS_SHORT)
	$(if $(BUILD_ONLY),,@$(call run,$(CHECKS_SHORT)))
check-all: ## the same, then floods, hosts, kill points, packages, and sanitized system tests
check-all: check
	+@$(MAKE) --no-print-directory check-long
check-long: ## what check-all adds to check
check-long:
	+@$(PARALLEL) BUILD_ONLY=1 $(CHECKS_LONG)
	$(if $(BUILD_ONLY),,@$(call run,$(CHECKS_LONG)))

# All unit tests. EMULATOR, if given, runs programs of another architecture.
.PHONY: check-units
check-units: ## all unit tests; check-unit/telnet and check-system/chat are one program
check-units:
	+@$(PARALLEL) BUILD_ONLY=1 $(UNIT:%=check-unit/%)
	@$(call run,$(UNIT:%=check-unit/%))

# ---- programs of tests ----------------------------------------------------------------------------------------------
# A test takes the objects that it needs from an archive, but not those that it replaces, as test-link replaces the
# network. The functions of sockets are those of libc, also on i386, because some tests replace one or two of them.
build/asan/modules.a: $(call OBJECTS,asan,$(CHATD) $(filter-out %/socketcall.c,$(SESSION)) $(LINK) $(CTL) $(IRC))
	@echo "AR  $@"; rm -f $@
	$(Q)$(AR) qcs $@ $^
# This test visits millions of states. Its code runs with the sanitizers in other tests.
build/asan/tests/unit/test-outlet-model.o: SANITIZE := -O2
build/asan/tests/unit/test-%: build/asan/tests/unit/test-%.o build/asan/modules.a
	@echo "LD  $@"
	$(Q)$(CC) $(SANITIZE) $(LDFLAGS) $^ -lcmocka -lnats $(LIBS_chatd) $(LIBS_chat-session) -o $@
# chat-web has files with the names of others, which are not in the archive.
WEB_UNIT := $(addprefix build/asan/tests/unit/test-,browser-kind json-kind json-lent post)
$(WEB_UNIT): $(call OBJECTS,asan,$(filter-out $(CHATD),$(WEB)))
$(WEB_UNIT): LIBS_chat-session = build/asan/modules.a $(LIBS_utf8proc) $(LIBS_chat-web)
build/tests/system/test-%: build/obj/tests/system/test-%.o $(call OBJECTS,obj,$(HARNESS)) | build/.packages-check
	@mkdir -p $(@D); echo "LD  $@"
	$(Q)$(CC) $(LDHARDEN) $(CFLAGS) $(LDFLAGS) $^ -lcmocka $(TEST_LIBS) -o $@
$(call OBJECTS,obj,$(HARNESS) $(KILLING) $(NETWORK) $(SYSTEM:%=tests/system/test-%.c)): | build/.packages-check
$(PRELOADED): build/tests/%.so: tests/%.c | build/.packages-check
	@mkdir -p $(@D); echo "LD  $@"
	$(Q)$(CC) -std=gnu17 $(CPPFLAGS) $(WARNINGS) -O2 -fPIC -shared $< -o $@
build/tests/under-qemu build/tests/under-qemu.so: CPPFLAGS += -DHOST_PROGRAM='"$(CURDIR)/build/tests/under-qemu"'
build/tests/under-qemu: tests/under-qemu.c | build/.packages-build
	@mkdir -p $(@D); echo "LD  $@"
	$(Q)$(HOSTCC) -std=gnu17 $(CPPFLAGS) $(WARNINGS) -O2 $< -o $@
check-system/valgrind: build/tests/valgrind-pidfd.so
check-system/page check-sanitized/page: build/axe | build/.packages-page
check-system/clock check-sanitized/clock: build/tests/clock.so
check-system/sandbox: build/tests/late-libc.so
$(KILLPOINTS:%=build/tests/system/test-%): $(call OBJECTS,obj,$(KILLING) $(addprefix chat-irc/,line.c message.c nick.c))
$(NETWORKED:%=build/tests/system/test-%): $(call OBJECTS,obj,$(NETWORK))
$(NETWORKED:%=build/tests/system/test-%): TEST_LIBS := -lnats
# These programs contain the code that they test.
$(NETWORKED:%=build/asan/tests/system/test-%): %: %.o $(call OBJECTS,asan,$(HARNESS) $(NETWORK))
	@echo "LD  $@"
	$(Q)$(CC) $(SANITIZE) $(LDFLAGS) $^ -lcmocka -lnats -o $@
$(NETWORKED:%=check-sanitized/%): check-sanitized/%: build/asan/tests/system/test-%
	@echo "sanitized: $*"; $<
$(foreach t,$(NETWORKED) link,check-system/$(t) check-sanitized/$(t)): build/nats
.PRECIOUS: build/asan/tests/unit/test-% build/tests/system/test-% build/obj/%.o build/asan/%.o

# ---- one program each -----------------------------------------------------------------------------------------------
.PHONY: $(UNIT:%=check-unit/%) $(SYSTEM:%=check-system/%) $(SANITIZED:%=check-sanitized/%)
$(UNIT:%=check-unit/%): check-unit/%: build/asan/tests/unit/test-%
	$(call run_one,unit)
$(filter-out $(CHECKS_BOOTED),$(SYSTEM:%=check-system/%)): check-system/%: \
		build/tests/system/test-% all build/.packages-run build/inetd
	$(call run_one,system)
$(filter-out $(CHECKS_BOOTED) $(ON_REQUEST:%=check-sanitized/%),$(SANITIZED:%=check-sanitized/%)): check-sanitized/%: \
		build/tests/system/test-% $(PROGRAMS:%=build/sanitized/%) build/.packages-run build/inetd
	$(call run_one,sanitized)
check-system/crash check-sanitized/crash: build/next/chatd build/next/chat-session build/previous/chatd build/previous/chat-session
check-system/hosts check-sanitized/hosts: build/previous/chatd
$(foreach t,access ircs,check-system/$(t) check-sanitized/$(t)): build/access
check-system/irc-suite check-sanitized/irc-suite: build/irc-suite build/access
check-system/container check-sanitized/container: build/container
check-system/upgrade check-sanitized/upgrade: build/needrestart
$(foreach t,proxies web-proxies,check-system/$(t) check-sanitized/$(t)): build/proxies
check-system/monitoring check-sanitized/monitoring: build/monitoring
check-system/sandbox check-sanitized/sandbox: build/no-filter/chat-session
$(BOOTED:%=check-system/%): check-system/%: build/tests/system/test-% all build/.packages-run
	$(call run_one,system booted)
$(BOOTED:%=check-sanitized/%): check-sanitized/%: \
		build/tests/system/test-% $(PROGRAMS:%=build/sanitized/%) build/.packages-run
	$(call run_one,sanitized booted)
$(HOSTED:%=check-system/%): check-system/%: build/tests/system/test-% all build/.packages-run build/nats
	$(call run_one,system on three hosts)
$(HOSTED:%=check-sanitized/%): check-sanitized/%: \
		build/tests/system/test-% $(PROGRAMS:%=build/sanitized/%) build/.packages-run build/nats
	$(call run_one,sanitized on three hosts)
$(CONTAINED:%=check-system/%): check-system/%: build/tests/system/test-% all build/.packages-run build/container
	$(call run_one,system beside containers)

# Each name stands for the programs of one subject, which run at the same time.
GROUPS  := check-unit/broker check-unit/control check-unit/link check-unit/relay check-unit/remote check-unit/requests \
		check-unit/spool check-system/killpoints check-sanitized/killpoints check-system/network
members  = $(patsubst %,$(@D)/%,$(filter $(@F)-%,$(if $(filter check-unit,$(@D)),$(UNIT),$(SYSTEM))))
.PHONY: $(GROUPS) check-sanitized/network
$(GROUPS):
	+@$(PARALLEL) BUILD_ONLY=1 $(members)
	$(if $(BUILD_ONLY),,@$(call run,$(members)))
check-sanitized/network: $(NETWORKED:%=check-sanitized/%)

SOAK_MINUTES ?= 60
.PHONY: soak
soak: ## tests that depend on chance, for SOAK_MINUTES=60, with fuzzing at the same time
soak: all $(PROGRAMS:%=build/sanitized/%) $(FUZZ:%=build/fuzz/fuzz-%)
	@tests/soak $(SOAK_MINUTES)

# ---- Debian 13 ------------------------------------------------------------------------------------------------------
# Tests with the compiler, the libraries and the systemd of Debian 13, in a system that tests/system/debian13 makes. The
# word unit means all unit tests.
DEBIAN13 ?= unit sandbox units telnet people access bots web flood chatctl settings package crash hosts nspawn

build/.packages-debian13: make/packages.mk
	$(call need,debootstrap debian-archive-keyring,to make a Debian 13: the program that downloads it$(comma) and the keys that sign its packages)
.PHONY: check-debian13
check-debian13: ## tests on a Debian 13, which it makes; DEBIAN13='units access' are some of them
check-debian13: build/.packages-debian13
	@tests/system/debian13 make --no-print-directory -j$(shell nproc) $(patsubst %,check-system/%,$(filter-out unit,$(DEBIAN13))) \
		$(if $(filter unit,$(DEBIAN13)),$(UNIT:%=check-unit/%))
	@echo "Passed on Debian 13: $(DEBIAN13)."

# ---- other architectures and compilers ------------------------------------------------------------------------------
# tests/arch says what is done for each. UNIT='roster wrap' runs these unit tests alone.
ARCH ?= amd64 i386 arm64 armhf gcc-O3 clang-lto

.PHONY: check-arch
check-arch: ## other architectures and compilers, and their unit tests; ARCH='i386 arm64'
check-arch: build/.packages-debian13
	@tests/arch $(ARCH) $(if $(findstring command line,$(origin UNIT)),UNIT='$(UNIT)')

# ---- pictures -------------------------------------------------------------------------------------------------------
.PHONY: pictures
pictures: ## pictures of README and doc/, from real terminals and a browser (tests/pictures)
pictures: all build/.packages-check build/.packages-run build/.packages-pictures
	@BIN=$(BIN) tests/system/in-systemd tests/pictures/scenes >build/pictures.txt || { cat build/pictures.txt; exit 1; }
	@tests/pictures/draw tests/pictures <build/pictures.txt
	@TEST=test_pictures $(MAKE) --no-print-directory check-system/page
	@cp build/page/light.png tests/pictures/page.png; cp build/page/phone.png tests/pictures/page-phone.png
