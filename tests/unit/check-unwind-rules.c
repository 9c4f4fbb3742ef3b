/* links: preload */
/* SPDX-License-Identifier: MIT */
/*
 * What a walk depends on beside the stack: libraries that replace each other at one address, a learner that is busy or was lost by a fork,
 * tables that are full, a process without an unwinder.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <sys/wait.h>

#include "unwind-oracle.h"

#define keep_frame() __asm__ volatile("" ::: "memory")
#define distinct __attribute__((noinline)) static

/* ---- Libraries at one address */

typedef int call_through_fn(int (*callback)(void));

/* The module of the frame that returns to `address`. */
static uint32_t module_in(uint32_t stack, uintptr_t address)
{
	while (stack != STACK_ROOT && node_of(stack)->address != address)
		stack = node_of(stack)->parent;
	return node_of(stack)->module;
}

static struct taken of_library;
static uintptr_t library_return;
static int take_below_library(void)
{
	of_library = take();
	library_return = ours[1];
	return 0;
}

static void *open_library(const char *name)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 64);
	ck_assert_int_gt(length, 0);
	path[length] = '\0';
	strcpy(strrchr(path, '/'), "/../targets/lib/");
	strcat(path, name);
	void *library = dlopen(path, RTLD_NOW);
	ck_assert_msg(library != NULL, "%s", dlerror());
	return library;
}

/* Load, call through it, unload; the module that the library's frame is in. */
static uint32_t visit_library(const char *name)
{
	void *library = open_library(name);
	void *symbol = dlsym(library, "call_through");
	call_through_fn *call_through = (call_through_fn *)symbol;
	uint32_t module = modules_find((uintptr_t)symbol);
	for (int i = 0; i < 3; i++) {
		if (i == 2)
			modules_dlclose_begin(); /* as long as it is not gone, it can be walked through */
		ck_assert_int_eq(call_through(take_below_library), 1);
		ck_assert(of_library.is_equal);
		ck_assert_uint_eq(of_library.special, 0);
		ck_assert_uint_eq(module_in(of_library.stack, library_return), module);
	}
	dlclose(library);
	modules_dlclose_end();
	return module;
}

START_TEST(libraries_that_replace_each_other)
{
	static const char *const names[] = {"reuse-one.so", "reuse-two.so", "reuse-one.so", "reuse-two.so"};
	uint32_t modules[4];
	uintptr_t returns[4];
	for (int i = 0; i < 4; i++) {
		modules[i] = visit_library(names[i]);
		returns[i] = library_return;
	}
	ck_assert_uint_eq(returns[0], returns[1]); /* or nothing is tested here */
	ck_assert_uint_ne(modules[0], modules[1]);
	ck_assert_uint_eq(modules[0], modules[2]);
	ck_assert_uint_eq(modules[1], modules[3]);
}
END_TEST

/* ---- The learner */

distinct struct taken new_code_1(void)
{
	struct taken taken = take();
	keep_frame();
	return taken;
}

distinct struct taken new_code_2(void)
{
	struct taken taken = take();
	keep_frame();
	return taken;
}

static pthread_barrier_t barrier;
static void *hold_token(void *unused)
{
	rules_fork_prepare();
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	rules_fork_done();
	return unused;
}

static pthread_t start_holder(void)
{
	pthread_t holder;
	ck_assert_uint_eq(take().special, 0);
	pthread_barrier_init(&barrier, NULL, 2);
	ck_assert_int_eq(pthread_create(&holder, NULL, hold_token, NULL), 0);
	pthread_barrier_wait(&barrier);
	return holder;
}

START_TEST(a_busy_learner_truncates)
{
	pthread_t holder = start_holder();
	ck_assert_uint_eq(new_code_1().special, HDT_SPECIAL_TRUNCATED);
	pthread_barrier_wait(&barrier);
	pthread_join(holder, NULL);
	struct taken taken = new_code_1();
	ck_assert_uint_eq(taken.special, 0);
	ck_assert(taken.is_equal);
}
END_TEST

static struct taken taken_again(int turns)
{
	struct taken taken = {.stack = 0};
	for (int i = 0; i < turns; i++)
		taken = take();
	return taken;
}

/* What a fork child does; 0: its stacks are as expected. */
static int check_child(bool is_lost, uint32_t modules)
{
	rules_child();
	trace_forget();
	start_tables();
	unwind_forget();
	if (trace_used(HDT_AREA_MODULES) / sizeof(struct hdt_module) != modules)
		return 1;
	if (new_code_2().special != (is_lost ? HDT_SPECIAL_TRUNCATED : 0))
		return 2;
	if (taken_again(3).special != 0 && !is_lost)
		return 3;
	remove_trace();
	return 0;
}

static int status_of_child(bool is_lost)
{
	int status = -1;
	uint32_t modules = (uint32_t)(trace_used(HDT_AREA_MODULES) / sizeof(struct hdt_module));
	pid_t child = fork();
	if (child == 0)
		_exit(check_child(is_lost, modules));
	waitpid(child, &status, 0);
	return status;
}

START_TEST(a_child_of_a_busy_parent_never_learns)
{
	pthread_t holder = start_holder();
	ck_assert_int_eq(status_of_child(true), 0);
	pthread_barrier_wait(&barrier);
	pthread_join(holder, NULL);
}
END_TEST

START_TEST(a_child_learns)
{
	ck_assert_uint_eq(take().special, 0);
	rules_fork_prepare();
	int status = status_of_child(false);
	rules_fork_done();
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(new_code_2().special, 0);
}
END_TEST

/* ---- Full tables */

distinct uint32_t one_way(uint32_t bits, int left);
distinct uint32_t other_way(uint32_t bits, int left)
{
	uint32_t stack = left == 0 ? unwind_stack(UNWIND_FRAME) : bits & 1 ? one_way(bits >> 1, left - 1) : other_way(bits >> 1, left - 1);
	keep_frame();
	return stack;
}

distinct uint32_t one_way(uint32_t bits, int left)
{
	uint32_t stack = left == 0 ? unwind_stack(UNWIND_FRAME) : bits & 1 ? one_way(bits >> 1, left - 1) : other_way(bits >> 1, left - 1);
	keep_frame();
	return stack;
}

static void start_small_tables(void)
{
	const char *const directories[] = {"/tmp", NULL};
	struct trace_options options = {.directories = directories, .exe = "", .cwd = "/", .reserve_bytes = 4 << 20};
	ck_assert_int_eq(trace_create(&options), 0);
	modules_reset();
	ck_assert(rules_start());
	unwind_forget();
}

START_TEST(full_tables_lose_stacks_and_say_so)
{
	uint32_t last = 0;
	for (uint32_t i = 0; i < 1 << 15 && trace.header->losses[HDT_LOSS_STACK] == 0; i++)
		last = one_way(i * UINT32_C(2654435761), 20);
	ck_assert_uint_eq(trace.header->losses[HDT_LOSS_STACK], 1);
	ck_assert_uint_ne(last, STACK_ROOT);
	ck_assert_uint_eq(special_of(last), HDT_SPECIAL_NO_ROOM);
}
END_TEST

START_TEST(without_rules_the_caller_alone)
{
	uint32_t stack = unwind_stack(UNWIND_FRAME);
	ck_assert_uint_eq(unwind_addresses(stack, ours, 2), 1);
	ck_assert_uint_eq(special_of(stack), HDT_SPECIAL_EARLY);
}
END_TEST

static void start_tables_only(void)
{
	const char *const directories[] = {"/tmp", NULL};
	struct trace_options options = {.directories = directories, .exe = "", .cwd = "/"};
	ck_assert_int_eq(trace_create(&options), 0);
	modules_reset();
}

int main(void)
{
	const TTest *const rules[] = {libraries_that_replace_each_other, a_busy_learner_truncates, a_child_of_a_busy_parent_never_learns,
				      a_child_learns, NULL};
	const TTest *const full[] = {full_tables_lose_stacks_and_say_so, NULL};
	const TTest *const early[] = {without_rules_the_caller_alone, NULL};
	Suite *suite = suite_create("unwind-rules");
	add_case(suite, "rules", start_tables, rules);
	add_case(suite, "full", start_small_tables, full);
	add_case(suite, "early", start_tables_only, early);
	return run_suite(suite);
}
