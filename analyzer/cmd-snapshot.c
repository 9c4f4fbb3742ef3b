/* SPDX-License-Identifier: MIT */
/*
 * heapdelta snapshot: a snapshot of a running traced process, from outside.  The process is not stopped, signalled or attached to; its trace
 * file is read while it writes.  The path goes to stdout, alone, so that scripts can use it.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "convert.h"
#include "naming.h"
#include "process.h"
#include "symbols.h"

struct snapshot_options {
	const char *output;
	struct opt_list debug_dirs;
	bool blocks, symbols;
};

/* The work tree is that of the process, not of whoever looks. */
static void use_directory_of(struct naming *naming, pid_t pid)
{
	char link[64], path[PATH_MAX];

	snprintf(link, sizeof(link), "/proc/%d/cwd", (int)pid);
	ssize_t length = readlink(link, path, sizeof(path) - 1);
	path[length > 0 ? length : 0] = '\0';
	char *copy = length > 0 ? strdup(path) : NULL;
	if (!copy)
		return;
	free(naming->home);
	naming->home = copy;
}

static int resolve(const struct snapshot_options *options, const struct process *process, struct snapshot *snapshot, struct error *error)
{
	const struct symbols_options how = {.debug_dirs = options->debug_dirs.items, .sysroot = process->root[0] ? process->root : NULL};
	struct symbols *symbols = symbols_new(&how, error);

	if (!symbols)
		return -1;
	int result = symbols_resolve(symbols, snapshot, error);
	symbols_free(symbols);
	return result;
}

/* The first free number of heapdelta.EXE.PID.NNNN.hds, or the name that was asked for. */
static char *write_named(struct snapshot *snapshot, const struct naming *naming, const struct traced *traced, struct error *error)
{
	if (naming_is_explicit(naming))
		return convert_write(snapshot, naming_file(naming, traced->peek.name, traced->peek.pid, 0), true, error);
	for (unsigned number = 1; number < 10000; number++) {
		char *path = naming_file(naming, traced->peek.name, traced->peek.pid, number);
		if (path && access(path, F_OK) == 0) {
			free(path);
			continue;
		}
		snapshot->info.sequence = number;
		return convert_write(snapshot, path, false, error);
	}
	error_set(error, "there are 9999 snapshots of process %d already", (int)traced->peek.pid);
	return NULL;
}

static char *take(const struct snapshot_options *options, const struct process *process, struct naming *naming, struct intern *intern,
		  struct error *error)
{
	struct traced *traced = traced_new(process->path, &process->peek);
	struct snapshot snapshot;
	struct convert convert;
	char *path = NULL;

	if (!traced) {
		error_nomem(error);
		return NULL;
	}
	traced->peek.pid = process->pid; /* as we see it, not as it sees itself */
	use_directory_of(naming, process->pid);
	convert_init(&convert, naming, NULL, options->blocks);
	snapshot_init(&snapshot, intern);
	if (convert_read(&convert, traced, process->fd, process->root, &snapshot) < 0)
		error_set(error, "cannot read the trace of process %d (%s): %s", (int)process->pid, process->comm, traced->error.text);
	else if (!options->symbols || resolve(options, process, &snapshot, error) == 0)
		path = write_named(&snapshot, naming, traced, error);
	snapshot_release(&snapshot);
	traced_free(traced);
	return path;
}

static int look(const struct snapshot_options *options, const char *who)
{
	struct process process = {.fd = -1};
	struct naming naming = {0};
	struct error error = {0};
	struct intern *intern = intern_new();
	char *path = NULL;

	if (!intern)
		error_nomem(&error);
	else if (process_find(&process, who, &error) == 0 && naming_init(&naming, options->output, process.peek.name, &error) == 0)
		path = take(options, &process, &naming, intern, &error);
	if (path)
		printf("%s\n", path);
	free(path);
	naming_release(&naming);
	process_close(&process);
	intern_free(intern);
	return error.text[0] ? cmd_error(&error, STATUS_TROUBLE) : STATUS_OK;
}

static void set_defaults(void *data)
{
	((struct snapshot_options *)data)->symbols = true;
}

static int run_command(const struct cmd *cmd, void *data, int argc, char **argv)
{
	if (argc != 1)
		return cmd_usage(cmd, argc ? "one process at a time" : "which process? Give a PID or a name");
	return look(data, argv[0]);
}

static const struct opt opts[] = {
	{"output", 'o', OPT_STRING, offsetof(struct snapshot_options, output), "PATTERN",
	 "name of the snapshot, as for run; an existing file is replaced. Without it: heapdelta.EXE.PID.NNNN.hds here", NULL},
	{"blocks", 0, OPT_FLAG | OPT_TREE, offsetof(struct snapshot_options, blocks), NULL,
	 "store every live block with its address; of a sampled process, those that were recorded", NULL},
	{"no-symbols", 0, OPT_OFF | OPT_TREE, offsetof(struct snapshot_options, symbols), NULL, "leave the snapshot raw", NULL},
	{"debug-dir", 0, OPT_LIST, offsetof(struct snapshot_options, debug_dirs), "DIR", "look for separate debug files here, too", NULL},
	{0},
};

static const struct opt_group groups[] = {{"Snapshot", opts, 0}};

const struct cmd cmd_snapshot = {
	.name = "snapshot",
	.arguments = "PID|NAME",
	.summary = "take a snapshot of a running traced process, from outside",
	.details = "Reads the tables of a process that runs under 'heapdelta run' or with libheapdelta.so preloaded, writes a snapshot and "
		   "prints its path. The process is not stopped and notices nothing.",
	.examples = "heapdelta snapshot 4711\theapdelta.server.4711.0001.hds\n"
		    "heapdelta snapshot -o before.hds server\tby name, if only one process has it",
	.groups = groups,
	.group_count = sizeof(groups) / sizeof(groups[0]),
	.options_size = sizeof(struct snapshot_options),
	.defaults = set_defaults,
	.run = run_command,
};
