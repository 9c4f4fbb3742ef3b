/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* The model: finding or adding its pieces, sums of several processes, the table of facts. */
#include "snapshot-sample.h"

static struct intern *intern;
static struct error error;

static void setup(void)
{
	intern = intern_new();
	error = (struct error){0};
}

static void teardown(void)
{
	intern_free(intern);
}

START_TEST(fields_ascend_and_have_names)
{
	for (size_t i = 0; i < info_field_count; i++) {
		ck_assert_ptr_eq(info_by_key(info_fields[i].key), &info_fields[i]);
		ck_assert_ptr_eq(info_by_name(info_fields[i].name), &info_fields[i]);
		ck_assert(!i || info_fields[i - 1].key < info_fields[i].key);
		for (size_t j = 0; j < i; j++)
			ck_assert_uint_ne(info_fields[i].offset, info_fields[j].offset);
	}
	ck_assert_ptr_null(info_by_key(HDS_KEY_EXIT));
	ck_assert_ptr_null(info_by_name("none"));
}
END_TEST

START_TEST(equal_pieces_are_one)
{
	struct snapshot snapshot;
	struct address address = {.module = 1, .offset = 16};
	struct location location = {.file = "a.c", .line = 3};

	snapshot_init(&snapshot, intern);
	uint32_t first = snapshot_node(&snapshot, 0, &address);
	ck_assert_uint_eq(first, 1);
	ck_assert_uint_eq(snapshot_node(&snapshot, 0, &address), first);
	address.flags = HDS_FRAME_EXACT;
	ck_assert_uint_eq(snapshot_node(&snapshot, 0, &address), 2);
	ck_assert_uint_eq(snapshot_node(&snapshot, 1, &address), 3);
	ck_assert_uint_eq(snapshot.nodes[3].address, snapshot.nodes[2].address);
	ck_assert_uint_eq(snapshot.address_count, 3);
	ck_assert_uint_eq(snapshot_location(&snapshot, &location), 0);
	ck_assert_uint_eq(snapshot_location(&snapshot, &location), 0);
	location.line++;
	ck_assert_uint_eq(snapshot_location(&snapshot, &location), 1);
	uint32_t named = snapshot_located_node(&snapshot, 3, &location);
	ck_assert_uint_eq(snapshot_located_node(&snapshot, 3, &location), named);
	ck_assert_uint_eq(snapshot.location_count, 2);
	snapshot_release(&snapshot);
	ck_assert_uint_eq(snapshot.node_count, 0);
	ck_assert_ptr_eq(snapshot.intern, intern);
}
END_TEST

START_TEST(modules_by_build_id)
{
	struct snapshot snapshot;
	struct module module = {.path = intern_add(intern, "/lib/a.so"), .bias = 4096, .build_id_size = 4, .build_id = {1}};

	snapshot_init(&snapshot, intern);
	ck_assert_uint_eq(snapshot_module(&snapshot, &module), 1);
	module.bias = 8192;
	ck_assert_uint_eq(snapshot_module(&snapshot, &module), 1);
	module.build_id[3] = 9;
	ck_assert_uint_eq(snapshot_module(&snapshot, &module), 2);
	module.build_id_size = 0;
	memset(module.build_id, 0, sizeof(module.build_id));
	ck_assert_uint_eq(snapshot_module(&snapshot, &module), 3);
	module.bias = 4096;
	ck_assert_uint_eq(snapshot_module(&snapshot, &module), 4);
	snapshot_release(&snapshot);
}
END_TEST

/* Somebody else replaced the arrays, as a look-up of symbols does: the look-up tables are made anew. */
START_TEST(foreign_changes_are_noticed)
{
	struct snapshot snapshot;
	struct location *longer = calloc(5, sizeof(*longer));

	snapshot_init(&snapshot, intern);
	uint32_t node = snapshot_node(&snapshot, 0, &(struct address){.offset = 16});
	free(snapshot.locations);
	snapshot.locations = longer;
	snapshot.location_count = 5;
	snapshot_address_of(&snapshot, node)->first_location = 4;
	snapshot_address_of(&snapshot, node)->location_count = 1;
	for (uint32_t i = 0; i < 40; i++)
		ck_assert_uint_eq(snapshot_append_locations(&snapshot, &(struct location){.line = i}, 1), 5 + i);
	/* Locations that an address has are kept. */
	ck_assert_uint_eq(snapshot_address(&snapshot, &(struct address){.offset = 16, .first_location = 7, .location_count = 1}),
			  snapshot.nodes[node].address);
	ck_assert_uint_eq(snapshot_address_of(&snapshot, node)->first_location, 4);
	snapshot_release(&snapshot);
}
END_TEST

/* The first one added to nothing is a copy. */
START_TEST(sum_of_one)
{
	struct snapshot one, sum;

	sample_make(&one, intern, 0x400000);
	snapshot_init(&sum, intern);
	ck_assert_int_eq(snapshot_add(&sum, &one, NULL, &error), 0);
	same_stacks(&one, &sum);
	same_info(&one, &sum);
	same_modules(&one, &sum);
	same_rest(&one, &sum);
	ck_assert_uint_eq(sum.node_count, one.node_count);
	ck_assert_uint_eq(sum.location_count, one.location_count);
	ck_assert_uint_eq(sum.address_count, one.address_count);
	for (uint32_t i = 0; i < sum.node_count; i++)
		ck_assert_uint_eq(snapshot_address_of(&sum, i)->location_count, snapshot_address_of(&one, i)->location_count);
	ck_assert_ptr_null(sum.stack_process);
	snapshot_release(&one);
	snapshot_release(&sum);
}
END_TEST

START_TEST(sum_of_two_processes)
{
	struct snapshot one, other, sum;

	sample_make(&one, intern, 0x400000);
	sample_make(&other, intern, 0x900000);
	other.info.pid = 5;
	other.info.start_realtime_ns = 7;
	snapshot_init(&sum, intern);
	ck_assert_int_eq(snapshot_add(&sum, &one, "1 one", &error), 0);
	ck_assert_int_eq(snapshot_add(&sum, &other, "5 other", &error), 0);
	/* The same program at another address has the same frames and lines. */
	ck_assert_uint_eq(sum.node_count, one.node_count);
	ck_assert_uint_eq(sum.module_count, one.module_count);
	ck_assert_uint_eq(sum.location_count, one.location_count);
	ck_assert_uint_eq(sum.stack_count, 8);
	ck_assert_uint_eq(sum.stack_process[3], 0);
	ck_assert_uint_eq(sum.stack_process[4], 1);
	ck_assert_str_eq(sum.processes[1], "5 other");
	ck_assert_uint_eq(sum.blocks[2].stack, 5);
	ck_assert_uint_eq(sum.thread_count, 2);
	ck_assert_uint_eq(sum.info.live_blocks, 2 * one.info.live_blocks);
	ck_assert_uint_eq(sum.info.pid, one.info.pid);
	ck_assert_uint_eq(sum.info.start_realtime_ns, 7);
	ck_assert_uint_eq(sum.info.lost[3], 2 * one.info.lost[3]);
	ck_assert(sum.symbolised);
	snapshot_release(&one);
	snapshot_release(&other);
	snapshot_release(&sum);
}
END_TEST

START_TEST(a_raw_part_makes_the_sum_raw)
{
	struct snapshot one, raw, sum;

	sample_make(&one, intern, 0x400000);
	sample_make(&raw, intern, 0x400000);
	raw.symbolised = false;
	for (size_t i = 0; i < raw.address_count; i++)
		if (raw.addresses[i].module == 1)
			raw.addresses[i].location_count = 0;
	snapshot_init(&sum, intern);
	ck_assert_int_eq(snapshot_add(&sum, &raw, "1 raw", &error), 0);
	ck_assert_int_eq(snapshot_add(&sum, &one, "2 one", &error), 0);
	ck_assert(!sum.symbolised);
	/* What one part knows about an address the other has, too. */
	for (uint32_t i = 0; i < one.node_count; i++)
		ck_assert_uint_eq(snapshot_address_of(&sum, i)->location_count, snapshot_address_of(&one, i)->location_count);
	snapshot_release(&one);
	snapshot_release(&raw);
	snapshot_release(&sum);
}
END_TEST

START_TEST(losses_add_up)
{
	struct snapshot snapshot;

	snapshot_init(&snapshot, intern);
	ck_assert_uint_eq(snapshot_lost(&snapshot), 0);
	snapshot.info.lost[HDT_LOSS_BLOCK] = 2;
	snapshot.info.lost[15] = 3;
	ck_assert_uint_eq(snapshot_lost(&snapshot), 5);
	snapshot.info.lost[1] = UINT64_MAX;
	ck_assert_uint_eq(snapshot_lost(&snapshot), UINT64_MAX);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		fields_ascend_and_have_names, equal_pieces_are_one,         modules_by_build_id, foreign_changes_are_noticed, sum_of_one,
		sum_of_two_processes,         a_raw_part_makes_the_sum_raw, losses_add_up,
	};
	Suite *suite = suite_create("snapshot");
	TCase *cases = tcase_create("snapshot");

	tcase_add_checked_fixture(cases, setup, teardown);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(cases, tests[i]);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
