/* SPDX-License-Identifier: MIT */
/*
 * heapdelta symbolize: lines for snapshots that have none yet: taken where the programs are stripped, completed where their debug files are.
 * A file is replaced as a whole or stays as it is; one that gains nothing is not touched, so doing it again is free.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd.h"
#include "load.h"
#include "size-text.h"
#include "snapshot.h"
#include "symbols.h"

enum { SHOWN = 10 };

struct options {
	const char *output;
	struct load_options load;
};

/* Places in the code that recorded stacks pass through. */
struct tally {
	size_t all, with_lines, with_names;
};

static struct tally count_places(const struct snapshot *snapshot)
{
	struct tally tally = {0};

	for (size_t i = 0; i < snapshot->address_count; i++) {
		const struct address *address = &snapshot->addresses[i];
		if (address->module == HDS_MODULE_NONE || address->module >= snapshot->module_count || (address->offset & HDS_NO_ADDRESS))
			continue;
		bool has_line = address->location_count && !(snapshot->locations[address->first_location].flags & HDS_LOCATION_NO_LINE);
		tally.all++;
		tally.with_lines += has_line;
		tally.with_names += address->location_count != 0;
	}
	return tally;
}

static void say_gain(const char *path, struct tally before, struct tally now)
{
	size_t lines = now.with_lines - before.with_lines, names = now.with_names - before.with_names;

	printf("%s: ", path);
	if (lines)
		printf("%zu more place%s got lines, ", lines, lines == 1 ? "" : "s");
	else if (names)
		printf("%zu more place%s got function names, ", names, names == 1 ? "" : "s");
	else
		fputs("nothing new found, ", stdout);
	printf("%zu of %zu have them\n", now.with_lines, now.all);
}

static int complete_file(const char *path, const char *output, struct symbols *symbols, struct intern *intern, struct error *error)
{
	struct snapshot snapshot;

	snapshot_init(&snapshot, intern);
	if (snapshot_read(&snapshot, intern, path, error) < 0)
		return -1;
	int result = 0;
	struct tally before = count_places(&snapshot);
	/* What is not in our format cannot be replaced by it under its name. */
	if (snapshot.kind != SNAPSHOT_HDS && !output)
		result = error_set(error, "'%s' is not a snapshot file; -o FILE makes one of it", path);
	if (result == 0)
		result = symbols_resolve(symbols, &snapshot, error);
	struct tally now = count_places(&snapshot);
	bool gained = now.with_lines > before.with_lines || now.with_names > before.with_names;
	if (result == 0 && (gained || output))
		result = snapshot_write(&snapshot, output ? output : path, false, error);
	if (result == 0)
		say_gain(path, before, now);
	snapshot_release(&snapshot);
	return result;
}

/* ---- What is still missing ------------------------------------------------------------------------------------------------------- */

static void print_missing(const struct symbols_missing *missing)
{
	const struct module *module = missing->module;
	char size[SIZE_TEXT_MAX];

	printf("  %s: %s, %s live", module->path[0] ? module->path : "(no name)", missing->reason,
	       size_text(size, (double)missing->bytes, false));
	if (module->build_id_size)
		fputs("; build id ", stdout);
	for (uint32_t i = 0; i < module->build_id_size; i++)
		printf("%02x", module->build_id[i]);
	putchar('\n');
}

static void say_missing(const struct symbols *symbols)
{
	const struct symbols_missing *list;
	size_t count = symbols_missing(symbols, &list), shown = 0, most = cmd_verbose() ? count : SHOWN;

	for (size_t i = 0; i < count; i++) {
		/* What holds no memory is of interest to the curious only: libc, mostly. */
		if (!list[i].bytes && !cmd_verbose())
			continue;
		if (shown == 0)
			puts("without lines:");
		if (shown++ < most)
			print_missing(&list[i]);
	}
	if (shown > most)
		printf("  … %zu more (-v shows all)\n", shown - most);
	if (shown)
		puts("Their debug files: --debug-dir DIR, --sysroot DIR, --debuginfod, or the package NAME-dbgsym.");
}

/* ---- The command ----------------------------------------------------------------------------------------------------------------- */

static int is_snapshot_name(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 4 && !strcmp(entry->d_name + length - 4, ".hds");
}

/* The processes of a run, one by one: none of them loses its lines because another cannot be read. */
static int complete_directory(const char *directory, struct symbols *symbols, struct intern *intern)
{
	struct dirent **entries = NULL;
	int count = scandir(directory, &entries, is_snapshot_name, alphasort), result = 0;

	for (int i = 0; i < count; i++) {
		struct error error = {0};
		char *path = NULL;
		if (asprintf(&path, "%s/%s", directory, entries[i]->d_name) < 0)
			result = error_nomem(&error);
		else if (complete_file(path, NULL, symbols, intern, &error) < 0)
			result = -1;
		if (error.text[0])
			cmd_error(&error, STATUS_TROUBLE);
		free(path);
		free(entries[i]);
	}
	free(entries);
	return count < 0 ? -1 : result;
}

static int complete(const struct options *options, const char *name, struct error *error)
{
	const struct symbols_options how = {options->load.debug_dirs.items, options->load.sysroot, options->load.debuginfod};
	struct symbols *symbols = symbols_new(&how, error);
	struct intern *intern = intern_new();
	struct stat status;
	int result = -1;

	if (!intern)
		error_nomem(error);
	if (symbols && intern && stat(name, &status) == 0 && S_ISDIR(status.st_mode))
		result = options->output ? error_set(error, "-o is for one snapshot, and '%s' is a directory", name)
					 : complete_directory(name, symbols, intern);
	else if (symbols && intern)
		result = complete_file(name, options->output, symbols, intern, error);
	if (result == 0 && !cmd_quiet())
		say_missing(symbols);
	symbols_free(symbols);
	intern_free(intern);
	return result;
}

static int run(const struct cmd *cmd, void *values, int argc, char **argv)
{
	const struct options *options = values;
	struct error error = {0};
	char *newest = NULL;
	int result = 0;

	if (argc > 1)
		return cmd_usage(cmd, "symbolize takes one snapshot, not %d", argc);
	if (argc == 1 && !strcmp(argv[0], "-") && !options->output)
		return cmd_usage(cmd, "standard input cannot be replaced: give -o FILE");
	if (argc == 0)
		result = load_newest(1, &newest, &error);
	if (result == 0)
		result = complete(options, argc ? argv[0] : newest, &error);
	free(newest);
	/* Troubles inside a directory have been said one by one. */
	return result == 0 ? STATUS_OK : error.text[0] ? cmd_error(&error, STATUS_TROUBLE) : STATUS_TROUBLE;
}

static const struct opt output_opts[] = {
	{"output", 'o', OPT_STRING, offsetof(struct options, output), "FILE", "write the snapshot to FILE instead of replacing SNAP", NULL},
	{0},
};

static const struct opt search_opts[] = {
	{"debug-dir", 0, OPT_LIST, offsetof(struct load_options, debug_dirs), "DIR",
	 "search DIR, laid out as /usr/lib/debug or a plain folder of unstripped or debug files, before /usr/lib/debug; may be repeated",
	 NULL},
	{"sysroot", 0, OPT_STRING, offsetof(struct load_options, sysroot), "DIR", "find the traced programs and libraries below DIR", NULL},
	{"debuginfod", 0, OPT_FLAG, offsetof(struct load_options, debuginfod), NULL,
	 "ask the servers of $DEBUGINFOD_URLS for missing debug information", NULL},
	{0},
};

static const struct opt_group groups[] = {
	{NULL, output_opts, 0},
	{"Symbols", search_opts, offsetof(struct options, load)},
};

const struct cmd cmd_symbolize = {
	.name = "symbolize",
	.arguments = "[SNAP]",
	.summary = "add lines to a snapshot of stripped programs, later or elsewhere",
	.details = "Looks up every place of SNAP that has no line yet, in the programs and libraries themselves and in separate debug "
		   "files, and "
		   "replaces SNAP by the completed snapshot. A debug file is used only if its build id is the recorded one. Lines that are "
		   "there stay, a snapshot that gains nothing is not touched. The directory of a run is completed file by file.\n"
		   "Prints how many places got lines and which modules still have none, with their build ids. Exit status: 0, also when "
		   "nothing "
		   "was found; 2 trouble.",
	.examples = "heapdelta symbolize app.hds --debug-dir ./symbols\ta snapshot from production, with the debug files of its build\n"
		    "heapdelta symbolize heapdelta.app.4711.d --debuginfod\tall processes of a run",
	.groups = groups,
	.group_count = sizeof(groups) / sizeof(*groups),
	.options_size = sizeof(struct options),
	.run = run,
};
