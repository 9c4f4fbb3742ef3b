/* links: preload */
/* SPDX-License-Identifier: MIT */
/*
 * Random call chains through frames of every shape (frame pointer or not, alloca, realigned, large, signal handlers on both stacks,
 * callbacks through libc, coroutines, longjmp), and at their ends stacks that are compared frame by frame with libunwind's own walks.
 * HEAPDELTA_STACKS=N asks for N stacks instead of the default.  Prints what an unwind costs; nothing is asserted about it.
 */
#include <alloca.h>
#include <pthread.h>
#include <search.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>

#include "unwind-oracle.h"

/* TSan follows no change of stacks and no longjmp between them, delivers signals late, and is gone when unw_backtrace's destructor for
 * thread-specific data runs. */
#if defined(__SANITIZE_THREAD__)
enum { IS_TSAN = 1 };
#else
enum { IS_TSAN = 0 };
#endif

#define keep_frame() __asm__ volatile("" ::: "memory")
#define shape __attribute__((noinline)) static

struct chain {
	uint64_t random;
	int left; /* calls until the stack is taken */
	int coroutines;
	bool is_exact; /* compare with the exact oracle */
	bool is_on_alternate;
	bool has_rivals; /* for the learner's token: on a loaded machine one may keep it for too long, and a stack is truncated */
	bool is_pending; /* the next comparison goes on */
	uint64_t compared, differences;
	uint64_t truncated;
};
static __thread struct chain *chain;

static uint32_t draw(uint32_t below)
{
	chain->random = chain->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(chain->random >> 33) % below;
}

/* ---- The end of a chain */

static void report(const uintptr_t *mine, size_t count, const uintptr_t *oracle, size_t expected)
{
	if (chain->differences++ > 0)
		return;
	for (size_t i = 0; i < count || i < expected; i++)
		printf("%3zu %16lx %16lx\n", i, i < count ? mine[i] : 0, i < expected ? oracle[i] : 0);
	fflush(stdout);
}

/* Is a stack that ends early excused?  Its inner frames are compared all the same. */
static bool is_cut_short(uint32_t stack, size_t count, size_t expected)
{
	if (!chain->has_rivals || special_of(stack) != HDT_SPECIAL_TRUNCATED || count >= expected)
		return false;
	chain->truncated++;
	return true;
}

shape void sample(void)
{
	static __thread uintptr_t mine[ORACLE_FRAMES], oracle[ORACLE_FRAMES];
	uint32_t stack = unwind_stack(UNWIND_FRAME);
	size_t count = outer_frames(stack, mine, ORACLE_FRAMES);
	bool is_exact = IS_TSAN || chain->is_exact || chain->coroutines > 0; /* unw_backtrace guesses on beyond a coroutine's root */
	size_t expected = (is_exact ? oracle_exact(oracle, ORACLE_FRAMES) : oracle_fast(oracle, ORACLE_FRAMES)) - 1;
	bool is_whole = special_of(stack) == 0 && count == expected;
	chain->compared++;
	if ((!is_whole && !is_cut_short(stack, count, expected)) || memcmp(mine, oracle + 1, count * sizeof(*mine)) != 0)
		report(mine, count, oracle + 1, expected);
}

static void go_on(void);

/* ---- Shapes of frames */

shape void plain(void)
{
	go_on();
	keep_frame();
}

shape void another_plain(void)
{
	if (draw(2))
		go_on();
	else
		plain();
	keep_frame();
}

shape uint64_t many_registers(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	uint64_t e = a * b, f = b * c, g = c * d;
	go_on();
	keep_frame();
	return a + b * c + d * e + f * g;
}

shape void large(void)
{
	volatile char room[6000];
	room[draw(sizeof(room))] = 1;
	go_on();
	room[0] = 2;
}

shape void with_alloca(void)
{
	volatile char *room = alloca(16 + draw(200));
	room[0] = 1;
	go_on();
	room[1] = 2;
}

#if defined(__x86_64__)
#define REALIGNED __attribute__((force_align_arg_pointer))
#else
#define REALIGNED
#endif
REALIGNED shape void realigned(void)
{
	go_on();
	keep_frame();
}

REALIGNED shape void realigned_with_alloca(void)
{
	_Alignas(64) volatile char aligned[64];
	volatile char *room = alloca(16 + draw(200));
	aligned[draw(64)] = room[0] = 1;
	go_on();
	room[1] = aligned[1];
}

shape void aligned(void)
{
	_Alignas(64) volatile char room[128];
	room[draw(sizeof(room))] = 1;
	go_on();
	room[0] = 2;
}

shape void variadic(int count, ...)
{
	va_list list;
	va_start(list, count);
	go_on();
	if (va_arg(list, int) != 42)
		abort();
	va_end(list);
}

shape void with_frame_pointer(void)
{
	volatile uintptr_t frame = (uintptr_t)__builtin_frame_address(0); /* a function that asks has one */
	go_on();
	if (frame != (uintptr_t)__builtin_frame_address(0))
		abort();
}

#if defined(__x86_64__)
#define ASM_FUNCTION(name, body) \
	void name(void (*callback)(void)); \
	__asm__(".pushsection .text\n.type " #name ", @function\n" #name ":\n.cfi_startproc\npush %rbx\n.cfi_def_cfa_offset 16\n" \
		".cfi_offset rbx, -16\n" body "pop %rbx\n.cfi_def_cfa rsp, 8\nret\n.cfi_endproc\n.size " #name ", .-" #name \
		"\n.popsection")

/* Only all registers of a walk lead out of it: the CFA is in %rbx. */
ASM_FUNCTION(by_other_register, "mov %rsp, %rbx\n.cfi_def_cfa_register rbx\nsub $32, %rsp\ncall *%rdi\nmov %rbx, %rsp\n");

/* Its CFA is ((rsp + 15) & -16) + 32, which is rsp + 32 only where rsp is a multiple of 16, as it is here. */
ASM_FUNCTION(by_expression, "sub $16, %rsp\n.cfi_escape 0x0f, 7, 0x77, 15, 0x09, 0xf0, 0x1a, 0x23, 32\ncall *%rdi\nadd $16, %rsp\n");
#else
#define by_other_register(callback) callback()
#define by_expression(callback) callback()
#endif

/* ---- Through libc */

static int compare(const void *a, const void *b)
{
	if (chain->is_pending) {
		chain->is_pending = false;
		go_on();
	}
	return *(const int *)a - *(const int *)b;
}

shape void by_qsort(void)
{
	int numbers[] = {3, 1, 2, 5, 4};
	chain->is_pending = true;
	qsort(numbers, draw(4) + 2, sizeof(numbers[0]), compare);
	keep_frame();
}

shape void by_bsearch(void)
{
	int numbers[] = {1, 2, 3, 4, 5}, wanted = (int)draw(5);
	chain->is_pending = true;
	bsearch(&wanted, numbers, 5, sizeof(numbers[0]), compare);
	keep_frame();
}

shape void by_lfind(void)
{
	int numbers[] = {7}, wanted = 7;
	size_t count = 1;
	chain->is_pending = true;
	lfind(&wanted, numbers, &count, sizeof(numbers[0]), compare);
	keep_frame();
}

shape void by_longjmp(void)
{
	jmp_buf back;
	if (setjmp(back) == 0) {
		go_on();
		if (!IS_TSAN)
			longjmp(back, 1);
	}
	keep_frame();
}

/* ---- Other stacks */

static void handle(int number)
{
	(void)number;
	go_on();
	keep_frame();
}

/* The alternate stack is used once in a chain: from a coroutine the kernel would begin at its top again. */
shape void by_signal(void)
{
	bool is_alternate = !chain->is_on_alternate && draw(2) == 0;
	chain->is_on_alternate |= is_alternate;
	raise(is_alternate ? SIGUSR2 : SIGUSR1);
	chain->is_on_alternate &= !is_alternate;
	keep_frame();
}

static void coroutine(void)
{
	go_on();
	keep_frame();
}

shape void by_makecontext(void)
{
	enum { STACK_BYTES = 256 * 1024 };
	ucontext_t here, there;
	void *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = STACK_BYTES;
	there.uc_link = &here;
	makecontext(&there, coroutine, 0);
	chain->coroutines++;
	swapcontext(&here, &there);
	chain->coroutines--;
	munmap(stack, STACK_BYTES);
}

/* ---- Chains */

static void rare(void)
{
	if (IS_TSAN)
		plain();
	else if (draw(4) == 0)
		by_makecontext();
	else if (draw(4) == 0)
		by_other_register(go_on);
	else if (draw(4) == 0)
		by_expression(go_on);
	else
		by_signal();
	keep_frame();
}

static void call_shape(uint32_t number)
{
	switch (number) {
	case 0:
		plain();
		break;
	case 1:
		another_plain();
		break;
	case 2:
		many_registers(chain->random, 3, 5, 7);
		break;
	case 3:
		large();
		break;
	case 4:
		with_alloca();
		break;
	case 5:
		realigned();
		break;
	case 6:
		realigned_with_alloca();
		break;
	case 7:
		aligned();
		break;
	case 8:
		variadic(1, 42);
		break;
	case 9:
		with_frame_pointer();
		break;
	case 10:
		by_qsort();
		break;
	case 11:
		by_bsearch();
		break;
	case 12:
		by_lfind();
		break;
	case 13:
		by_longjmp();
		break;
	default:
		plain();
		break;
	}
	keep_frame();
}

__attribute__((noinline)) static void go_on(void)
{
	if (chain->left < 0)
		return;
	if (chain->left-- == 0)
		sample();
	else if (draw(48) == 0)
		rare();
	else
		call_shape(draw(14));
	keep_frame();
}

static void install_handlers(stack_t *old)
{
	static __thread char alternate[512 * 1024];
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_NODEFER};
	sigaltstack(&stack, old);
	sigaction(SIGUSR1, &action, NULL);
	action.sa_flags |= SA_ONSTACK;
	sigaction(SIGUSR2, &action, NULL);
}

/* `stacks` chains, one in 64 against the exact oracle: the differences. */
static uint64_t run_chains(uint64_t seed, uint64_t stacks, bool has_rivals)
{
	struct chain own = {.random = seed * 2 + 1, .has_rivals = has_rivals};
	stack_t alternate;
	chain = &own;
	install_handlers(&alternate);
	for (uint64_t i = 0; i < stacks; i++) {
		own.left = (int)draw(14);
		own.is_exact = i % 64 == 0;
		go_on();
	}
	sigaltstack(&alternate, NULL);
	ck_assert_uint_eq(own.compared, stacks);
	ck_assert_uint_le(own.truncated, stacks / 1000);
	return own.differences;
}

static uint64_t stacks_wanted(void)
{
	const char *text = getenv("HEAPDELTA_STACKS");
	return text ? strtoull(text, NULL, 10) : 200000;
}

START_TEST(equals_libunwind)
{
	uint64_t truncated = trace.header->truncated_stacks;
	ck_assert_uint_eq(run_chains(1, stacks_wanted(), false), 0);
	ck_assert_uint_eq(trace.header->truncated_stacks, truncated);
}
END_TEST

static void *chains_of_thread(void *argument)
{
	return (void *)(uintptr_t)run_chains((uintptr_t)argument, stacks_wanted() / 10, true);
}

START_TEST(equals_libunwind_in_threads)
{
	enum { THREADS = 4 };
	pthread_t threads[THREADS];
	void *differences;
	for (uintptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, chains_of_thread, (void *)(i + 2)), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &differences);
		ck_assert_ptr_null(differences);
	}
}
END_TEST

/* ---- Cost */

static double nanoseconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

enum { ROUNDS = 20000 };
static void measure_here(int depth)
{
	static uintptr_t addresses[ORACLE_FRAMES];
	unwind_stack(UNWIND_FRAME);
	double start = nanoseconds();
	for (int i = 0; i < ROUNDS; i++)
		unwind_stack(UNWIND_FRAME);
	double middle = nanoseconds();
	for (int i = 0; i < ROUNDS; i++)
		oracle_fast(addresses, ORACLE_FRAMES);
	double end = nanoseconds();
	printf("depth %2d: %4.0f ns, unw_backtrace %4.0f ns\n", depth, (middle - start) / ROUNDS, (end - middle) / ROUNDS);
}

shape void descend(int depth, int left)
{
	if (left > 0)
		descend(depth, left - 1);
	else
		measure_here(depth);
	keep_frame();
}

START_TEST(cost)
{
	static const int depths[] = {5, 20, 50};
	for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		uint32_t before = (uint32_t)trace_used(HDT_AREA_NODES);
		descend(depths[i], depths[i]);
		ck_assert_uint_gt(trace_used(HDT_AREA_NODES), before);
	}
}
END_TEST

int main(void)
{
	enum { PATIENCE = 600 };
	Suite *suite = suite_create("unwind");
	TCase *cases = tcase_create("oracle");
	tcase_add_checked_fixture(cases, start_tables, remove_trace);
	tcase_set_timeout(cases, PATIENCE);
	tcase_add_test(cases, equals_libunwind);
	tcase_add_test(cases, equals_libunwind_in_threads);
	tcase_add_test(cases, cost);
	suite_add_tcase(suite, cases);
	return run_suite(suite);
}
