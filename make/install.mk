# Installation on this host, and below DESTDIR for packages.

MANUALS := $(wildcard $(PROGRAMS:%=%/*.[1578])) $(wildcard units/*.[578])
# $(call manuals,SECTION)
manuals = $(filter %.$(1),$(MANUALS))
UNITS := chat.socket chat@.service chatd.socket chatd.service chatctl.socket chat-echo.socket chat-echo@.service \
	chat-local.socket chat-local@.service chat-tls.socket chat-tls@.service chat-proxied.socket chat-proxied@.service \
	chat-link.socket chat-link.service chat-metrics.timer chat-metrics.service \
	chat-irc.socket chat-irc@.service chat-ircs.socket chat-ircs@.service chat-irc-proxied.socket chat-irc-proxied@.service \
	chat-json.socket chat-json@.service chat-json-tcp.socket chat-json-tcp@.service \
	chat-web.socket chat-web@.service chat-web-proxied.socket chat-web-proxied@.service
# The version of the systemd that will run the units. Without a systemctl that states it, no drop-ins are installed.
SYSTEMD  ?= $(shell systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
DROPINS  := $(patsubst %,%.d/poll-limit.conf,$(filter %.socket,$(UNITS)))
SCHEMAS  := $(wildcard chat-web/*.schema.json)
FAIL2BAN := filter.d/chat.conf jail.d/chat.conf action.d/chat.conf
# DESTDIR is for packages, which do this by their own means.
ON_THIS_HOST = test -n "$(DESTDIR)" || test ! -d /run/systemd/system ||

# The part of the installation that a container needs; see container/Containerfile.
IN_CONTAINER := chatd chat-session chatctl chat-init
.PHONY: install-container
install-container: ## what a container needs (container/Containerfile)
install-container: $(IN_CONTAINER:%=$(BIN)/%)
	install -D -m 755 -t $(DESTDIR)$(SBINDIR) $(filter-out $(BIN)/chatctl,$^)
	install -D -m 755 -t $(DESTDIR)$(BINDIR) $(BIN)/chatctl
	install -D -m 755 container/setup $(DESTDIR)$(PREFIX)/share/chat/container-setup
	install -D -m 644 units/chat.sysusers $(DESTDIR)$(LIBDIR)/sysusers.d/chat.conf
	install -D -m 644 units/chat.conf $(DESTDIR)/etc/chat/chat.conf

.PHONY: install uninstall
install: ## programs, units and manual pages below PREFIX=/usr/local
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
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/chat $(SCHEMAS)
	install -D -m 644 units/chat.sysusers $(DESTDIR)$(LIBDIR)/sysusers.d/chat.conf
	install -D -m 644 units/chat.tmpfiles $(DESTDIR)$(LIBDIR)/tmpfiles.d/chat.conf
	test -e $(DESTDIR)/etc/chat/chat.conf || install -D -m 644 units/chat.conf $(DESTDIR)/etc/chat/chat.conf
	test -e $(DESTDIR)/etc/chat/link.conf || install -D -m 640 units/link.conf $(DESTDIR)/etc/chat/link.conf
	test -e $(DESTDIR)/etc/chat/tls.conf || install -D -m 644 units/tls.conf $(DESTDIR)/etc/chat/tls.conf
	test -e $(DESTDIR)/etc/chat/ircs.conf || install -D -m 644 units/ircs.conf $(DESTDIR)/etc/chat/ircs.conf
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
uninstall: ## removes them; settings that were changed stay
uninstall:
	-$(ON_THIS_HOST) systemctl disable --now chat.socket chat-echo.socket chat-irc.socket chat-ircs.socket chat-irc-proxied.socket \
		chat-local.socket chat-tls.socket chat-proxied.socket chat-json.socket chat-json-tcp.socket \
		chat-web.socket chat-web-proxied.socket
	-$(ON_THIS_HOST) systemctl stop 'chat@*.service' 'chat-echo@*.service' 'chat-irc@*.service' 'chat-ircs@*.service' 'chat-irc-proxied@*.service' \
		'chat-local@*.service' 'chat-tls@*.service' 'chat-proxied@*.service' 'chat-json@*.service' 'chat-json-tcp@*.service' \
		'chat-web@*.service' 'chat-web-proxied@*.service'
	-$(ON_THIS_HOST) systemctl disable --now chat-link.socket chat-link.service chat-metrics.timer
	-$(ON_THIS_HOST) systemctl stop chat-metrics.service
	-$(ON_THIS_HOST) systemctl reset-failed chat-metrics.service 2>/dev/null || true
	-$(ON_THIS_HOST) systemctl disable --now chatd.socket chatd.service chatctl.socket
	$(ON_THIS_HOST) rm -rf /run/chat
	rm -f $(DESTDIR)$(BINDIR)/chatctl $(DESTDIR)$(BINDIR)/chat-ssh $(DESTDIR)$(BASHDIR)/chatctl $(DESTDIR)$(ZSHDIR)/_chatctl
	rm -f $(patsubst %,$(DESTDIR)$(PREFIX)/share/chat/%,$(notdir $(SCHEMAS)))
	! test -d $(DESTDIR)$(PREFIX)/share/chat || rmdir --ignore-fail-on-non-empty $(DESTDIR)$(PREFIX)/share/chat
	rm -f $(DAEMONS:%=$(DESTDIR)$(SBINDIR)/%) $(patsubst %,$(DESTDIR)$(MANDIR)/man8/%.8,$(UNITS))
	rm -f $(foreach s,1 5 7 8,$(patsubst %,$(DESTDIR)$(MANDIR)/man$(s)/%,$(notdir $(call manuals,$(s)))))
	rm -f $(addprefix $(DESTDIR)$(UNITDIR)/,$(UNITS) $(DROPINS))
	for d in $(dir $(addprefix $(DESTDIR)$(UNITDIR)/,$(DROPINS))); do ! test -d $$d || rmdir --ignore-fail-on-non-empty $$d; done
	! cmp -s units/chat.conf $(DESTDIR)/etc/chat/chat.conf || rm $(DESTDIR)/etc/chat/chat.conf
	! cmp -s units/link.conf $(DESTDIR)/etc/chat/link.conf || rm $(DESTDIR)/etc/chat/link.conf
	! cmp -s units/tls.conf $(DESTDIR)/etc/chat/tls.conf || rm $(DESTDIR)/etc/chat/tls.conf
	! cmp -s units/ircs.conf $(DESTDIR)/etc/chat/ircs.conf || rm $(DESTDIR)/etc/chat/ircs.conf
	! cmp -s units/chat.needrestart $(DESTDIR)/etc/needrestart/conf.d/chat.conf || rm $(DESTDIR)/etc/needrestart/conf.d/chat.conf
	cd $(DESTDIR)/etc 2>/dev/null && rmdir -p --ignore-fail-on-non-empty needrestart/conf.d 2>/dev/null || true
	rm -f $(FAIL2BAN:%=$(DESTDIR)/etc/fail2ban/%)
	-cd $(DESTDIR)/etc 2>/dev/null && rmdir --ignore-fail-on-non-empty -p $(addprefix fail2ban/,$(dir $(FAIL2BAN))) 2>/dev/null
	rm -f $(DESTDIR)$(LIBDIR)/sysusers.d/chat.conf $(DESTDIR)$(LIBDIR)/tmpfiles.d/chat.conf
	rm -f $(DESTDIR)$(LIBDIR)/systemd/system-preset/80-chat.preset $(DESTDIR)$(LIBDIR)/systemd/catalog/chat.catalog
	$(ON_THIS_HOST) journalctl --update-catalog
	$(ON_THIS_HOST) systemctl daemon-reload
