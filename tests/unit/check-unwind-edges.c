/* links: preload */
/* SPDX-License-Identifier: MIT */
/*
 * Where a walk must stop, or must not: recursion beyond the limit, interrupted code, code without unwind information on known and unknown
 * stacks, executables with holes.  And how much of the program's stack a walk uses.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "unwind-oracle.h"

#define keep_frame() __asm__ volatile("" ::: "memory")
#define distinct __attribute__((noinline)) static

/* ---- Rules */

#if defined(__x86_64__)
#define REALIGNED __attribute__((force_align_arg_pointer))

/* The kind of rule at the return address of this function's caller. */
distinct uint32_t kind_of_caller(void)
{
	unwind_stack(UNWIND_FRAME);
	struct rule *rule = rules_find((uintptr_t)__builtin_return_address(0), false);
	return rule ? rule->kind : RULE_UNKNOWN;
}

/* Has arguments on the stack, so gcc keeps the address of its frame beside the realigned one. */
REALIGNED distinct uint32_t kind_in_realigned(const int *a, const int *b, const int *c, const int *d, const int *e, const int *f, int g)
{
	_Alignas(64) volatile int sum[16] = {*a + *b + *c + *d + *e + *f + g};
	uint32_t kind = kind_of_caller();
	ck_assert_int_eq(sum[0], 7);
	return kind;
}

distinct uint32_t kind_in_variable(size_t size)
{
	volatile char *room = __builtin_alloca(size);
	room[0] = 0;
	uint32_t kind = kind_of_caller();
	keep_frame();
	return kind + (uint32_t)room[0];
}

START_TEST(common_frames_have_simple_rules)
{
	volatile size_t room = 64; /* a size that the compiler knew would make an ordinary frame */
	ck_assert_uint_eq(kind_in_variable(room), RULE_CFA_FP);
	int one = 1;
	uint32_t kind = kind_in_realigned(&one, &one, &one, &one, &one, &one, one);
#if defined(__clang__)
	ck_assert_uint_eq(kind, RULE_CFA_FP);
#else
	ck_assert_uint_eq(kind, RULE_CFA_MEMORY);
#endif
}
END_TEST
#endif

/* Its frame is too large for a rule in the table. */
enum { HUGE_FRAME = 3 << 20 };
static struct taken in_huge_frame;
distinct void *take_in_huge_frame(void *unused)
{
	volatile char room[HUGE_FRAME];
	room[0] = room[HUGE_FRAME - 1] = 1;
	in_huge_frame = take();
	ck_assert_int_eq(room[0], room[HUGE_FRAME - 1]);
	return unused;
}

static void run_on_stack_of(size_t bytes, void *(*run)(void *), void *argument);
START_TEST(huge_frames)
{
	run_on_stack_of(16 << 20, take_in_huge_frame, NULL);
	ck_assert(in_huge_frame.is_equal);
	ck_assert_uint_eq(in_huge_frame.special, 0);
}
END_TEST

/* Linked far from everything else (Makefile): the kernel maps the executable with a hole, and the loader tells about one part of it. */
__attribute__((noinline, section(".far_text"))) static struct taken far_away(void)
{
	struct taken taken = take();
	keep_frame();
	return taken;
}

START_TEST(executables_with_holes)
{
	struct taken taken = far_away();
	ck_assert(taken.is_equal);
	ck_assert_uint_eq(taken.special, 0);
	ck_assert_uint_eq(modules_find((uintptr_t)far_away), modules_find((uintptr_t)take));
}
END_TEST

/* ---- Depth */

enum { MANY = 70000, LIMIT = 65535, BLOCK = 4096 };

struct deep {
	uint32_t stacks[2];
	uint64_t nodes[2];
	int turns;
};

distinct void recurse(struct deep *deep, int left)
{
	if (left > 0) {
		recurse(deep, left - 1);
	} else {
		deep->stacks[deep->turns] = unwind_stack(UNWIND_FRAME);
		deep->nodes[deep->turns++] = trace_used(HDT_AREA_NODES);
	}
	keep_frame();
}

static void *recurse_deeply(void *deep)
{
	recurse(deep, MANY);
	recurse(deep, MANY + 1);
	return NULL;
}

static void run_on_stack_of(size_t bytes, void *(*run)(void *), void *argument)
{
	pthread_t thread;
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	ck_assert_int_eq(pthread_attr_setstacksize(&attributes, bytes), 0);
	ck_assert_int_eq(pthread_create(&thread, &attributes, run, argument), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attributes);
}

START_TEST(deep_recursion_is_cut_in_blocks)
{
#if defined(__SANITIZE_THREAD__)
	return; /* its own call stack holds 65536 frames */
#endif
	struct deep deep = {.turns = 0};
	run_on_stack_of((size_t)64 << 20, recurse_deeply, &deep);
	size_t count = unwind_addresses(deep.stacks[0], ours, sizeof(ours) / sizeof(ours[0]));
	ck_assert_uint_eq(special_of(deep.stacks[0]), HDT_SPECIAL_DEEP);
	ck_assert_uint_le(count, LIMIT);
	ck_assert_uint_gt(count, LIMIT - BLOCK);
	ck_assert_uint_eq(ours[count - 1], ours[count / 2]); /* the outermost frame left is one of the recursion */
	ck_assert_uint_eq(unwind_addresses(deep.stacks[1], ours, 0), count + 1);
	ck_assert_uint_le(deep.nodes[1] - deep.nodes[0], 5 * sizeof(struct hdt_node));
	ck_assert_uint_eq(trace.header->truncated_stacks, 0);
}
END_TEST

START_TEST(limit_keeps_the_innermost)
{
	uintptr_t all[64], few[64];
	size_t count = unwind_addresses(unwind_stack(UNWIND_FRAME), all, 64);
	ck_assert_uint_gt(count, 4);
	for (uint32_t limit = 2; limit <= count; limit++) {
		unwind_set_limit(limit);
		uint32_t stack = unwind_stack(UNWIND_FRAME);
		ck_assert_uint_eq(unwind_addresses(stack, few, 64), limit);
		ck_assert_uint_eq(special_of(stack), limit < count ? HDT_SPECIAL_CUT : 0);
		ck_assert_int_eq(memcmp(few + 2, all + 2, (limit - 2) * sizeof(few[0])), 0);
	}
	ck_assert_uint_eq(trace.header->truncated_stacks, 0);
}
END_TEST

/* ---- Interrupted code */

static uintptr_t interrupted_at;
static uint32_t stack_of_handler;
static bool handler_is_equal;

static void take_in_handler(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	interrupted_at = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	stack_of_handler = unwind_stack(UNWIND_FRAME);
	handler_is_equal = take().is_equal;
}

START_TEST(interrupted_frames_are_exact)
{
	struct sigaction action = {.sa_sigaction = take_in_handler, .sa_flags = SA_SIGINFO};
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	ck_assert(handler_is_equal);
	size_t exact = 0;
	for (uint32_t id = stack_of_handler; id != STACK_ROOT; id = node_of(id)->parent)
		if (node_of(id)->flags & HDT_NODE_EXACT && id != stack_of_handler) {
			ck_assert_uint_eq(node_of(id)->address, interrupted_at);
			exact++;
		}
	ck_assert_uint_eq(exact, 1);
}
END_TEST

/* ---- Code without unwind information */

typedef void through_fn(void (*callback)(void));

static through_fn *make_code(const unsigned char *code, size_t size)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(page, MAP_FAILED);
	memcpy(page, code, size);
	return (through_fn *)page;
}

/* push %rbp; mov %rsp,%rbp; call *%rdi; pop %rbp; ret */
static const unsigned char framed_code[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
/* push %rbp; xor %ebp,%ebp; call *%rdi; pop %rbp; ret */
static const unsigned char frameless_code[] = {0x55, 0x31, 0xed, 0xff, 0xd7, 0x5d, 0xc3};
/* push %rbp; mov %rsp,%rbp; lea 0(%rip),%rax; push %rax; push $0; mov %rsp,%rbp; call *%rdi; pop %rax; pop %rax; pop %rbp; ret:
 * a chain that stays in this code and leads nowhere */
static const unsigned char misleading_code[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0x8d, 0x05, 0,    0,    0,    0,   0x50,
						0x6a, 0x00, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x58, 0x58, 0x5d, 0xc3};

static struct taken jitted;
static uintptr_t jitted_frames[64];
static void take_below_code(void)
{
	jitted = take();
	memcpy(jitted_frames, ours, sizeof(jitted_frames));
}

static bool is_in(uintptr_t address, through_fn *code)
{
	return address - (uintptr_t)code < 4096;
}

/* The stack taken through `code` ends there, truncated. */
static void check_ends_in(through_fn *code)
{
	ck_assert_uint_eq(jitted.special, HDT_SPECIAL_TRUNCATED);
	ck_assert_uint_eq(jitted.count, 2);
	ck_assert(is_in(jitted_frames[1], code));
}

static void check_crosses(through_fn *code)
{
	code(take_below_code);
	struct taken here = take();
	ck_assert_uint_eq(jitted.special, 0);
	ck_assert(is_in(jitted_frames[1], code));
	ck_assert_uint_eq(jitted.count, here.count + 2);                                              /* take_below_code, the code */
	ck_assert_int_eq(memcmp(jitted_frames + 3, ours + 1, (here.count - 1) * sizeof(ours[0])), 0); /* other calls of this function */
}

static void *check_crosses_in_thread(void *code)
{
	check_crosses((through_fn *)code);
	return NULL;
}

START_TEST(frame_pointers_cross_code_without_cfi)
{
	through_fn *code = make_code(framed_code, sizeof(framed_code));
	check_crosses(code);
	run_on_stack_of(1 << 20, check_crosses_in_thread, (void *)code);
}
END_TEST

static through_fn *code_of_handler;
static void call_code_in_handler(int number)
{
	(void)number;
	code_of_handler(take_below_code);
}

START_TEST(a_signal_frame_beyond_code_without_cfi)
{
	code_of_handler = make_code(framed_code, sizeof(framed_code));
	signal(SIGUSR1, call_code_in_handler);
	raise(SIGUSR1);
	ck_assert_uint_eq(jitted.special, 0);
	ck_assert_uint_gt(jitted.count, take().count + 3);
}
END_TEST

START_TEST(wrong_frame_pointers_end_a_stack)
{
	through_fn *code = make_code(frameless_code, sizeof(frameless_code));
	code(take_below_code);
	check_ends_in(code);
	code = make_code(misleading_code, sizeof(misleading_code));
	code(take_below_code);
	check_ends_in(code);
	ck_assert_uint_eq(trace.header->truncated_stacks, 2);
}
END_TEST

static through_fn *coroutine_code;
static void run_code(void)
{
	coroutine_code(take_below_code);
}

static void run_on_coroutine(void (*run)(void), char *stack, size_t size)
{
	ucontext_t here, there;
	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = size;
	there.uc_link = &here;
	makecontext(&there, run, 0);
	swapcontext(&here, &there);
}

enum { COROUTINE_BYTES = 256 * 1024, THREAD_BYTES = 1 << 20, BOTH_BYTES = 16 << 20 };

static void *check_coroutine(void *stack)
{
	coroutine_code = make_code(framed_code, sizeof(framed_code));
	run_on_coroutine(run_code, stack, COROUTINE_BYTES);
	check_ends_in(coroutine_code);
	return NULL;
}

/* A coroutine's stack near below its thread's own, with nothing readable between them. */
START_TEST(nothing_is_guessed_on_a_coroutine)
{
	pthread_t thread;
	pthread_attr_t attributes;
	char *both = mmap(NULL, BOTH_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *top = both + BOTH_BYTES - THREAD_BYTES;
	mprotect(both, COROUTINE_BYTES, PROT_READ | PROT_WRITE);
	mprotect(top, THREAD_BYTES, PROT_READ | PROT_WRITE);
	pthread_attr_init(&attributes);
	ck_assert_int_eq(pthread_attr_setstack(&attributes, top, THREAD_BYTES), 0);
	ck_assert_int_eq(pthread_create(&thread, &attributes, check_coroutine, both), 0);
	pthread_join(thread, NULL);
	check_coroutine(both);
	pthread_attr_destroy(&attributes);
	munmap(both, BOTH_BYTES);
}
END_TEST

/* ---- Use of the program's stack */

#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define MEASURES_STACK 1
#endif

enum { PAINTED = 32 * 1024, PAINT = 0xa5 };
static char painted_stack[PAINTED];
static size_t stack_used;

static void use_painted_stack(void)
{
	enum { OWN = 256 };
	volatile int turns = 2; /* the first learns; one call, not unrolled */
	char *here = __builtin_frame_address(0), *lowest = painted_stack;
	for (int i = 0; i < turns; i++) {
		memset(painted_stack, PAINT, (size_t)(here - OWN - painted_stack));
		unwind_stack(UNWIND_FRAME);
	}
	while (*lowest == (char)PAINT)
		lowest++;
	stack_used = (size_t)(here - lowest);
}

START_TEST(a_walk_is_small)
{
#ifdef MEASURES_STACK
	enum { ALLOWED = 1024 };
	run_on_coroutine(use_painted_stack, painted_stack, sizeof(painted_stack));
	printf("stack used: %zu bytes\n", stack_used);
	ck_assert_uint_le(stack_used, ALLOWED);
#else
	run_on_coroutine(use_painted_stack, painted_stack, sizeof(painted_stack));
#endif
}
END_TEST

int main(void)
{
	const TTest *const walks[] = {
#if defined(__x86_64__)
		common_frames_have_simple_rules,
#endif
		huge_frames,
		executables_with_holes,
		deep_recursion_is_cut_in_blocks,
		limit_keeps_the_innermost,
		interrupted_frames_are_exact,
		frame_pointers_cross_code_without_cfi,
		a_signal_frame_beyond_code_without_cfi,
		wrong_frame_pointers_end_a_stack,
		nothing_is_guessed_on_a_coroutine,
		a_walk_is_small,
		NULL
	};
	Suite *suite = suite_create("unwind-edges");
	add_case(suite, "walks", start_tables, walks);
	return run_suite(suite);
}
