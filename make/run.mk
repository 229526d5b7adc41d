# A chat in the foreground, without root and without systemd as PID 1.

LISTEN_PORT = $(lastword $(subst :, ,$(LISTEN)))
LISTEN_HOST = $(patsubst [%],%,$(patsubst %:$(LISTEN_PORT),%,$(LISTEN)))

# Both get process groups of their own (setsid), so that the sessions and a restarted chatd end with them. A chatd that
# dies by a signal is started again. Descriptor 3 of the launcher is its listening socket.
.PHONY: run
run: ## a chat on LISTEN=127.0.0.1:8888, until ^C
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
