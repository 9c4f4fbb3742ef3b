/* SPDX-License-Identifier: MIT */
/*
 * Coroutines that allocate, on stacks that are unmapped as soon as they are done, with something else mapped in their place.  Switched by
 * swapcontext and by a switch of our own, which has no unwind information, as those of coroutine libraries.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { STACK_BYTES = 64 * 1024, GUARD_BYTES = 4096, ROUNDS = 100, TURNS = 6 };

/* A stack at the very place of the last one, most of the time; below it a guard. */
static char *map_stack(void)
{
	char *stack = mmap(NULL, GUARD_BYTES + STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack == MAP_FAILED)
		abort();
	mprotect(stack, GUARD_BYTES, PROT_NONE);
	return stack + GUARD_BYTES;
}

/* Nothing there, something unreadable or something else: three rounds take turns. */
static void unmap_stack(char *stack, int round)
{
	char *start = stack - GUARD_BYTES;
	if (round % 3 == 0) {
		munmap(start, GUARD_BYTES + STACK_BYTES);
		return;
	}
	int protection = round % 3 == 1 ? PROT_NONE : PROT_READ | PROT_WRITE;
	if (mmap(start, GUARD_BYTES + STACK_BYTES, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != start)
		abort();
}

/* Allocations at several depths, some of them kept while the coroutine waits. */
__attribute__((noinline)) static void *allocate(int depth)
{
	if (depth > 0) {
		void *block = allocate(depth - 1);
		return realloc(block, 40 + (size_t)depth);
	}
	void *volatile first = malloc(24), *second = calloc(3, 8);
	free(first);
	return second;
}

/* ---- swapcontext */

static ucontext_t outside, inside;

static void turn_by_context(void)
{
	for (int turn = 0; turn < TURNS; turn++) {
		void *block = allocate(turn);
		swapcontext(&inside, &outside);
		free(block);
	}
}

static void run_by_context(int round)
{
	char *stack = map_stack();
	getcontext(&inside);
	inside.uc_stack.ss_sp = stack;
	inside.uc_stack.ss_size = STACK_BYTES;
	inside.uc_link = &outside;
	makecontext(&inside, turn_by_context, 0);
	for (int turn = 0; turn <= TURNS; turn++) {
		swapcontext(&outside, &inside);
		free(allocate(round % 4));
	}
	unmap_stack(stack, round);
	free(allocate(round % 5));
}

/* ---- A switch of our own */

#if defined(__x86_64__)

/* Leaves `*from` where it can be taken up again, and takes up `to`, with what a callee has to keep on its stack. */
void switch_stack(void **from, void *to);
void start_on_stack(void);
__asm__(".pushsection .text.switch_stack, \"ax\", @progbits\n"
	"nop\n nop\n"
	".globl switch_stack\n .type switch_stack, @function\n"
	"switch_stack:\n"
	"push %rbp\n push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n"
	"mov %rsp, (%rdi)\n mov %rsi, %rsp\n"
	"pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n ret\n"
	".size switch_stack, .-switch_stack\n"
	"nop\n nop\n"
	".globl start_on_stack\n .type start_on_stack, @function\n"
	"start_on_stack:\n"
	"call *%rbx\n"
	"ud2\n"
	".size start_on_stack, .-start_on_stack\n"
	".popsection");

static void *main_stack, *other_stack;

static void turn_by_switch(void)
{
	for (int turn = 0;; turn++) {
		void *block = allocate(turn % TURNS);
		switch_stack(&other_stack, main_stack);
		free(block);
	}
}

static void run_by_switch(int round)
{
	enum { KEPT = 6 };
	char *stack = map_stack();
	uintptr_t *top = (uintptr_t *)(stack + STACK_BYTES) - 2;
	*--top = (uintptr_t)start_on_stack;
	top -= KEPT;
	top[4] = (uintptr_t)turn_by_switch; /* %rbx */
	other_stack = top;
	for (int turn = 0; turn < TURNS; turn++) {
		switch_stack(&main_stack, other_stack);
		free(allocate(round % 4));
	}
	unmap_stack(stack, round); /* in the middle of its work: its last block is lost */
	free(allocate(round % 5));
}

#else

static void run_by_switch(int round)
{
	(void)round;
}

#endif

int main(void)
{
	for (int round = 0; round < ROUNDS; round++) {
		run_by_context(round);
		run_by_switch(round);
	}
	return 0;
}
