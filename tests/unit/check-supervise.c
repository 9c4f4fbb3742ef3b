/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* The supervisor by itself: statuses, failures to start, what the child gets back, stops, timeouts; the environment and the library. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "library.h"
#include "supervise.h"

static struct supervise child;
static struct error error;
static int exit_status;

static int start(char *const argv[])
{
	error = (struct error){0};
	return supervise_start(&child, argv, environ, &exit_status, &error);
}

static int run(char *const argv[])
{
	ck_assert_msg(start(argv) == 0, "%s", error.text);
	while (!child.ended)
		supervise_wait(&child, -1, 1000);
	supervise_release(&child);
	return supervise_exit_status(child.status);
}

static int shell(char *script)
{
	return run((char *[]){"sh", "-c", script, NULL});
}

START_TEST(statuses)
{
	ck_assert_int_eq(shell("exit 0"), 0);
	ck_assert_int_eq(shell("exit 77"), 77);
	ck_assert_int_eq(shell("kill -TERM $$"), 128 + SIGTERM);
	ck_assert_int_eq(shell("kill -KILL $$"), 128 + SIGKILL);
}
END_TEST

START_TEST(failures_to_start)
{
	ck_assert_int_lt(start((char *[]){"./no-such-file", NULL}), 0);
	ck_assert_int_eq(exit_status, 127);
	ck_assert_str_eq(error.text, "cannot run './no-such-file': No such file or directory");
	ck_assert_int_lt(start((char *[]){"/", NULL}), 0);
	ck_assert_int_eq(exit_status, 126);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

START_TEST(signals_are_as_before_afterwards)
{
	struct sigaction before[NSIG] = {0}, after[NSIG] = {0};
	sigset_t mask_before, mask_after;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, NULL, &before[number]);
	sigprocmask(SIG_SETMASK, NULL, &mask_before);
	ck_assert_int_eq(shell("true"), 0);
	sigprocmask(SIG_SETMASK, NULL, &mask_after);
	for (int number = 1; number < NSIG; number++) {
		sigaction(number, NULL, &after[number]);
		ck_assert(after[number].sa_handler == before[number].sa_handler);
		ck_assert_int_eq(sigismember(&mask_after, number), sigismember(&mask_before, number));
	}
}
END_TEST

/* "SigIgn:\t0000…" and "SigBlk:" of the child are those that we had, although we change ours while it lives.  make ignores signals 32 and 33. */
START_TEST(the_child_gets_our_own_dispositions)
{
	sigset_t mask;

	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGWINCH);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	ck_assert_int_eq(run((char *[]){"grep", "-q", "SigIgn:.*0000800$", "/proc/self/status", NULL}), 0);
	ck_assert_int_eq(run((char *[]){"grep", "-q", "SigBlk:.*0000000008000000$", "/proc/self/status", NULL}), 0);
}
END_TEST

START_TEST(an_ignored_sigchld_loses_no_status)
{
	signal(SIGCHLD, SIG_IGN);
	ck_assert_int_eq(shell("exit 9"), 9);
}
END_TEST

START_TEST(signals_of_descendants_are_not_sent_back)
{
	ck_assert_int_eq(shell("trap 'exit 3' USR1; kill -USR1 $PPID; sleep 0.2; exit 4"), 4);
}
END_TEST

START_TEST(another_descriptor_wakes_us)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(start((char *[]){"sleep", "5", NULL}), 0);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	supervise_wait(&child, ends[0], 5000);
	ck_assert(!child.ended);
	kill(child.child, SIGKILL);
	while (!child.ended)
		supervise_wait(&child, -1, 5000);
	supervise_release(&child);
}
END_TEST

/* ---- Environment ----------------------------------------------------------------------------------------------------------------- */

static const char *value(const struct environment *environment, const char *name)
{
	const char *found = NULL;
	size_t length = strlen(name);

	for (size_t i = 0; i < environment->count; i++) {
		if (!strncmp(environment->list[i], name, length) && environment->list[i][length] == '=') {
			ck_assert_ptr_null(found);
			found = environment->list[i] + length + 1;
		}
	}
	return found;
}

START_TEST(environment_is_a_copy)
{
	struct environment environment;

	setenv("A_CHECK", "1", 1);
	environment_init(&environment);
	environment_set(&environment, "A_CHECK", "2");
	environment_set(&environment, "B_CHECK", "3");
	ck_assert_str_eq(value(&environment, "A_CHECK"), "2");
	ck_assert_str_eq(value(&environment, "B_CHECK"), "3");
	ck_assert_str_eq(getenv("A_CHECK"), "1");
	environment_set(&environment, "A_CHECK", NULL);
	environment_set(&environment, "NEVER_SET", NULL);
	ck_assert_ptr_null(value(&environment, "A_CHECK"));
	ck_assert_ptr_null(environment.list[environment.count]);
	ck_assert(!environment.failed);
	environment_release(&environment);
}
END_TEST

static void preloads(const char *before, const char *after)
{
	struct environment environment;

	if (before)
		setenv("LD_PRELOAD", before, 1);
	else
		unsetenv("LD_PRELOAD");
	environment_init(&environment);
	unsetenv("LD_PRELOAD");
	environment_preload(&environment, "/lib/libheapdelta.so");
	ck_assert_str_eq(value(&environment, "LD_PRELOAD"), after);
	environment_release(&environment);
}

START_TEST(preload_comes_first_and_once)
{
	preloads(NULL, "/lib/libheapdelta.so");
	preloads("", "/lib/libheapdelta.so");
	preloads("a.so", "/lib/libheapdelta.so:a.so");
	preloads("a.so b.so::c.so", "/lib/libheapdelta.so:a.so:b.so:c.so");
	preloads("/old/libheapdelta.so:a.so", "/lib/libheapdelta.so:a.so");
	preloads("a.so:libheapdelta.so", "/lib/libheapdelta.so:a.so");
	preloads("notlibheapdelta.so", "/lib/libheapdelta.so:notlibheapdelta.so");
}
END_TEST

START_TEST(library_is_found_where_it_is_named)
{
	char path[4096], wanted[] = "/tmp/check-library-XXXXXX";

	close(mkstemp(wanted));
	setenv("HEAPDELTA_LIBRARY", wanted, 1);
	ck_assert_int_eq(library_find(path, sizeof(path), &error), 0);
	ck_assert_str_eq(path, wanted);
	unlink(wanted);
	ck_assert_int_lt(library_find(path, sizeof(path), &error), 0);
	ck_assert_ptr_nonnull(strstr(error.text, "named by HEAPDELTA_LIBRARY"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("supervise");
	TCase *tcase = tcase_create("supervise");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, statuses);
	tcase_add_test(tcase, failures_to_start);
	tcase_add_test(tcase, signals_are_as_before_afterwards);
	tcase_add_test(tcase, the_child_gets_our_own_dispositions);
	tcase_add_test(tcase, an_ignored_sigchld_loses_no_status);
	tcase_add_test(tcase, signals_of_descendants_are_not_sent_back);
	tcase_add_test(tcase, another_descriptor_wakes_us);
	tcase_add_test(tcase, environment_is_a_copy);
	tcase_add_test(tcase, preload_comes_first_and_once);
	tcase_add_test(tcase, library_is_found_where_it_is_named);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
