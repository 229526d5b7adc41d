# Debian packages.

# The packages are built in a copy, so no file of the build stays in the tree.
build/package/built: $(wildcard $(PROGRAMS:%=%/*) container/* include/chat/* units/* fail2ban/*/* doc/* debian/* debian/*/*) Makefile $(wildcard make/*) README.md \
		| build/.packages-build build/.packages-deb
	@rm -rf $(@D); mkdir -p $(@D)/tree; echo "Building the Debian packages"
	@cp -a $(PROGRAMS) include units fail2ban doc debian make Makefile README.md LICENSE $(@D)/tree
	@cd $(@D)/tree && version=$$(dpkg-parsechangelog -S Version) && { [ "$$version" = "$(VERSION)" ] || { \
		echo "debian/changelog is of version $$version, include/chat/version.h of $(VERSION)" >&2; exit 1; }; }
	@cd $(@D)/tree && env -u MAKEFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc -b $(DEB_ARCH:%=-a%) >../build.log 2>&1 || { \
		tail -n 30 ../build.log >&2; exit 1; }
	@touch $@
check-system/package: build/package/built build/next/chatd build/next/chat-session

# The source package is built, too, because lintian finds some errors only there.
.PHONY: deb
deb: ## Debian packages, in build/package; lintian finds nothing in them
deb: build/package/built
	@rm -rf build/package/source; mkdir -p build/package/source/tree
	@tar -c --exclude-vcs --exclude=./build . | tar -x -C build/package/source/tree
	@cd build/package/source/tree && env -u MAKEFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc -S >../build.log 2>&1 || { \
		tail -n 30 ../build.log >&2; exit 1; }
	@rm -rf build/package/source/tree
	@lintian --allow-root --fail-on error,warning build/package/*.changes build/package/source/*.changes
	@ls build/package/*.deb
