/* SPDX-License-Identifier: MIT */
/*
 * heapdelta doctor: can this be traced here, and if not, why and what helps.  For a command or script: what `run` would say before the start.
 * For a PID: whether it is traced.  For nothing: whether heapdelta itself is in order here, with a trial.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "doctor.h"
#include "installation.h"
#include "library.h"
#include "process.h"

static int report_command(const char *command, const char *library)
{
	struct doctor doctor;
	struct error error = {0};

	doctor_command(&doctor, command, library);
	switch (doctor.verdict) {
	case DOCTOR_UNKNOWN:
		error_set(&error, "%s", doctor.text);
		return cmd_error(&error, STATUS_TROUBLE);
	case DOCTOR_CANNOT_RUN:
		error_set(&error, "%s", doctor.text);
		return cmd_error(&error, STATUS_NOTHING);
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
	char link[64], exe[PATH_MAX];

	process_not_traced(process, &error);
	cmd_error(&error, STATUS_NOTHING);
	snprintf(link, sizeof(link), "/proc/%d/exe", (int)process->pid);
	/* Its name tells more, if it leads to a file that we see, too. */
	ssize_t length = readlink(link, exe, sizeof(exe) - 1);
	exe[length > 0 ? length : 0] = '\0';
	if (access(exe, X_OK) < 0)
		snprintf(exe, sizeof(exe), "%s", link);
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

/* One line of ours each. */
static void warn_lines(char *text)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		cmd_warning("%s", line);
}

static int report_installation(const char *library)
{
	struct installation installation;

	installation_look(&installation, library);
	int status = installation.works ? STATUS_OK : STATUS_NOTHING;
	fputs(installation.facts.data, stdout);
	warn_lines(installation.troubles.data);
	installation_release(&installation);
	return status;
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
	.details =
		"Looks at an executable (or a script's interpreter, or a running process) and says what would keep libheapdelta.so from "
		"recording it and what helps. Without an argument it says whether heapdelta itself is in order here: libraries, room for "
		"trace files, limits, and a trial.\n"
		"Exit status: 0 it can be traced, 3 it cannot, 2 it was not found.",
	.examples = "heapdelta doctor ./server\tthe same answer that run gives before the start\n"
		    "heapdelta doctor 4711\tis this process traced?\n"
		    "heapdelta doctor\tis heapdelta itself in order?",
	.run = run_command,
};
