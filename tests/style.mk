# Style: formatting, static analysis, and layers.

SOURCES = $(wildcard include/chat/*.h chatd/*.[ch] chat-session/*.[ch] chat-link/*.[ch] chatctl/*.[ch] chat-init/*.[ch] tests/*.[ch] tests/unit/*.[ch] tests/system/*.[ch] \
		tests/fuzz/*.[ch] tests/bench/*.c)

# Files call only what stands below them in doc/hacking.md.
.PHONY: check-layers
check-layers: ## which files may call which
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
# A file that passed is looked at again once it, a header that it includes, or what is asked for has changed.
build/style/%.ok: %.c .clang-tidy Makefile build/sandbox-filter.h | build/.packages-style build/.packages-build
	@mkdir -p $(@D); echo "TIDY $<"
	$(Q)clang -std=gnu17 $(CPPFLAGS) $(WARNINGS) -fsyntax-only -MMD -MP -MT $@ -MF $@.d $<
	$(Q)clang-tidy --quiet --warnings-as-errors='*' $< -- -std=gnu17 $(CPPFLAGS) 2>$@.said || { cat $@.said >&2; exit 1; }
	@touch $@
-include $(shell find build/style -name '*.d' 2>/dev/null)
