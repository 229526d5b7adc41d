# Style: formatting, static analysis, and layers.

SOURCES = $(wildcard include/chat/*.h chatd/*.[ch] chat-session/*.[ch] chat-link/*.[ch] chatctl/*.[ch] chat-init/*.[ch] chat-irc/*.[ch] chat-web/*.[ch] tests/*.[ch] tests/unit/*.[ch] tests/system/*.[ch] \
		tests/fuzz/*.[ch] tests/bench/*.c)

# Files call only files that are below them in doc/hacking.md.
.PHONY: check-layers
check-layers: ## checks which files may call which
check-layers: all
	tests/layers $(PROGRAMS)

.PHONY: style
style: ## formatting, static analysis, and layers (doc/hacking.md)
style: check-layers build/.packages-style build/.packages-build build/.packages-check build/sandbox-filter.h
	+@$(PARALLEL) $(patsubst %.c,build/style/%.ok,$(wildcard $(PROGRAMS:%=%/*.c)))
	clang-format --dry-run --Werror $(SOURCES)
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--suppress=missingIncludeSystem $(CPPFLAGS) $(PROGRAMS)
	mandoc -T lint -W warning $(MANUALS)
	@find $(STYLE_PASSED) -type f -mtime +30 -delete
# A file that passed is checked again once it, one of its headers, or a check has changed. STYLE_PASSED has a file for
# each text that passed, in any tree of this machine. Its name is a hash of the text, its headers and the checks.
STYLE_PASSED ?= $(or $(XDG_CACHE_HOME),$(HOME:%=%/.cache),build)/chat-style
STYLE_FLAGS   = -std=gnu17 $(CPPFLAGS)
build/style/%.ok: %.c .clang-tidy tests/style.mk build/sandbox-filter.h | build/.packages-style build/.packages-build
	@mkdir -p $(@D) $(STYLE_PASSED); passed=$(STYLE_PASSED)/$$({ clang-tidy --version; cat .clang-tidy; \
		echo '$(STYLE_FLAGS) $(WARNINGS)'; clang $(STYLE_FLAGS) -E -CC -MMD -MP -MT $@ -MF $@.d $<; } | sha256sum | cut -c 1-64); \
	if [ ! -e $$passed ]; then \
		echo "TIDY $<"; \
		clang $(STYLE_FLAGS) $(WARNINGS) -fsyntax-only $< || exit 1; \
		clang-tidy --quiet --warnings-as-errors='*' $< -- $(STYLE_FLAGS) 2>$@.said || { cat $@.said >&2; exit 1; }; \
	fi; touch $$passed $@
-include $(shell find build/style -name '*.d' 2>/dev/null)
