/* SPDX-License-Identifier: MIT */
/*
 * heapdelta start, stop, mark: what a running traced process records, and names for moments, from outside.
 */
#include "cmd.h"
#include "control.h"
#include "look.h"

static int find(struct process *process, const char *who)
{
	struct error error = {0};

	return look_find(process, who, &error) == 0 ? STATUS_OK : cmd_error(&error, STATUS_TROUBLE);
}

/* A dead process's file may be read, not switched. */
static int check_alive(const struct process *process)
{
	struct error error = {0};

	if (traces_is_alive(process->fd))
		return STATUS_OK;
	error_set(&error, "process %d (%s) has ended", (int)process->pid, process->comm);
	return cmd_error(&error, STATUS_TROUBLE);
}

static int change(const char *who, int (*how)(const struct process *process, struct error *error), const char *same)
{
	struct error error = {0}, line = {0};
	struct process process;
	int status = find(&process, who), changed = -1;

	if (status == STATUS_OK)
		status = check_alive(&process);
	if (status == STATUS_OK)
		changed = how(&process, &error);
	if (error.text[0])
		status = cmd_error(&error, STATUS_TROUBLE);
	if (changed == CONTROL_SAME) {
		error_set(&line, "process %d (%s) %s", (int)process.pid, process.comm, same);
		cmd_note("%s", line.text);
	}
	process_close(&process);
	return status;
}

static int run_start(const struct cmd *cmd, void *options, int argc, char **argv)
{
	(void)options;
	if (argc != 1)
		return cmd_usage(cmd, argc ? "one process at a time" : "which process? Give a PID or a name");
	return change(argv[0], control_start, "records already");
}

static int run_stop(const struct cmd *cmd, void *options, int argc, char **argv)
{
	(void)options;
	if (argc != 1)
		return cmd_usage(cmd, argc ? "one process at a time" : "which process? Give a PID or a name");
	return change(argv[0], control_stop, "records nothing already");
}

static int run_mark(const struct cmd *cmd, void *options, int argc, char **argv)
{
	struct error error = {0};
	struct process process;

	(void)options;
	if (argc != 2)
		return cmd_usage(cmd, argc < 2 ? "a mark needs a name and a process" : "one mark of one process at a time");
	if (control_check_name(argv[0], &error) < 0)
		return cmd_usage(cmd, "%s", error.text);
	int status = find(&process, argv[1]);
	if (status == STATUS_OK)
		status = check_alive(&process);
	if (status == STATUS_OK && control_mark(&process, argv[0], &error) < 0)
		status = cmd_error(&error, STATUS_TROUBLE);
	process_close(&process);
	return status;
}

const struct cmd cmd_start = {
	.name = "start",
	.arguments = "PID|NAME",
	.summary = "let a running process record new blocks",
	.details =
		"For a process that was started with HEAPDELTA_START=0, which costs it next to nothing, or that 'heapdelta stop' has "
		"stopped. Blocks "
		"that it allocated while nothing was recorded stay unknown. It is a word in the trace file that the process looks at: no "
		"signal, no "
		"ptrace. Only the owner of the process and root may do that.",
	.examples = "heapdelta start 812\tnothing is printed; the next allocation is recorded\n",
	.run = run_start,
};

const struct cmd cmd_stop = {
	.name = "stop",
	.arguments = "PID|NAME",
	.summary = "let a running process record no more new blocks",
	.details =
		"What was recorded stays, and frees of those blocks are honoured, so that the counts stay right: what is still there later "
		"was "
		"allocated before the stop. A block whose size is changed by realloc counts as freed. 'heapdelta start' goes on.",
	.examples = "heapdelta stop 812\tsnapshots can be taken as before\n",
	.run = run_stop,
};

const struct cmd cmd_mark = {
	.name = "mark",
	.arguments = "NAME PID",
	.summary = "give this moment in the life of a process a name",
	.details =
		"Snapshots that are taken later carry the names and times of the last 16 marks; 'heapdelta info' shows them. The program "
		"can do the "
		"same with heapdelta_mark() of heapdelta.h.",
	.examples = "heapdelta mark 'before the load test' 812\tquoted if it has blanks; 'heapdelta info' of the next snapshot shows it\n",
	.run = run_mark,
};
