# Fuzzing.

# Findings go to build/fuzz/NAME. The corpus in the tree is only read. tests/fuzz/make-seeds states its origin.
FUZZ_SECONDS ?= 30
FUZZ_CC      := clang -std=gnu17 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-fno-omit-frame-pointer
# The functions that tests/fuzz/death.h replaces.
FUZZ_WRAPPED := clock_gettime nanosleep poll sendmsg recvmmsg calloc free reach_send note_write note_departed \
		note_remove_departed reach_remove_inbox note_name note_remove_name note_held note_named note_remove_held \
		note_arrival note_remove_arrival note_seal note_remove_seal note_room note_remove_room rooms_set_topic \
		history_note history_note_again
# Those that tests/fuzz/world.c replaces, and the files that a session in that world needs, which has no sockets.
WORLD_WRAPPED := clock_gettime ppoll socket connect stat64 getsockopt setsockopt send recv
WORLD         := $(filter-out %/sandbox.c %/serve.c %/socketcall.c %/uplink-inbox.c,$(VISIT)) tests/fuzz/world.c \
		tests/fuzz/solo-chatd.c

build/fuzz/obj/%.o: %.c | build/.packages-build build/.packages-check build/.packages-fuzz
	@mkdir -p $(@D); echo "CC  $<"
	$(Q)$(FUZZ_CC) $(CPPFLAGS) $(WARNINGS) -MMD -MP -c $< -o $@
build/fuzz/fuzz-%: build/fuzz/obj/tests/fuzz/fuzz-%.o build/fuzz/obj/tests/fuzz/fuzz.o
	@echo "LD  $@"
	$(Q)$(FUZZ_CC) $(FUZZ_LDFLAGS) $^ $(FUZZ_LIBS) -o $@
build/fuzz/fuzz-proxy: $(call OBJECTS,fuzz/obj,chat-session/proxy.c)
build/fuzz/fuzz-irc: $(call OBJECTS,fuzz/obj,chat-irc/message.c chat-irc/nick.c chat-irc/reader.c)
build/fuzz/fuzz-irc-kind: $(call OBJECTS,fuzz/obj,$(IRC) $(WORLD) tests/fuzz/irc-client.c)
build/fuzz/fuzz-irc-kind: FUZZ_LDFLAGS := $(patsubst %,-Wl$(comma)--wrap=%,$(WORLD_WRAPPED) labels_begin)
build/fuzz/fuzz-http: $(call OBJECTS,fuzz/obj,chat-web/http.c chat-session/client-output.c)
build/fuzz/fuzz-http: FUZZ_LIBS := -l:libhttp_parser.a
# Without the session, which the target plays.
build/fuzz/fuzz-websocket: $(call OBJECTS,fuzz/obj,chat-web/http.c chat-web/websocket.c chat-session/client-output.c)
build/fuzz/fuzz-websocket: FUZZ_LDFLAGS := -Wl,--wrap=requests_take -Wl,--wrap=talk_leave -Wl,--wrap=talk_is_open
build/fuzz/fuzz-websocket: FUZZ_LIBS := $(LIBS_chat-web)
build/fuzz/fuzz-json-kind build/fuzz/fuzz-browser-kind: $(call OBJECTS,fuzz/obj,$(WEB) $(WORLD) chat-irc/formatting.c \
		chat-irc/message.c tests/fuzz/json-client.c)
build/fuzz/fuzz-json-kind: FUZZ_LDFLAGS := $(patsubst %,-Wl$(comma)--wrap=%,$(WORLD_WRAPPED) requests_take)
build/fuzz/fuzz-browser-kind: $(call OBJECTS,fuzz/obj,tests/fuzz/browser-client.c tests/fuzz/browser-typed.c)
build/fuzz/fuzz-browser-kind: FUZZ_LDFLAGS := $(patsubst %,-Wl$(comma)--wrap=%,$(WORLD_WRAPPED) requests_take \
		site_answer post_take)
build/fuzz/fuzz-json-kind build/fuzz/fuzz-browser-kind: FUZZ_LIBS := $(LIBS_chat-web)
build/fuzz/fuzz-telnet: $(call OBJECTS,fuzz/obj,chat-session/telnet.c)
build/fuzz/fuzz-lines: $(call OBJECTS,fuzz/obj,chat-session/lines.c chat-session/escape.c chat-session/grapheme.c)
build/fuzz/fuzz-lines: FUZZ_LIBS := $(LIBS_chat-session)
build/fuzz/fuzz-commands: $(call OBJECTS,fuzz/obj,chat-session/commands.c chat-session/disguise.c chat-session/grapheme.c \
		chat-session/protocol.c)
build/fuzz/fuzz-commands: FUZZ_LIBS := $(LIBS_chat-session)
build/fuzz/fuzz-editor: $(call OBJECTS,fuzz/obj,chat-session/editor.c chat-session/row.c chat-session/escape.c chat-session/grapheme.c)
build/fuzz/fuzz-text: $(call OBJECTS,fuzz/obj,chat-session/wrap.c chat-session/grapheme.c)
build/fuzz/fuzz-editor build/fuzz/fuzz-text: FUZZ_LIBS := $(LIBS_utf8proc)
build/fuzz/fuzz-broker: $(call OBJECTS,fuzz/obj,$(CHATD) chat-session/loan.c chat-session/client.c chat-session/client-output.c \
		tests/fuzz/death.c tests/fuzz/sessions.c)
build/fuzz/fuzz-broker: FUZZ_LDFLAGS := $(FUZZ_WRAPPED:%=-Wl,--wrap=%)
build/fuzz/fuzz-broker: FUZZ_LIBS := $(LIBS_chatd)
build/fuzz/fuzz-link: $(call OBJECTS,fuzz/obj,$(filter-out chat-link/network.c,$(LINK)))
build/fuzz/fuzz-link: FUZZ_LDFLAGS := -Wl,--wrap=clock_gettime
build/fuzz/fuzz-link: FUZZ_LIBS := -lsystemd -lnats
.PRECIOUS: build/fuzz/fuzz-% build/fuzz/obj/%.o

fuzz/editor: FUZZ_FLAGS := -max_len=5000
fuzz/frame: FUZZ_FLAGS := -max_len=5000
fuzz/proxy: FUZZ_FLAGS := -max_len=4200
fuzz/http fuzz/websocket: FUZZ_FLAGS := -max_len=9000
fuzz/irc: FUZZ_FLAGS := -max_len=5000
fuzz/irc-kind fuzz/json-kind fuzz/browser-kind: FUZZ_FLAGS := -max_len=600 -len_control=0
fuzz/link: FUZZ_FLAGS := -max_len=1024 -len_control=0
fuzz/broker: FUZZ_FLAGS := -max_len=512 -len_control=0

.PHONY: fuzz $(FUZZ:%=fuzz/%)
fuzz: ## fuzzing, FUZZ_SECONDS=30 for each target; fuzz/telnet is one of them
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
