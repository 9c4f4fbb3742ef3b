# SPDX-License-Identifier: MIT
# heapdelta: one non-recursive Makefile, everything built under $(BUILD).  `make help` lists the targets and knobs.

BUILD   ?= build
CC      ?= cc
AR      ?= ar
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
LIBDIR  ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR  ?= $(PREFIX)/share/man
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
DOCDIR  ?= $(PREFIX)/share/doc/heapdelta
DESTDIR ?=
INSTALL ?= install
V       ?= 0
WERROR  ?=
SAN     ?=
COVERAGE ?=

VERSION := 0.1.0

ifeq ($(V),0)
Q := @
# make -s says nothing at all.
say = $(if $(findstring s,$(firstword -$(MAKEFLAGS))),@:,@printf '  %-5s %s\n' $(1) $(2))
else
Q :=
say = @:
endif

# ---- Flags ---------------------------------------------------------------------------------------------------------------------
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wundef -Wvla -Wformat=2 $(if $(WERROR),-Werror)
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer)
COVFLAGS := $(if $(COVERAGE),--coverage)
CFLAGS   ?= -O2 -g
BASE_CFLAGS := -std=gnu11 $(WARNINGS) -Iinclude -MMD -MP -D_GNU_SOURCE -DHEAPDELTA_VERSION='"$(VERSION)"' $(SANFLAGS) $(COVFLAGS)

PRELOAD_CFLAGS  := $(BASE_CFLAGS) -Ipreload -fPIC -fvisibility=hidden -ftls-model=initial-exec -fcf-protection -fno-plt -fexceptions -falign-loops=32 \
	-fno-builtin-malloc -fno-builtin-calloc -fno-builtin-realloc -fno-builtin-free
ANALYZER_CFLAGS := $(BASE_CFLAGS) -Ianalyzer
ANALYZER_LIBS   := -ldw -lelf -ljansson -lz -liberty -lm
CHECK_LIBS      := $(shell pkg-config --libs check 2>/dev/null || echo -lcheck_pic -lrt -lm -lsubunit) -lpthread

# ---- Sources, in flow order ----------------------------------------------------------------------------------------------------
PRELOAD_HOOK_SRCS := \
	preload/hooks.c \
	preload/hooks-new.c \
	preload/follow.c \
	preload/lifecycle.c \
	preload/api.c
PRELOAD_CORE_SRCS := \
	preload/tracker.c \
	preload/event.c \
	preload/start.c \
	preload/dump.c \
	preload/dump-info.c \
	preload/dump-sums.c \
	preload/unwind.c \
	preload/unwind-verify.c \
	preload/unwind-cache.c \
	preload/threads.c \
	preload/blocks-scan.c \
	preload/blocks.c \
	preload/unwind-rules.c \
	preload/stacks.c \
	preload/stack-paths.c \
	preload/extras.c \
	preload/modules.c \
	preload/leaves.c \
	preload/ages.c \
	preload/thread-cells.c \
	preload/trace-grow.c \
	preload/replaced.c \
	preload/unwind-learn.c \
	preload/trace.c \
	preload/unwind-engine.c \
	preload/output.c \
	preload/snapshot-file.c \
	preload/sampling.c \
	preload/untraced.c \
	preload/config.c \
	preload/unwind-rows.c \
	preload/fde-table.c \
	preload/bootstrap.c \
	preload/trace-file.c \
	preload/image.c \
	preload/elf-view.c \
	preload/stack-bounds.c \
	preload/guard.c \
	preload/single-thread.c \
	preload/page-filter.c \
	preload/real.c \
	preload/log.c
ANALYZER_SRCS := \
	analyzer/cmd-run.c \
	analyzer/cmd-snapshot.c \
	analyzer/cmd-stats.c \
	analyzer/cmd-diff.c \
	analyzer/cmd-info.c \
	analyzer/cmd-symbolize.c \
	analyzer/cmd-export.c \
	analyzer/cmd-ps.c \
	analyzer/cmd-control.c \
	analyzer/cmd-env.c \
	analyzer/cmd-doctor.c \
	analyzer/run.c \
	analyzer/watch.c \
	analyzer/present.c \
	analyzer/conclude.c \
	analyzer/view-ps.c \
	analyzer/ps-history.c \
	analyzer/view-info.c \
	analyzer/ps.c \
	analyzer/supervise.c \
	analyzer/collect.c \
	analyzer/orphans.c \
	analyzer/doctor.c \
	analyzer/installation.c \
	analyzer/view.c \
	analyzer/rundir.c \
	analyzer/assemble.c \
	analyzer/summary.c \
	analyzer/view-rows.c \
	analyzer/view-prose.c \
	analyzer/view-next.c \
	analyzer/view-names.c \
	analyzer/view-hint.c \
	analyzer/convert.c \
	analyzer/doctor-elf.c \
	analyzer/peak.c \
	analyzer/view-options.c \
	analyzer/view-words.c \
	analyzer/load.c \
	analyzer/diff.c \
	analyzer/match.c \
	analyzer/match-items.c \
	analyzer/match-classes.c \
	analyzer/match-pairs.c \
	analyzer/stats.c \
	analyzer/vias.c \
	analyzer/filter-note.c \
	analyzer/stats-sums.c \
	analyzer/selection.c \
	analyzer/paths.c \
	analyzer/places.c \
	analyzer/attribution.c \
	analyzer/filter.c \
	analyzer/keys.c \
	analyzer/snapshot-export.c \
	analyzer/map-path.c \
	analyzer/frames.c \
	analyzer/symbols.c \
	analyzer/symbols-later.c \
	analyzer/symbols-entries.c \
	analyzer/symbols-dwfl.c \
	analyzer/symbols-dwarf.c \
	analyzer/symbols-elf.c \
	analyzer/symbols-unit.c \
	analyzer/symbols-instances.c \
	analyzer/symbols-scopes.c \
	analyzer/symbols-text.c \
	analyzer/symbols-demangle.c \
	analyzer/look.c \
	analyzer/render-text.c \
	analyzer/render-lines.c \
	analyzer/render-json.c \
	analyzer/render-csv.c \
	analyzer/render-markdown.c \
	analyzer/snapshot-read.c \
	analyzer/snapshot-trace.c \
	analyzer/snapshot-file.c \
	analyzer/snapshot-json.c \
	analyzer/snapshot-write.c \
	analyzer/snapshot-add.c \
	analyzer/perf-map.c \
	analyzer/snapshot-trace-totals.c \
	analyzer/snapshot-trace-info.c \
	analyzer/snapshot-trace-blocks.c \
	analyzer/trace-counters.c \
	analyzer/snapshot-trace-ages.c \
	analyzer/hds-file.c \
	analyzer/snapshot-info.c \
	analyzer/snapshot-build.c \
	analyzer/snapshot-output.c \
	analyzer/trace-file.c \
	analyzer/ages.c \
	analyzer/addresses.c \
	analyzer/snapshot.c \
	analyzer/render.c \
	analyzer/source.c \
	analyzer/report.c \
	analyzer/help-man.c \
	analyzer/config.c \
	analyzer/help-completion.c \
	analyzer/help.c \
	analyzer/opts.c \
	analyzer/recording.c \
	analyzer/cmd.c \
	analyzer/control.c \
	analyzer/process.c \
	analyzer/trace-place.c \
	analyzer/output.c \
	analyzer/json-scan.c \
	analyzer/library.c \
	analyzer/naming.c \
	analyzer/untraced.c \
	analyzer/function-name.c \
	analyzer/packages.c \
	analyzer/worktree.c \
	analyzer/traces.c \
	analyzer/source-statements.c \
	analyzer/closest.c \
	analyzer/pattern.c \
	analyzer/estimate.c \
	analyzer/runtime-names.c \
	analyzer/intervals.c \
	analyzer/pointer-map.c \
	analyzer/source-path.c \
	analyzer/pause.c \
	analyzer/error.c \
	analyzer/strbuf.c \
	analyzer/intern.c \
	analyzer/idmap.c \
	analyzer/json-arena.c \
	analyzer/size-text.c

object = $(patsubst %.c,$(BUILD)/%.o,$(1))
PRELOAD_CORE_OBJS := $(call object,$(PRELOAD_CORE_SRCS))
PRELOAD_OBJS      := $(call object,$(PRELOAD_HOOK_SRCS)) $(PRELOAD_CORE_OBJS)
ANALYZER_OBJS     := $(call object,$(ANALYZER_SRCS))
MAIN_OBJ          := $(BUILD)/analyzer/main.o

SHIM    := $(BUILD)/libheapdelta.so
COMMAND := $(BUILD)/heapdelta

.PHONY: all
all: $(SHIM) $(COMMAND) ## build the library and the command (default)

# Whatever changes the code that comes out is part of this file: objects of one build never mix two sets of flags.
FLAGS := $(CC) $(CFLAGS) $(BASE_CFLAGS) $(LDFLAGS)
$(BUILD)/flags: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' '$(subst ','\'',$(FLAGS))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(FLAGS))' >$@
.PHONY: FORCE
FORCE:

# ---- Shim and command ----------------------------------------------------------------------------------------------------------
$(BUILD)/preload/%.o: preload/%.c $(BUILD)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PRELOAD_CFLAGS) $(CFLAGS) -c -o $@ $<

$(BUILD)/analyzer/%.o: analyzer/%.c $(BUILD)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ANALYZER_CFLAGS) $(CFLAGS) -c -o $@ $<

# --version names the commit; only this object is compiled again when it changes.
COMMIT := $(shell git -c safe.directory='*' rev-parse --short=12 HEAD 2>/dev/null)
$(MAIN_OBJ): ANALYZER_CFLAGS += -DHEAPDELTA_COMMIT='"$(COMMIT)"'
$(MAIN_OBJ): $(BUILD)/commit
$(BUILD)/commit: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo '$(COMMIT)' | cmp -s - $@ || echo '$(COMMIT)' >$@

$(SHIM): $(PRELOAD_OBJS) preload/exports.map
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,libheapdelta.so -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete -Wl,--version-script=preload/exports.map $(CFLAGS) $(LDFLAGS) -o $@ $(PRELOAD_OBJS)

$(BUILD)/libpreload.a: $(PRELOAD_CORE_OBJS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/libanalyzer.a: $(ANALYZER_OBJS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(COMMAND): $(MAIN_OBJ) $(BUILD)/libanalyzer.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SANFLAGS) $(COVFLAGS) $(LDFLAGS) -o $@ $(MAIN_OBJ) $(BUILD)/libanalyzer.a $(ANALYZER_LIBS)

# ---- Tests ---------------------------------------------------------------------------------------------------------------------
# tests/unit/check-NAME.c with a first line "/* links: preload */" or "/* links: analyzer */".
UNIT_SRCS  := $(sort $(wildcard tests/unit/check-*.c))
UNIT_PRELOAD  := $(patsubst %.c,$(BUILD)/%,$(shell grep -l 'links: preload' $(UNIT_SRCS) /dev/null))
UNIT_ANALYZER := $(patsubst %.c,$(BUILD)/%,$(shell grep -l 'links: analyzer' $(UNIT_SRCS) /dev/null))
TARGETS    := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/targets/*.c)))
TARGET_LIBS := $(patsubst %.c,$(BUILD)/%.so,$(sort $(wildcard tests/targets/lib/*.c tests/fault/*.c)))
SCENARIOS  := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/scenarios/*.c)))

# The oracle of the unwinder's tests, and frames without a frame pointer for it.
LIBS_check-unwind       := -lunwind-generic -lunwind
LIBS_check-unwind-rules := $(LIBS_check-unwind)
LIBS_check-unwind-verify := $(LIBS_check-unwind)
LIBS_check-unwind-learn := $(LIBS_check-unwind) -rdynamic
LIBS_check-unwind-edges := $(LIBS_check-unwind) -Wl,--section-start=.far_text=0x40000000
CFLAGS_check-unwind     := -fomit-frame-pointer
$(BUILD)/tests/unit/check-unwind-rules $(BUILD)/tests/unit/check-modules: | $(TARGET_LIBS)

# Its own malloc in front of the analyzer's calls.
LIBS_check-allocations := $(foreach name,malloc calloc realloc reallocarray free,-Wl,--wrap=$(name))

$(UNIT_PRELOAD): $(BUILD)/%: %.c $(BUILD)/libpreload.a
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PRELOAD_CFLAGS) $(CFLAGS) $(CFLAGS_$(notdir $@)) -o $@ $< $(BUILD)/libpreload.a $(LIBS_$(notdir $@)) $(CHECK_LIBS) -ldl

$(UNIT_ANALYZER): $(BUILD)/%: %.c $(BUILD)/libanalyzer.a
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ANALYZER_CFLAGS) $(CFLAGS) -o $@ $< $(BUILD)/libanalyzer.a $(LIBS_$(notdir $@)) $(ANALYZER_LIBS) $(CHECK_LIBS)

# Traced programs: plain C, debug information, nothing of ours but the public header.
$(TARGETS) $(SCENARIOS): $(BUILD)/tests/%: tests/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O0 -g -Iinclude -MMD -MP -D_GNU_SOURCE -o $@ $< -lpthread -ldl

# Libraries that targets are run with or load, and those that let allocations fail.
$(TARGET_LIBS): $(BUILD)/%.so: %.c
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O1 -g -fPIC -shared -fno-builtin -Wl,-Bsymbolic-functions -MMD -MP -D_GNU_SOURCE -o $@ $<

.PHONY: tests targets
tests: $(UNIT_PRELOAD) $(UNIT_ANALYZER) targets ## build the tests and the programs that they trace
targets: $(TARGETS) $(TARGET_LIBS) $(SCENARIOS) bench-programs

# TESTS=… picks tests by name: `make check-unit TESTS='check-blocks check-threads'`, `make check-e2e TESTS=scenarios`.
TESTS ?=
pick = $(if $(TESTS),$(foreach name,$(TESTS),$(filter %/$(name) %/$(name).sh,$(1))),$(1))
E2E   := $(filter-out %/tap.sh %/server.sh %/transcript.sh,$(sort $(wildcard tests/e2e/*.sh tests/fault/*.sh)))

.PHONY: check check-unit check-e2e
check: all tests ## run every test that needs no further installation: unit tests, then end to end
	$(Q)BUILD=$(BUILD) tests/run $(call pick,$(UNIT_PRELOAD) $(UNIT_ANALYZER) $(E2E))
UNIT_PICKED := $(call pick,$(UNIT_PRELOAD) $(UNIT_ANALYZER))
check-unit: $(UNIT_PICKED) $(if $(filter $(UNIT_ANALYZER),$(UNIT_PICKED)),$(COMMAND)) ## run the unit tests only
	$(Q)BUILD=$(BUILD) tests/run $(UNIT_PICKED)
check-e2e: all targets ## run the end-to-end tests only
	$(Q)BUILD=$(BUILD) tests/run $(call pick,$(E2E))

# ---- Verification of recorded stacks: millions, on request ---------------------------------------------------------------------
STACKS ?= 50000000
EVERY  ?= 1000
.PHONY: verify
verify: all targets ## compare STACKS stacks of real programs with walks that use no cache, every EVERY-th with libunwind's
	$(Q)BUILD=$(BUILD) STACKS='$(STACKS)' EVERY='$(EVERY)' tests/verify/run

.PHONY: lint
lint: ## format, layers, static analysis, shell scripts, exported symbols
	$(Q)CC='$(CC)' BUILD=$(BUILD) scripts/lint

# ---- Fuzzing: clang's libFuzzer over the readers, in a build directory of its own ----------------------------------------------
FUZZ_SECONDS ?= 60
FUZZERS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/fuzz/fuzz-*.c)))
$(FUZZERS): $(BUILD)/%: %.c $(BUILD)/libanalyzer.a
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ANALYZER_CFLAGS) $(CFLAGS) -fsanitize=fuzzer -o $@ $< $(BUILD)/libanalyzer.a $(ANALYZER_LIBS)
.PHONY: fuzz fuzzers
fuzzers: $(FUZZERS)
fuzz: all targets ## fuzz the readers with clang for FUZZ_SECONDS each
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)-fuzz CC=clang SAN=fuzzer-no-link,address,undefined fuzzers
	$(Q)BUILD=$(BUILD) tests/fuzz/run $(BUILD)-fuzz/tests/fuzz $(FUZZ_SECONDS)

# ---- Benchmarks: tests/bench/*.c are the workloads, without frame pointers like what Debian ships, and one of them with --------
BENCH_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/bench/*.c))) $(BUILD)/tests/bench/pairs-fp
.PHONY: bench bench-programs
bench: all bench-programs ## cost against no tracer and against heaptrack: BENCH='pairs cpython' ROUNDS=5 CORE=1 QUICK=1 OUT=FILE
	$(Q)scripts/install-deps bench || echo 'bench: measured without what is missing'
	$(Q)BUILD=$(BUILD) BENCH='$(BENCH)' ROUNDS='$(ROUNDS)' CORE='$(CORE)' QUICK='$(QUICK)' OUT='$(OUT)' tests/bench/run
bench-programs: $(BENCH_PROGRAMS)
# A recursion stays one: the depth of the stack is what is measured.
BENCH_CFLAGS := -std=gnu11 -O2 -g -fno-optimize-sibling-calls $(WARNINGS) -Iinclude -MMD -MP -D_GNU_SOURCE
$(BUILD)/tests/bench/pairs-fp: tests/bench/pairs.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer -o $@ $<
$(BUILD)/tests/bench/%: tests/bench/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -fomit-frame-pointer -o $@ $< -lpthread

# ---- Installation --------------------------------------------------------------------------------------------------------------
# heapdelta.1 and a page per command beside it.
$(BUILD)/man/heapdelta.1: $(COMMAND)
	$(call say,GEN,$@)
	$(Q)rm -rf $(@D) && mkdir -p $(@D)
	$(Q)for name in $$($(COMMAND) help --options | cut -f 1 | uniq); do \
		$(COMMAND) help --man $$name >$(@D)/heapdelta-$$name.1 || exit; done
	$(Q)$(COMMAND) help --man >$@.new && mv $@.new $@
$(BUILD)/heapdelta.bash: $(COMMAND)
	$(call say,GEN,$@)
	$(Q)$(COMMAND) help --bash-completion >$@.new && mv $@.new $@
$(BUILD)/heapdelta.pc: scripts/heapdelta.pc.in Makefile FORCE
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@VERSION@|$(VERSION)|' $< >$@

.PHONY: docs
docs: $(BUILD)/man/heapdelta.1 $(BUILD)/heapdelta.bash ## man pages and bash completion, from the command's own option tables

at = $(DESTDIR)$(1)
INSTALLED := $(BINDIR)/heapdelta $(LIBDIR)/libheapdelta.so $(INCLUDEDIR)/heapdelta/heapdelta.h $(LIBDIR)/pkgconfig/heapdelta.pc \
	$(MANDIR)/man1/heapdelta.1 $(COMPLETIONDIR)/heapdelta $(DOCDIR)/FORMAT.md $(DOCDIR)/README.md

.PHONY: install uninstall
install: all docs $(BUILD)/heapdelta.pc ## library, command, header, man pages, completion, pkg-config file: PREFIX= DESTDIR=
	$(Q)$(INSTALL) -D -m 755 $(COMMAND) $(call at,$(BINDIR)/heapdelta)
	$(Q)$(INSTALL) -D -m 755 $(SHIM) $(call at,$(LIBDIR)/libheapdelta.so)
	$(Q)$(INSTALL) -D -m 644 include/heapdelta/heapdelta.h $(call at,$(INCLUDEDIR)/heapdelta/heapdelta.h)
	$(Q)$(INSTALL) -D -m 644 $(BUILD)/heapdelta.pc $(call at,$(LIBDIR)/pkgconfig/heapdelta.pc)
	$(Q)$(INSTALL) -d $(call at,$(MANDIR)/man1)
	$(Q)$(INSTALL) -m 644 $(BUILD)/man/heapdelta*.1 $(call at,$(MANDIR)/man1)
	$(Q)$(INSTALL) -D -m 644 $(BUILD)/heapdelta.bash $(call at,$(COMPLETIONDIR)/heapdelta)
	$(Q)$(INSTALL) -D -m 644 include/heapdelta/FORMAT.md $(call at,$(DOCDIR)/FORMAT.md)
	$(Q)$(INSTALL) -D -m 644 README.md $(call at,$(DOCDIR)/README.md)
uninstall: ## remove what install put there
	$(Q)rm -f $(foreach file,$(INSTALLED),$(call at,$(file))) $(call at,$(MANDIR)/man1/heapdelta-)*.1
	$(Q)-rmdir $(call at,$(INCLUDEDIR)/heapdelta) $(call at,$(DOCDIR)) 2>/dev/null || true

.PHONY: clean
clean: ## remove what was built here
	$(Q)rm -rf $(BUILD) $(BUILD)-fuzz

.PHONY: help
help: ## this text
	@echo 'make TARGET… [KNOB=VALUE…]'
	@echo
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16
	@echo
	@printf '  %-13s %s\n' \
		'BUILD=build' 'where everything is built' \
		'SAN=' 'sanitizers, for the unit tests: SAN=address,undefined or SAN=thread' \
		'WERROR=1' 'warnings are errors' \
		'COVERAGE=1' 'instrument for gcov' \
		'V=1' 'show the commands' \
		'TESTS=' 'only these tests, by name' \
		'PREFIX=' 'install below PREFIX (/usr/local); DESTDIR= in front of it for packagers'

-include $(shell find $(BUILD) -type f -name '*.d' 2>/dev/null)
