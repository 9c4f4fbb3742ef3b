/* SPDX-License-Identifier: MIT */
/*
 * Handlers that allocate: on the interrupted stack and on an alternate one, one inside the other, out of a call and out of a fault in the
 * middle of a function.  Every third fault is left by siglongjmp, out of the handler.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ROUNDS = 300, PAGE = 4096 };

static sigjmp_buf back;
static char *page; /* that a fault makes writable */
static volatile sig_atomic_t leaves;

__attribute__((noinline)) static void allocate(int depth)
{
	void *volatile block = malloc(8 + (size_t)depth);
	if (depth > 0)
		allocate(depth - 1);
	free(block);
}

/* On the alternate stack, and from there on the same once more. */
static void handle_inner(int number)
{
	(void)number;
	allocate(2);
}

static void handle(int number)
{
	allocate(3);
	if (number == SIGUSR1)
		raise(SIGUSR2);
	allocate(1);
}

static void handle_fault(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	(void)context;
	allocate(2);
	mprotect(page, PAGE, PROT_READ | PROT_WRITE);
	if (leaves)
		siglongjmp(back, 1);
}

__attribute__((noinline)) static int fault(int value)
{
	mprotect(page, PAGE, PROT_NONE);
	page[value % PAGE] = (char)value;
	return page[value % PAGE] + 1;
}

__attribute__((noinline)) static void interrupt(int round, int depth)
{
	if (depth > 0)
		interrupt(round, depth - 1);
	else
		raise(round % 2 == 0 ? SIGUSR1 : SIGUSR2);
	allocate(depth);
}

static void install(void)
{
	static char alternate[128 * 1024];
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};
	struct sigaction action = {.sa_handler = handle};
	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	action.sa_handler = handle_inner;
	action.sa_flags = SA_ONSTACK;
	sigaction(SIGUSR2, &action, NULL);
	action.sa_flags = SA_SIGINFO | SA_ONSTACK;
	action.sa_sigaction = handle_fault;
	sigaction(SIGSEGV, &action, NULL);
}

int main(void)
{
	page = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return 1;
	install();
	for (volatile int round = 0; round < ROUNDS; round++) {
		interrupt(round, round % 7);
		leaves = round % 3 == 0;
		if (sigsetjmp(back, 1) == 0)
			fault(round);
		allocate(round % 4);
	}
	return 0;
}
