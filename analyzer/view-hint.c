/* SPDX-License-Identifier: MIT */
/*
 * What helps when lines are missing.  Comes in: how many bytes are on frames without a line, per module; goes out: one line, about the module
 * with most of them, with what to type on this system.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "packages.h"
#include "symbols-dwfl.h"
#include "view-data.h"
#include "view-words.h"

static const char no_line[] = "no line for this code"; /* as symbols.c says it */

enum { HINT_PERCENT = 1, BUILD_ID_DIGITS = 6 };

/* The module with most bytes whose lines nobody knows; 0: none. */
static size_t worst_module(const struct view *view, wide *all)
{
	const struct stats *stats = &view->stats[view->count - 1];
	const struct snapshot *snapshot = &view->snapshots[view->count - 1];
	size_t worst = 0;

	*all = 0;
	for (size_t i = 1; i < snapshot->module_count; i++) {
		*all += stats->no_line[i];
		if (stats->no_line[i] > stats->no_line[worst])
			worst = i;
	}
	return worst;
}

static const char *reason_of(const struct load *load, const struct module *module)
{
	const struct symbols_missing *list;
	size_t count = load && load->symbols ? symbols_missing(load->symbols, &list) : 0;

	for (size_t i = 0; i < count; i++) {
		const struct module *other = list[i].module;
		if (other->build_id_size == module->build_id_size &&
		    memcmp(other->build_id, module->build_id, module->build_id_size) == 0 && strcmp(other->path, module->path) == 0)
			return list[i].reason;
	}
	return NULL;
}

/* A snapshot that had its symbols already does not say why some are missing: the file does, if it is here. */
static const char *ask_file(const struct view *view, const struct load *load, const struct module *module)
{
	const struct debug_search search = {
		.debug_dirs = load->options->debug_dirs.items, .sysroot = load->options->sysroot, .intern = view->snapshots[0].intern};
	struct debug_file *file;
	const char *reason = NULL;

	if (debug_open(&file, &search, module, &reason))
		return NULL;
	debug_close(file);
	return reason ? reason : no_line;
}

/* "libfoo.so.3 (build id 3c9e12…, no debug information)" */
static void put_module(struct strbuf *out, const struct module *module, const char *reason)
{
	const char *slash = strrchr(module->path, '/');

	strbuf_puts(out, slash ? slash + 1 : module->path);
	if (module->build_id_size) {
		strbuf_puts(out, " (build id ");
		words_build_id(out, module, BUILD_ID_DIGITS);
		strbuf_printf(out, "…%s%s)", reason ? ", " : "", reason ? reason : "");
	} else if (reason) {
		strbuf_printf(out, " (%s)", reason);
	}
}

/* A program in the source tree was built here. */
static bool is_own(const struct view *view, const struct module *module)
{
	const char *root = view->roots[view->count - 1];
	size_t length = root ? strlen(root) : 0;

	return length && strncmp(module->path, root, length) == 0 && module->path[length] == '/';
}

/* Were the program's files ours?  The records here say nothing about another machine's. */
static bool is_from_here(const struct view *view)
{
	const char *host = view->snapshots[view->count - 1].info.host;
	char here[HOST_NAME_MAX + 1] = "";

	return !*host || (gethostname(here, sizeof(here) - 1) == 0 && strcmp(host, here) == 0);
}

static void put_install(struct strbuf *out, const struct view *view, const struct load *load, const struct module *module)
{
	const char *root = load && load->options->sysroot ? load->options->sysroot : "";
	size_t start = out->length;

	if (is_own(view, module)) {
		strbuf_puts(out, "compile it with -g, ");
		return;
	}
	if (*root || is_from_here(view))
		packages_command(out, root, module->path);
	strbuf_puts(out, out->length > start ? ", " : "install its debug symbols, ");
}

/* Whoever has named a server knows what --debuginfod is. */
static void put_debuginfod(struct strbuf *out, const struct load *load)
{
	const char *urls = getenv("DEBUGINFOD_URLS");

	strbuf_puts(out, "--debug-dir");
	if (load && load->options->debuginfod)
		return;
	strbuf_puts(out, " or --debuginfod");
	strbuf_puts(out, urls && *urls ? " (DEBUGINFOD_URLS is set)" : " with DEBUGINFOD_URLS set");
}

void view_hint(struct report *report, const struct view *view, const struct load *load)
{
	const struct stats *stats = &view->stats[view->count - 1];
	const struct module *module;
	const char *reason;
	struct strbuf line;
	wide all;
	size_t worst = worst_module(view, &all);

	if (!worst || stats->total_size == 0 || all * 100 < stats->total_size * HINT_PERCENT)
		return;
	module = &view->snapshots[view->count - 1].modules[worst];
	reason = reason_of(load, module);
	if (!reason && load && (load->options->sysroot || is_from_here(view)))
		reason = ask_file(view, load, module);
	strbuf_init(&line);
	strbuf_printf(&line, "hint: %d %% of the bytes have no line: ", (int)(all * 100 / stats->total_size));
	put_module(&line, module, reason);
	strbuf_puts(&line, ": ");
	if (reason && strcmp(reason, "build id differs") == 0)
		strbuf_puts(&line, "the file has been replaced since, ");
	else if (!reason || strcmp(reason, no_line) != 0)
		put_install(&line, view, load, module);
	put_debuginfod(&line, load);
	report_line(report, &report->footer, "%s", line.data);
	report->failed |= line.failed;
	strbuf_release(&line);
}
