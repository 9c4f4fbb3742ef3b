/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* Stacks as lists of frames: order, inlined functions, names without lines, pseudo-frames, limits and depths. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "frames.h"

static struct intern *intern;
static struct snapshot snapshot;
static struct frames frames;
static uint32_t library; /* module */

static void setup(void)
{
	struct module module;

	intern = intern_new();
	snapshot_init(&snapshot, intern);
	frames_init(&frames);
	module = (struct module){.path = intern_add(intern, "/opt/lib/libfoo.so.3"), .start = 0x1000, .end = 0x9000};
	library = snapshot_module(&snapshot, &module);
}

static void teardown(void)
{
	frames_release(&frames);
	snapshot_release(&snapshot);
	intern_free(intern);
}

static uint32_t add_node(uint32_t parent, uint32_t module, uint64_t offset)
{
	return snapshot_node(&snapshot, parent, &(struct address){.module = module, .offset = offset});
}

/* Give a node's address its locations, innermost first. */
static void locate(uint32_t number, const struct location *locations, uint32_t count)
{
	struct location *list = realloc(snapshot.locations, (snapshot.location_count + count) * sizeof(*list));

	ck_assert_ptr_nonnull(list);
	snapshot.locations = list;
	snapshot_index_free(snapshot.index);
	snapshot.index = NULL;
	snapshot_address_of(&snapshot, number)->first_location = (uint32_t)snapshot.location_count;
	snapshot_address_of(&snapshot, number)->location_count = count;
	memcpy(list + snapshot.location_count, locations, count * sizeof(*list));
	snapshot.location_count += count;
}

static void get(uint32_t node, uint32_t total_nframe, uint32_t nframe)
{
	struct stack stack = {.node = node, .total_nframe = total_nframe};

	ck_assert_int_eq(frames_of(&frames, &snapshot, &stack, nframe), 0);
}

static void assert_frame(size_t index, const char *file, uint32_t line, const char *function)
{
	ck_assert_uint_lt(index, frames.count);
	ck_assert_str_eq(frames.list[index].file, file);
	ck_assert_uint_eq(frames.list[index].line, line);
	ck_assert_pstr_eq(frames.list[index].function, function);
	/* Keys are compared as pointers. */
	ck_assert_ptr_eq(frames.list[index].file, intern_add(intern, file));
}

START_TEST(innermost_first_and_inlined_expanded)
{
	uint32_t outer = add_node(0, library, 0x100), inner = add_node(outer, library, 0x200);

	locate(outer, &(struct location){.function = "main", .file = intern_add(intern, "/src/main.c"), .line = 20}, 1);
	locate(inner,
	       (struct location[]){
		       {.function = "get", .file = intern_add(intern, "/src/get.h"), .line = 5, .flags = HDS_LOCATION_INLINED},
		       {.function = "wrap",
			.file = intern_add(intern, "/usr/include/w.h"),
			.line = 7,
			.flags = HDS_LOCATION_INLINED | HDS_LOCATION_SYSTEM},
		       {.function = "work", .file = intern_add(intern, "/src/work.c"), .line = 9},
	       },
	       3);
	get(inner, 0, 0);
	ck_assert_uint_eq(frames.count, 4);
	assert_frame(0, "/src/get.h", 5, "get");
	assert_frame(1, "/usr/include/w.h", 7, "wrap");
	assert_frame(2, "/src/work.c", 9, "work");
	assert_frame(3, "/src/main.c", 20, "main");
	ck_assert_uint_eq(frames.list[0].flags, 0);
	ck_assert_uint_eq(frames.list[1].flags, FRAME_SYSTEM);
	ck_assert_str_eq(frames.list[2].module, "/opt/lib/libfoo.so.3");
	ck_assert_uint_eq(frames.list[2].node, inner);
	ck_assert_str_eq(snapshot.locations[frames.list[2].location].function, "work");
	ck_assert_uint_eq(frames.total_nframe, 4);
}
END_TEST

START_TEST(names_without_lines)
{
	struct module odd[] = {{.path = intern_add(intern, ""), .start = 1, .end = 2},
			       {.path = intern_add(intern, "[vdso]"), .start = 3, .end = 4}};
	uint32_t symbol = add_node(0, library, 0x1c40), nothing = add_node(symbol, library, 0x1c41),
		 jit = add_node(nothing, HDS_MODULE_NONE, 0x7f0000001234);
	uint32_t unnamed = add_node(jit, snapshot_module(&snapshot, &odd[0]), 0x10),
		 vdso = add_node(unnamed, snapshot_module(&snapshot, &odd[1]), 0x20);
	const char *label;

	locate(symbol, &(struct location){.function = "foo_open", .symbol_offset = 0x1c, .flags = HDS_LOCATION_NO_LINE}, 1);
	get(vdso, 0, 0);
	ck_assert_uint_eq(frames.count, 5);
	assert_frame(0, "[vdso]+0x20", 0, NULL);
	assert_frame(1, "[unknown]+0x10", 0, NULL);
	assert_frame(2, "[anon]", 0, NULL);
	assert_frame(3, "libfoo.so.3+0x1c41", 0, NULL);
	assert_frame(4, "libfoo.so.3(foo_open+0x1c)", 0, "foo_open");
	/* Composed once. */
	label = frames.list[4].file;
	get(symbol, 0, 0);
	ck_assert_ptr_eq(frames.list[0].file, label);
	ck_assert_ptr_eq(snapshot_address_of(&snapshot, symbol)->label, label);
}
END_TEST

START_TEST(inlined_frame_without_a_file_is_named_after_its_symbol)
{
	uint32_t node = add_node(0, library, 0x50);

	locate(node,
	       (struct location[]){{.function = "inner", .flags = HDS_LOCATION_INLINED | HDS_LOCATION_NO_LINE},
				   {.function = "outer", .symbol_offset = 8, .flags = HDS_LOCATION_NO_LINE}},
	       2);
	get(node, 0, 0);
	assert_frame(0, "libfoo.so.3(outer+0x8)", 0, "inner");
	assert_frame(1, "libfoo.so.3(outer+0x8)", 0, "outer");
}
END_TEST

START_TEST(pseudo_frames)
{
	static const char *const names[] = {"[unknown]",        "[truncated]",  "[deeper frames cut]", "[deeper frames cut]",
					    "[during tracing]", "[stack lost]", "[before start]",      "[unknown]"};

	for (uint64_t special = 0; special <= HDT_SPECIAL_COUNT; special++) {
		uint32_t mark = add_node(0, HDS_MODULE_SPECIAL, special), inner = add_node(mark, library, 0x100 + special);
		get(inner, 0, 0);
		ck_assert_uint_eq(frames.count, 2);
		assert_frame(1, names[special], 0, NULL);
		ck_assert_uint_eq(frames.list[1].flags, FRAME_PSEUDO);
		ck_assert_ptr_null(frames.list[1].module);
		ck_assert_uint_eq(frames.total_nframe, 2);
		get(mark, 0, 0);
		ck_assert_uint_eq(frames.count, 1);
		assert_frame(0, names[special], 0, NULL);
	}
}
END_TEST

START_TEST(no_frame_at_all)
{
	get(0, 0, 0);
	ck_assert_uint_eq(frames.count, 1);
	ck_assert_uint_eq(frames.total_nframe, 1);
	assert_frame(0, "<unknown>", 0, NULL);
	ck_assert_uint_eq(frames.list[0].location, UINT32_MAX);
}
END_TEST

START_TEST(interchange_frames_as_given)
{
	struct location outer = {.file = intern_add(intern, "<unknown>")}, inner = {.file = intern_add(intern, "a.c"), .line = 3};
	uint32_t node = snapshot_located_node(&snapshot, snapshot_located_node(&snapshot, 0, &outer), &inner);

	get(node, 0, 0);
	ck_assert_uint_eq(frames.count, 2);
	assert_frame(0, "a.c", 3, NULL);
	assert_frame(1, "<unknown>", 0, NULL);
	ck_assert_ptr_null(frames.list[0].module);
}
END_TEST

START_TEST(limits_and_depths)
{
	uint32_t node = 0;

	for (uint32_t i = 1; i <= 10; i++)
		node = add_node(node, library, i);
	for (uint32_t nframe = 1; nframe <= 12; nframe++) {
		get(node, 0, nframe);
		ck_assert_uint_eq(frames.count, nframe < 10 ? nframe : 10);
		ck_assert_uint_eq(frames.total_nframe, 10);
		assert_frame(0, "libfoo.so.3+0xa", 0, NULL);
	}
	get(node, 700, 2);
	ck_assert_uint_eq(frames.total_nframe, 700);
	get(node, 3, 0); /* a lie */
	ck_assert_uint_eq(frames.total_nframe, 10);
}
END_TEST

/* 100 000 stacks of 30 frames, twice; HEAPDELTA_TEST_TIMES=1 says how long (0.25 s when written).  A step that looks at all others each time
 * would not end before Check ends the test. */
START_TEST(many_stacks_take_a_moment)
{
	struct timespec begin, end;
	size_t total = 0;

	for (uint32_t i = 0; i < 100000; i++) {
		uint32_t node = 0;
		for (uint32_t depth = 0; depth < 29; depth++)
			node = add_node(node, library, depth < 20 ? depth + 1 : (uint64_t)depth << 32 | (i >> (29 - depth)));
		add_node(node, library, (uint64_t)1 << 60 | i);
	}
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 1; i < snapshot.node_count; i++) {
			if (!(snapshot_address_of(&snapshot, i)->offset >> 60))
				continue;
			get(i, 0, 0);
			total += frames.count;
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	ck_assert_uint_eq(total, 2 * 100000 * 30);
	if (getenv("HEAPDELTA_TEST_TIMES"))
		fprintf(stderr, "%.3f s\n", (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("frames");
	TCase *tcase = tcase_create("frames");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, innermost_first_and_inlined_expanded);
	tcase_add_test(tcase, names_without_lines);
	tcase_add_test(tcase, inlined_frame_without_a_file_is_named_after_its_symbol);
	tcase_add_test(tcase, pseudo_frames);
	tcase_add_test(tcase, no_frame_at_all);
	tcase_add_test(tcase, interchange_frames_as_given);
	tcase_add_test(tcase, limits_and_depths);
	tcase_add_test(tcase, many_stacks_take_a_moment);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
