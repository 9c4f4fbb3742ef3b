/* SPDX-License-Identifier: MIT */
/* A signal handler leaves by siglongjmp, again and again, most likely out of the tracer's bookkeeping; later blocks still get their stacks.
 * Run on signal-safe-malloc: a call of glibc's malloc may not be abandoned. */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

static sigjmp_buf again;
static volatile sig_atomic_t jumps;
static volatile sig_atomic_t armed;

static void handle(int number)
{
	(void)number;
	if (!armed)
		return;
	jumps++;
	siglongjmp(again, 1);
}

static void __attribute__((noinline)) churn(void)
{
	for (;;) {
		void *block = malloc(3000);
		free(block);
	}
}

static void *__attribute__((noinline)) keep(void)
{
	return malloc(77); /* KEPT */
}

int main(void)
{
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_NODEFER};
	sigaction(SIGALRM, &action, NULL);
	struct itimerval timer = {.it_interval = {.tv_usec = 300}, .it_value = {.tv_usec = 300}};
	setitimer(ITIMER_REAL, &timer, NULL);
	sigsetjmp(again, 1);
	armed = 1;
	if (jumps < 300)
		churn();
	armed = 0;
	memset(&timer, 0, sizeof(timer));
	setitimer(ITIMER_REAL, &timer, NULL);
	return keep() ? 0 : 1;
}
