/* links: preload */
/* SPDX-License-Identifier: MIT */
/* The stack table: one id per stack for everyone, whatever the order and the number of threads; what a reader may rely on; no room. */
#include "stacks.h"

#include <pthread.h>

#include "tables.h"

static void setup(void)
{
	make_test_directory();
	create_trace(TEST_RESERVE);
}

static void teardown(void)
{
	trace_forget();
	remove_test_directory();
}

static const struct hdt_node *node_at(uint32_t id)
{
	return (const struct hdt_node *)trace_at(HDT_AREA_NODES, 0) + id;
}

static uint32_t node_count(void)
{
	return (uint32_t)(trace_used(HDT_AREA_NODES) / sizeof(struct hdt_node));
}

static void expect_node(uint32_t id, uint32_t parent, uint64_t address, uint32_t module, uint32_t flags)
{
	EXPECT(id > parent && id < node_count());
	EXPECT(atomic_load(&node_at(id)->address) == address);
	EXPECT(node_at(id)->parent == parent);
	EXPECT(node_at(id)->module == module);
	EXPECT(node_at(id)->flags == flags);
}

START_TEST(every_part_of_a_frame_counts)
{
	uint32_t base = stacks_child(STACK_ROOT, 0x401000, 1, 0);
	uint32_t ids[] = {base, stacks_child(base, 0x401000, 1, 0), stacks_child(STACK_ROOT, 0x401001, 1, 0),
			  stacks_child(STACK_ROOT, 0x401000, 2, 0), stacks_child(STACK_ROOT, 0x401000, 1, HDT_NODE_EXACT)};

	for (unsigned i = 0; i < 5; i++) {
		for (unsigned other = 0; other < i; other++)
			ck_assert_uint_ne(ids[i], ids[other]);
	}
	expect_node(ids[0], STACK_ROOT, 0x401000, 1, 0);
	expect_node(ids[1], base, 0x401000, 1, 0);
	expect_node(ids[4], STACK_ROOT, 0x401000, 1, HDT_NODE_EXACT);
	ck_assert_uint_eq(stacks_child(base, 0x401000, 1, 0), ids[1]);
	ck_assert_uint_eq(node_count(), 6);
}
END_TEST

START_TEST(causes_are_children_of_the_root)
{
	for (uint32_t special = 1; special < HDT_SPECIAL_COUNT; special++) {
		uint32_t id = stacks_special((enum hdt_special)special);
		expect_node(id, STACK_ROOT, special, HDT_MODULE_SPECIAL, 0);
		ck_assert_uint_eq(stacks_special((enum hdt_special)special), id);
	}
}
END_TEST

START_TEST(a_deep_recursion_is_a_chain)
{
	uint32_t stack = STACK_ROOT;

	for (unsigned depth = 0; depth < 65535; depth++) {
		uint32_t next = stacks_child(stack, 0x7f0000001234, 3, 0);
		EXPECT(next == stack + 1);
		stack = next;
	}
	ck_assert_uint_eq(stacks_child(STACK_ROOT, 0x7f0000001234, 3, 0), 1);
}
END_TEST

/* ---- Many threads, one set of stacks */

#define THREADS 4
#define STACKS 20000
static uint32_t ids[THREADS][STACKS];

struct key {
	uint32_t parent; /* number of another key, less than this one; 0: the root */
	uint64_t address;
	uint32_t module;
};

static struct key key_of(uint32_t number)
{
	uint64_t seed = number * 0x9e3779b97f4a7c15u + 1;
	uint64_t random = random_next(&seed);

	return (struct key){number < 10 ? 0 : (uint32_t)(random % number), 0x400000 + number * 5, (uint32_t)(random >> 60)};
}

/* Same stacks, in an order of its own as far as parents allow: each thread starts elsewhere and interns parents on the way. */
static uint32_t intern(uint32_t *known, uint32_t number)
{
	struct key key = key_of(number);

	if (known[number] == 0)
		known[number] = stacks_child(key.parent == 0 ? STACK_ROOT : intern(known, key.parent), key.address, key.module, 0);
	return known[number];
}

static void *interning_thread(void *argument)
{
	uintptr_t thread = (uintptr_t)argument;

	for (uint32_t i = 1; i < STACKS; i++) {
		uint32_t number = thread % 2 == 0 ? i : STACKS - i;
		intern(ids[thread], number);
		atomic_fetch_add(&stacks_totals(ids[thread][number])->blocks, 1);
	}
	return NULL;
}

static void check_table(void)
{
	unsigned holes = 0, totals = 0;

	for (uint32_t id = 1; id < node_count(); id++) {
		const struct hdt_node *node = node_at(id);
		uint32_t record = atomic_load(&node->totals);
		if (atomic_load(&node->address) == 0) {
			ck_assert_uint_eq(node->module, HDT_MODULE_NONE);
			ck_assert_uint_eq(record, 0);
			holes++;
			continue;
		}
		ck_assert_uint_lt(node->parent, id);
		const struct hdt_totals *total = (const struct hdt_totals *)trace_at(HDT_AREA_TOTALS, 0) + record;
		ck_assert_uint_ne(record, 0);
		ck_assert_uint_eq(atomic_load(&total->node), id);
		ck_assert_uint_eq(atomic_load(&total->blocks), THREADS);
		totals++;
	}
	ck_assert_uint_eq(node_count() - 1 - holes, STACKS - 1);
	ck_assert_uint_eq(totals, STACKS - 1);
}

START_TEST(threads_agree_on_every_id)
{
	pthread_t threads[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, interning_thread, (void *)i);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (uint32_t number = 1; number < STACKS; number++) {
		struct key key = key_of(number);
		for (unsigned i = 1; i < THREADS; i++)
			EXPECT(ids[i][number] == ids[0][number]);
		expect_node(ids[0][number], key.parent == 0 ? STACK_ROOT : ids[0][key.parent], key.address, key.module, 0);
	}
	check_table();
	if (getenv("HEAPDELTA_FIGURES") != NULL)
		printf("index: %.1f bytes per stack\n", (double)trace_used(HDT_AREA_INDEX) / STACKS);
}
END_TEST

START_TEST(without_room_the_root_is_the_answer)
{
	uint32_t made = 0;

	trace_forget();
	create_trace(SMALL_RESERVE);
	while (stacks_child(STACK_ROOT, 0x1000 + made, 1, 0) != STACK_ROOT)
		made++;
	ck_assert_uint_gt(made, 5000);
	for (uint32_t i = 0; i < made; i++)
		EXPECT(stacks_child(STACK_ROOT, 0x1000 + i, 1, 0) != STACK_ROOT);
	uint32_t with_totals = 0;
	while (with_totals < made && stacks_totals(with_totals + 1) != NULL)
		with_totals++;
	ck_assert_uint_gt(with_totals, 1000);
	ck_assert_uint_lt(with_totals, made);
	ck_assert_ptr_nonnull(stacks_totals(1));
	ck_assert_ptr_null(stacks_totals(STACK_ROOT));
}
END_TEST

static TCase *cases(void)
{
	TCase *tcase = tcase_create("stacks");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, every_part_of_a_frame_counts);
	tcase_add_test(tcase, causes_are_children_of_the_root);
	tcase_add_test(tcase, a_deep_recursion_is_a_chain);
	tcase_add_test(tcase, threads_agree_on_every_id);
	tcase_add_test(tcase, without_room_the_root_is_the_answer);
	return tcase;
}

int main(void)
{
	return run_suite("stacks", cases);
}
