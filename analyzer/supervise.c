/* SPDX-License-Identifier: MIT */
/*
 * Comes in: a command.  Goes out: its wait status.
 * The child stays in our process group and session, so the terminal's signals reach it by themselves: we only ignore them.  Signals sent
 * to us alone are passed on.  We stop when the child stops, never by ourselves: a program that handles ^Z keeps the terminal until it is
 * done.  Everything is read from one signalfd in one thread; no handler runs.
 */
#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * Ignored while the child lives: the terminal sends them to the whole group; SIGPIPE because our own words may go nowhere.  SIGCHLD, last,
 * gets its default: where it is inherited as ignored, the kernel would throw the child's status away.
 */
static const int changed[SUPERVISE_SIGNALS] = {SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE, SIGCHLD};
static const int passed_on[] = {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};

static void restore_signals(const struct supervise *supervise)
{
	for (int i = 0; i < SUPERVISE_SIGNALS; i++)
		sigaction(changed[i], &supervise->inherited[i], NULL);
	sigprocmask(SIG_SETMASK, &supervise->mask, NULL);
}

static void take_signals(struct supervise *supervise)
{
	sigset_t watched;

	sigemptyset(&watched);
	sigaddset(&watched, SIGCHLD);
	sigaddset(&watched, SIGCONT);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		sigaddset(&watched, passed_on[i]);
	sigprocmask(SIG_BLOCK, &watched, &supervise->mask);
	for (int i = 0; i < SUPERVISE_SIGNALS; i++) {
		const struct sigaction take = {.sa_handler = changed[i] == SIGCHLD ? SIG_DFL : SIG_IGN};
		sigaction(changed[i], &take, &supervise->inherited[i]);
	}
	supervise->signal_fd = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* In the child: become the command, or tell why not. */
static void become(const struct supervise *supervise, char *const argv[], char *const environment[], int report)
{
	restore_signals(supervise);
	execvpe(argv[0], argv, environment);
	int why = errno;
	if (write(report, &why, sizeof(why)) < 0)
		_exit(125);
	_exit(why == ENOENT ? 127 : 126);
}

/* The errno of a failed exec, 0 when the command runs: its end of the pipe was closed by the exec. */
static int exec_result(int report)
{
	int why = 0;
	ssize_t got;

	do
		got = read(report, &why, sizeof(why));
	while (got < 0 && errno == EINTR);
	return got == (ssize_t)sizeof(why) ? why : 0;
}

static int cannot_start(struct supervise *supervise, int status, int *exit_status, struct error *error, const char *what)
{
	int why = errno;

	supervise_release(supervise);
	*exit_status = status;
	return error_set(error, "cannot run '%s': %s", what, strerror(why));
}

int supervise_start(struct supervise *supervise, char *const argv[], char *const environment[], int *exit_status, struct error *error)
{
	int report[2];

	*supervise = (struct supervise){.signal_fd = -1};
	take_signals(supervise);
	if (supervise->signal_fd < 0 || pipe2(report, O_CLOEXEC) < 0)
		return cannot_start(supervise, 125, exit_status, error, argv[0]);
	supervise->child = fork();
	if (supervise->child == 0)
		become(supervise, argv, environment, report[1]);
	close(report[1]);
	if (supervise->child < 0) {
		close(report[0]);
		return cannot_start(supervise, 125, exit_status, error, argv[0]);
	}
	int why = exec_result(report[0]);
	close(report[0]);
	if (!why)
		return 0;
	while (waitpid(supervise->child, NULL, 0) < 0 && errno == EINTR)
		;
	errno = why;
	return cannot_start(supervise, why == ENOENT ? 127 : 126, exit_status, error, argv[0]);
}

/* ---- While it runs ------------------------------------------------------------------------------------------------------------- */

/* Field `number` of /proc/PID/stat, from 3 on, as text; 0: no such process. */
static char stat_field(pid_t pid, int number, long *value)
{
	char path[64], text[1024];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t got = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[got > 0 ? got : 0] = '\0';
	char *field = strrchr(text, ')');
	for (int at = 2; field && at < number; at++)
		field = strchr(field + 1, ' ');
	if (!field)
		return 0;
	*value = strtol(field + 1, NULL, 10);
	return field[1];
}

/* A signal from our own descendants was meant for their group or their parent as it would be without us: it is not sent back. */
static bool is_descendant(pid_t pid)
{
	long parent = pid;

	for (int depth = 0; depth < 64 && parent > 1; depth++) {
		if (!stat_field((pid_t)parent, 4, &parent))
			return false;
		if (parent == getpid())
			return true;
	}
	return false;
}

static void pass_on(const struct supervise *supervise, const struct signalfd_siginfo *info)
{
	/* What the kernel sends (a terminal that hangs up) reaches the child as well. */
	if (info->ssi_code != SI_USER && info->ssi_code != SI_QUEUE && info->ssi_code != SI_TKILL)
		return;
	if (!supervise->ended && !is_descendant((pid_t)info->ssi_pid))
		kill(supervise->child, (int)info->ssi_signo);
}

/* Is the child still stopped, when whoever continued us has had time for the rest of our group? */
static bool stays_stopped(const struct supervise *supervise)
{
	const struct timespec moment = {.tv_nsec = 10 * 1000 * 1000};
	long unused;

	for (int i = 0; i < 10; i++) {
		if (stat_field(supervise->child, 3, &unused) != 'T')
			return false;
		nanosleep(&moment, NULL);
	}
	return true;
}

/* Stop in the way the child did, so that the shell says the same and takes the terminal back.  Returns when we are continued. */
static void stop_as(const struct supervise *supervise, int signal_number)
{
	const struct sigaction take = {.sa_handler = SIG_DFL};
	struct sigaction before;
	sigset_t pending;

	sigaction(signal_number, &take, &before);
	raise(signal_number);
	sigaction(signal_number, &before, NULL);
	/* `fg` continues the whole group; somebody who continued us alone meant the child.  An init process never stops at all. */
	sigpending(&pending);
	if (sigismember(&pending, SIGCONT) && stays_stopped(supervise))
		kill(supervise->child, SIGCONT);
}

static void reap(struct supervise *supervise)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0) {
		if (pid != supervise->child || WIFCONTINUED(status))
			continue;
		if (WIFSTOPPED(status)) {
			stop_as(supervise, WSTOPSIG(status));
		} else {
			supervise->ended = true;
			supervise->status = status;
		}
	}
}

void supervise_wait(struct supervise *supervise, int extra_fd, int timeout_ms)
{
	struct pollfd wait[2] = {{.fd = supervise->signal_fd, .events = POLLIN}, {.fd = extra_fd, .events = POLLIN}};
	struct signalfd_siginfo info;

	if (poll(wait, 2, timeout_ms) <= 0 || !wait[0].revents)
		return;
	while (read(supervise->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo != SIGCHLD && info.ssi_signo != SIGCONT)
			pass_on(supervise, &info);
	}
	reap(supervise);
}

void supervise_release(struct supervise *supervise)
{
	int why = errno;

	if (supervise->signal_fd >= 0)
		close(supervise->signal_fd);
	supervise->signal_fd = -1;
	restore_signals(supervise);
	errno = why;
}

int supervise_exit_status(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}
