/* links: preload */
/* SPDX-License-Identifier: MIT */
/* Hints at nodes of stacks: found again, never beyond the table; and stacks stay right when every hint is wrong. */
#include "stack-paths.h"

#include "stacks.h"
#include "tables.h"
#include "unwind-rules.h"
#include "unwind.h"

static void setup(void)
{
	make_test_directory();
	create_trace(TEST_RESERVE);
	thread_state.depth = 1;
	ck_assert(rules_start());
}

static void teardown(void)
{
	thread_state.depth = 0;
	trace_forget();
	remove_test_directory();
}

static bool is_hinted(uint32_t path, uint32_t node)
{
	return stack_paths_hint(path, 0) == node || stack_paths_hint(path, 1) == node;
}

static uint32_t make_nodes(uint32_t count)
{
	uint32_t node = STACK_ROOT;
	for (uint32_t i = 0; i < count; i++)
		node = stacks_child(STACK_ROOT, 0x1000 + 16 * (uint64_t)i, 1, 0);
	return node;
}

START_TEST(what_was_kept_is_hinted_at)
{
	uint32_t last = make_nodes(2);
	stack_paths_keep(77, last);
	ck_assert(is_hinted(77, last));
	stack_paths_keep(77, last - 1); /* another stack with this hash: both stay */
	ck_assert(is_hinted(77, last));
	ck_assert(is_hinted(77, last - 1));
}
END_TEST

START_TEST(a_hint_of_other_tables_is_not_taken)
{
	stack_paths_keep(78, make_nodes(1) + 1);
	ck_assert(is_hinted(78, 0));
	ck_assert(!is_hinted(78, 2));
	make_nodes(2);
	ck_assert(is_hinted(78, 2));
}
END_TEST

START_TEST(the_sets_in_use_grow_with_the_nodes)
{
	uint32_t before = atomic_load(&stack_paths_mask), last = make_nodes(64 * 1024);
	for (uint32_t path = 0; path < 64; path++)
		stack_paths_keep(path, last);
	ck_assert_uint_gt(atomic_load(&stack_paths_mask), before);
	ck_assert_uint_lt(atomic_load(&stack_paths_mask), 1u << STACK_PATHS_BITS);
	ck_assert(is_hinted(63, last));
}
END_TEST

START_TEST(a_path_is_made_of_its_frames_in_their_order)
{
	uint32_t one = stack_paths_step(0, 0x401000), other = stack_paths_step(0, 0x402000);
	ck_assert_uint_ne(one, other);
	ck_assert_uint_ne(stack_paths_step(one, 0x402000), stack_paths_step(other, 0x401000));
	ck_assert_uint_eq(stack_paths_step(one, 0x402000), stack_paths_step(stack_paths_step(0, 0x401000), 0x402000));
}
END_TEST

/* ---- Stacks -------------------------------------------------------------------------------------------------------------------- */

/* As after a fork, or when two stacks have one hash: each hint is a node, but of another stack. */
static void mislead(uint32_t node)
{
	for (size_t i = 0; i < sizeof(stack_paths) / sizeof(stack_paths[0]); i++)
		atomic_store(&stack_paths[i], node);
}

static __attribute__((noinline)) uint32_t hook(void)
{
	return unwind_stack(UNWIND_FRAME);
}

/* Forgetting what is kept makes the next stack a walk, which looks for its node. */
static __attribute__((noinline)) uint32_t stack_here(bool again)
{
	if (again)
		unwind_forget();
	uint32_t stack = hook();
	__asm__ volatile("" ::: "memory");
	return stack;
}

static __attribute__((noinline)) uint32_t stack_there(bool again)
{
	uint32_t stack = stack_here(again);
	__asm__ volatile("" ::: "memory");
	return stack;
}

START_TEST(wrong_hints_change_no_stack)
{
	uint32_t stacks[2][3] = {{0}}, wrong[3] = {make_nodes(9)};
	for (volatile int round = 0; round < 3; round++) { /* not unrolled: one place */
		for (volatile int place = 0; place < 2; place++)
			stacks[place][round] = place ? stack_there(true) : stack_here(true);
		/* A stranger; then a stack that begins and ends as one of these, but has another frame in the middle. */
		wrong[1] = stacks[1][0];
		wrong[2] = stacks[0][0];
		mislead(wrong[round]);
	}
	for (int round = 1; round < 3; round++)
		for (int place = 0; place < 2; place++)
			ck_assert_uint_eq(stacks[place][round], stacks[place][0]);
	ck_assert_uint_ne(stacks[0][0], stacks[1][0]);
	ck_assert_uint_ne(stacks[0][0], STACK_ROOT);
}
END_TEST

START_TEST(a_right_hint_asks_the_table_nothing)
{
	uint32_t stacks[2];
	for (volatile int round = 0; round < 2; round++) { /* not unrolled: one place */
		stacks[round] = stack_there(true);
		/* With these words changed the table would not find the stack again, and make it anew. */
		struct hdt_node *nodes = trace_at(HDT_AREA_NODES, 0);
		atomic_store(&nodes[0].children, 0);
	}
	ck_assert_uint_eq(stacks[0], stacks[1]);
}
END_TEST

static TCase *cases(void)
{
	TCase *tcase = tcase_create("stack-paths");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, what_was_kept_is_hinted_at);
	tcase_add_test(tcase, a_hint_of_other_tables_is_not_taken);
	tcase_add_test(tcase, the_sets_in_use_grow_with_the_nodes);
	tcase_add_test(tcase, a_path_is_made_of_its_frames_in_their_order);
	tcase_add_test(tcase, wrong_hints_change_no_stack);
	tcase_add_test(tcase, a_right_hint_asks_the_table_nothing);
	return tcase;
}

int main(void)
{
	return run_suite("stack-paths", cases);
}
