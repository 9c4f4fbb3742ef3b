/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/*
 * Looking for few addresses says what looking for all says, wherever compilers put functions: directly in the unit, in namespaces, in classes, in
 * other functions; for every unit of small programs by several compilers, and of heapdelta itself.
 */
#include <dwarf.h>
#include <fcntl.h>
#include <unistd.h>

#include "programs.h"
#include "symbols-instances.h"

#define C_SOURCE "tests/targets/inlined-calls.c"
#define CPLUSPLUS_SOURCE "tests/targets/inlined-calls.cpp"

static Dwarf *dwarf;
static int fd;

static void setup(void)
{
	make_directory();
	elf_version(EV_CURRENT);
}

static void teardown(void)
{
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
}

/* ---- Comparing ---- */

/* The entries from the innermost outwards. */
static void same_at(const struct instances *all, const struct instances *few, uint64_t address)
{
	uint32_t one = intervals_find(&all->ranges, address), other = intervals_find(&few->ranges, address);

	ck_assert_msg((one == INTERVAL_NONE) == (other == INTERVAL_NONE), "0x%lx: found by one way only", (unsigned long)address);
	if (one == INTERVAL_NONE)
		return;
	one = all->ranges.list[one].value;
	other = few->ranges.list[other].value;
	while (one != INTERVAL_NONE && other != INTERVAL_NONE) {
		ck_assert_ptr_eq(all->list[one].die.addr, few->list[other].die.addr);
		ck_assert_uint_eq(all->list[one].low, few->list[other].low);
		one = all->list[one].parent;
		other = few->list[other].parent;
	}
	ck_assert_uint_eq(one, other);
}

static void compare(const Dwarf_Die *unit, const struct instances *all, const uint64_t *addresses, size_t count)
{
	struct instances few = {0};

	ck_assert_int_eq(instances_find(&few, unit, (struct wanted){addresses, count}), 0);
	for (size_t i = 0; i < count; i++)
		same_at(all, &few, addresses[i]);
	instances_release(&few);
}

static int ascending(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

/* The first, the middle and the last address of every range, and the one behind it: each alone, and all at once. */
static size_t compare_unit(const Dwarf_Die *unit)
{
	struct instances all = {0};
	uint64_t *addresses;
	size_t count;

	ck_assert_int_eq(instances_find(&all, unit, (struct wanted){NULL, 0}), 0);
	count = all.ranges.count * 4;
	addresses = calloc(count + 1, sizeof(*addresses));
	ck_assert_ptr_nonnull(addresses);
	for (size_t i = 0; i < all.ranges.count; i++) {
		const struct interval *range = &all.ranges.list[i];
		addresses[i * 4] = range->low;
		addresses[i * 4 + 1] = range->low + (range->high - range->low) / 2;
		addresses[i * 4 + 2] = range->high - 1;
		addresses[i * 4 + 3] = range->high;
	}
	for (size_t i = 0; i < count; i++)
		compare(unit, &all, &addresses[i], 1);
	qsort(addresses, count, sizeof(*addresses), ascending);
	compare(unit, &all, addresses, count);
	free(addresses);
	instances_release(&all);
	return count / 4;
}

/* Ranges that were compared. */
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

/* ---- Programs ---- */

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

START_TEST(few_addresses_find_what_all_find)
{
	if (!have(variants[_i].compiler))
		return;
	command("%s %s -o %s %s", variants[_i].compiler, variants[_i].options, in_directory("program"), variants[_i].source);
	ck_assert_uint_gt(compare_program(in_directory("program")), 5);
}
END_TEST

/* A function of gcc's C inside another one, with code of its own outside of that one's. */
START_TEST(function_in_a_function)
{
	if (system("echo 'int main(void){int f(void){return 1;}return f();}' | gcc -xc -fsyntax-only - 2>/dev/null"))
		return;
	command("printf '%%s\\n' 'int outer(int x)' '{' '\tint __attribute__((noinline)) inner(int y) { return x * y; }' "
		"'\treturn inner(x) + inner(2);' '}' 'int main(int c, char **v) { (void)v; return outer(c); }' >%s",
		in_directory("nested.c"));
	command("gcc -O0 -g -o %s %s", in_directory("program"), in_directory("nested.c"));
	ck_assert_uint_ge(compare_program(in_directory("program")), 3);
}
END_TEST

/* Larger than those, and by whatever compiler builds the tests. */
START_TEST(heapdelta_itself)
{
	ck_assert_uint_gt(compare_program("/proc/self/exe"), 50);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("symbols-instances");
	TCase *cases = tcase_create("symbols-instances");

	tcase_set_timeout(cases, 600);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_loop_test(cases, few_addresses_find_what_all_find, 0, sizeof(variants) / sizeof(*variants));
	tcase_add_test(cases, function_in_a_function);
	tcase_add_test(cases, heapdelta_itself);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
