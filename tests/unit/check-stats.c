/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* Groups of one snapshot beyond what tracemalloc's vectors cover: our keys, metrics, source roots, kept frames, wide sums. */
#include "stats.h"

#include "traces.h"

static struct intern *intern;
static struct snapshot snapshot;
static struct keys *keys;
static struct stats stats;
static struct frames frames;

static const struct stats_options raw = {.attribution = {.mode = ATTRIBUTE_RAW}};

static void make(const char *traces, const struct stats_options *options)
{
	struct error error = {0};

	struct stats_options with_keys = *options;

	with_keys.keys = keys;
	traces_read(&snapshot, intern, "test", traces);
	ck_assert_msg(stats_make(&stats, &snapshot, &with_keys, &error) == 0, "%s", error.text);
}

static const struct frame *frame(size_t index, size_t at)
{
	ck_assert_int_eq(stats_frames(&stats, &stats.groups[index], &frames), 0);
	ck_assert_uint_eq(frames.count, stats.groups[index].frame_count);
	ck_assert_uint_lt(at, frames.count);
	return &frames.list[at];
}

static void expect(size_t index, const char *file, uint32_t line, long long size, long long count)
{
	ck_assert_uint_lt(index, stats.count);
	ck_assert_str_eq(frame(index, 0)->file, file);
	ck_assert_uint_eq(frame(index, 0)->line, line);
	ck_assert_int_eq((long long)stats.groups[index].size, size);
	ck_assert_int_eq((long long)stats.groups[index].count, count);
}

#define CACHE \
	"{\"size\":100,\"count\":2,\"frames\":[[\"/p/alloc.c\",1,\"xmalloc\"],[\"/p/src/cache.c\",42,\"put\"],[\"/p/" \
	"main.c\",9,\"main\"]]}"
#define LOG "{\"size\":30,\"count\":3,\"frames\":[[\"/p/alloc.c\",1,\"xmalloc\"],[\"/p/src/log.c\",7,\"line\"],[\"/p/main.c\",9,\"main\"]]}"
#define BARE "{\"size\":5,\"frames\":[[\"x.c\",3]]}"

START_TEST(functions_are_told_apart_in_one_file)
{
	struct stats_options options = raw;

	options.key = KEY_FUNCTION;
	make("{\"size\":5,\"frames\":[[\"a.c\",3,\"f\"]]},{\"size\":5,\"frames\":[[\"a.c\",9,\"g\"]]},{\"size\":1,\"frames\":[[\"a.c\",10,"
	     "\"g\"]]}",
	     &options);
	ck_assert_uint_eq(stats.count, 2);
	expect(0, "a.c", 0, 6, 2);
	ck_assert_str_eq(frame(0, 0)->function, "g");
	ck_assert_str_eq(frame(1, 0)->function, "f");
}
END_TEST

START_TEST(a_thread_is_its_outermost_function)
{
	struct stats_options options = raw;

	options.key = KEY_THREAD;
	make("{\"size\":5,\"frames\":[[\"a.c\",3,\"f\"],[\"main.c\",1,\"main\"],[\"l.c\",2,\"__libc_start_main\"],[\"s.c\",1,\"_start\"]]},"
	     "{\"size\":7,\"frames\":[[\"a.c\",3,\"f\"],[\"w.c\",5,\"worker\"],[\"t.c\",8,\"start_thread\"],[\"c.s\",1,\"clone3\"]]}",
	     &options);
	ck_assert_uint_eq(stats.count, 2);
	ck_assert_str_eq(frame(0, 0)->function, "worker");
	ck_assert_str_eq(frame(1, 0)->function, "main");
}
END_TEST

START_TEST(a_thread_of_the_standard_library_is_what_it_was_given)
{
	struct stats_options options = raw;

	options.key = KEY_THREAD;
	make("{\"size\":5,\"frames\":[[\"a.c\",3,\"f\"],[\"main.cpp\",1,\"work(int)\"],[\"invoke.h\",2,\"void std::__invoke_impl<void, "
	     "void (*)(int), int>(std::__invoke_other, void (*&&)(int), int&&)\"],[\"std_thread.h\",210,"
	     "\"std::thread::_State_impl<x>::_M_run()\"],[\"t.c\",8,\"start_thread\"]]},"
	     "{\"size\":3,\"frames\":[[\"n.h\",3,\"std::allocator<int>::allocate\"],[\"s.h\",8,\"std::thread::x()\"]]}",
	     &options);
	ck_assert_uint_eq(stats.count, 2);
	ck_assert_str_eq(frame(0, 0)->function, "work(int)");
	ck_assert_str_eq(frame(1, 0)->function, "std::thread::x()");
}
END_TEST

START_TEST(a_module_nobody_knows_and_the_process)
{
	struct stats_options options = raw;

	options.key = KEY_MODULE;
	make(CACHE "," BARE, &options);
	ck_assert_uint_eq(stats.count, 1);
	expect(0, "<unknown>", 0, 105, 3);
	stats_release(&stats);
	snapshot_release(&snapshot);
	options.key = KEY_PROCESS;
	make(CACHE "," BARE, &options);
	expect(0, "test", 0, 105, 3);
}
END_TEST

static void expect_vias(size_t group, size_t count, const char *largest, long size)
{
	const struct via *first;

	ck_assert_uint_eq(stats_vias(&stats, &stats.groups[group], &first), count);
	if (!count)
		return;
	ck_assert_str_eq(first->function, largest);
	ck_assert_int_eq((long)first->size, size);
}

START_TEST(files_are_named_from_the_source_root)
{
	struct stats_options options = {.attribution = {.mode = ATTRIBUTE_MINE, .source_root = "/p"}};

	make(CACHE "," LOG "," BARE, &options);
	ck_assert_uint_eq(stats.count, 3);
	expect(0, "src/cache.c", 42, 100, 2);
	expect(1, "src/log.c", 7, 30, 3);
	expect(2, "x.c", 3, 5, 1);
	expect_vias(0, 1, "xmalloc", 100);
	expect_vias(2, 0, NULL, 0);
}
END_TEST

/* A line with several callees knows what each of them has got for it, the largest first, and nothing of what it got itself. */
START_TEST(a_line_has_several_callees)
{
#define AT(size, callee) "{\"size\":" #size ",\"frames\":[[\"/p/lib.c\",1,\"" callee "\"],[\"/p/a.c\",7,\"f\"]]}"
	static const char *const skip[] = {"lib.c", NULL};
	struct stats_options options = {.attribution = {.mode = ATTRIBUTE_MINE, .source_root = "/p", .skip = skip}};

	make(AT(5, "low") "," AT(30, "high") "," AT(7, "low") ",{\"size\":1,\"frames\":[[\"/p/a.c\",7,\"f\"]]}," AT(30, "equal"), &options);
	ck_assert_uint_eq(stats.count, 1);
	expect(0, "a.c", 7, 73, 5);
	expect_vias(0, 3, "equal", 30);
	ck_assert_str_eq(stats.vias[1].function, "high");
	ck_assert_str_eq(stats.vias[2].function, "low");
	ck_assert_int_eq((long)stats.vias[2].size, 12);
#undef AT
}
END_TEST

START_TEST(kept_frames_begin_at_the_attributed_one)
{
	struct stats_options options = {.key = KEY_TRACEBACK, .nframe = 1, .attribution = {.mode = ATTRIBUTE_MINE, .source_root = "/p"}};

	make(CACHE, &options);
	ck_assert_uint_eq(stats.groups[0].frame_count, 2);
	ck_assert_uint_eq(stats.groups[0].attributed, 1);
	ck_assert_str_eq(frame(0, 1)->file, "src/cache.c");
}
END_TEST

START_TEST(filters_see_only_kept_frames_and_count)
{
	struct stats_options options = raw;
	struct error error = {0};
	struct filters filters;

	ck_assert_int_eq(filters_init(&filters, (const char *const[]){"/p/main.c@all-frames", "nobody", NULL}, NULL, intern, &error), 0);
	options.filters = &filters;
	make(CACHE "," BARE, &options);
	ck_assert_uint_eq(stats.count, 1);
	ck_assert_uint_eq(stats.considered, 2);
	ck_assert_uint_eq(stats.filtered_out, 1);
	ck_assert_int_eq((long long)stats.total_size, 100);
	ck_assert_uint_eq(filters.matches[0], 1);
	ck_assert_uint_eq(filters.matches[1], 0);
	stats_release(&stats);
	snapshot_release(&snapshot);
	options.nframe = 2;
	make(CACHE "," BARE, &options);
	ck_assert_uint_eq(stats.count, 0);
	filters_release(&filters);
}
END_TEST

START_TEST(metrics)
{
	struct stats_options options = raw;
	struct error error = {0};

	options.keys = keys;
	traces_read(&snapshot, intern, "test", CACHE "," BARE);
	snapshot.stacks[0].total_bytes = 1000;
	snapshot.stacks[0].total_blocks = 20;
	snapshot.stacks[0].temporary_blocks = 4;
	snapshot.stacks[0].live_blocks = snapshot.stacks[0].live_bytes = 0;
	snapshot.stacks[1].peak_bytes = 11;
	snapshot.stacks[1].peak_blocks = 2;
	ck_assert_int_eq(stats_make(&stats, &snapshot, &options, &error), 0);
	/* A stack that nothing lives of is no trace at all. */
	ck_assert_uint_eq(stats.count, 1);
	expect(0, "x.c", 3, 5, 1);
	stats_release(&stats);
	options.metric = METRIC_TOTAL;
	ck_assert_int_eq(stats_make(&stats, &snapshot, &options, &error), 0);
	expect(0, "/p/alloc.c", 1, 1000, 20);
	stats_release(&stats);
	options.metric = METRIC_TEMPORARY;
	ck_assert_int_eq(stats_make(&stats, &snapshot, &options, &error), 0);
	ck_assert_uint_eq(stats.count, 1);
	expect(0, "/p/alloc.c", 1, 0, 4);
	stats_release(&stats);
	options.metric = METRIC_PEAK;
	ck_assert_int_eq(stats_make(&stats, &snapshot, &options, &error), 0);
	ck_assert_uint_eq(stats.count, 1);
	expect(0, "x.c", 3, 11, 2);
}
END_TEST

START_TEST(by_count)
{
	struct stats_options options = raw;

	options.by_count = true;
	make("{\"size\":9,\"count\":1,\"frames\":[[\"a.c\",1]]},{\"size\":1,\"count\":3,\"frames\":[[\"b.c\",1]]},{\"size\":2,\"count\":3,"
	     "\"frames\":[[\"c.c\",1]]}",
	     &options);
	expect(0, "c.c", 1, 2, 3);
	expect(1, "b.c", 1, 1, 3);
	expect(2, "a.c", 1, 9, 1);
}
END_TEST

START_TEST(sums_are_wider_than_64_bits)
{
	make("{\"size\":18446744073709551615,\"frames\":[[\"a.c\",1]]},{\"size\":18446744073709551615,\"frames\":[[\"a.c\",1],[\"b.c\",2]]"
	     "}",
	     &raw);
	ck_assert_uint_eq(stats.count, 1);
	ck_assert(stats.groups[0].size == (wide)UINT64_MAX * 2 && stats.total_size == (wide)UINT64_MAX * 2);
}
END_TEST

START_TEST(many_groups)
{
	struct strbuf traces;

	strbuf_init(&traces);
	for (int i = 0; i < 3000; i++)
		strbuf_printf(&traces, "%s{\"size\":%d,\"frames\":[[\"f%d.c\",%d],[\"main.c\",1]]}", i ? "," : "", i + 1, i % 7, i);
	make(traces.data, &raw);
	strbuf_release(&traces);
	ck_assert_uint_eq(stats.count, 3000);
	for (size_t i = 0; i < 3000; i++)
		ck_assert_int_eq((long long)stats.groups[i].size, (long long)(3000 - i));
	ck_assert_int_eq((long long)stats.total_size, 3000ll * 3001 / 2);
}
END_TEST

static void set_up(void)
{
	intern = intern_new();
	keys = keys_new();
	frames_init(&frames);
}

static void tear_down(void)
{
	stats_release(&stats);
	snapshot_release(&snapshot);
	frames_release(&frames);
	keys_free(keys);
	intern_free(intern);
}

int main(void)
{
	Suite *suite = suite_create("stats");
	TCase *group = tcase_create("stats");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(group, set_up, tear_down);
	tcase_add_test(group, functions_are_told_apart_in_one_file);
	tcase_add_test(group, a_thread_is_its_outermost_function);
	tcase_add_test(group, a_thread_of_the_standard_library_is_what_it_was_given);
	tcase_add_test(group, a_module_nobody_knows_and_the_process);
	tcase_add_test(group, files_are_named_from_the_source_root);
	tcase_add_test(group, a_line_has_several_callees);
	tcase_add_test(group, kept_frames_begin_at_the_attributed_one);
	tcase_add_test(group, filters_see_only_kept_frames_and_count);
	tcase_add_test(group, metrics);
	tcase_add_test(group, by_count);
	tcase_add_test(group, sums_are_wider_than_64_bits);
	tcase_add_test(group, many_groups);
	suite_add_tcase(suite, group);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
