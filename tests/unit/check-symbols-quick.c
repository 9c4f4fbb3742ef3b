/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/*
 * The quick ways through entries and line tables say what libdw says: for every unit of small programs by several compilers, and of heapdelta
 * itself.  They must be taken, too: whatever these compilers write today is no reason to ask libdw.
 */
#include <dwarf.h>
#include <fcntl.h>
#include <unistd.h>

#include "programs.h"
#include "symbols-instances.h"
#include "symbols-lines.h"

#define C_SOURCE "tests/targets/inlined-calls.c"
#define CPLUSPLUS_SOURCE "tests/targets/inlined-calls.cpp"

static Dwarf *dwarf;
static struct dies *dies;
static struct lines *lines;
static int fd;

static void setup(void)
{
	make_directory();
	elf_version(EV_CURRENT);
}

static void teardown(void)
{
	lines_free(lines);
	dies_free(dies);
	dwarf_end(dwarf);
	close(fd);
	remove_directory();
}

static void open_program(const char *path)
{
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	dwarf = dwarf_begin(fd, DWARF_C_READ);
	ck_assert_ptr_nonnull(dwarf);
	dies = dies_new(dwarf);
	lines = lines_new(dwarf);
	ck_assert(dies && lines);
}

/* ---- Entries ---- */

static void same_ranges(const struct intervals *a, const struct intervals *b)
{
	ck_assert_uint_eq(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		ck_assert_uint_eq(a->list[i].low, b->list[i].low);
		ck_assert_uint_eq(a->list[i].high, b->list[i].high);
		ck_assert_uint_eq(a->list[i].value, b->list[i].value);
		ck_assert_uint_eq(a->list[i].outer, b->list[i].outer);
	}
}

/* The end of a scope is somewhere behind its last entry and before the next one. */
static void same_scopes(const struct scopes *a, const struct scopes *b)
{
	ck_assert_uint_eq(a->ranges.count, b->ranges.count);
	for (size_t i = 0; i < a->ranges.count; i++) {
		ck_assert_uint_eq(a->ranges.list[i].low, b->ranges.list[i].low);
		ck_assert_uint_eq(a->ranges.list[i].outer, b->ranges.list[i].outer);
	}
}

static uint32_t count_code(void *data, const struct die_code *code)
{
	(void)code;
	return (*(uint32_t *)data)++;
}

static size_t compare_entries(const Dwarf_Die *unit)
{
	struct instances quick = {0}, slow = {0};
	struct scopes quick_scopes = {0}, slow_scopes = {0};
	const struct wanted all = {NULL, 0};
	uint32_t entries = 0;
	size_t count;

	ck_assert_int_eq(dies_walk(dies, unit, &(struct die_visitor){.code = count_code, .data = &entries}), DIES_DONE);
	ck_assert_int_eq(instances_find(&quick, &quick_scopes, dies, unit, all), 0);
	ck_assert_int_eq(instances_find(&slow, &slow_scopes, NULL, unit, all), 0);
	ck_assert_uint_eq(quick.count, slow.count);
	for (size_t i = 0; i < quick.count; i++) {
		ck_assert_ptr_eq(quick.list[i].at, slow.list[i].at);
		ck_assert_uint_eq(quick.list[i].low, slow.list[i].low);
		ck_assert_uint_eq(quick.list[i].parent, slow.list[i].parent);
	}
	same_ranges(&quick.ranges, &slow.ranges);
	same_scopes(&quick_scopes, &slow_scopes);
	count = quick.count;
	instances_release(&quick);
	instances_release(&slow);
	scopes_release(&quick_scopes);
	scopes_release(&slow_scopes);
	return count;
}

/* What is asked for is found, as if all had been kept. */
static void compare_wanted(const Dwarf_Die *unit, uint64_t address)
{
	struct instances all = {0}, few = {0};

	ck_assert_int_eq(instances_find(&all, NULL, dies, unit, (struct wanted){NULL, 0}), 0);
	ck_assert_int_eq(instances_find(&few, NULL, dies, unit, (struct wanted){&address, 1}), 0);
	uint32_t one = intervals_find(&all.ranges, address), other = intervals_find(&few.ranges, address);
	ck_assert_int_eq(one == INTERVAL_NONE, other == INTERVAL_NONE);
	if (one != INTERVAL_NONE)
		ck_assert_ptr_eq(all.list[all.ranges.list[one].value].at, few.list[few.ranges.list[other].value].at);
	instances_release(&all);
	instances_release(&few);
}

/* ---- Lines ---- */

static void same_file(const char *expected, uint64_t number)
{
	const char *parent, *name;
	char joined[8192];

	if (!expected || strcmp(expected, "???") == 0) {
		ck_assert(!lines_file(lines, number, &parent, &name));
		return;
	}
	ck_assert(lines_file(lines, number, &parent, &name));
	snprintf(joined, sizeof(joined), "%s%s%s", parent ? parent : "", parent ? "/" : "", name);
	ck_assert_str_eq(joined, expected);
}

static void same_files(Dwarf_Die *unit)
{
	const uint64_t nothing = 0;
	struct line_at found;
	Dwarf_Files *files;
	size_t count;

	ck_assert_int_eq(dwarf_getsrcfiles(unit, &files, &count), 0);
	ck_assert_int_eq(lines_find(lines, unit, &nothing, 0, &found), LINES_DONE);
	ck_assert_uint_eq(lines_file_count(lines), count);
	for (size_t i = 0; i < count; i++)
		same_file(dwarf_filesrc(files, i, NULL, NULL), i);
}

/* Every address of a range, and some before and behind it. */
static void compare_lines(Dwarf_Die *unit, uint64_t low, uint64_t high)
{
	enum { AROUND = 40 };
	size_t count = high - low + 2 * AROUND;
	uint64_t *addresses = calloc(count, sizeof(*addresses));
	struct line_at *found = calloc(count, sizeof(*found));

	ck_assert(addresses && found && low > AROUND);
	for (size_t i = 0; i < count; i++)
		addresses[i] = low - AROUND + i;
	ck_assert_int_eq(lines_find(lines, unit, addresses, count, found), LINES_DONE);
	for (size_t i = 0; i < count; i++) {
		Dwarf_Line *line = dwarf_getsrc_die(unit, addresses[i]);
		int number = 0;
		ck_assert_msg(!line == !found[i].found, "0x%lx: %d here", (unsigned long)addresses[i], found[i].found);
		if (!line)
			continue;
		dwarf_lineno(line, &number);
		ck_assert_int_eq((int32_t)found[i].line, number);
		same_file(dwarf_linesrc(line, NULL, NULL), found[i].file);
	}
	free(addresses);
	free(found);
}

/* ---- Programs ---- */

/* Functions and ranges that were compared. */
static size_t compare_unit(Dwarf_Die *unit)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t next = 0;
	size_t count = compare_entries(unit);

	while ((next = dwarf_ranges(unit, next, &base, &low, &high)) > 0) {
		if (low == 0 || low >= high)
			continue;
		compare_lines(unit, low, high);
		compare_wanted(unit, low);
		compare_wanted(unit, low + (high - low) / 2);
		compare_wanted(unit, high);
		count++;
	}
	same_files(unit);
	return count;
}

static size_t compare_program(const char *path)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Die die;
	size_t count = 0;

	open_program(path);
	while (dwarf_get_units(dwarf, unit, &unit, NULL, NULL, &die, NULL) == 0) {
		if (dwarf_tag(&die) == DW_TAG_compile_unit)
			count += compare_unit(&die);
	}
	return count;
}

static const struct {
	const char *compiler, *options, *source;
} variants[] = {
	{"cc", "-O0 -gdwarf-2", C_SOURCE},
	{"cc", "-O2 -gdwarf-3", C_SOURCE},
	{"cc", "-O2 -gdwarf-4", C_SOURCE},
	{"cc", "-O2 -gdwarf-5", C_SOURCE},
	{"cc", "-O2 -gdwarf-5 -gz", C_SOURCE},
	{"c++", "-O2 -gdwarf-4", CPLUSPLUS_SOURCE},
	{"c++", "-O2 -gdwarf-5 -ffunction-sections -Wl,--gc-sections", CPLUSPLUS_SOURCE},
	{"clang", "-O2 -gdwarf-4", C_SOURCE},
	{"clang++", "-O0 -gdwarf-5", CPLUSPLUS_SOURCE},
	{"clang++", "-O2 -gdwarf-5", CPLUSPLUS_SOURCE},
};

START_TEST(quick_ways_say_what_libdw_says)
{
	if (!have(variants[_i].compiler))
		return;
	command("%s %s -o %s %s", variants[_i].compiler, variants[_i].options, in_directory("program"), variants[_i].source);
	ck_assert_uint_gt(compare_program(in_directory("program")), 5);
}
END_TEST

/* Larger than those, and by whatever compiler builds the tests. */
START_TEST(heapdelta_itself)
{
	ck_assert_uint_gt(compare_program("/proc/self/exe"), 100);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("symbols-quick");
	TCase *cases = tcase_create("symbols-quick");

	tcase_set_timeout(cases, 600);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_loop_test(cases, quick_ways_say_what_libdw_says, 0, sizeof(variants) / sizeof(*variants));
	tcase_add_test(cases, heapdelta_itself);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
