# The programs of the chat. `make help` lists what can be made.
#
# Missing packages of Debian are installed, with sudo if you are not root. V=1 shows the commands. Installation,
# packages and tests have their own files, which are included below.

.DEFAULT_GOAL := all

# ---- settings -------------------------------------------------------------------------------------------------------
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

# Times and sizes of files have 64 bits on all architectures.
CPPFLAGS  += -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
CPPFLAGS  += -D_GNU_SOURCE -Iinclude -Ibuild
WARNINGS  := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
CFLAGS    ?= -O2 -g
HARDENING := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fPIE
LDHARDEN  := -pie -Wl,-z,relro,-z,now
SANITIZE  := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

# chatd writes messages of IRC and objects of JSON to connections that sessions lend.
CHATD     := $(filter-out chatd/main.c,$(wildcard chatd/*.c)) $(addprefix chat-irc/,formatting.c line.c message.c nick.c) $(addprefix chat-web/,form.c object.c)
SESSION   := $(filter-out %/main.c %/sandbox-filter.c,$(wildcard chat-session/*.c))
# The part of a session that each kind of client has: see Layers in doc/hacking.md
VISIT     := $(addprefix chat-session/,answers.c client.c client-output.c idle.c incoming.c liveness.c loan.c peer.c proxy.c \
		sandbox.c serve.c session.c socketcall.c talk.c uplink.c uplink-inbox.c uplink-queue.c visit.c)
LINK      := $(filter-out %/main.c,$(wildcard chat-link/*.c))
CTL       := $(filter-out %/main.c,$(wildcard chatctl/*.c))
IRC       := $(filter-out %/main.c,$(wildcard chat-irc/*.c))
WEB       := $(filter-out %/main.c,$(wildcard chat-web/*.c))
PROGRAMS  := chatd chat-session chat-link chatctl chat-init chat-irc chat-web
# People run chatctl. systemd starts the other programs, or they are the first process of a container.
DAEMONS   := $(filter-out chatctl,$(PROGRAMS))
# Linked statically for the reason in chat-session/grapheme.h.
LIBS_utf8proc  := -l:libutf8proc.a
LIBS_chatd     := -lsystemd $(LIBS_utf8proc) -l:libnettle.a
LIBS_chat-session := $(LIBS_utf8proc)
LIBS_chat-web  := -l:libjansson.a -l:libhttp_parser.a -lwslay -l:libnettle.a
LIBS_chat-link := -lsystemd -lnats
LIBS_chatctl   := -lsystemd $(LIBS_utf8proc)
# chat-init makes the run directory like a chatd that binds its own sockets, and checks the kernel for the features that
# chatd needs.
INIT      := $(wildcard chat-init/*.c) chatd/kernel.c chatd/rundir.c

# ---- programs -------------------------------------------------------------------------------------------------------
.PHONY: all
all: ## the programs, in build/
all: $(PROGRAMS:%=$(BIN)/%)

include make/packages.mk

# chat-web contains the files of the page.
build/obj/chat-web/page.o build/asan/chat-web/page.o: $(wildcard chat-web/page/page.*)

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
build/chat-irc: $(call OBJECTS,obj,$(VISIT) $(IRC) chat-irc/main.c)
	@echo "LD  $@"
	$(Q)$(CC) $(LDHARDEN) $(CFLAGS) $(LDFLAGS) $^ -o $@
build/chat-web: $(call OBJECTS,obj,$(VISIT) $(WEB) chat-web/main.c)
	@echo "LD  $@"
	$(Q)$(CC) $(LDHARDEN) $(CFLAGS) $(LDFLAGS) $^ $(LIBS_chat-web) -o $@
build/chat-link: $(call OBJECTS,obj,$(LINK) chat-link/main.c)
	@echo "LD  $@"
	$(Q)$(CC) $(LDHARDEN) $(CFLAGS) $(LDFLAGS) $^ $(LIBS_chat-link) -o $@
build/chatctl: $(call OBJECTS,obj,$(CTL) chatctl/main.c)
	@echo "LD  $@"
	$(Q)$(CC) $(LDHARDEN) $(CFLAGS) $(LDFLAGS) $^ $(LIBS_chatctl) -o $@

build/chat-init: $(call OBJECTS,obj,$(INIT))
	@echo "LD  $@"
	$(Q)$(CC) $(LDHARDEN) $(CFLAGS) $(LDFLAGS) $^ -o $@

# The next and the previous version, for the tests. Frames of the next one have one more field, and those of the
# previous one lack the fields of this one.
FRAME_VERSION := $(shell sed -n 's/^.define FRAME_VERSION //p' include/chat/frame.h)
build/obj-next/%.o: CPPFLAGS += -DFRAME_VERSION=$(shell expr $(FRAME_VERSION) + 1) -DFRAME_APPENDED_BYTES=8
build/obj-previous/%.o: CPPFLAGS += -DFRAME_VERSION=$(shell expr $(FRAME_VERSION) - 1) -DFRAME_APPENDED_BYTES=0
define beside
build/obj-$(1)/%.o: %.c | build/.packages-build
	@mkdir -p $$(@D); echo "CC  $$< ($(1))"
	$$(Q)$$(CC) -std=gnu17 $$(CPPFLAGS) $$(WARNINGS) $$(HARDENING) $$(CFLAGS) -MMD -MP -c $$< -o $$@
build/$(1)/chatd: $(call OBJECTS,obj-$(1),$(CHATD) chatd/main.c)
	@mkdir -p $$(@D); echo "LD  $$@"
	$$(Q)$$(CC) $$(LDHARDEN) $$(CFLAGS) $$(LDFLAGS) $$^ $$(LIBS_chatd) -o $$@
build/$(1)/chat-session: $(call OBJECTS,obj-$(1),$(SESSION) chat-session/main.c)
	@mkdir -p $$(@D); echo "LD  $$@"
	$$(Q)$$(CC) $$(LDHARDEN) $$(CFLAGS) $$(LDFLAGS) $$^ $$(LIBS_chat-session) -o $$@
endef
$(foreach version,next previous,$(eval $(call beside,$(version))))

# A build as on an architecture without a filter, for the tests.
build/obj-no-filter/%.o: CPPFLAGS += -DNO_FILTER
build/obj-no-filter/%.o: %.c build/sandbox-filter.h | build/.packages-build
	@mkdir -p $(@D); echo "CC  $< (no filter)"
	$(Q)$(CC) -std=gnu17 $(CPPFLAGS) $(WARNINGS) $(HARDENING) $(CFLAGS) -MMD -MP -c $< -o $@
build/no-filter/chat-session: $(call OBJECTS,obj-no-filter,chat-session/sandbox.c chat-session/serve.c) \
		$(call OBJECTS,obj,$(filter-out %/sandbox.c %/serve.c,$(SESSION)) chat-session/main.c)
	@mkdir -p $(@D); echo "LD  $@"
	$(Q)$(CC) $(LDHARDEN) $(CFLAGS) $(LDFLAGS) $^ $(LIBS_chat-session) -o $@

build/sanitized/chatd: $(call OBJECTS,asan,$(CHATD) chatd/main.c tests/sanitizer-options.c)
build/sanitized/chat-session: $(call OBJECTS,asan,$(SESSION) chat-session/main.c tests/sanitizer-options.c)
build/sanitized/chat-irc: $(call OBJECTS,asan,$(VISIT) $(IRC) chat-irc/main.c tests/sanitizer-options.c)
build/sanitized/chat-web: $(call OBJECTS,asan,$(VISIT) $(WEB) chat-web/main.c tests/sanitizer-options.c)
build/sanitized/chat-link: $(call OBJECTS,asan,$(LINK) chat-link/main.c tests/sanitizer-options.c)
build/sanitized/chat-init: $(call OBJECTS,asan,$(INIT) tests/sanitizer-options.c)
build/sanitized/chatctl: $(call OBJECTS,asan,$(CTL) chatctl/main.c tests/sanitizer-options.c)
# gcc's shared libraries of the two sanitizers do not agree on a file for the reports; clang has no such libraries.
$(PROGRAMS:%=build/sanitized/%):
	@echo "LD  $@"; rm -rf "$$(cat build/sanitized/reports)"
	$(Q)$(CC) $(SANITIZE) $(if $(findstring clang,$(CC)),,-static-libasan -static-libubsan) $^ $(LIBS_$(@F)) -o $@
# The programs and the tests know the directory of the reports, which belongs to this tree.
build/sanitized/reports:
	@mkdir -p $(@D); mktemp -u -p /tmp chat-reports.XXXXXX > $@
build/asan/tests/sanitizer-options.o: CPPFLAGS += -DREPORTS='"$(shell cat build/sanitized/reports)"'
build/asan/tests/sanitizer-options.o: build/sanitized/reports

# The filter of the sandbox is compiled on the building machine, for all machines. HOSTCC is its compiler.
build/sandbox-filter: chat-session/sandbox-filter.c chat-session/sandbox.h | build/.packages-build
	@echo "LD  $@"
	$(Q)$(HOSTCC) -std=gnu17 $(CPPFLAGS) $(WARNINGS) -O1 $< -lseccomp -o $@
build/sandbox-filter.h: build/sandbox-filter
	$(Q)$< >$@.new && mv $@.new $@
build/obj/chat-session/sandbox.o build/asan/chat-session/sandbox.o build/obj-next/chat-session/sandbox.o build/obj-previous/chat-session/sandbox.o build/asan/tests/unit/test-sandbox.o: build/sandbox-filter.h

-include $(shell find build/obj build/asan build/obj-next build/obj-previous build/obj-no-filter build/fuzz/obj -name '*.d' 2>/dev/null)

# ---- the rest -------------------------------------------------------------------------------------------------------
include make/run.mk make/install.mk make/deb.mk
# Packages are built in a copy of the tree that has no tests.
include $(wildcard tests/tests.mk tests/fuzz/fuzz.mk tests/bench/bench.mk tests/style.mk)

.PHONY: help
help: ## this list
	@awk -f make/help.awk $(filter-out build/%,$(MAKEFILE_LIST))

.PHONY: clean
clean: ## removes build/
clean:
	rm -rf build "$$(cat build/sanitized/reports 2>/dev/null)"
