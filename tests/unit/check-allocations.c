/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/*
 * Every allocation of the readers and writers fails once: each reports it or does without, none crashes, none leaks.
 * malloc, calloc, realloc and free of the analyzer are wrapped by the linker (see the Makefile), jansson's by its own hooks.
 */
#include <jansson.h>

#include "snapshot-sample.h"
#include "trace-maker.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_reallocarray(void *block, size_t count, size_t size);
void __wrap_free(void *block);

static long calls, fail_at, live;

static bool fails(void)
{
	return ++calls == fail_at;
}

static void *counted(void *block)
{
	live += block != NULL;
	return block;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
	if (fails())
		return NULL;
	void *moved = __real_realloc(block, size);
	return block ? moved : counted(moved);
}

void *__wrap_reallocarray(void *block, size_t count, size_t size)
{
	return count && size > SIZE_MAX / count ? NULL : __wrap_realloc(block, count * size);
}

void __wrap_free(void *block)
{
	live -= block != NULL;
	__real_free(block);
}

/* ---- Scenarios: 0, or −1 with the error set ---- */

static uint8_t *hds_bytes;
static char *json_text;
static size_t hds_size, json_size;
static char path[64];
static struct maker maker;

static int read_hds(struct intern *intern, struct error *error)
{
	struct snapshot snapshot;

	snapshot_init(&snapshot, intern);
	int result = snapshot_read_hds(&snapshot, hds_bytes, hds_size, error);
	snapshot_release(&snapshot);
	return result;
}

static int read_json(struct intern *intern, struct error *error)
{
	struct snapshot snapshot;

	snapshot_init(&snapshot, intern);
	int result = snapshot_read_json(&snapshot, json_text, json_size, error);
	snapshot_release(&snapshot);
	return result;
}

static int read_trace(struct intern *intern, struct error *error)
{
	struct snapshot snapshot;

	snapshot_init(&snapshot, intern);
	int result = snapshot_read_trace(&snapshot, maker.fd, "", true, error);
	snapshot_release(&snapshot);
	return result;
}

static int read_file(struct intern *intern, struct error *error)
{
	struct snapshot snapshot;
	int result = snapshot_read(&snapshot, intern, path, error);

	snapshot_release(&snapshot);
	return result;
}

/* Read, add twice, write in both formats. */
static int add_and_write(struct intern *intern, struct error *error)
{
	struct snapshot part, sum;
	FILE *out = fopen("/dev/null", "w");
	int result = -1;

	if (!out)
		abort();
	snapshot_init(&sum, intern);
	if (!snapshot_read(&part, intern, path, error) && !snapshot_add(&sum, &part, "1 one", error) &&
	    !snapshot_add(&sum, &part, "2 two", error) && !snapshot_write(&sum, "/dev/null", false, error))
		result = snapshot_write_json(&sum, out, 0, error);
	snapshot_release(&part);
	snapshot_release(&sum);
	fclose(out);
	return result;
}

static const struct {
	const char *name;
	int (*run)(struct intern *intern, struct error *error);
} scenarios[] = {
	{"read hds", read_hds},     {"read json", read_json},         {"read trace", read_trace},
	{"read a file", read_file}, {"add and write", add_and_write},
};

/* ---- The sweep ---- */

static void make_inputs(void)
{
	struct intern *intern = intern_new();
	struct snapshot sample;
	struct error error = {0};
	uint64_t slot = maker_slot(0x10000, HDT_SIZE_MAX, 1);

	sample_make(&sample, intern, 0x400000);
	strcpy(path, "/tmp/check-allocations-XXXXXX");
	close(mkstemp(path));
	ck_assert_int_eq(snapshot_write(&sample, path, false, &error), 0);
	FILE *file = fopen(path, "r");
	hds_bytes = malloc(1 << 20);
	hds_size = fread(hds_bytes, 1, 1 << 20, file);
	fclose(file);
	file = open_memstream(&json_text, &json_size);
	ck_assert_int_eq(snapshot_write_json(&sample, file, 0, &error), 0);
	fclose(file);
	snapshot_release(&sample);
	intern_free(intern);
	maker_init(&maker);
	maker_node(&maker, 0, 0x1234, maker_module(&maker, maker_text(&maker, "/bin/app"), 0x1000));
	maker_thread(&maker, 1)->alloc_blocks = 1;
	maker_totals(&maker, 1, 1, 1);
	maker_leaf(&maker, 0x10000, 0, &slot, 1);
	maker_extra(&maker, 0x10000, 1 << 30, HDT_EXTRA_SIZE);
	maker_extra(&maker, 0x10003, 1, HDT_EXTRA_LIVE)->domain = 3;
}

/* Returns how often it was fatal. */
static int sweep(const char *name, int (*run)(struct intern *intern, struct error *error))
{
	int fatal = 0;

	for (long nth = 1;; nth++) {
		long start = live;
		struct intern *intern = intern_new();
		struct error error = {0};
		long before = live;
		calls = 0;
		fail_at = nth;
		int result = run(intern, &error);
		/* Before Check's own allocations, which are counted as well. */
		long kept = live - before;
		bool done = calls < nth;
		fail_at = 0;
		intern_free(intern);
		long left = live - start;
		ck_assert_msg(!result == !error.text[0], "%s: allocation %ld: %d '%s'", name, nth, result, error.text);
		/* What is interned lives as long as its table, and nothing else lives longer. */
		ck_assert_msg(kept >= 0 && left == 0, "%s: allocation %ld leaks: %ld, %ld", name, nth, kept, left);
		if (done) {
			ck_assert_msg(!result, "%s: %s", name, error.text);
			return fatal;
		}
		fatal += result != 0;
	}
}

START_TEST(every_allocation_fails_once)
{
	json_set_alloc_funcs(__wrap_malloc, __wrap_free);
	make_inputs();
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		int fatal = sweep(scenarios[i].name, scenarios[i].run);
		printf("%s: %d allocations are fatal\n", scenarios[i].name, fatal);
		ck_assert_int_gt(fatal, 5);
	}
	unlink(path);
	free(hds_bytes);
	free(json_text);
	maker_release(&maker);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("allocations");
	TCase *cases = tcase_create("allocations");

	tcase_set_timeout(cases, 120);
	tcase_add_test(cases, every_allocation_fails_once);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
