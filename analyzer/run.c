/* SPDX-License-Identifier: MIT */
/*
 * Comes in: a command line to run under the library.  Goes out: its exit status; files and words on the way.
 * The pieces are elsewhere: doctor (can it be traced), naming, collect (trace files), supervise (the process), conclude (symbols, summary).
 * Everything that can be refused is refused before the start (status 125); after it, the command's own status always wins.
 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect.h"
#include "conclude.h"
#include "doctor.h"
#include "library.h"
#include "naming.h"
#include "orphans.h"
#include "size-text.h"
#include "supervise.h"
#include "trace-place.h"

/* One run, from the first check to the last word. */
struct run {
	const struct run_options *options;
	char **argv;
	char library[PATH_MAX], source_root[PATH_MAX];
	struct doctor doctor;
	struct naming naming;
	struct collect collect;
	struct environment environment;
	struct supervise child;
	struct trace_place place;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
	(void)signal_number;
	interrupted = 1;
}

static int refuse(const char *text)
{
	struct error error = {0};

	error_set(&error, "error: %s", text);
	return cmd_error(&error, STATUS_CANNOT_START);
}

static int build_environment(struct run *run, struct error *error)
{
	char *output = naming_for_survivors(&run->naming);

	environment_init(&run->environment);
	if (!run->doctor.unloadable)
		environment_preload(&run->environment, run->library);
	collect_environment(&run->collect, &run->environment);
	environment_set(&run->environment, "HEAPDELTA_OUTPUT", output);
	if (!output)
		run->environment.failed = true;
	free(output);
	recording_environment(&run->options->recording, &run->environment);
	return run->environment.failed ? error_nomem(error) : 0;
}

/* Processes change their directory; where trace files live must not move with it. */
static int fix_trace_directory(struct error *error)
{
	const char *directory = getenv("HEAPDELTA_DIR");
	char absolute[PATH_MAX];

	if (!directory || !directory[0] || directory[0] == '/')
		return 0;
	if (!realpath(directory, absolute) || setenv("HEAPDELTA_DIR", absolute, 1) < 0)
		return error_set(error, "cannot use HEAPDELTA_DIR='%s': %s", directory, strerror(errno));
	return 0;
}

/* Trace files are memory, where there is enough of it. */
static int choose_place(struct run *run, struct error *error)
{
	char *output = naming_place(&run->naming), left[SIZE_TEXT_MAX];

	if (!output)
		return error_nomem(error);
	trace_place_choose(&run->place, output);
	free(output);
	if (!run->place.directory[0])
		return 0;
	if (setenv("HEAPDELTA_DIR", run->place.directory, 1) < 0)
		return error_nomem(error);
	size_text(left, run->place.small_bytes, false);
	cmd_note("%s has %s left, using %s for the trace file (docker run --shm-size=1g keeps it in memory)", run->place.small, left,
		 run->place.shown);
	return 0;
}

static int open_run(struct run *run, struct error *error)
{
	const struct run_options *options = run->options;
	struct collect_options collect = {.only = options->only.items,
					  .except = options->except.items,
					  .interval_ns = options->interval,
					  .keep = (unsigned)options->keep,
					  .blocks = options->blocks,
					  .hopeless = run->doctor.verdict == DOCTOR_UNTRACEABLE};
	char name[64];

	if (options->source_root && !realpath(options->source_root, run->source_root))
		return error_set(error, "cannot find the source root '%s': %s", options->source_root, strerror(errno));
	collect.source_root = options->source_root ? run->source_root : NULL;
	traces_clean_name(name, sizeof(name), run->argv[0]);
	if (naming_init(&run->naming, options->output, name, error) < 0)
		return -1;
	if (run->naming.elsewhere)
		cmd_note("'%s' cannot be written (%s): snapshots go to '%s'", run->naming.home, strerror(run->naming.elsewhere),
			 run->naming.directory);
	if (choose_place(run, error) < 0)
		return -1;
	return collect_open(&run->collect, &collect, &run->naming, run->argv[0], error);
}

/* Everything before the start.  0, or the exit status. */
static int prepare(struct run *run)
{
	struct error error = {0};

	if (library_find(run->library, sizeof(run->library), &error) < 0)
		return cmd_error(&error, STATUS_CANNOT_START);
	doctor_command(&run->doctor, run->argv[0], run->library);
	if (run->doctor.verdict == DOCTOR_REFUSED)
		return refuse(run->doctor.text);
	if (fix_trace_directory(&error) < 0 || open_run(run, &error) < 0 || build_environment(run, &error) < 0)
		return cmd_error(&error, STATUS_CANNOT_START);
	if (run->doctor.verdict == DOCTOR_UNTRACEABLE)
		cmd_warning("%s", run->doctor.text);
	cmd_detail("preloading %s, run %s", run->library, run->collect.run);
	return 0;
}

/* --wait: stay until the last descendant has ended, or until ^C. */
static void wait_for_descendants(struct run *run)
{
	const struct sigaction stop = {.sa_handler = interrupt};
	struct sigaction before;

	sigaction(SIGINT, &stop, &before);
	while (!interrupted && collect_alive(&run->collect)) {
		struct pollfd wait = {.fd = run->collect.notify_fd, .events = POLLIN};
		poll(&wait, 1, collect_timeout(&run->collect));
		collect_update(&run->collect);
	}
	sigaction(SIGINT, &before, NULL);
}

static void sweep(const struct run *run)
{
	struct orphans orphans;

	orphans_sweep(&run->collect.convert, &orphans);
	if (orphans.written)
		cmd_note("%zu trace file%s of a run that died became snapshots: %s%s", orphans.written, orphans.written == 1 ? "" : "s",
			 orphans.first, orphans.written > 1 ? ", …" : "");
}

/* A descriptor that we were started without must not become one of ours by number; the command gets it closed again. */
static void occupy_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* Nobody noted the command itself. */
static void count_root(struct run *run)
{
	const struct traced *root = collect_root(&run->collect);
	char name[64];

	if (run->doctor.verdict != DOCTOR_UNTRACEABLE || !run->collect.untraced || (root && root->state != TRACED_UNWANTED))
		return;
	traces_clean_name(name, sizeof(name), run->argv[0]);
	untraced_add(run->collect.untraced, name, run->doctor.cause);
}

static int start_and_wait(struct run *run)
{
	uint64_t start = peak_clock();
	struct error error = {0};
	int exit_status;

	if (supervise_start(&run->child, run->argv, run->environment.list, &exit_status, &error) < 0) {
		struct error known = {0};
		error_set(&known, "%s", run->doctor.text);
		return cmd_error(run->doctor.verdict == DOCTOR_CANNOT_RUN ? &known : &error, exit_status);
	}
	collect_root_started(&run->collect, run->child.child);
	while (!run->child.ended) {
		supervise_wait(&run->child, run->collect.notify_fd, collect_timeout(&run->collect));
		collect_update(&run->collect);
	}
	const struct conclusion conclusion = {run->argv, run->child.status, peak_clock() - start, run->options->symbols, run->doctor.note};
	collect_root_ended(&run->collect, run->child.status);
	supervise_release(&run->child);
	/* Words that go nowhere must not change the command's status. */
	signal(SIGPIPE, SIG_IGN);
	if (run->options->wait)
		wait_for_descendants(run);
	if (getpid() == 1)
		collect_last_look(&run->collect);
	collect_close(&run->collect);
	count_root(run);
	conclude(&run->collect, &conclusion);
	sweep(run);
	return supervise_exit_status(run->child.status);
}

int run_command(const struct run_options *options, char **argv)
{
	struct run run = {.options = options, .argv = argv};

	occupy_standard_descriptors();
	run.collect.lock_fd = run.collect.notify_fd = -1;
	int status = prepare(&run);
	if (status == 0)
		status = start_and_wait(&run);
	environment_release(&run.environment);
	collect_release(&run.collect);
	naming_release(&run.naming);
	trace_place_release(&run.place);
	return status;
}
