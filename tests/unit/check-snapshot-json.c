/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* Interchange JSON: what is written is JSON by jansson's own judgement, is read again as it was, and nothing is lost that has a name. */
#include <jansson.h>

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

/* free() it. */
static char *written(const struct snapshot *snapshot, uint32_t nframe, size_t *size)
{
	char *text;
	FILE *out = open_memstream(&text, size);

	ck_assert_msg(!snapshot_write_json(snapshot, out, nframe, &error), "%s", error.text);
	fclose(out);
	return text;
}

static void read_text(struct snapshot *snapshot, const char *text, size_t size)
{
	snapshot_init(snapshot, intern);
	snapshot->name = "x.json";
	ck_assert_msg(!snapshot_read_json(snapshot, text, size, &error), "%s", error.text);
}

START_TEST(twice_written_is_the_same)
{
	struct snapshot sample, read, again;
	size_t size, size_again;

	sample_make(&sample, intern, 0x400000);
	sample.stacks[2].live_bytes = 5;
	sample.stacks[2].live_blocks = 1;
	sample.stacks[2].total_blocks = 1;
	/* These come from the traces when they are read. */
	sample.info.live_blocks = 4;
	sample.info.live_bytes = 108;
	char *text = written(&sample, 0, &size);
	read_text(&read, text, size);
	same_info(&sample, &read);
	ck_assert_uint_eq(read.stack_count, sample.stack_count);
	char *text_again = written(&read, 0, &size_again);
	ck_assert_str_eq(text, text_again);
	read_text(&again, text_again, size_again);
	same_snapshot(&read, &again);
	free(text);
	free(text_again);
	snapshot_release(&sample);
	snapshot_release(&read);
	snapshot_release(&again);
}
END_TEST

START_TEST(frames_as_others_see_them)
{
	struct snapshot sample;
	size_t size;

	sample_make(&sample, intern, 0x400000);
	char *text = written(&sample, 0, &size);
	json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_ptr_nonnull(root);
	json_t *trace = json_array_get(json_object_get(root, "traces"), 1);
	char *frames = json_dumps(json_object_get(trace, "frames"), JSON_COMPACT);
	ck_assert_str_eq(frames, "[[\"app+0x4000\",0],[\"src/main.c\",7,\"main\"],[\"src/cache.h\",42,\"put<int>\"],[\"\",9,\"cache_put\"],"
				 "[\"src/main.c\",7,\"main\"],[\"[deeper frames cut]\",0]]");
	ck_assert_int_eq(json_integer_value(json_object_get(trace, "total_nframe")), 77);
	ck_assert_int_eq(json_integer_value(json_object_get(trace, "total_count")), 9);
	trace = json_array_get(json_object_get(root, "traces"), 2);
	ck_assert_str_eq(json_string_value(json_object_get(trace, "count")), "18446744073709551615");
	free(frames);
	json_decref(root);
	free(text);
	snapshot_release(&sample);
}
END_TEST

START_TEST(innermost_frames_only)
{
	struct snapshot sample, read;
	size_t size;

	sample_make(&sample, intern, 0x400000);
	char *text = written(&sample, 1, &size);
	read_text(&read, text, size);
	ck_assert_uint_eq(read.traceback_limit, 1);
	ck_assert_uint_eq(read.nodes[read.stacks[3].node].parent, 0);
	ck_assert_str_eq(read.locations[snapshot_address_of(&read, read.stacks[3].node)->first_location].file, "x.py");
	ck_assert_uint_gt(read.stacks[3].total_nframe, 1);
	free(text);
	snapshot_release(&sample);
	snapshot_release(&read);
}
END_TEST

START_TEST(names_that_are_not_utf8)
{
	struct snapshot snapshot, read;
	struct location location = {.file = "a\xff\xc3(b\xe2\x82.c", .line = 1, .function = "\"q\"\\\n"};
	size_t size;

	snapshot_init(&snapshot, intern);
	uint32_t node = snapshot_located_node(&snapshot, 0, &location);
	sample_stack(&snapshot, (struct stack){.node = node, .live_blocks = 1, .live_bytes = 1});
	char *text = written(&snapshot, 0, &size);
	read_text(&read, text, size);
	ck_assert_str_eq(read.locations[0].file, "a\xef\xbf\xbd\xef\xbf\xbd(b\xef\xbf\xbd\xef\xbf\xbd.c");
	ck_assert_str_eq(read.locations[0].function, "\"q\"\\\n");
	free(text);
	snapshot_release(&snapshot);
	snapshot_release(&read);
}
END_TEST

START_TEST(every_number_up_to_64_bits)
{
	static const char text[] = "{\"format\":\"heapdelta-snapshot\",\"version\":1,\"traces\":["
				   "{\"size\":9223372036854775807,\"frames\":[[\"12345678901234567890123\",4294967295]]},"
				   "{\"size\":9223372036854775808,\"frames\":[[\"say \\\"12345678901234567890\\\"\",1]]},"
				   "{\"size\":18446744073709551615,\"count\":0,\"domain\":4294967295,\"frames\":[]}]}";
	struct snapshot read;

	read_text(&read, text, sizeof(text) - 1);
	ck_assert_uint_eq(read.stacks[0].live_bytes, INT64_MAX);
	ck_assert_uint_eq(read.stacks[1].live_bytes, (uint64_t)INT64_MAX + 1);
	ck_assert_uint_eq(read.stacks[2].live_bytes, UINT64_MAX);
	ck_assert_uint_eq(read.stacks[2].domain, UINT32_MAX);
	ck_assert_str_eq(read.locations[0].file, "12345678901234567890123");
	ck_assert_uint_eq(read.locations[0].line, UINT32_MAX);
	ck_assert_str_eq(read.locations[1].file, "say \"12345678901234567890\"");
	ck_assert_uint_eq(read.info.live_bytes, UINT64_MAX);
	snapshot_release(&read);
}
END_TEST

/* Every prefix of a text is refused: JSON ends with its last bracket. */
START_TEST(cut_at_every_byte)
{
	struct snapshot sample, read;
	size_t size;

	sample_make(&sample, intern, 0x400000);
	char *text = written(&sample, 0, &size);
	while (size && text[size - 1] != '}')
		size--;
	for (size_t length = 0; length < size; length++) {
		char *copy = malloc(length + 1);
		memcpy(copy, text, length);
		error = (struct error){0};
		snapshot_init(&read, intern);
		ck_assert_msg(snapshot_read_json(&read, copy, length, &error) == -1, "%zu bytes are accepted", length);
		ck_assert_str_ne(error.text, "");
		free(copy);
	}
	free(text);
	snapshot_release(&sample);
}
END_TEST

START_TEST(full_disk_is_said)
{
	struct snapshot sample;
	FILE *out = fopen("/dev/full", "w");

	sample_make(&sample, intern, 0x400000);
	ck_assert_int_eq(snapshot_write_json(&sample, out, 0, &error), -1);
	ck_assert_str_eq(error.text, "cannot write: No space left on device");
	fclose(out);
	snapshot_release(&sample);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		twice_written_is_the_same,  frames_as_others_see_them, innermost_frames_only, names_that_are_not_utf8,
		every_number_up_to_64_bits, cut_at_every_byte,         full_disk_is_said,
	};
	Suite *suite = suite_create("snapshot-json");
	TCase *cases = tcase_create("snapshot-json");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_set_timeout(cases, 60);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(cases, tests[i]);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
