/* SPDX-License-Identifier: MIT */
/*
 * heapdelta doctor: can this be traced here, and if not, why and what helps.  For a command or script: what `run` would say before the start.
 * For a PID: whether it is traced.  For nothing: the installation and the places where trace files would live.
 */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cmd.h"
#include "doctor.h"
#include "library.h"
#include "process.h"
#include "size-text.h"
#include "traces.h"

static int report_command(const char *command, const char *library)
{
	struct doctor doctor;
	struct error error = {0};

	doctor_command(&doctor, command, library);
	switch (doctor.verdict) {
	case DOCTOR_UNKNOWN:
		error_set(&error, "%s", doctor.text);
		return cmd_error(&error, STATUS_TROUBLE);
	case DOCTOR_REFUSED:
		error_set(&error, "error: %s", doctor.text);
		return cmd_error(&error, STATUS_NOTHING);
	case DOCTOR_UNTRACEABLE:
		cmd_warning("%s", doctor.text);
		return STATUS_NOTHING;
	default:
		printf("%s can be traced\n", doctor.path);
		if (doctor.note[0])
			cmd_note("%s", doctor.note);
		return STATUS_OK;
	}
}

/* An untraced process: would its program be traceable after a restart? */
static int report_untraced(const struct process *process, const char *library)
{
	struct error error = {0};
	struct doctor doctor;
	char exe[64];

	process_not_traced(process, &error);
	cmd_error(&error, STATUS_NOTHING);
	snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)process->pid);
	doctor_command(&doctor, exe, library);
	if (doctor.verdict == DOCTOR_UNTRACEABLE || doctor.verdict == DOCTOR_REFUSED)
		cmd_warning("%s", doctor.text);
	return STATUS_NOTHING;
}

static int report_process(const char *text, const char *library)
{
	struct error error = {0};
	struct process process;
	long pid = strtol(text, NULL, 10);
	int found = pid > 0 && pid <= INT_MAX ? process_look(&process, (pid_t)pid, &error)
					      : error_set(&error, "'%s' is not a process number", text);

	if (found < 0)
		return cmd_error(&error, STATUS_TROUBLE);
	if (found == 0)
		return report_untraced(&process, library);
	printf("process %ld (%s) is traced in %s\n", pid, process.comm, process.path);
	process_close(&process);
	return STATUS_OK;
}

/* ---- The installation ------------------------------------------------------------------------------------------------------------ */

static void print_room(void *data, const char *directory)
{
	struct statvfs place;
	char room[SIZE_TEXT_MAX];

	(void)data;
	if (statvfs(directory, &place) < 0)
		return;
	printf("trace files: %s, %s free%s\n", directory, size_text(room, (double)place.f_bavail * (double)place.f_frsize, false),
	       access(directory, W_OK) == 0 ? "" : ", not writable");
}

static void print_limit(const char *name, int resource)
{
	struct rlimit limit;
	char text[SIZE_TEXT_MAX];

	if (getrlimit((__rlimit_resource_t)resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		printf("limit: %s is %s; the tables get less room\n", name, size_text(text, (double)limit.rlim_cur, false));
}

static int report_installation(const char *library)
{
	static const char unwinder[] = "libunwind-x86_64.so.8";
	char own[PATH_MAX];
	void *handle = dlopen(unwinder, RTLD_LAZY | RTLD_LOCAL);

	printf("library: %s\n", library);
	printf("unwinder: %s\n", handle ? unwinder : "libunwind is not installed: stacks end at the caller of malloc");
	if (handle)
		dlclose(handle);
	if (traces_own_directory(own, sizeof(own)) < 0)
		printf("trace files: no directory can be written ('/dev/shm', '$TMPDIR', '/var/tmp')\n");
	traces_directories(print_room, NULL);
	print_limit("the address space (ulimit -v)", RLIMIT_AS);
	print_limit("the file size (ulimit -f)", RLIMIT_FSIZE);
	return handle ? STATUS_OK : STATUS_NOTHING;
}

static int run_command(const struct cmd *cmd, void *options, int argc, char **argv)
{
	struct error error = {0};
	char library[PATH_MAX];

	(void)options;
	if (argc > 1)
		return cmd_usage(cmd, "one command at a time, without its arguments");
	if (library_find(library, sizeof(library), &error) < 0)
		return cmd_error(&error, STATUS_NOTHING);
	if (argc == 0)
		return report_installation(library);
	if (argv[0][0] && strspn(argv[0], "0123456789") == strlen(argv[0]))
		return report_process(argv[0], library);
	return report_command(argv[0], library);
}

const struct cmd cmd_doctor = {
	.name = "doctor",
	.arguments = "[COMMAND|PID|SCRIPT]",
	.summary = "say whether something can be traced here, and if not, why",
	.details = "Looks at an executable (or a script's interpreter, or a running process) and says what would keep libheapdelta.so from "
		   "recording it and what helps. Without an argument it checks the installation and the places for trace files.\n"
		   "Exit status: 0 it can be traced, 3 it cannot, 2 it was not found.",
	.examples = "doctor ./server\tthe same answer that run gives before the start\n"
		    "doctor 4711\tis this process traced?\n"
		    "doctor\tis heapdelta itself in order?",
	.run = run_command,
};
