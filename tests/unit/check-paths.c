/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/*
 * What is worked out once per node must be what a walk through each whole stack says: random tries against the list of frames.  And it must
 * take a number of steps that grows with the nodes, whatever the shape of the trie.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "paths.h"
#include "stats.h"

static struct intern *intern;
static struct keys *keys;
static struct snapshot snapshot;

static void setup(void)
{
	intern = intern_new();
	keys = keys_new();
	snapshot_init(&snapshot, intern);
}

static void teardown(void)
{
	snapshot_release(&snapshot);
	keys_free(keys);
	intern_free(intern);
}

/* ---- A program ---- */

struct place_text {
	const char *module, *file, *function;
	uint32_t line;
};

/* Innermost first; NULL file: only a symbol; no function either: nothing is known. */
static const struct place_text texts[][3] = {
	{{"/bin/app", "/src/main.c", "main", 7}},
	{{"/bin/app", "/src/work.c", "work", 9}},
	{{"/bin/app", "/src/alloc.c", "xmalloc", 3}},
	{{"/bin/app", "/src/get.h", "get", 5}, {"/bin/app", "/src/work.c", "work", 11}},
	{{"/bin/app", "/usr/include/c++/12/bits/new_allocator.h", "std::new_allocator<int>::allocate(unsigned long)", 137},
	 {"/bin/app", "/usr/include/c++/12/vector", "std::vector<int>::resize(unsigned long)", 88},
	 {"/bin/app", "/src/table.cpp", "table::grow()", 30}},
	{{"/bin/app", "/usr/include/c++/12/vector", "std::vector<int>::push_back(int)", 50}},
	{{"/lib/libother.so.1", "/build/other/o.c", "other", 77}},
	{{"/lib/libother.so.1", NULL, "g_malloc", 0}},
	{{"/lib/libother.so.1", NULL, NULL, 0}},
	{{"/lib/x86_64-linux-gnu/libc.so.6", NULL, "__libc_start_main", 0}},
	{{"/lib/x86_64-linux-gnu/libc.so.6", NULL, "printf", 0}},
	{{"/lib/x86_64-linux-gnu/libc.so.6", NULL, "_IO_file_doallocate", 0}},
	{{"/lib/x86_64-linux-gnu/libc.so.6", NULL, "qsort", 0}},
	{{"/lib/x86_64-linux-gnu/libc.so.6", NULL, "setlocale", 0}},
	{{"/lib/x86_64-linux-gnu/libstdc++.so.6", NULL, "std::ios_base::Init::Init()", 0}},
};
enum { ADDRESSES = sizeof(texts) / sizeof(*texts), SPECIAL = ADDRESSES };

static uint32_t make_address(size_t which)
{
	struct address address = {.offset = 0x100 * (which + 1)};
	struct module module;

	if (which == SPECIAL)
		return snapshot_address(&snapshot, &(struct address){.module = HDS_MODULE_SPECIAL, .offset = HDT_SPECIAL_TRUNCATED});
	module = (struct module){.path = intern_add(intern, texts[which][0].module), .start = 1, .end = 2};
	address.module = snapshot_module(&snapshot, &module);
	for (size_t i = 0; i < 3 && texts[which][i].function; i++) {
		const struct place_text *text = &texts[which][i];
		struct location location = {.function = intern_add(intern, text->function),
					    .file = text->file ? intern_add(intern, text->file) : NULL,
					    .line = text->line,
					    .flags = text->file ? 0 : HDS_LOCATION_NO_LINE};
		uint32_t at = snapshot_append_locations(&snapshot, &location, 1);
		if (!address.location_count++)
			address.first_location = at;
	}
	return snapshot_address(&snapshot, &address);
}

/* A trie of random shape; outer nodes have lower numbers. */
static void make_trie(uint32_t nodes)
{
	uint32_t addresses[ADDRESSES + 1];

	for (size_t i = 0; i <= SPECIAL; i++)
		addresses[i] = make_address(i);
	for (uint32_t i = 1; i < nodes; i++) {
		uint32_t from = rand() % 3 ? (uint32_t)snapshot.node_count - 1 : (uint32_t)rand() % (uint32_t)snapshot.node_count;
		ck_assert_uint_ne(snapshot_child(&snapshot, from, addresses[rand() % (ADDRESSES + 1)]), SNAPSHOT_NONE);
	}
}

/* ---- The same by the list of frames ---- */

static void same_frame(struct frame_ref ref, const struct frame *expected)
{
	struct frame frame;

	ck_assert_int_eq(frame_at(&frame, &snapshot, ref.node, ref.index), 0);
	ck_assert_ptr_eq(frame.file, expected->file);
	ck_assert_ptr_eq(frame.function, expected->function);
	ck_assert_uint_eq(frame.line, expected->line);
	ck_assert_uint_eq(frame.node, expected->node);
}

static void same_attribution(const struct paths *paths, uint32_t node, const struct frames *frames)
{
	bool once;
	size_t chosen = attribution_choose(&paths->places->attribution, frames, &once);
	struct frame_ref callee;

	ck_assert_uint_eq(paths->list[node].depth, frames->count);
	ck_assert_uint_eq(paths_attributed(paths, node), chosen);
	same_frame(paths_chosen(paths, node), &frames->list[chosen]);
	ck_assert_int_eq(attribution_is_once(paths->list[node].state), once);
	ck_assert_int_eq(paths_callee(paths, node, &callee), chosen > 0);
	if (chosen > 0)
		same_frame(callee, &frames->list[chosen - 1]);
}

static void same_thread(const struct paths *paths, uint32_t node, const struct frames *frames)
{
	size_t begin = frames->count - 1;

	for (size_t i = frames->count; i-- > 0;) {
		const struct frame *frame = &frames->list[i];
		if ((frame->flags & FRAME_PSEUDO) || (frame->function && (function_kinds(frame->function) & (NAME_START | NAME_LIBRARY))) ||
		    (frame->module && (strstr(frame->module, "/libc.so") || strstr(frame->module, "/libstdc++.so"))))
			continue;
		begin = i;
		break;
	}
	same_frame(paths->threads[node], &frames->list[begin]);
}

static void same_bits(const struct paths *paths, uint32_t node, const struct frames *frames)
{
	uint64_t any = 0, bits;

	for (size_t i = 0; i < frames->count; i++) {
		filters_match(paths->places->filters, &frames->list[i], &bits);
		any |= bits;
	}
	ck_assert_uint_eq(paths->bits[node], any);
}

static uint32_t key_of(const struct frames *frames)
{
	uint32_t key = KEYS_EMPTY;

	for (size_t i = frames->count; i-- > 0;)
		key = keys_list(keys, key, keys_frame(keys, frames->list[i].file, frames->list[i].line, NULL));
	return key;
}

static const struct {
	enum stats_key key;
	struct attribution attribution;
} views[] = {
	{KEY_TRACEBACK, {.mode = ATTRIBUTE_RAW}},
	{KEY_TRACEBACK, {.mode = ATTRIBUTE_LIBRARY, .skip = (const char *const[]){"*work*", "main", NULL}}},
	{KEY_THREAD, {.mode = ATTRIBUTE_MINE, .source_root = "/src"}},
	{KEY_LINENO, {.mode = ATTRIBUTE_MINE, .source_root = "/src", .skip = (const char *const[]){"table*", NULL}}},
};

START_TEST(nodes_know_what_whole_stacks_say)
{
	struct places places = {.snapshot = &snapshot, .attribution = views[_i].attribution, .keys = keys, .key = views[_i].key};
	const char *const specs[] = {"*.h@all-frames", "/src/work.c:9", "libc*@all-frames", NULL};
	struct filters filters;
	struct frames frames;
	struct paths paths;
	struct error error = {0};

	srand(11 + (unsigned)_i);
	make_trie(1500);
	ck_assert_int_eq(filters_init(&filters, specs, NULL, intern, &error), 0);
	places.filters = &filters;
	frames_init(&frames);
	ck_assert_int_eq(places_init(&places), 0);
	ck_assert_int_eq(paths_init(&paths, &places), 0);
	for (uint32_t node = 0; node < snapshot.node_count; node++) {
		ck_assert_int_eq(frames_of(&frames, &snapshot, &(struct stack){.node = node}, 0), 0);
		same_attribution(&paths, node, &frames);
		same_bits(&paths, node, &frames);
		if (paths.threads)
			same_thread(&paths, node, &frames);
		/* Files are shown as they are as long as there is no source root. */
		if (views[_i].key == KEY_TRACEBACK)
			ck_assert_uint_eq(paths_key(&paths, node), key_of(&frames));
	}
	paths_release(&paths);
	places_release(&places);
	filters_release(&filters);
	frames_release(&frames);
}
END_TEST

/* Addresses of two modules that share their locations, as only a crafted file has them. */
START_TEST(shared_locations_do_not_mix_modules_up)
{
	struct module other = {.path = intern_add(intern, "/lib/libother.so.1"), .start = 1, .end = 2};
	struct places places = {.snapshot = &snapshot, .keys = keys, .key = KEY_MODULE};
	uint32_t app = make_address(1), module = snapshot_module(&snapshot, &other);
	struct address shared = snapshot.addresses[app];

	shared.module = module;
	uint32_t inner = snapshot_node(&snapshot, snapshot_child(&snapshot, 0, app), &shared);
	ck_assert_int_eq(places_init(&places), 0);
	for (int round = 0; round < 2; round++) {
		const struct place *first = places_at(&places, (struct frame_ref){snapshot.nodes[inner].parent, 0});
		uint32_t key = first->key;
		ck_assert_uint_ne(places_at(&places, (struct frame_ref){inner, 0})->key, key);
	}
	places_release(&places);
}
END_TEST

/* ---- Shapes ---- */

static void add_stack(uint32_t node)
{
	ck_assert_int_eq(snapshot_reserve_stacks(&snapshot, 1), 0);
	snapshot.stacks[snapshot.stack_count++] = (struct stack){.node = node, .live_blocks = 1, .live_bytes = 16};
}

/* A recursion that allocates at each level: 65 535 stacks, two thousand million frames if each is walked. */
static void make_deep(void)
{
	uint32_t address = make_address(1), node = 0;

	for (uint32_t i = 0; i < 65535; i++) {
		node = snapshot_child(&snapshot, node, address);
		add_stack(node);
	}
}

/* A hundred thousand stacks of three frames, none of whose outer frames are shared. */
static void make_wide(void)
{
	struct module module = {.path = intern_add(intern, "/bin/wide"), .start = 1, .end = 2};
	uint32_t number = snapshot_module(&snapshot, &module);

	for (uint32_t i = 0; i < 100000; i++) {
		uint32_t node = 0;
		for (uint64_t frame = 0; frame < 3; frame++)
			node = snapshot_node(&snapshot, node, &(struct address){.module = number, .offset = frame << 32 | i});
		add_stack(node);
	}
}

static void (*const shapes[])(void) = {make_deep, make_wide};

/* For every key, with everything switched on that looks at whole stacks. */
START_TEST(steps_grow_with_the_nodes)
{
	struct stats_options options = {.attribution = {.mode = ATTRIBUTE_MINE, .source_root = "/nowhere"}, .keys = keys};
	const char *const specs[] = {"*@all-frames", NULL};
	struct filters filters;
	struct error error = {0};

	shapes[_i]();
	ck_assert_int_eq(filters_init(&filters, specs, NULL, intern, &error), 0);
	options.filters = &filters;
	for (options.key = KEY_LINENO; options.key <= KEY_PROCESS; options.key++) {
		size_t steps = keys_steps(keys);
		struct stats stats;
		options.cumulative = options.key < KEY_TRACEBACK;
		ck_assert_int_eq(stats_make(&stats, &snapshot, &options, &error), 0);
		ck_assert_uint_eq(stats.considered, snapshot.stack_count);
		ck_assert_uint_le(stats.frames_seen, 2 * snapshot.node_count);
		/* n log n comparisons at most, each of few steps. */
		ck_assert_uint_le(keys_steps(keys) - steps, snapshot.stack_count * 17 * 40);
		stats_release(&stats);
	}
	ck_assert_uint_le(keys_count(keys), 6 * snapshot.node_count);
	filters_release(&filters);
}
END_TEST

/* One line that a hundred thousand credits go to, in a stack of 65 535 frames each: the sums are exact. */
START_TEST(cumulative_sums_of_a_deep_recursion)
{
	struct stats_options options = {.cumulative = true, .attribution = {.mode = ATTRIBUTE_RAW}, .keys = keys};
	struct error error = {0};
	struct stats stats;

	make_deep();
	ck_assert_int_eq(stats_make(&stats, &snapshot, &options, &error), 0);
	ck_assert_uint_eq(stats.count, 1);
	ck_assert(stats.groups[0].count == (wide)65535 * 65536 / 2);
	ck_assert(stats.groups[0].size == (wide)65535 * 65536 / 2 * 16);
	ck_assert(stats.total_size == (wide)65535 * 16);
	stats_release(&stats);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("paths");
	TCase *cases = tcase_create("paths");

	tcase_set_timeout(cases, 120);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_loop_test(cases, nodes_know_what_whole_stacks_say, 0, sizeof(views) / sizeof(*views));
	tcase_add_test(cases, shared_locations_do_not_mix_modules_up);
	tcase_add_loop_test(cases, steps_grow_with_the_nodes, 0, sizeof(shapes) / sizeof(*shapes));
	tcase_add_test(cases, cumulative_sums_of_a_deep_recursion);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
