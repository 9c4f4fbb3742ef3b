/* SPDX-License-Identifier: MIT */
/*
 * Comes in: a PID or a name.  Goes out: two snapshots of the same tables.  The trace file stays open in between, so that what the process
 * leaves at its end can still be read, whoever removes the file.  One of the places that print: it belongs to the commands.
 */
#include "watch.h"

#include "cmd.h"
#include "look.h"
#include "pause.h"
#include "view-words.h"

static bool has_ended(void *data)
{
	const struct process *process = data;

	return !traces_is_alive(process->fd);
}

static void say_wait(const struct process *process, uint64_t wait_ns)
{
	struct error line = {0}; /* escapes the name */
	struct strbuf time;

	strbuf_init(&time);
	words_duration(&time, wait_ns);
	error_set(&line, "looking at process %d (%s) for %s; ^C ends that early", (int)process->pid, process->comm,
		  time.data ? time.data : "a while");
	cmd_note("%s", line.text);
	strbuf_release(&time);
}

/* Its lock went with its memory; is the same process there with other memory? */
static void say_end(const struct process *process)
{
	struct error line = {0};
	uint64_t ticks = process->peek.start_ticks;
	bool replaced = ticks && traces_start_ticks(process->pid) == ticks && traces_has_memory(process->pid);

	error_set(&line, "process %d (%s) has %s meanwhile; what is compared is the last that it left", (int)process->pid, process->comm,
		  replaced ? "executed another program" : "ended");
	cmd_note("%s", line.text);
}

static void wait_for(struct process *process, uint64_t wait_ns)
{
	struct pause pause;

	pause_begin(&pause);
	say_wait(process, wait_ns);
	if (pause_for(&pause, wait_ns, has_ended, process) == PAUSE_STOPPED)
		say_end(process);
	pause_finish(&pause);
}

static int look_at(struct load *load, struct process *process, const char *who, uint64_t wait_ns, struct snapshot looks[2],
		   struct error *error)
{
	if (look_take(process, who, load->intern, &looks[0], error) < 0)
		return -1;
	wait_for(process, wait_ns);
	/* Symbols only now: the looks are as far apart as was asked for. */
	if (look_take(process, who, load->intern, &looks[1], error) == 0) {
		if (load_symbols(load, &looks[0], process->root, error) == 0 && load_symbols(load, &looks[1], process->root, error) == 0)
			return 0;
		snapshot_release(&looks[1]);
	}
	snapshot_release(&looks[0]);
	return -1;
}

int watch_process(struct load *load, const char *who, uint64_t wait_ns, struct snapshot looks[2], bool *ended, struct error *error)
{
	struct process process;
	int result = look_find(&process, who, error);

	if (result == 0)
		result = look_at(load, &process, who, wait_ns, looks, error);
	*ended = result == 0 && has_ended(&process);
	process_close(&process);
	return result;
}
