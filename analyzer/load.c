/* SPDX-License-Identifier: MIT */
/*
 * Reading what the user names.  Comes in: an argument; goes out: one snapshot.  A run's directory holds one file per process and a link to
 * the root's; its sum keeps track of the process of each stack.  If a process left several files there (a series), only its newest counts,
 * or its blocks would be counted twice.
 */
#include "load.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "look.h"
#include "symbols-later.h"

const struct opt load_opts[] = {
	{"debug-dir", 0, OPT_LIST, offsetof(struct load_options, debug_dirs), "DIR",
	 "search DIR, laid out as /usr/lib/debug or a plain folder of unstripped or debug files, before /usr/lib/debug; may be repeated",
	 NULL},
	{"sysroot", 0, OPT_STRING, offsetof(struct load_options, sysroot), "DIR", "find the traced programs and libraries below DIR", NULL},
	{"debuginfod", 0, OPT_FLAG, offsetof(struct load_options, debuginfod), NULL,
	 "ask the servers of $DEBUGINFOD_URLS for missing debug information", NULL},
	{"no-symbols", 0, OPT_OFF | OPT_TREE, offsetof(struct load_options, symbols), NULL, "do not look up functions and lines", NULL},
	{0},
};

void load_options_defaults(struct load_options *options)
{
	options->symbols = true;
}

void load_options_hint(const struct load_options *options, struct strbuf *out)
{
	for (size_t i = 0; i < options->debug_dirs.count; i++) {
		strbuf_puts(out, " --debug-dir ");
		cmd_quote(out, options->debug_dirs.items[i]);
	}
	if (options->sysroot) {
		strbuf_puts(out, " --sysroot ");
		cmd_quote(out, options->sysroot);
	}
	if (options->debuginfod)
		strbuf_puts(out, " --debuginfod");
	if (!options->symbols)
		strbuf_puts(out, " --no-symbols");
}

void load_options_hint_wait(const struct load_options *options, struct strbuf *out)
{
	if (options->wait) {
		strbuf_puts(out, " --wait ");
		cmd_quote(out, options->wait);
	}
}

int load_init(struct load *load, const struct load_options *options, struct error *error)
{
	*load = (struct load){.options = options, .intern = intern_new()};
	return load->intern ? 0 : error_nomem(error);
}

void load_release(struct load *load)
{
	symbols_free(load->symbols);
	symbols_free(load->rooted);
	intern_free(load->intern);
	*load = (struct load){0};
}

/* Those of files below another root are kept apart: the same path is another file there. */
static struct symbols **symbols_for(struct load *load, const char *root)
{
	if (!root[0])
		return &load->symbols;
	if (strcmp(root, load->root) != 0) {
		symbols_free(load->rooted);
		load->rooted = NULL;
		snprintf(load->root, sizeof(load->root), "%s", root);
	}
	return &load->rooted;
}

int load_symbols(struct load *load, struct snapshot *snapshot, const char *root, struct error *error)
{
	const char *sysroot = load->options->sysroot;
	struct symbols_options options = {load->options->debug_dirs.items,
					  sysroot   ? sysroot
					  : root[0] ? root
						    : NULL,
					  load->options->debuginfod};

	bool asked = load->options->debug_dirs.count || load->options->sysroot || load->options->debuginfod;
	bool complete = snapshot->symbolised && !asked && !symbols_later(snapshot, "");

	if (complete || snapshot->kind == SNAPSHOT_JSON || !load->options->symbols)
		return 0;
	struct symbols **symbols = symbols_for(load, sysroot ? "" : root);
	if (!*symbols)
		*symbols = symbols_new(&options, error);
	return *symbols ? symbols_resolve(*symbols, snapshot, error) : -1;
}

/* ---- The directory of a run ---- */

static int is_snapshot_name(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 4 && strcmp(entry->d_name + length - 4, ".hds") == 0;
}

/* Files of a directory being summed. */
struct parts {
	struct snapshot *list;
	size_t count;
};

static int read_parts(struct load *load, const char *directory, struct dirent **entries, int entry_count, struct parts *parts,
		      struct error *error)
{
	parts->list = calloc((size_t)entry_count, sizeof(*parts->list));
	if (!parts->list) {
		error_nomem(error);
		return -1;
	}
	for (int i = 0; i < entry_count; i++) {
		char *path;
		int result;
		if (asprintf(&path, "%s%s%s", directory, directory[strlen(directory) - 1] == '/' ? "" : "/", entries[i]->d_name) < 0)
			return error_nomem(error);
		result = snapshot_read(&parts->list[parts->count], load->intern, path, error);
		free(path);
		if (result < 0)
			return -1;
		parts->count++;
	}
	return 0;
}

static bool same_process(const struct snapshot_info *a, const struct snapshot_info *b)
{
	return a->pid && a->pid == b->pid && a->start_realtime_ns == b->start_realtime_ns && a->image == b->image &&
	       strcmp(a->host, b->host) == 0;
}

/* Is there a newer look at the same process?  Of two equally new ones (the link and its target) the later counts. */
static bool is_superseded(const struct parts *parts, size_t index)
{
	const struct snapshot_info *info = &parts->list[index].info;

	for (size_t i = 0; i < parts->count; i++) {
		const struct snapshot_info *other = &parts->list[i].info;
		if (i == index || !same_process(info, other))
			continue;
		if (other->taken_realtime_ns > info->taken_realtime_ns ||
		    (other->taken_realtime_ns == info->taken_realtime_ns && i > index))
			return true;
	}
	return false;
}

static int add_part(struct snapshot *sum, const struct snapshot *part, struct error *error)
{
	char name[300];

	snprintf(name, sizeof(name), "%llu %s", (unsigned long long)part->info.pid, part->info.command);
	return snapshot_add(sum, part, name, error);
}

/* The process that started the others is the sum's: first one without a parent among them. */
static size_t root_of(const struct parts *parts)
{
	for (size_t i = 0; i < parts->count; i++) {
		bool has_parent = false;
		for (size_t j = 0; j < parts->count && !has_parent; j++)
			has_parent = parts->list[j].info.pid == parts->list[i].info.ppid;
		if (!has_parent)
			return i;
	}
	return 0;
}

static int sum_parts(const struct parts *parts, struct snapshot *sum, struct error *error)
{
	size_t root = root_of(parts);

	if (add_part(sum, &parts->list[root], error) < 0)
		return -1;
	for (size_t i = 0; i < parts->count; i++) {
		if (i == root || same_process(&parts->list[i].info, &parts->list[root].info) || is_superseded(parts, i))
			continue;
		if (add_part(sum, &parts->list[i], error) < 0)
			return -1;
	}
	return 0;
}

static int name_sum(struct snapshot *sum, const char *name, struct error *error)
{
	sum->name = intern_add(sum->intern, name);
	return sum->name ? 0 : error_nomem(error);
}

static int read_directory(struct load *load, const char *name, struct snapshot *sum, struct error *error)
{
	struct dirent **entries = NULL;
	int count = scandir(name, &entries, is_snapshot_name, alphasort), result;
	struct parts parts = {0};

	if (count < 0)
		return error_set(error, "cannot read directory '%s': %s", name, strerror(errno));
	if (count == 0)
		result = error_set(error, "no snapshot in directory '%s'", name);
	else
		result = read_parts(load, name, entries, count, &parts, error);
	snapshot_init(sum, load->intern);
	if (result == 0)
		result = sum_parts(&parts, sum, error);
	if (result == 0)
		result = name_sum(sum, name, error);
	for (size_t i = 0; i < parts.count; i++)
		snapshot_release(&parts.list[i]);
	free(parts.list);
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	if (result < 0)
		snapshot_release(sum);
	return result;
}

static bool is_directory(const char *name)
{
	struct stat status;

	return stat(name, &status) == 0 && S_ISDIR(status.st_mode);
}

static int read_process(struct load *load, const char *name, struct snapshot *snapshot, char *root, struct error *error)
{
	struct process process;
	int result = look_find(&process, name, error);

	if (result == 0)
		result = look_take(&process, name, load->intern, snapshot, error);
	strcpy(root, process.root);
	process_close(&process);
	return result;
}

int load_snapshot(struct load *load, const char *name, struct snapshot *snapshot, struct error *error)
{
	char root[sizeof(load->root)] = "";
	int result;

	if (strcmp(name, "-") == 0) {
		if (load->stdin_used)
			return error_set(error, "standard input can be read only once");
		load->stdin_used = true;
	}
	if (is_directory(name))
		result = read_directory(load, name, snapshot, error);
	else if (look_is_process(name))
		result = read_process(load, name, snapshot, root, error);
	else
		result = snapshot_read(snapshot, load->intern, name, error);
	if (result < 0)
		return -1;
	if (load_symbols(load, snapshot, root, error) == 0)
		return 0;
	snapshot_release(snapshot);
	return -1;
}

/* ---- The newest here ---- */

struct found {
	char *name;
	struct timespec time;
};

/* Newest first. */
static int by_time(const void *left, const void *right)
{
	const struct found *a = left, *b = right;

	if (a->time.tv_sec != b->time.tv_sec)
		return a->time.tv_sec < b->time.tv_sec ? 1 : -1;
	if (a->time.tv_nsec != b->time.tv_nsec)
		return a->time.tv_nsec < b->time.tv_nsec ? 1 : -1;
	return -strcmp(a->name, b->name);
}

/* The directory with the other processes of the run whose root wrote `file`: ".d" in place of ".hds".  NULL: none, or out of memory. */
static char *directory_of(const char *file)
{
	char *directory = strdup(file);

	if (!directory)
		return NULL;
	strcpy(directory + strlen(directory) - 4, ".d");
	if (is_directory(directory))
		return directory;
	free(directory);
	return NULL;
}

static int find_here(struct found **found, struct error *error)
{
	struct dirent **entries = NULL;
	int entry_count = scandir(".", &entries, is_snapshot_name, NULL), count = 0;

	if (entry_count < 0) {
		error_set(error, "cannot read the current directory: %s", strerror(errno));
		return -1;
	}
	*found = calloc((size_t)entry_count + 1, sizeof(**found));
	for (int i = 0; i < entry_count; i++) {
		struct stat status;
		if (*found && stat(entries[i]->d_name, &status) == 0 && S_ISREG(status.st_mode)) {
			(*found)[count] = (struct found){strdup(entries[i]->d_name), status.st_mtim};
			count += (*found)[count].name != NULL;
		}
		free(entries[i]);
	}
	free(entries);
	if (*found)
		return count;
	error_nomem(error);
	return -1;
}

static int too_few(int count, size_t wanted, struct error *error)
{
	if (count == 0 || wanted < 2)
		return error_set(error, "no snapshot here (try '%s run COMMAND' first)", cmd_program());
	return error_set(error, "only one snapshot here, and a comparison needs two (try '%s run COMMAND' again)", cmd_program());
}

int load_newest(size_t wanted, char **names, struct error *error)
{
	struct found *found = NULL;
	int count = find_here(&found, error), result = 0;

	if (count > 0)
		qsort(found, (size_t)count, sizeof(*found), by_time);
	if (count >= 0 && (size_t)count < wanted)
		result = too_few(count, wanted, error);
	for (int i = 0; i < count; i++) {
		char *directory;
		if (result < 0 || (size_t)i >= wanted) {
			free(found[i].name);
			continue;
		}
		directory = directory_of(found[i].name);
		names[wanted - 1 - (size_t)i] = directory ? directory : found[i].name;
		if (directory)
			free(found[i].name);
	}
	free(found);
	return count < 0 ? -1 : result;
}
