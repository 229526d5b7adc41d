# Packages of Debian that builds, tests and measurements need: installed, or unpacked below build/.

# $(call need,PACKAGES,WHAT FOR): NEW/OLD stands for NEW if the release has a package of that name, and otherwise for
# OLD.
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

build/.packages-deb build/.packages-pictures build/.packages-build build/.packages-run build/.packages-check build/.packages-page build/.packages-fuzz build/.packages-bench build/.packages-style build/.packages-ci: make/packages.mk
build/.packages-build:
	$(call need,gcc libc6-dev libsystemd-dev libseccomp-dev libnats-dev libutf8proc-dev libjansson-dev libhttp-parser-dev libwslay-dev nettle-dev,to build: the compiler and the libraries for systemd's sockets and journal$(comma) for the sandbox's filter$(comma) for NATS$(comma) for the properties of characters$(comma) for JSON$(comma) for HTTP and for WebSockets)
build/.packages-run:
	$(call need,systemd,to run without PID 1: systemd-socket-activate accepts the connections)
build/.packages-check:
	$(call need,libcmocka-dev systemd systemd-container expect iproute2 irssi weechat-curses ii jq python3-irc python3-jsonschema curl inetutils-telnet netcat-openbsd ncat ucspi-tcp putty-tools tmux valgrind openssl python3 zsh,to test: the test library$(comma) the real programs that the chat is tested with$(comma) valgrind for leaks$(comma) openssl for certificates$(comma) jq and python3 to read and check JSON and zsh for its completion)
build/.packages-page:
	$(call need,chromium chromium-driver python3-selenium,to test the page: a browser$(comma) and the programs that drive it)
build/.packages-container:
	$(call need,debootstrap,to test: the root of a container)
build/.packages-fuzz:
	$(call need,clang libclang-rt-dev,to fuzz: the compiler and its library)
build/.packages-bench:
	$(call need,python3 gnuplot-nox linux-perf,to measure: to run it$(comma) to draw the plots and to count what the kernel does)
build/.packages-pictures:
	$(call need,python3,to take pictures)
build/.packages-deb:
	$(call need,build-essential debhelper dpkg-dev fakeroot lintian pkgconf systemd-dev/systemd,to build Debian packages and to check them)
build/.packages-style:
	$(call need,clang clang-format clang-tidy cppcheck mandoc,to check style: formatting and analysis)
build/.packages-ci:
	$(call need,ccache,to keep what CI has compiled)
# These packages are unpacked and not installed, because they would start servers on this machine. The benchmark uses
# openbsd-inetd, because the inetd of inetutils sleeps for a second whenever one of its processes ends while it waits
# for a connection.
build/inetd: PACKAGES := inetutils-inetd
build/openbsd-inetd: PACKAGES := openbsd-inetd libbsd0 libevent-2.1-7 libwrap0
build/nats: PACKAGES := nats-server
build/inetd build/openbsd-inetd build/nats: | build/.packages-check
	@rm -rf $@.new; mkdir -p $@.new
	@exec 9>build/.apt-lock; flock 9; cd $@.new && { apt-get download -qq $(PACKAGES) || { $(SUDO) apt-get update -qq && \
		apt-get download -qq $(PACKAGES); }; } 2>/dev/null && for deb in *.deb; do dpkg-deb -x $$deb . || exit 1; done || \
		echo "No $(@F) to test with: apt-get cannot download $(PACKAGES)."
	@mv $@.new $@
# With the packages on which they depend that are missing. A booted system copies them into its own root.
build/peers: PACKAGES := inspircd ngircd
build/access: PACKAGES := stunnel4 openssh-server
build/needrestart: PACKAGES := needrestart
build/proxies: PACKAGES := haproxy nginx libnginx-mod-stream caddy
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

# axe-core finds obstacles for people with a screen reader. It is not in Debian, so it comes from npm's registry.
AXE        := 4.14.1
AXE_SHA256 := e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745
build/axe: make/packages.mk | build/.packages-check
	@rm -rf $@.new; mkdir -p $@.new; echo "Downloading axe-core $(AXE) (to test the page)"; cd $@.new && \
	python3 -c 'import sys, urllib.request as u; sys.stdout.buffer.write(u.urlopen(sys.argv[1], timeout=60).read())' \
		https://registry.npmjs.org/axe-core/-/axe-core-$(AXE).tgz >axe.tgz && echo "$(AXE_SHA256)  axe.tgz" | sha256sum -c --quiet && \
		tar -xzf axe.tgz --strip-components=1 package/axe.min.js || echo "No axe-core to test with: cannot download it."
	@rm -f $@.new/axe.tgz; rm -rf $@; mv $@.new $@; touch $@

# The test suite of ngIRCd (check-system/irc-suite), which no package of programs has. It comes from a source package, with
# files of apt's own below $@.new. tests/system/irc-suite.differences is about this version.
IRC_SUITE        := ngircd_27.orig.tar.xz
IRC_SUITE_SHA256 := 6897880319dd5e2e73c1c9019613509f88eb5b8daa5821a36fbca3d785c247b8
build/irc-suite: make/packages.mk | build/.packages-check
	@rm -rf $@ $@.new; mkdir -p $@.new/lists/partial $@.new/archives/partial; echo "Downloading $(IRC_SUITE) (for its test suite)"
	@cd $@.new && mirror=$$(apt-get indextargets --format '$$(REPO_URI)' 'Origin: Debian' 'Label: Debian' 2>/dev/null | head -n 1); \
	echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $${mirror:-http://deb.debian.org/debian} trixie main" >sources; \
	get() { timeout 120 apt-get -qq -o Dir::Etc::SourceList=$(CURDIR)/$@.new/sources -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists=$(CURDIR)/$@.new/lists -o Dir::Cache=$(CURDIR)/$@.new -o APT::Sandbox::User=root "$$@"; }; \
	{ get update && get source --tar-only --download-only ngircd; } >log 2>&1 && \
	echo "$(IRC_SUITE_SHA256)  $(IRC_SUITE)" | sha256sum -c --quiet && \
	tar -xJf $(IRC_SUITE) --strip-components=3 --wildcards '*/src/testsuite' || \
		{ cat log; echo "No irc-suite to test with: apt-get cannot download $(IRC_SUITE). Remove $@ to try again."; }
	@cd $@.new && rm -rf lists archives sources log *.bin $(IRC_SUITE); cd $(CURDIR) && mv $@.new $@; touch $@

# The root of a container, as container/Containerfile makes it, without the programs. debootstrap runs in a mount
# namespace of its own, so its mounts end with it, even if it is killed. The next run removes the directory.
build/container: container/setup units/chat.sysusers | build/.packages-container
	@rm -rf $@.new; mkdir -p build; suite=$$(. /etc/os-release; echo $$VERSION_CODENAME); \
	echo "Making a Debian ($$suite) for a container"; \
	unshare --mount debootstrap --variant=minbase $$suite $@.new >build/container.log 2>&1 && \
	install -D -m 644 units/chat.sysusers $@.new/usr/local/lib/sysusers.d/chat.conf && \
	install -m 755 container/setup $@.new/root/setup && chroot $@.new /root/setup >>build/container.log 2>&1 || { \
		echo "No container to test with: see build/container.log"; rm -rf $@.new; mkdir -p $@.new; }
	@rm -rf $@; mv $@.new $@; touch $@
