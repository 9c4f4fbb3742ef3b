/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/*
 * What is found for an address.  The oracle is binutils' addr2line, asked for every byte of every function of small programs; where it is
 * known to be wrong or to know less, the exception is named in the comparison.
 */
#include <limits.h>

#include "programs.h"
#include "symbols-text.h"

#define C_SOURCE "tests/targets/inlined-calls.c"
#define CPLUSPLUS_SOURCE "tests/targets/inlined-calls.cpp"

static struct intern *intern;
static struct snapshot snapshot;
static struct error error;

static void setup(void)
{
	make_directory();
	intern = intern_new();
	memset(&error, 0, sizeof(error));
}

static void teardown(void)
{
	snapshot_release(&snapshot);
	intern_free(intern);
	remove_directory();
}

/* The strings of the locations live in `intern`, so the symbols can go at once. */
static void resolve(void)
{
	struct symbols *symbols = symbols_new(&(struct symbols_options){0}, &error);

	ck_assert_ptr_nonnull(symbols);
	ck_assert_int_eq(symbols_resolve(symbols, &snapshot, &error), 0);
	ck_assert(snapshot.symbolised);
	symbols_free(symbols);
}

/* ---- Against addr2line ---- */

/* Every `step`th byte of every function. */
static void add_all_functions(const char *file, unsigned step)
{
	unsigned long start, size;
	char text[512];
	FILE *pipe;

	snprintf(text, sizeof(text), "nm -S --defined-only %s | awk '$3 ~ /^[tTwW]$/ {print $1, $2}'", file);
	pipe = popen(text, "r");
	ck_assert_ptr_nonnull(pipe);
	while (fscanf(pipe, "%lx %lx", &start, &size) == 2) {
		for (unsigned long at = start; at < start + size; at += step) {
			struct address address = {.module = 1, .offset = at, .flags = HDS_FRAME_EXACT};
			ck_assert_uint_ne(snapshot_node(&snapshot, 0, &address), SNAPSHOT_NONE);
		}
	}
	pclose(pipe);
}

static FILE *ask_addr2line(const char *file)
{
	FILE *out = fopen(in_directory("addresses"), "w"), *pipe;
	char text[512];

	for (uint32_t i = 1; i < snapshot.node_count; i++)
		fprintf(out, "0x%lx\n", (unsigned long)snapshot_address_of(&snapshot, i)->offset);
	ck_assert_int_eq(fclose(out), 0);
	snprintf(text, sizeof(text), "addr2line -a -f -i -C -e %s <%s", file, in_directory("addresses"));
	pipe = popen(text, "r");
	ck_assert_ptr_nonnull(pipe);
	return pipe;
}

/* A function without a mangled linkage name has no parameters here, and the symbol table's name there; which is the wrong one for code that
 * was inlined or split off. */
static int same_function(const struct location *location, const char *theirs)
{
	static const char *const unmangled[] = {"(anonymous namespace)", "{unnamed}"};

	if (!location->function)
		return strcmp(theirs, "??") == 0;
	return strcmp(location->function, theirs) == 0 || !strchr(location->function, '(') || strstr(location->function, unmangled[0]) ||
	       strstr(location->function, unmangled[1]);
}

/* addr2line 2.40 takes the first header of a DWARF 5 unit for the source file: its line is beyond the end of that then. */
static int is_beyond_end(const char *file, unsigned long line)
{
	FILE *stream = fopen(file, "r");
	unsigned long lines = 0;
	int character;

	while (stream && (character = getc(stream)) != EOF)
		lines += character == '\n';
	if (stream)
		fclose(stream);
	return line > lines;
}

static void compare_position(const struct location *location, char *theirs)
{
	char *colon, real[PATH_MAX];

	theirs[strcspn(theirs, "\n")] = '\0';
	colon = strstr(theirs, " (discriminator");
	if (colon)
		*colon = '\0';
	colon = strrchr(theirs, ':');
	ck_assert_ptr_nonnull(colon);
	*colon = '\0';
	ck_assert_uint_eq(location->line, strtoul(colon + 1, NULL, 10));
	if (!location->file || !*theirs) {
		ck_assert_msg(!*theirs || strcmp(theirs, "??") == 0, "no file here, there %s", theirs);
		return;
	}
	if (realpath(theirs, real))
		theirs = real;
	if (strcmp(location->file, theirs) != 0)
		ck_assert_msg(is_beyond_end(theirs, location->line), "%s here, there %s", location->file, theirs);
}

static void compare_node(uint32_t number, FILE *pipe, char *line, size_t room)
{
	char function[8192];
	uint32_t index = 0;

	while (fgets(function, sizeof(function), pipe) && strncmp(function, "0x", 2) != 0) {
		const struct location *location = location_of(&snapshot, number, index++);
		function[strcspn(function, "\n")] = '\0';
		ck_assert_ptr_nonnull(fgets(line, (int)room, pipe));
		if (!location) {
			ck_assert_str_eq(function, "??");
			continue;
		}
		ck_assert_msg(same_function(location, function), "0x%lx: %s here, there %s",
			      (unsigned long)snapshot_address_of(&snapshot, number)->offset, location->function, function);
		compare_position(location, line);
		ck_assert_int_eq(!!(location->flags & HDS_LOCATION_INLINED),
				 index < snapshot_address_of(&snapshot, number)->location_count);
	}
	ck_assert_uint_ge(index, snapshot_address_of(&snapshot, number)->location_count);
}

static void compare_with_addr2line(const char *file, unsigned step)
{
	static char line[8192];
	size_t with_line = 0;
	FILE *pipe;

	snapshot_of(&snapshot, intern, file, NULL);
	add_all_functions(file, step);
	resolve();
	pipe = ask_addr2line(file);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), pipe));
	for (uint32_t i = 1; i < snapshot.node_count; i++) {
		const struct location *location = location_of(&snapshot, i, 0);
		with_line += location && location->line;
		compare_node(i, pipe, line, sizeof(line));
	}
	pclose(pipe);
	ck_assert_uint_gt(with_line, 100);
}

static const struct {
	const char *compiler, *options, *source;
	unsigned step;
} variants[] = {
	{"cc", "-O0 -gdwarf-4", C_SOURCE, 1},
	{"cc", "-O0 -gdwarf-5", C_SOURCE, 1},
	{"cc", "-O2 -gdwarf-4", C_SOURCE, 1},
	{"cc", "-O2 -gdwarf-5", C_SOURCE, 1},
	{"cc", "-O2 -g -gz", C_SOURCE, 1},
	{"cc", "-O2 -g -no-pie -fno-pie", C_SOURCE, 1},
	{"cc", "-O2 -g -ffunction-sections -Wl,--gc-sections", C_SOURCE, 1},
	{"clang", "-O0 -gdwarf-4", C_SOURCE, 1},
	{"clang", "-O0 -gdwarf-5", C_SOURCE, 1},
	{"clang", "-O2 -gdwarf-4", C_SOURCE, 1},
	{"clang", "-O2 -gdwarf-5", C_SOURCE, 1},
	{"c++", "-O0 -gdwarf-5", CPLUSPLUS_SOURCE, 5},
	{"c++", "-O2 -gdwarf-4", CPLUSPLUS_SOURCE, 1},
	{"c++", "-O2 -gdwarf-5", CPLUSPLUS_SOURCE, 1},
	{"c++", "-O2 -gdwarf-4 -fdebug-types-section", CPLUSPLUS_SOURCE, 1},
	{"clang++", "-O0 -gdwarf-5", CPLUSPLUS_SOURCE, 5},
	{"clang++", "-O2 -gdwarf-4", CPLUSPLUS_SOURCE, 1},
};

START_TEST(every_address_is_what_addr2line_says)
{
	if (!have(variants[_i].compiler))
		return;
	command("%s %s -o %s %s", variants[_i].compiler, variants[_i].options, in_directory("program"), variants[_i].source);
	compare_with_addr2line(in_directory("program"), variants[_i].step);
}
END_TEST

/* addr2line 2.40 loses inlined frames in clang's optimised DWARF 5 and in split units: there, the same code's DWARF 4 is the oracle. */
static void same_as_dwarf4(const char *compiler, const char *options, const char *source)
{
	struct snapshot other;
	char root[PATH_MAX];

	if (!have(compiler))
		return;
	ck_assert_ptr_nonnull(getcwd(root, sizeof(root)));
	command("cd %s && %s -O2 -gdwarf-4 -o dwarf4 %s/%s", directory, compiler, root, source);
	command("cd %s && %s -O2 %s -o other %s/%s", directory, compiler, options, root, source);
	snapshot_of(&snapshot, intern, in_directory("other"), NULL);
	add_all_functions(in_directory("other"), 1);
	resolve();
	other = snapshot;
	snapshot_of(&snapshot, intern, in_directory("dwarf4"), NULL);
	add_all_functions(in_directory("dwarf4"), 1);
	resolve();
	ck_assert_uint_eq(snapshot.node_count, other.node_count);
	for (uint32_t i = 1; i < snapshot.node_count; i++) {
		ck_assert_uint_eq(snapshot_address_of(&snapshot, i)->location_count, snapshot_address_of(&other, i)->location_count);
		for (uint32_t n = 0; n < snapshot_address_of(&snapshot, i)->location_count; n++) {
			const struct location *a = location_of(&snapshot, i, n), *b = location_of(&other, i, n);
			ck_assert_ptr_eq(a->function, b->function);
			ck_assert_ptr_eq(a->file, b->file);
			ck_assert_uint_eq(a->line, b->line);
			ck_assert_uint_eq(a->function_line, b->function_line);
		}
	}
	snapshot_release(&other);
}

START_TEST(clang_dwarf5_and_split_units_say_the_same)
{
	static const char *const cases[][3] = {
		{"clang++", "-gdwarf-5", CPLUSPLUS_SOURCE},           {"cc", "-gdwarf-5 -gsplit-dwarf", C_SOURCE},
		{"cc", "-gdwarf-4 -gsplit-dwarf", C_SOURCE},          {"clang", "-gdwarf-5 -gsplit-dwarf", C_SOURCE},
		{"c++", "-gdwarf-5 -gsplit-dwarf", CPLUSPLUS_SOURCE},
	};

	same_as_dwarf4(cases[_i][0], cases[_i][1], cases[_i][2]);
}
END_TEST

/* ---- Details ---- */

START_TEST(return_address_belongs_to_the_call)
{
	uint64_t size, start;
	uint32_t returned, exact;

	command("cc -O0 -g -o %s " C_SOURCE, in_directory("program"));
	start = function_address(in_directory("program"), "give_up", &size);
	snapshot_of(&snapshot, intern, in_directory("program"), in_directory("program"));
	/* exit() does not return: the address after the call is that of the next function. */
	returned = add_address(&snapshot, 0, start + size, 0);
	exact = add_address(&snapshot, 0, start + size, HDS_FRAME_EXACT);
	resolve();
	ck_assert_str_eq(location_of(&snapshot, returned, 0)->function, "give_up");
	ck_assert_uint_eq(location_of(&snapshot, returned, 0)->line, line_with(C_SOURCE, "exit(status)"));
	ck_assert_uint_eq(location_of(&snapshot, returned, 0)->symbol_offset, size);
	ck_assert_uint_eq(location_of(&snapshot, returned, 0)->function_line, line_with(C_SOURCE, "static void give_up"));
	ck_assert_str_ne(location_of(&snapshot, exact, 0)->function, "give_up");
}
END_TEST

START_TEST(nodes_with_one_address_share_their_locations)
{
	uint32_t first, second, deep;
	uint64_t start;

	command("cc -O0 -g -o %s " C_SOURCE, in_directory("program"));
	start = function_address(in_directory("program"), "main", NULL);
	snapshot_of(&snapshot, intern, in_directory("program"), NULL);
	first = add_address(&snapshot, 0, start + 9, 0);
	deep = add_address(&snapshot, first, start + 20, 0);
	second = add_address(&snapshot, deep, start + 9, 0);
	resolve();
	ck_assert_uint_eq(snapshot_address_of(&snapshot, first)->location_count, 1);
	ck_assert_uint_eq(snapshot_address_of(&snapshot, first)->first_location, snapshot_address_of(&snapshot, second)->first_location);
	ck_assert_uint_ne(snapshot_address_of(&snapshot, first)->first_location, snapshot_address_of(&snapshot, deep)->first_location);
	ck_assert_uint_eq(snapshot.location_count, 2);
}
END_TEST

START_TEST(text_is_hashed_unless_newer_than_the_program)
{
	static const char text[] = "drop_list(list);";
	const char *source = in_directory("source.c");
	uint32_t line = line_with(C_SOURCE, "\tdrop_list(list)"), found = 0;

	command("cp " C_SOURCE " %s && touch -d '1 hour ago' %s && cc -O0 -g -o %s %s", source, source, in_directory("program"), source);
	for (int newer = 0; newer < 2; newer++) {
		if (newer)
			command("touch -d 'next hour' %s", source);
		snapshot_of(&snapshot, intern, in_directory("program"), NULL);
		add_all_functions(in_directory("program"), 1);
		resolve();
		for (uint32_t i = 1; i < snapshot.node_count; i++) {
			const struct location *location = location_of(&snapshot, i, 0);
			if (!location || location->line != line)
				continue;
			found++;
			ck_assert_uint_eq(location->text_hash, newer ? 0 : text_hash(text, strlen(text)));
			ck_assert_int_eq(location->statement_hash == 0, newer);
		}
		ck_assert_uint_gt(found, 0);
		snapshot_release(&snapshot);
	}
	ck_assert_uint_eq(text_hash("  a b\t\r\n", 8), text_hash("a b", 3));
	ck_assert_uint_eq(text_hash("a", 1), UINT64_C(0xaf63dc4c8601ec8c)); /* FNV-1a's published value */
	ck_assert_uint_ne(text_hash("", 0), 0);
}
END_TEST

START_TEST(headers_of_the_system_are_marked)
{
	size_t marked = 0, mine = 0;

	command("c++ -O2 -g -o %s " CPLUSPLUS_SOURCE, in_directory("program"));
	snapshot_of(&snapshot, intern, in_directory("program"), NULL);
	add_all_functions(in_directory("program"), 1);
	resolve();
	for (size_t i = 0; i < snapshot.location_count; i++) {
		const struct location *location = &snapshot.locations[i];
		if (!location->file)
			continue;
		ck_assert_int_eq(!!(location->flags & HDS_LOCATION_SYSTEM), strncmp(location->file, "/usr/", 5) == 0);
		*(location->flags & HDS_LOCATION_SYSTEM ? &marked : &mine) += 1;
	}
	ck_assert_uint_gt(marked, 100);
	ck_assert_uint_gt(mine, 100);
}
END_TEST

START_TEST(names_are_demangled)
{
	static const char *const names[][2] = {
		{"_ZN4shop7largestIiEET_RKSt6vectorIS1_SaIS1_EE", "int shop::largest<int>(std::vector<int, std::allocator<int> > const&)"},
		{"_ZN5alloc7raw_vec11finish_grow17h0123456789abcdefE", "alloc::raw_vec::finish_grow"},
		{"_RNvC6_123foo3bar", "123foo::bar"},
		{"_ZdlPv", "operator delete(void*)"},
		{"main", NULL},
		{"i", NULL},
		{"_Z", NULL},
		{"_ZN", NULL},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *name = symbols_demangle(names[i][0]);
		ck_assert_pstr_eq(name, names[i][1]);
		free(name);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("symbols");
	TCase *tcase = tcase_create("addresses");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, every_address_is_what_addr2line_says, 0, sizeof(variants) / sizeof(*variants));
	tcase_add_loop_test(tcase, clang_dwarf5_and_split_units_say_the_same, 0, 5);
	tcase_add_test(tcase, return_address_belongs_to_the_call);
	tcase_add_test(tcase, nodes_with_one_address_share_their_locations);
	tcase_add_test(tcase, text_is_hashed_unless_newer_than_the_program);
	tcase_add_test(tcase, headers_of_the_system_are_marked);
	tcase_add_test(tcase, names_are_demangled);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
