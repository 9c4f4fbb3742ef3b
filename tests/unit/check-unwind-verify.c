/* links: preload */
/* SPDX-License-Identifier: MIT */
/*
 * Does verification see what it is there to see?  Right stacks pass, also where they end early for a reason; wrong frames, wrong ends, a
 * kept frame with another stack's node and a rule of another module are counted and said, each once.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "guard.h"
#include "unwind-oracle.h"
#include "unwind-verify.h"

#define keep_frame() __asm__ volatile("" ::: "memory")
#define distinct __attribute__((noinline)) static

static struct hdt_header *counts(void)
{
	return trace.header;
}

static void check_counts(uint64_t stacks, uint64_t by_engine, uint64_t shorter, uint64_t differences)
{
	ck_assert_uint_eq(counts()->verified_stacks, stacks);
	ck_assert_uint_eq(counts()->verified_by_engine, by_engine);
	ck_assert_uint_eq(counts()->verify_shorter, shorter);
	ck_assert_uint_eq(counts()->verify_differences, differences);
}

distinct uint32_t take_here(void)
{
	uint32_t stack = unwind_stack(UNWIND_FRAME);
	keep_frame();
	return stack;
}

distinct uint32_t take_at(int depth)
{
	uint32_t stack = depth > 0 ? take_at(depth - 1) : take_here();
	keep_frame();
	return stack;
}

/* ---- What passes */

START_TEST(every_stack_is_compared)
{
	verify_start(1);
	for (int i = 0; i < 100; i++)
		take_at(i % 10);
	check_counts(100, 100, 0, 0);
	ck_assert_uint_gt(counts()->verified_frames, 100 * 5);
}
END_TEST

START_TEST(the_first_ones_of_each_stack_are_compared)
{
	enum { EVERY = 1000 };
	verify_start(EVERY);
	for (int i = 0; i < 4 * EVERY; i++)
		take_at(i % 10);
	/* Two of each of the ten; later, every thousandth. */
	check_counts(4 * EVERY, 20 + 3, 0, 0);
}
END_TEST

START_TEST(cut_stacks_are_right_as_far_as_they_go)
{
	verify_start(1);
	for (uint32_t limit = 1; limit < 6; limit++) {
		unwind_set_limit(limit);
		ck_assert_uint_eq(special_of(take_at(8)), HDT_SPECIAL_CUT);
	}
	check_counts(5, 5, 0, 0);
}
END_TEST

static void take_in_handler(int number)
{
	(void)number;
	take_at(3);
}

START_TEST(signal_frames)
{
	verify_start(1);
	signal(SIGUSR1, take_in_handler);
	for (int i = 0; i < 3; i++)
		raise(SIGUSR1);
	check_counts(3, 3, 0, 0);
}
END_TEST

/* ---- What does not */

static int saved_stderr;
static FILE *said;

static void listen(void)
{
	said = tmpfile();
	saved_stderr = dup(STDERR_FILENO);
	dup2(fileno(said), STDERR_FILENO);
}

/* How many lines were said of wrong stacks; no others are. */
static int lines_said(void)
{
	char line[4096];
	int lines = 0;
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	rewind(said);
	while (fgets(line, sizeof(line), said)) {
		ck_assert_ptr_nonnull(strstr(line, " is wrong from frame "));
		ck_assert_ptr_nonnull(strchr(line, '\n'));
		lines++;
	}
	fclose(said);
	return lines;
}

/* The same path, frame by frame from the root, with another root or another frame at one place; `from_inside` 0 is the innermost. */
struct change {
	uint32_t root;
	int from_inside;
	uint64_t address_by;
	uint32_t module_by, flags_by;
};

static uint32_t rebuild(uint32_t stack, struct change change, int from_inside)
{
	const struct hdt_node *node = node_of(stack);
	if (stack == STACK_ROOT)
		return change.root;
	uint32_t parent = rebuild(node->parent, change, from_inside + 1);
	if (from_inside != change.from_inside)
		return stacks_child(parent, node->address, node->module, node->flags);
	return stacks_child(parent, node->address + change.address_by, node->module + change.module_by, node->flags ^ change.flags_by);
}

static const struct verify_walk rules_know_nothing = {.special = HDT_SPECIAL_TRUNCATED};

/* The stack of the caller, changed, against libunwind. */
distinct void verify_changed(struct change change)
{
	uint32_t stack = unwind_stack(UNWIND_FRAME);
	verify_stack(rebuild(stack, change, 0), UNWIND_FRAME, rules_know_nothing);
	keep_frame();
}

enum { NONE = -1, COUNTED_ALREADY = 1 };

START_TEST(an_unchanged_copy_passes)
{
	verify_start(1);
	verify_changed((struct change){.root = STACK_ROOT, .from_inside = NONE});
	check_counts(1 + COUNTED_ALREADY, 1 + COUNTED_ALREADY, 0, 0);
}
END_TEST

START_TEST(a_wrong_frame_is_a_difference)
{
	static const struct change changes[] = {
		{.from_inside = 0, .address_by = 1},
		{.from_inside = 1, .address_by = 5},
		{.from_inside = 2, .module_by = 1},
		{.from_inside = 3, .flags_by = HDT_NODE_EXACT},
	};
	verify_start(1);
	listen();
	verify_changed(changes[_i]);
	ck_assert_int_eq(lines_said(), 1);
	check_counts(1 + COUNTED_ALREADY, 1 + COUNTED_ALREADY, 0, 1);
}
END_TEST

distinct void verify_parent(void)
{
	uint32_t stack = unwind_stack(UNWIND_FRAME);
	verify_stack(node_of(stack)->parent, UNWIND_FRAME, rules_know_nothing);
	keep_frame();
}

distinct void verify_child(void)
{
	uint32_t stack = unwind_stack(UNWIND_FRAME);
	verify_stack(stacks_child(stack, (uintptr_t)verify_child, node_of(stack)->module, 0), UNWIND_FRAME, rules_know_nothing);
	keep_frame();
}

START_TEST(a_missing_and_an_added_frame_are_differences)
{
	verify_start(1);
	listen();
	verify_parent();
	verify_child();
	ck_assert_int_eq(lines_said(), 2);
	check_counts(4, 4, 0, 2);
}
END_TEST

/* A stack as if the learner had been busy: its inner frames, and outside them the mark. */
static uint32_t truncated(uint32_t stack, int frames)
{
	if (frames == 0)
		return stacks_special(HDT_SPECIAL_TRUNCATED);
	const struct hdt_node *node = node_of(stack);
	return stacks_child(truncated(node->parent, frames - 1), node->address, node->module, node->flags);
}

distinct void verify_truncated(uint64_t address_by)
{
	struct change change = {.from_inside = 1, .address_by = address_by};
	uint32_t stack = truncated(unwind_stack(UNWIND_FRAME), 3);
	if (address_by != 0)
		stack = rebuild(stack, change, 0);
	verify_stack(stack, UNWIND_FRAME, rules_know_nothing);
	keep_frame();
}

START_TEST(truncated_stacks_are_compared_as_far_as_they_go)
{
	verify_start(1);
	verify_truncated(0);
	check_counts(2, 2, 1, 0);
	listen();
	verify_truncated(1);
	ck_assert_int_eq(lines_said(), 1);
	check_counts(4, 4, 1, 1);
}
END_TEST

/* Another node in a kept frame: what a wrong join would look like. */
START_TEST(a_kept_frame_that_lies_is_a_difference)
{
	verify_start(1);
	uint32_t other = take_at(5);
	for (volatile int i = 0; i < 2; i++) {
		if (i == 1) {
			struct thread_memory *memory = thread_state.memory;
			memory->frames[memory->count - 1].node = other;
			listen();
		}
		take_here();
	}
	ck_assert_int_eq(lines_said(), 2); /* by rules and by libunwind */
	check_counts(3, 3, 0, 2);
}
END_TEST

static uint32_t take_with(bool is_changed)
{
	if (is_changed) {
		struct rule *rule = rules_find((uintptr_t)__builtin_return_address(0), false);
		ck_assert_ptr_nonnull(rule);
		rule->kind = RULE_END;
		unwind_forget();
	}
	return take_here();
}

START_TEST(a_wrong_rule_is_a_difference)
{
	verify_start(1);
	listen();
	for (volatile int i = 0; i < 2; i++)
		take_with(i == 1);
	ck_assert_int_eq(lines_said(), 1); /* the rules agree with each other */
	check_counts(2, 2, 0, 1);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		every_stack_is_compared,
		the_first_ones_of_each_stack_are_compared,
		cut_stacks_are_right_as_far_as_they_go,
		signal_frames,
		an_unchanged_copy_passes,
		a_missing_and_an_added_frame_are_differences,
		truncated_stacks_are_compared_as_far_as_they_go,
		a_kept_frame_that_lies_is_a_difference,
		a_wrong_rule_is_a_difference,
		NULL,
	};
	Suite *suite = suite_create("unwind-verify");
	add_case(suite, "verification", start_tables, tests);
	TCase *wrong = tcase_create("wrong frames");
	tcase_add_checked_fixture(wrong, start_tables, remove_trace);
	tcase_add_loop_test(wrong, a_wrong_frame_is_a_difference, 0, 4);
	suite_add_tcase(suite, wrong);
	return run_suite(suite);
}
