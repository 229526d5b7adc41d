# make            build/chatd, build/chat-session, build/chat-link, build/chatctl and build/chat-init
# make run        a chat in the foreground on LISTEN, without root and without systemd as PID 1
# make check      unit tests and the system tests of what the chat promises; make check-NAME one of them (unit/telnet …)
# make check-all  the same, then floods, three hosts, all kill points, packages, and the system tests with sanitizers
# make check-debian13     tests on a Debian 13, which it makes; DEBIAN13='units access' runs some of them
# make check-arch         builds for other architectures and by other compilers, and their unit tests; ARCH='i386 arm64' are
#                         some of them
# make soak       what chance decides in the tests, for SOAK_MINUTES, with more kills and rounds, and fuzzing beside it
# make fuzz       fuzzing, FUZZ_SECONDS for each target; make fuzz/NAME one of them (telnet, broker …)
# make bench      the chat beside other chat servers: tables, and plots in build/bench; QUICK=1 takes two minutes
# make bench-check        the same, which fails where a ratio is missed that the chat is to keep
# make bench-scale        thousands of sessions; bench-cliff: what might make a line dear; bench-hosts: several hosts
# make bench-neighbours   what a bad client costs the others; bench-rooms: what rooms cost
# make bench-units        what the directives of chat@.service cost and are worth
# make bench-start        how long a session takes to start, beside a cat that the same launcher starts
# make bench-memory       what a session, and chatd for each, takes of memory
# make bench-recovery     how long a line takes that is said when chatd is killed, with 2,048 members
# make pictures   those of README and doc/, of real terminals: the scenes are in tests/pictures
# make deb        Debian packages, in build/package; lintian finds nothing in them
# make style      formatting, static analysis, and layers: which files may call which (doc/hacking.md)
# make install    programs, units and manual pages below PREFIX; make uninstall removes them
# make clean
#
# V=1 shows the commands. Packages that are missing are installed, with sudo where you are not root.

VERSION   := $(shell sed -n 's/^.define VERSION "\(.*\)"/\1/p' include/chat/version.h)
PREFIX    ?= /usr/local
DESTDIR   ?=
LISTEN    ?= 127.0.0.1:8888
# The programs that are run, tested and installed; build/sanitized has them with ASan and UBSan.
BIN       ?= build
CC        := $(if $(filter default,$(origin CC)),gcc,$(CC))
HOSTCC    ?= $(CC)

Q         := $(if $(V),,@)

SBINDIR   := $(PREFIX)/sbin
BINDIR    := $(PREFIX)/bin
MANDIR    := $(PREFIX)/share/man
LIBDIR    := $(PREFIX)/lib
UNITDIR   := $(LIBDIR)/systemd/system
BASHDIR   := $(PREFIX)/share/bash-completion/completions
ZSHDIR    := $(PREFIX)/share/zsh/site-functions

# Where a register has 32 bits, times and sizes of files have 64 all the same.
CPPFLAGS  += -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
CPPFLAGS  += -D_GNU_SOURCE -Iinclude -Ibuild
WARNINGS  := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
CFLAGS    ?= -O2 -g
HARDENING := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fPIE
LDHARDEN  := -pie -Wl,-z,relro,-z,now
SANITIZE  := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

CHATD     := $(filter-out chatd/main.c,$(wildcard chatd/*.c))
SESSION   := $(filter-out %/main.c %/sandbox-filter.c,$(wildcard chat-session/*.c))
LINK      := $(filter-out %/main.c,$(wildcard chat-link/*.c))
CTL       := $(filter-out %/main.c,$(wildcard chatctl/*.c))
PROGRAMS  := chatd chat-session chat-link chatctl chat-init
# chatctl is for people: the others are started by systemd, or are the first process of a container.
DAEMONS   := $(filter-out chatctl,$(PROGRAMS))
# Static, as chat-session/grapheme.h says.
LIBS_utf8proc  := -l:libutf8proc.a
LIBS_chatd     := -lsystemd $(LIBS_utf8proc)
LIBS_chat-session := $(LIBS_utf8proc)
LIBS_chat-link := -lsystemd -lnats
LIBS_chatctl   := -lsystemd $(LIBS_utf8proc)
# chat-init makes the run directory as a chatd does that binds its own sockets, and asks the kernel for what chatd needs.
INIT      := $(wildcard chat-init/*.c) chatd/kernel.c chatd/rundir.c
# chat-link's side of NATS
NETWORK   := $(addprefix chat-link/,connection.c gap.c inbound.c network.c reader.c report.c resend.c stream.c twin.c)
UNIT      := $(patsubst tests/unit/test-%.c,%,$(wildcard tests/unit/test-*.c))
SYSTEM    := $(patsubst tests/system/test-%.c,%,$(wildcard tests/system/test-*.c))
FUZZ      := $(patsubst tests/fuzz/fuzz-%.c,%,$(wildcard tests/fuzz/fuzz-*.c))
# Preloaded to programs that are tested.
PRELOADED := build/tests/valgrind-pidfd.so build/tests/clock.so build/tests/late-libc.so build/tests/under-qemu.so
HARNESS   := $(filter-out tests/system/test-%.c,$(wildcard tests/system/*.c))
# valgrind and the sanitizers exclude each other; packages have no sanitizers, and thousands of sessions no memory for them;
# nspawn is about the units.
SANITIZED := $(filter-out valgrind package full nspawn,$(SYSTEM))
# Tests that need a systemd as PID 1; they run inside one that tests/system/in-systemd boots.
BOOTED    := units settings telnet crowd full crash outage hijack flood package upgrade access proxies chatctl monitoring
# Tests that need three of them; they run outside, and tests/system/in-hosts boots the hosts.
HOSTED    := hosts
# Tests beside containers that boot a systemd; tests/system/in-containers boots them.
CONTAINED := nspawn

.PHONY: all
all: $(PROGRAMS:%=$(BIN)/%)

# ---- packages -------------------------------------------------------------------------------------------------------
# $(call need,PACKAGES,WHAT FOR): NEW/OLD is NEW where the release has a package of that name, and OLD elsewhere.
comma := ,
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
define need
@mkdir -p build; exec 9>build/.apt-lock; flock 9; \
missing() { \
	for p in $(1); do \
		case $$p in */*) apt-cache show $${p%/*} >/dev/null 2>&1 && p=$${p%/*} || p=$${p#*/};; esac; \
		dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; \
	done; \
}; \
missing=$$(missing); \
if [ -z "$$missing" ]; then :; \
elif command -v apt-get >/dev/null; then \
	echo "Installing" $$missing "($(2))"; \
	$(SUDO) apt-get update -qq && \
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$(missing); \
else \
	echo "Cannot look for these packages of Debian's, for want of apt-get: $$missing ($(2)). Trying without."; \
fi
@touch $@
endef

build/.packages-deb build/.packages-pictures build/.packages-build build/.packages-run build/.packages-check build/.packages-fuzz build/.packages-bench build/.packages-style: Makefile
build/.packages-build:
	$(call need,gcc libc6-dev libsystemd-dev libseccomp-dev libnats-dev libutf8proc-dev,to build: the compiler and the libraries for systemd's sockets and journal$(comma) for the sandbox's filter$(comma) for NATS and for the properties of characters)
build/.packages-run:
	$(call need,systemd,to run without PID 1: systemd-socket-activate accepts the connections)
build/.packages-check:
	$(call need,libcmocka-dev systemd systemd-container expect iproute2 inetutils-telnet netcat-openbsd ncat ucspi-tcp putty-tools tmux valgrind openssl python3 zsh,to test: the test library and the real programs that the chat is tested with$(comma) valgrind for leaks$(comma) openssl for certificates$(comma) python3 to read JSON and zsh for its completion)
build/.packages-container:
	$(call need,debootstrap,to test: the root of a container)
build/.packages-fuzz:
	$(call need,clang libclang-rt-dev,to fuzz: the compiler and its library)
build/.packages-bench:
	$(call need,python3 gnuplot-nox,to measure: to run it and to draw the plots)
build/.packages-pictures:
	$(call need,python3,to take pictures)
build/.packages-deb:
	$(call need,build-essential debhelper dpkg-dev fakeroot lintian pkgconf systemd-dev/systemd,to build Debian packages and to check them)
build/.packages-style:
	$(call need,clang clang-format clang-tidy cppcheck mandoc,to check style: formatting and analysis)
# Unpacked, not installed: the packages would start servers on this machine. openbsd-inetd is for the benchmark, where
# inetutils' would not do: it sleeps for a second whenever a process of its ends while it waits for the next connection.
build/inetd: PACKAGES := inetutils-inetd
build/openbsd-inetd: PACKAGES := openbsd-inetd libbsd0 libevent-2.1-7 libwrap0
build/nats: PACKAGES := nats-server
build/inetd build/openbsd-inetd build/nats: | build/.packages-check
	@rm -rf $@.new; mkdir -p $@.new
	@exec 9>build/.apt-lock; flock 9; cd $@.new && { apt-get download -qq $(PACKAGES) || { $(SUDO) apt-get update -qq && \
		apt-get download -qq $(PACKAGES); }; } 2>/dev/null && for deb in *.deb; do dpkg-deb -x $$deb . || exit 1; done || \
		echo "No $(@F) to test with: apt-get cannot download $(PACKAGES)."
	@mv $@.new $@
# With what they need that is not there; a booted system copies them into its own root.
build/peers: PACKAGES := inspircd ngircd
build/access: PACKAGES := stunnel4 openssh-server
build/needrestart: PACKAGES := needrestart
build/proxies: PACKAGES := haproxy nginx libnginx-mod-stream
build/monitoring: PACKAGES := prometheus prometheus-node-exporter python3-prometheus-client fail2ban python3-systemd
build/peers build/access build/needrestart build/proxies build/monitoring: | build/.packages-check
	@rm -rf $@.new; mkdir -p $@.new/partial; echo "Downloading $(PACKAGES) (for booted systems alone)"
	@exec 9>build/.apt-lock; flock 9; \
	{ $(SUDO) apt-get update -qq && $(SUDO) apt-get install -qq -y --download-only --no-install-recommends \
		-o Dir::Cache::archives=$(CURDIR)/$@.new $(PACKAGES); } >/dev/null 2>&1 || \
		echo "No $(@F) to test with: apt-get cannot download $(PACKAGES)."
	@for deb in $@.new/*.deb; do [ ! -e $$deb ] || dpkg-deb -x $$deb $@.new || exit 1; done
	@$(SUDO) rm -rf $@.new/*.deb $@.new/lock $@.new/partial
	@mv $@.new $@

# The root of a container, as container/Containerfile makes it, without the programs. What debootstrap mounts there goes
# with it, also where it is killed: the next run removes the directory.
build/container: container/setup units/chat.sysusers | build/.packages-container
	@rm -rf $@.new; mkdir -p build; suite=$$(. /etc/os-release; echo $$VERSION_CODENAME); \
	echo "Making a Debian ($$suite) for a container"; \
	unshare --mount debootstrap --variant=minbase $$suite $@.new >build/container.log 2>&1 && \
	install -D -m 644 units/chat.sysusers $@.new/usr/local/lib/sysusers.d/chat.conf && \
	install -m 755 container/setup $@.new/root/setup && chroot $@.new /root/setup >>build/container.log 2>&1 || { \
		echo "No container to test with: see build/container.log"; rm -rf $@.new; mkdir -p $@.new; }
	@rm -rf $@; mv $@.new $@; touch $@

# ---- programs -------------------------------------------------------------------------------------------------------
OBJECTS = $(patsubst %.c,build/$(1)/%.o,$(2))

build/obj/%.o: %.c | build/.packages-build
	@mkdir -p $(@D); echo "CC  $<"
	$(Q)$(CC) -std=gnu17 $(CPPFLAGS) $(WARNINGS) $(HARDENING) $(CFLAGS) -MMD -MP -c $< -o $@
build/asan/%.o: %.c | build/.packages-build build/.packages-check
	@mkdir -p $(@D); echo "CC  $<"
	$(Q)$(CC) -std=gnu17 $(CPPFLAGS) $(WARNINGS) -O1 -g $(SANITIZE) -MMD -MP -c $< -o $@

build/chatd: $(call OBJECTS,obj,$(CHATD) chatd/main.c)
	@echo "LD  $@"
	$(Q)$(CC) $(LDHARDEN) $(CFLAGS) $(LDFLAGS) $^ $(LIBS_chatd) -o $@
build/chat-session: $(call OBJECTS,obj,$(SESSION) chat-session/main.c)
	@echo "LD  $@"
	$(Q)$(CC) $(LDHARDEN) $(CFLAGS) $(LDFLAGS) $^ $(LIBS_chat-session) -o $@
build/chat-link: $(call OBJECTS,obj,$(LINK) chat-link/main.c)
	@echo "LD  $@"
	$(Q)$(CC) $(LDHARDEN) $(CFLAGS) $(LDFLAGS) $^ $(LIBS_chat-link) -o $@
build/chatctl: $(call OBJECTS,obj,$(CTL) chatctl/main.c)
	@echo "LD  $@"
	$(Q)$(CC) $(LDHARDEN) $(CFLAGS) $(LDFLAGS) $^ $(LIBS_chatctl) -o $@

build/chat-init: $(call OBJECTS,obj,$(INIT))
	@echo "LD  $@"
	$(Q)$(CC) $(LDHARDEN) $(CFLAGS) $(LDFLAGS) $^ -o $@

# What an upgrade brings, for the tests: frames of the next version, with a field more.
build/obj-next/%.o: CPPFLAGS += -DFRAME_VERSION=6 -DFRAME_APPENDED_BYTES=8
build/obj-next/%.o: %.c | build/.packages-build
	@mkdir -p $(@D); echo "CC  $< (next)"
	$(Q)$(CC) -std=gnu17 $(CPPFLAGS) $(WARNINGS) $(HARDENING) $(CFLAGS) -MMD -MP -c $< -o $@
build/next/chatd: $(call OBJECTS,obj-next,$(CHATD) chatd/main.c)
	@mkdir -p $(@D); echo "LD  $@"
	$(Q)$(CC) $(LDHARDEN) $(CFLAGS) $(LDFLAGS) $^ $(LIBS_chatd) -o $@
build/next/chat-session: $(call OBJECTS,obj-next,$(SESSION) chat-session/main.c)
	@mkdir -p $(@D); echo "LD  $@"
	$(Q)$(CC) $(LDHARDEN) $(CFLAGS) $(LDFLAGS) $^ $(LIBS_chat-session) -o $@

# As on an architecture that has no filter, for the tests.
build/obj-no-filter/%.o: CPPFLAGS += -DNO_FILTER
build/obj-no-filter/%.o: %.c build/sandbox-filter.h | build/.packages-build
	@mkdir -p $(@D); echo "CC  $< (no filter)"
	$(Q)$(CC) -std=gnu17 $(CPPFLAGS) $(WARNINGS) $(HARDENING) $(CFLAGS) -MMD -MP -c $< -o $@
build/no-filter/chat-session: $(call OBJECTS,obj-no-filter,chat-session/sandbox.c chat-session/main.c) \
		$(call OBJECTS,obj,$(filter-out %/sandbox.c,$(SESSION)))
	@mkdir -p $(@D); echo "LD  $@"
	$(Q)$(CC) $(LDHARDEN) $(CFLAGS) $(LDFLAGS) $^ $(LIBS_chat-session) -o $@

build/sanitized/chatd: $(call OBJECTS,asan,$(CHATD) chatd/main.c tests/sanitizer-options.c)
build/sanitized/chat-session: $(call OBJECTS,asan,$(SESSION) chat-session/main.c tests/sanitizer-options.c)
build/sanitized/chat-link: $(call OBJECTS,asan,$(LINK) chat-link/main.c tests/sanitizer-options.c)
build/sanitized/chat-init: $(call OBJECTS,asan,$(INIT) tests/sanitizer-options.c)
build/sanitized/chatctl: $(call OBJECTS,asan,$(CTL) chatctl/main.c tests/sanitizer-options.c)
# gcc's shared libraries of the two sanitizers do not agree on a file for the reports; clang has no such libraries.
$(PROGRAMS:%=build/sanitized/%):
	@echo "LD  $@"; rm -rf "$$(cat build/sanitized/reports)"
	$(Q)$(CC) $(SANITIZE) $(if $(findstring clang,$(CC)),,-static-libasan -static-libubsan) $^ $(LIBS_$(@F)) -o $@
# Where the reports go is this tree's own, and known to programs and tests.
build/sanitized/reports:
	@mkdir -p $(@D); mktemp -u -p /tmp chat-reports.XXXXXX > $@
build/asan/tests/sanitizer-options.o: CPPFLAGS += -DREPORTS='"$(shell cat build/sanitized/reports)"'
build/asan/tests/sanitizer-options.o: build/sanitized/reports

# The sandbox's filter is compiled on the machine that builds, for all machines; HOSTCC is its compiler.
build/sandbox-filter: chat-session/sandbox-filter.c chat-session/sandbox.h | build/.packages-build
	@echo "LD  $@"
	$(Q)$(HOSTCC) -std=gnu17 $(CPPFLAGS) $(WARNINGS) -O1 $< -lseccomp -o $@
build/sandbox-filter.h: build/sandbox-filter
	$(Q)$< >$@.new && mv $@.new $@
build/obj/chat-session/sandbox.o build/asan/chat-session/sandbox.o build/obj-next/chat-session/sandbox.o build/asan/tests/unit/test-sandbox.o: build/sandbox-filter.h

-include $(shell find build/obj build/asan build/obj-next build/obj-no-filter build/fuzz/obj -name '*.d' 2>/dev/null)

# ---- run ------------------------------------------------------------------------------------------------------------
LISTEN_PORT = $(lastword $(subst :, ,$(LISTEN)))
LISTEN_HOST = $(patsubst [%],%,$(patsubst %:$(LISTEN_PORT),%,$(LISTEN)))

# Both get process groups of their own (setsid), so that the sessions, and a chatd that was started again, end with
# them. A chatd that dies by a signal is started again. Descriptor 3 of the launcher is its listening socket.
.PHONY: run
run: all build/.packages-run
	@case "$(LISTEN)" in *:*[!0-9]* | *: | *[!0-9.]*:* | :*) false;; *:*) ;; *) false;; esac || \
	case "$(LISTEN)" in \[*[!0-9A-Fa-f:.]*\]:* | \[*\]:*[!0-9]* | *:) false;; \[*:*\]:*) ;; *) false;; esac || { \
		echo "LISTEN is ADDRESS:PORT, as in LISTEN=127.0.0.1:8888 or LISTEN=[::1]:8888" >&2; \
		case "$(LISTEN)" in *[G-Zg-z]*) echo "$(LISTEN) has a name, and needs its address" >&2;; esac; exit 2; }; \
	dir=$$(mktemp -d "$${TMPDIR:-/tmp}/chat.XXXXXX") || exit 1; \
	end() { \
		trap - EXIT; trap '' INT TERM; \
		for group in $$launcher $$broker; do \
			kill -- -$$group 2>/dev/null; \
			for i in $$(seq 100); do kill -0 -- -$$group 2>/dev/null || break; sleep 0.05; done; \
		done; \
		wait; rm -rf "$$dir"; exit $$1; \
	}; \
	trap 'end 0' INT TERM; trap 'end $$?' EXIT; \
	setsid sh -c 'while $(BIN)/chatd --run-dir="$$0"; [ $$? -gt 128 ]; do echo "chatd: starting again"; done' "$$dir" & \
	broker=$$!; \
	SYSTEMD_LOG_LEVEL=warning setsid systemd-socket-activate --accept -l "$(LISTEN)" \
		$(BIN)/chat-session --run-dir="$$dir" & launcher=$$!; \
	while kill -0 $$launcher 2>/dev/null; do \
		case "$$(readlink /proc/$$launcher/fd/3)" in socket:*) \
			echo "The chat is open on $(LISTEN). From other terminals: telnet $(LISTEN_HOST) $(LISTEN_PORT). Here: ^C ends it."; \
			echo "$(BIN)/chatctl --run-dir=$$dir who lists who is there; chatctl(1) has what else it does."; \
			open=yes; break;; \
		esac; sleep 0.02; \
	done; \
	wait $$launcher; status=$$?; \
	[ -n "$$open" ] || echo "The chat is not open: it cannot listen on $(LISTEN). Where that port is taken, as by a chat" \
		"that runs already, choose another: make run LISTEN=127.0.0.1:8889" >&2; \
	exit $$status

# ---- tests ----------------------------------------------------------------------------------------------------------
# Sanitized on request only, because they take minutes.
ON_REQUEST    := $(HOSTED) network
CHECKS        := $(SYSTEM:%=check-system/%) $(filter-out $(ON_REQUEST:%=check-sanitized/%),$(SANITIZED:%=check-sanitized/%))
CHECKS_BOOTED := $(filter $(addprefix %/,$(BOOTED) $(HOSTED) $(CONTAINED)),$(CHECKS))

# What takes minutes, or downloads much, and is in check-all alone, beside what is sanitized. Those first that take longest.
LONG          := killpoints network flood hosts package full upgrade proxies monitoring container nspawn
CHECKS_SHORT  := $(filter-out $(LONG:%=check-system/%),$(SYSTEM:%=check-system/%)) $(UNIT:%=check-unit/%)
CHECKS_LONG   := $(LONG:%=check-system/%) $(filter check-sanitized/%,$(CHECKS))

# check-system/killpoints kills chatd in front of each system call. The sanitized chatd takes the same ways, four times as
# slowly: a sample of them is enough.
sample   = $(if $(filter sanitized/killpoints,$(1)),EVERY=$(or $(EVERY),8) ROUNDS=$(or $(ROUNDS),40))
# $(call command,KIND/NAME) is how that program of tests is run.
run_in   = $(if $(filter $(1),$(BOOTED)),tests/system/in-systemd) $(if $(filter $(1),$(HOSTED)),tests/system/in-hosts) \
		$(if $(filter $(1),$(CONTAINED)),tests/system/in-containers)
command  = $(if $(filter unit/%,$(1)),$(strip $(EMULATOR) build/asan/tests/unit/test-$(notdir $(1))),$(strip $(sample) \
		BIN=$(if $(filter system/%,$(1)),$(BIN),build/sanitized) \
		$(call run_in,$(notdir $(1))) build/tests/system/test-$(notdir $(1))))
# $(call run,CHECKS) runs them all: tests that boot systems two at a time, the others beside them. One job more than
# there are cores, as many tests wait rather than work. With exec, the signal that ends make ends them, not a shell alone.
programs = $(foreach c,$(patsubst check-%,%,$(1)),'$(c)=$(call command,$(c))')
run      = exec tests/run --jobs $$(($(CORES) + 1)) --booted $(call programs,$(filter $(CHECKS_BOOTED),$(1))) \
		--beside $(call programs,$(filter-out $(CHECKS_BOOTED),$(1)))
# A make that was not told how many jobs to run takes all cores.
CORES    := $(shell nproc)
PARALLEL  = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(CORES))
# With BUILD_ONLY=1, what a check needs is built, and nothing is run.
run_one  = @$(if $(BUILD_ONLY),:,echo "$(1): $(notdir $@)"; $(call command,$(@:check-%=%)))

.PHONY: check check-all check-long
check:
	+@$(PARALLEL) BUILD_ONLY=1 $(CHECKS_SHORT)
	$(if $(BUILD_ONLY),,@$(call run,$(CHECKS_SHORT)))
check-all: check
	+@$(MAKE) --no-print-directory check-long
check-long:
	+@$(PARALLEL) BUILD_ONLY=1 $(CHECKS_LONG)
	$(if $(BUILD_ONLY),,@$(call run,$(CHECKS_LONG)))

# All unit tests. EMULATOR, if given, runs programs of another architecture.
.PHONY: check-units
check-units:
	+@$(PARALLEL) BUILD_ONLY=1 $(UNIT:%=check-unit/%)
	@$(call run,$(UNIT:%=check-unit/%))

# From an archive each test takes what it needs, and not what it plays itself, as test-link plays the network. The
# functions of sockets are libc's, also on i386, because some tests have their own in place of one or two of them.
build/asan/modules.a: $(call OBJECTS,asan,$(CHATD) $(filter-out %/socketcall.c,$(SESSION)) $(LINK) $(CTL))
	@echo "AR  $@"; rm -f $@
	$(Q)$(AR) qcs $@ $^
build/asan/tests/unit/test-%: build/asan/tests/unit/test-%.o build/asan/modules.a
	@echo "LD  $@"
	$(Q)$(CC) $(SANITIZE) $(LDFLAGS) $^ -lcmocka -lsystemd -lnats $(LIBS_chat-session) -o $@
build/tests/system/test-%: build/obj/tests/system/test-%.o $(call OBJECTS,obj,$(HARNESS)) | build/.packages-check
	@mkdir -p $(@D); echo "LD  $@"
	$(Q)$(CC) $(LDHARDEN) $(CFLAGS) $(LDFLAGS) $^ -lcmocka $(TEST_LIBS) -o $@
$(call OBJECTS,obj,$(HARNESS) $(SYSTEM:%=tests/system/test-%.c)): | build/.packages-check
$(PRELOADED): build/tests/%.so: tests/%.c | build/.packages-check
	@mkdir -p $(@D); echo "LD  $@"
	$(Q)$(CC) -std=gnu17 $(CPPFLAGS) $(WARNINGS) -O2 -fPIC -shared $< -o $@
build/tests/under-qemu build/tests/under-qemu.so: CPPFLAGS += -DHOST_PROGRAM='"$(CURDIR)/build/tests/under-qemu"'
build/tests/under-qemu: tests/under-qemu.c | build/.packages-build
	@mkdir -p $(@D); echo "LD  $@"
	$(Q)$(HOSTCC) -std=gnu17 $(CPPFLAGS) $(WARNINGS) -O2 $< -o $@
check-system/valgrind: build/tests/valgrind-pidfd.so
check-system/clock check-sanitized/clock: build/tests/clock.so
check-system/sandbox: build/tests/late-libc.so
build/tests/system/test-network: $(call OBJECTS,obj,$(NETWORK))
build/tests/system/test-network: TEST_LIBS := -lnats
# What it tests is a part of it.
build/asan/tests/system/test-network: build/asan/tests/system/test-network.o $(call OBJECTS,asan,$(HARNESS) $(NETWORK))
	@echo "LD  $@"
	$(Q)$(CC) $(SANITIZE) $(LDFLAGS) $^ -lcmocka -lnats -o $@
check-sanitized/network: build/asan/tests/system/test-network
	@echo "sanitized: network"; $<
check-system/network check-sanitized/network check-system/link check-sanitized/link: build/nats
.PRECIOUS: build/asan/tests/unit/test-% build/tests/system/test-% build/obj/%.o build/asan/%.o

.PHONY: $(UNIT:%=check-unit/%) $(SYSTEM:%=check-system/%) $(SANITIZED:%=check-sanitized/%)
$(UNIT:%=check-unit/%): check-unit/%: build/asan/tests/unit/test-%
	$(call run_one,unit)
$(filter-out $(CHECKS_BOOTED),$(SYSTEM:%=check-system/%)): check-system/%: \
		build/tests/system/test-% all build/.packages-run build/inetd
	$(call run_one,system)
$(filter-out $(CHECKS_BOOTED) $(ON_REQUEST:%=check-sanitized/%),$(SANITIZED:%=check-sanitized/%)): check-sanitized/%: \
		build/tests/system/test-% $(PROGRAMS:%=build/sanitized/%) build/.packages-run build/inetd
	$(call run_one,sanitized)
check-system/crash check-sanitized/crash: build/next/chatd build/next/chat-session
check-system/access check-sanitized/access: build/access
check-system/container check-sanitized/container: build/container
check-system/upgrade check-sanitized/upgrade: build/needrestart
check-system/proxies check-sanitized/proxies: build/proxies
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

SOAK_MINUTES ?= 60
.PHONY: soak
soak: all $(PROGRAMS:%=build/sanitized/%) $(FUZZ:%=build/fuzz/fuzz-%)
	@tests/soak $(SOAK_MINUTES)

# ---- Debian 13 ------------------------------------------------------------------------------------------------------
# Tests with the compiler, the libraries and the systemd of Debian 13, in a system that tests/system/debian13 makes. The
# word unit means all unit tests.
DEBIAN13 ?= unit sandbox units telnet people access flood chatctl settings package crash hosts nspawn

build/.packages-debian13: Makefile
	$(call need,debootstrap debian-archive-keyring,to make a Debian 13: the program that downloads it$(comma) and the keys that sign its packages)
.PHONY: check-debian13
check-debian13: build/.packages-debian13
	@tests/system/debian13 make --no-print-directory -j$(shell nproc) $(patsubst %,check-system/%,$(filter-out unit,$(DEBIAN13))) \
		$(if $(filter unit,$(DEBIAN13)),$(UNIT:%=check-unit/%))
	@echo "Passed on Debian 13: $(DEBIAN13)."

# ---- other architectures and compilers ------------------------------------------------------------------------------
# tests/arch says what is done for each. UNIT='relay spool' runs these unit tests alone.
ARCH ?= amd64 i386 arm64 armhf gcc-O3 clang-lto

.PHONY: check-arch
check-arch: build/.packages-debian13
	@tests/arch $(ARCH) $(if $(findstring command line,$(origin UNIT)),UNIT='$(UNIT)')

# ---- fuzzing --------------------------------------------------------------------------------------------------------
# What is found goes to build/fuzz/NAME; the corpus in the tree is only read. tests/fuzz/make-seeds says where it is from.
FUZZ_SECONDS ?= 30
FUZZ_CC      := clang -std=gnu17 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-fno-omit-frame-pointer
# What tests/fuzz/death.h puts in the way.
FUZZ_WRAPPED := clock_gettime nanosleep poll sendmsg recvmmsg calloc free reach_send note_write note_departed \
		note_remove_departed reach_remove_inbox note_name note_remove_name note_held note_named note_remove_held \
		note_arrival note_remove_arrival note_seal note_remove_seal note_room note_remove_room rooms_set_topic \
		history_note history_note_again

build/fuzz/obj/%.o: %.c | build/.packages-build build/.packages-fuzz
	@mkdir -p $(@D); echo "CC  $<"
	$(Q)$(FUZZ_CC) $(CPPFLAGS) $(WARNINGS) -MMD -MP -c $< -o $@
build/fuzz/fuzz-%: build/fuzz/obj/tests/fuzz/fuzz-%.o build/fuzz/obj/tests/fuzz/fuzz.o
	@echo "LD  $@"
	$(Q)$(FUZZ_CC) $(FUZZ_LDFLAGS) $^ $(FUZZ_LIBS) -o $@
build/fuzz/fuzz-proxy: $(call OBJECTS,fuzz/obj,chat-session/proxy.c)
build/fuzz/fuzz-telnet: $(call OBJECTS,fuzz/obj,chat-session/telnet.c)
build/fuzz/fuzz-lines: $(call OBJECTS,fuzz/obj,chat-session/lines.c chat-session/escape.c chat-session/grapheme.c)
build/fuzz/fuzz-lines: FUZZ_LIBS := $(LIBS_chat-session)
build/fuzz/fuzz-commands: $(call OBJECTS,fuzz/obj,chat-session/commands.c chat-session/disguise.c chat-session/grapheme.c \
		chat-session/protocol.c)
build/fuzz/fuzz-commands: FUZZ_LIBS := $(LIBS_chat-session)
build/fuzz/fuzz-editor: $(call OBJECTS,fuzz/obj,chat-session/editor.c chat-session/row.c chat-session/escape.c chat-session/grapheme.c)
build/fuzz/fuzz-text: $(call OBJECTS,fuzz/obj,chat-session/wrap.c chat-session/grapheme.c)
build/fuzz/fuzz-editor build/fuzz/fuzz-text: FUZZ_LIBS := $(LIBS_utf8proc)
build/fuzz/fuzz-broker: $(call OBJECTS,fuzz/obj,$(CHATD) chat-session/outlet.c chat-session/client.c \
		chat-session/charset.c chat-session/wrap.c chat-session/grapheme.c \
		tests/fuzz/death.c tests/fuzz/sessions.c)
build/fuzz/fuzz-broker: FUZZ_LDFLAGS := $(FUZZ_WRAPPED:%=-Wl,--wrap=%)
build/fuzz/fuzz-broker: FUZZ_LIBS := -lsystemd $(LIBS_utf8proc)
build/fuzz/fuzz-link: $(call OBJECTS,fuzz/obj,$(filter-out chat-link/network.c,$(LINK)))
build/fuzz/fuzz-link: FUZZ_LDFLAGS := -Wl,--wrap=clock_gettime
build/fuzz/fuzz-link: FUZZ_LIBS := -lsystemd -lnats
.PRECIOUS: build/fuzz/fuzz-% build/fuzz/obj/%.o

fuzz/editor: FUZZ_FLAGS := -max_len=5000
fuzz/frame: FUZZ_FLAGS := -max_len=5000
fuzz/proxy: FUZZ_FLAGS := -max_len=4200
fuzz/link: FUZZ_FLAGS := -max_len=1024 -len_control=0
fuzz/broker: FUZZ_FLAGS := -max_len=512 -len_control=0

.PHONY: fuzz $(FUZZ:%=fuzz/%)
fuzz: $(FUZZ:%=fuzz/%)
$(FUZZ:%=fuzz/%): fuzz/%: build/fuzz/fuzz-%
	@mkdir -p build/fuzz/$*; log=build/fuzz/$*.log; \
	dir=$$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d) || exit 1; trap 'rm -rf "$$dir"' EXIT; \
	TMPDIR=$$dir build/fuzz/fuzz-$* -max_total_time=$(FUZZ_SECONDS) -timeout=10 -close_fd_mask=2 $(FUZZ_FLAGS) \
		-artifact_prefix=build/fuzz/$*- build/fuzz/$* tests/fuzz/corpus/$* >$$log 2>&1 && \
	awk '/DONE/ { cov = $$4; corpus = $$8 } /^Done/ { print "fuzz: $*: " $$2 " runs in " $$5 " s, coverage " cov \
		", corpus " corpus }' $$log || { \
		grep -a -e '^tests/fuzz/.*: ' -e 'ERROR: ' -e 'runtime error: ' $$log || tail -n 20 $$log; \
		found=$$(sed -n 's/.*Test unit written to //p' $$log); \
		echo "fuzz: $*: failed; all of it is in $$log$${found:+, to run it again: build/fuzz/fuzz-$* $$found}"; \
		exit 1; \
	} >&2

# ---- benchmarks -----------------------------------------------------------------------------------------------------
build/tests/bench/%: build/obj/tests/bench/%.o
	@mkdir -p $(@D); echo "LD  $@"
	$(Q)$(CC) $(LDHARDEN) $^ $(BENCH_LIBS) -o $@
build/tests/bench/neighbours: $(call OBJECTS,obj,$(HARNESS))
build/tests/bench/neighbours: BENCH_LIBS := -lcmocka
build/obj/tests/bench/neighbours.o: | build/.packages-check
.PRECIOUS: build/tests/bench/%

# Beside other chat servers; QUICK=1 is a few short rounds of the main part. What is found is in build/bench.
BENCH := tests/bench/bench $(if $(QUICK),--quick)
BENCH_NEEDS := all build/tests/bench/load build/tests/bench/limit build/tests/bench/greeting build/peers build/nats \
		build/openbsd-inetd \
		build/.packages-check build/.packages-bench

.PHONY: bench bench-check bench-scale bench-cliff bench-hosts bench-neighbours bench-rooms bench-units bench-start bench-memory bench-recovery
bench: $(BENCH_NEEDS)
	@BIN=$(BIN) $(BENCH)
bench-check: $(BENCH_NEEDS)
	@BIN=$(BIN) $(BENCH) --check
bench-scale bench-cliff bench-hosts: bench-%: $(BENCH_NEEDS)
	@BIN=$(BIN) $(BENCH) $*
bench-neighbours: all build/tests/bench/neighbours
	@build/tests/bench/neighbours
bench-rooms: all build/tests/bench/load build/.packages-check
	@BIN=$(BIN) tests/bench/rooms
# ROUNDS=1000 measures longer.
bench-units: build/tests/bench/greeting all build/.packages-check
	@BIN=$(BIN) tests/system/in-systemd tests/bench/units $(or $(ROUNDS),300)
bench-start: build/tests/bench/greeting all build/.packages-check build/openbsd-inetd
	@BIN=$(BIN) tests/system/in-systemd tests/bench/start $(or $(ROUNDS),300)
bench-memory: all build/.packages-check
	@BIN=$(BIN) tests/system/in-systemd tests/bench/memory
bench-recovery: all build/.packages-check build/.packages-bench
	@BIN=$(BIN) tests/system/in-systemd tests/bench/recovery $(or $(ROUNDS),10)

# ---- pictures -------------------------------------------------------------------------------------------------------
.PHONY: pictures
pictures: all build/.packages-check build/.packages-run build/.packages-pictures
	@BIN=$(BIN) tests/system/in-systemd tests/pictures/scenes >build/pictures.txt || { cat build/pictures.txt; exit 1; }
	@tests/pictures/draw tests/pictures <build/pictures.txt

# ---- style ----------------------------------------------------------------------------------------------------------
SOURCES = $(wildcard include/chat/*.h chatd/*.[ch] chat-session/*.[ch] chat-link/*.[ch] chatctl/*.[ch] chat-init/*.[ch] tests/*.[ch] tests/unit/*.[ch] tests/system/*.[ch] \
		tests/fuzz/*.[ch] tests/bench/*.c)

# Files call only what stands below them in doc/hacking.md.
.PHONY: check-layers
check-layers: all
	tests/layers $(PROGRAMS)

.PHONY: style
style: check-layers build/.packages-style build/.packages-build build/.packages-check build/sandbox-filter.h
	+@$(PARALLEL) $(patsubst %.c,build/style/%.ok,$(wildcard $(PROGRAMS:%=%/*.c)))
	clang-format --dry-run --Werror $(SOURCES)
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--suppress=missingIncludeSystem $(CPPFLAGS) $(PROGRAMS)
	mandoc -T lint -W warning $(MANUALS)
# A file that passed is looked at again once it, a header that it includes, or what is asked for has changed.
build/style/%.ok: %.c .clang-tidy Makefile build/sandbox-filter.h | build/.packages-style build/.packages-build
	@mkdir -p $(@D); echo "TIDY $<"
	$(Q)clang -std=gnu17 $(CPPFLAGS) $(WARNINGS) -fsyntax-only -MMD -MP -MT $@ -MF $@.d $<
	$(Q)clang-tidy --quiet --warnings-as-errors='*' $< -- -std=gnu17 $(CPPFLAGS) 2>$@.said || { cat $@.said >&2; exit 1; }
	@touch $@
-include $(shell find build/style -name '*.d' 2>/dev/null)

# ---- Debian packages ------------------------------------------------------------------------------------------------
# Built in a copy, so that nothing of it stays in the tree.
build/package/built: $(wildcard chatd/* chat-session/* chat-link/* chatctl/* chat-init/* container/* include/chat/* units/* fail2ban/*/* doc/* debian/* debian/*/*) Makefile README.md \
		| build/.packages-build build/.packages-deb
	@rm -rf $(@D); mkdir -p $(@D)/tree; echo "Building the Debian packages"
	@cp -a $(PROGRAMS) include units fail2ban doc debian Makefile README.md LICENSE $(@D)/tree
	@cd $(@D)/tree && version=$$(dpkg-parsechangelog -S Version) && { [ "$$version" = "$(VERSION)" ] || { \
		echo "debian/changelog is of version $$version, include/chat/version.h of $(VERSION)" >&2; exit 1; }; }
	@cd $(@D)/tree && env -u MAKEFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc -b $(DEB_ARCH:%=-a%) >../build.log 2>&1 || { \
		tail -n 30 ../build.log >&2; exit 1; }
	@touch $@
check-system/package: build/package/built build/next/chatd build/next/chat-session

# The source package, too: lintian knows errors that show only there.
.PHONY: deb
deb: build/package/built
	@rm -rf build/package/source; mkdir -p build/package/source/tree
	@tar -c --exclude-vcs --exclude=./build . | tar -x -C build/package/source/tree
	@cd build/package/source/tree && env -u MAKEFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc -S >../build.log 2>&1 || { \
		tail -n 30 ../build.log >&2; exit 1; }
	@rm -rf build/package/source/tree
	@lintian --allow-root --fail-on error,warning build/package/*.changes build/package/source/*.changes
	@ls build/package/*.deb

# ---- install --------------------------------------------------------------------------------------------------------
MANUALS := $(wildcard $(PROGRAMS:%=%/*.[158])) $(wildcard units/*.[578])
# $(call manuals,SECTION)
manuals = $(filter %.$(1),$(MANUALS))
UNITS := chat.socket chat@.service chatd.socket chatd.service chatctl.socket chat-echo.socket chat-echo@.service \
	chat-local.socket chat-local@.service chat-tls.socket chat-tls@.service chat-proxied.socket chat-proxied@.service \
	chat-link.socket chat-link.service chat-metrics.timer chat-metrics.service
# The version of the systemd that is to run the units. One without a systemctl that says so gets no drop-ins.
SYSTEMD  ?= $(shell systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
DROPINS  := $(patsubst %,%.d/poll-limit.conf,$(filter %.socket,$(UNITS)))
FAIL2BAN := filter.d/chat.conf jail.d/chat.conf action.d/chat.conf
# DESTDIR is for packages, which do this by their own means.
ON_THIS_HOST = test -n "$(DESTDIR)" || test ! -d /run/systemd/system ||

# What a container needs of it; see container/Containerfile.
IN_CONTAINER := chatd chat-session chatctl chat-init
.PHONY: install-container
install-container: $(IN_CONTAINER:%=$(BIN)/%)
	install -D -m 755 -t $(DESTDIR)$(SBINDIR) $(filter-out $(BIN)/chatctl,$^)
	install -D -m 755 -t $(DESTDIR)$(BINDIR) $(BIN)/chatctl
	install -D -m 755 container/setup $(DESTDIR)$(PREFIX)/share/chat/container-setup
	install -D -m 644 units/chat.sysusers $(DESTDIR)$(LIBDIR)/sysusers.d/chat.conf
	install -D -m 644 units/chat.conf $(DESTDIR)/etc/chat/chat.conf

.PHONY: install uninstall
install: all
	install -D -m 755 -t $(DESTDIR)$(SBINDIR) $(DAEMONS:%=$(BIN)/%)
	install -D -m 755 -t $(DESTDIR)$(BINDIR) $(BIN)/chatctl units/chat-ssh
	install -D -m 644 chatctl/chatctl.bash $(DESTDIR)$(BASHDIR)/chatctl
	install -D -m 644 chatctl/chatctl.zsh $(DESTDIR)$(ZSHDIR)/_chatctl
	for s in 1 5 7 8; do install -d $(DESTDIR)$(MANDIR)/man$$s || exit 1; done
	install -m 644 -t $(DESTDIR)$(MANDIR)/man1 $(call manuals,1)
	install -m 644 -t $(DESTDIR)$(MANDIR)/man5 $(call manuals,5)
	install -m 644 -t $(DESTDIR)$(MANDIR)/man7 $(call manuals,7)
	install -m 644 -t $(DESTDIR)$(MANDIR)/man8 $(call manuals,8)
	for u in $(filter-out chat.socket,$(UNITS)); do echo .so man8/chat.socket.8 >$(DESTDIR)$(MANDIR)/man8/$$u.8 || exit 1; done
	install -d $(DESTDIR)$(UNITDIR)
	for u in $(UNITS); do sed 's|@SBINDIR@|$(SBINDIR)|; s|@BINDIR@|$(BINDIR)|' units/$$u > $(DESTDIR)$(UNITDIR)/$$u || exit 1; done
	test "0$(SYSTEMD)" -lt 255 || for d in $(DROPINS); do \
		install -D -m 644 units/poll-limit.conf $(DESTDIR)$(UNITDIR)/$$d || exit 1; done
	install -D -m 644 units/chat.sysusers $(DESTDIR)$(LIBDIR)/sysusers.d/chat.conf
	install -D -m 644 units/chat.tmpfiles $(DESTDIR)$(LIBDIR)/tmpfiles.d/chat.conf
	test -e $(DESTDIR)/etc/chat/chat.conf || install -D -m 644 units/chat.conf $(DESTDIR)/etc/chat/chat.conf
	test -e $(DESTDIR)/etc/chat/link.conf || install -D -m 640 units/link.conf $(DESTDIR)/etc/chat/link.conf
	test -e $(DESTDIR)/etc/chat/tls.conf || install -D -m 644 units/tls.conf $(DESTDIR)/etc/chat/tls.conf
	test -e $(DESTDIR)/etc/needrestart/conf.d/chat.conf || \
		install -D -m 644 units/chat.needrestart $(DESTDIR)/etc/needrestart/conf.d/chat.conf
	for f in $(FAIL2BAN); do install -D -m 644 fail2ban/$$f $(DESTDIR)/etc/fail2ban/$$f || exit 1; done
	install -D -m 644 units/chat.preset $(DESTDIR)$(LIBDIR)/systemd/system-preset/80-chat.preset
	install -D -m 644 units/chat.catalog $(DESTDIR)$(LIBDIR)/systemd/catalog/chat.catalog
	$(ON_THIS_HOST) systemd-sysusers
	$(ON_THIS_HOST) chgrp chat-link /etc/chat/link.conf
	$(ON_THIS_HOST) systemd-tmpfiles --create $(LIBDIR)/tmpfiles.d/chat.conf
	$(ON_THIS_HOST) journalctl --update-catalog
	$(ON_THIS_HOST) systemctl daemon-reload

# Users, groups, settings that were changed, /var/lib/chat, /var/lib/chat-link and drop-ins stay: they may own files, or be wanted again. What is not there any more is no error.
uninstall:
	-$(ON_THIS_HOST) systemctl disable --now chat.socket chat-echo.socket chat-local.socket chat-tls.socket chat-proxied.socket
	-$(ON_THIS_HOST) systemctl stop 'chat@*.service' 'chat-echo@*.service' 'chat-local@*.service' 'chat-tls@*.service' 'chat-proxied@*.service'
	-$(ON_THIS_HOST) systemctl disable --now chat-link.socket chat-link.service chat-metrics.timer
	-$(ON_THIS_HOST) systemctl stop chat-metrics.service
	-$(ON_THIS_HOST) systemctl reset-failed chat-metrics.service 2>/dev/null || true
	-$(ON_THIS_HOST) systemctl disable --now chatd.socket chatd.service chatctl.socket
	$(ON_THIS_HOST) rm -rf /run/chat
	rm -f $(DESTDIR)$(BINDIR)/chatctl $(DESTDIR)$(BINDIR)/chat-ssh $(DESTDIR)$(BASHDIR)/chatctl $(DESTDIR)$(ZSHDIR)/_chatctl
	rm -f $(DAEMONS:%=$(DESTDIR)$(SBINDIR)/%) $(patsubst %,$(DESTDIR)$(MANDIR)/man8/%.8,$(UNITS))
	rm -f $(foreach s,1 5 7 8,$(patsubst %,$(DESTDIR)$(MANDIR)/man$(s)/%,$(notdir $(call manuals,$(s)))))
	rm -f $(addprefix $(DESTDIR)$(UNITDIR)/,$(UNITS) $(DROPINS))
	for d in $(dir $(addprefix $(DESTDIR)$(UNITDIR)/,$(DROPINS))); do ! test -d $$d || rmdir --ignore-fail-on-non-empty $$d; done
	! cmp -s units/chat.conf $(DESTDIR)/etc/chat/chat.conf || rm $(DESTDIR)/etc/chat/chat.conf
	! cmp -s units/link.conf $(DESTDIR)/etc/chat/link.conf || rm $(DESTDIR)/etc/chat/link.conf
	! cmp -s units/tls.conf $(DESTDIR)/etc/chat/tls.conf || rm $(DESTDIR)/etc/chat/tls.conf
	! cmp -s units/chat.needrestart $(DESTDIR)/etc/needrestart/conf.d/chat.conf || rm $(DESTDIR)/etc/needrestart/conf.d/chat.conf
	cd $(DESTDIR)/etc 2>/dev/null && rmdir -p --ignore-fail-on-non-empty needrestart/conf.d 2>/dev/null || true
	rm -f $(FAIL2BAN:%=$(DESTDIR)/etc/fail2ban/%)
	-cd $(DESTDIR)/etc 2>/dev/null && rmdir --ignore-fail-on-non-empty -p $(addprefix fail2ban/,$(dir $(FAIL2BAN))) 2>/dev/null
	rm -f $(DESTDIR)$(LIBDIR)/sysusers.d/chat.conf $(DESTDIR)$(LIBDIR)/tmpfiles.d/chat.conf
	rm -f $(DESTDIR)$(LIBDIR)/systemd/system-preset/80-chat.preset $(DESTDIR)$(LIBDIR)/systemd/catalog/chat.catalog
	$(ON_THIS_HOST) journalctl --update-catalog
	$(ON_THIS_HOST) systemctl daemon-reload

.PHONY: clean
clean:
	rm -rf build "$$(cat build/sanitized/reports 2>/dev/null)"
