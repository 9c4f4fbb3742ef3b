/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/*
 * Each rule by which groups of two builds are the same code, on snapshots made by hand.  A snapshot is a text: stacks separated by ';', each
 * "SIZE FRAME < FRAME …", innermost first; a FRAME is "BUILD FILE:LINE FUNCTION@FIRST TEXT", where BUILD is a letter ('-': none; '*' behind it:
 * a library), TEXT a number (0: not known), perhaps with "/STATEMENT", and FILE '-' for code that has a symbol only, whose offset LINE is then.
 * What is expected is a list of rows: "NEW" that is there only, "OLD" gone, both with "<-" between, and the difference of their sizes.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "diff.h"
#include "map-path.h"
#include "strbuf.h"

enum { MOST = 3 };
static struct intern *intern;
static struct snapshot snapshots[MOST];
static struct stats stats[MOST];
static struct keys *keys;
static struct match match;
static struct diff diff;

/* ---- From text to snapshots ---- */

static uint32_t add_module(struct snapshot *snapshot, const char *build)
{
	struct module module = {.path = intern_add(intern, build[1] == '*' ? "/lib/library.so" : "/bin/app"),
				.flags = build[1] == '*' ? 0 : HDT_MODULE_MAIN,
				.end = 1};

	if (build[0] != '-') {
		module.build_id_size = 20;
		memset(module.build_id, build[0], 20);
	}
	return snapshot_module(snapshot, &module);
}

static uint32_t add_frame(struct snapshot *snapshot, uint32_t parent, const char *frame)
{
	static uint64_t next_offset = 0x1000;
	struct location location = {0};
	struct address address = {.offset = next_offset++, .location_count = 1};
	char build[8], file[64], function[64];
	unsigned line, first;
	unsigned long long text, statement = 0;

	ck_assert_msg(sscanf(frame, " %7s %63[^:]:%u %63[^@]@%u %llu/%llu", build, file, &line, function, &first, &text, &statement) >= 6,
		      "%s", frame);
	location.function = intern_add(intern, function);
	if (file[0] == '-') {
		location.flags = HDS_LOCATION_NO_LINE;
		location.symbol_offset = line;
	} else {
		location.file = intern_add(intern, file);
		location.line = line;
		location.function_line = first;
		location.text_hash = text;
		location.statement_hash = statement;
	}
	address.module = add_module(snapshot, build);
	address.first_location = snapshot_append_locations(snapshot, &location, 1);
	return snapshot_node(snapshot, parent, &address);
}

static void add_stack(struct snapshot *snapshot, char *text)
{
	unsigned long long size;
	int behind;
	char *frame;
	uint32_t node = 0;
	size_t length;

	ck_assert_msg(sscanf(text, "%llu%n", &size, &behind) == 1, "%s", text);
	text += behind;
	for (length = strlen(text); length-- > 0;) {
		frame = text + length;
		if (strncmp(frame, " < ", 3) != 0)
			continue;
		*frame = '\0';
		node = add_frame(snapshot, node, frame + 3);
	}
	node = add_frame(snapshot, node, text);
	ck_assert_int_eq(snapshot_reserve_stacks(snapshot, 1), 0);
	snapshot->stacks[snapshot->stack_count++] = (struct stack){.node = node, .live_blocks = 1, .live_bytes = size};
}

static void make_snapshot(struct snapshot *snapshot, const char *text)
{
	char *copy = strdup(text), *state, *stack;

	snapshot_init(snapshot, intern);
	for (stack = strtok_r(copy, ";", &state); stack; stack = strtok_r(NULL, ";", &state))
		add_stack(snapshot, stack);
	free(copy);
	snapshot->symbolised = true;
}

/* ---- From rows to text ---- */

static void put_label(struct strbuf *out, struct stats *of, const struct group *group, enum stats_key key)
{
	struct frames frames;
	const struct frame *own;

	frames_init(&frames);
	ck_assert_int_eq(stats_frames(of, group, &frames), 0);
	own = &frames.list[group->attributed];
	if (key == KEY_FUNCTION)
		strbuf_printf(out, "%s ", own->function);
	strbuf_puts(out, own->file);
	if (own->line)
		strbuf_printf(out, ":%u", own->line);
	frames_release(&frames);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *row_text(const struct diff_row *row, size_t last, enum stats_key key)
{
	struct strbuf text;

	strbuf_init(&text);
	if (row->groups[last])
		put_label(&text, &stats[last], row->groups[last], key);
	if (!row->groups[0])
		strbuf_puts(&text, " new");
	else if (!row->groups[last])
		put_label(&text, &stats[0], row->groups[0], key);
	if (row->groups[0] && !row->groups[last])
		strbuf_puts(&text, " gone");
	if (row->moved) {
		strbuf_puts(&text, "<-");
		put_label(&text, &stats[0], row->groups[0], key);
	}
	strbuf_printf(&text, " %+d", (int)row->size_diff);
	return strbuf_steal(&text);
}

static void expect_rows(const char *expected, size_t last, enum stats_key key)
{
	char **texts = calloc(diff.count + 1, sizeof(char *));
	struct strbuf all;

	strbuf_init(&all);
	for (size_t i = 0; i < diff.count; i++)
		texts[i] = row_text(&diff.rows[i], last, key);
	qsort(texts, diff.count, sizeof(char *), by_text);
	for (size_t i = 0; i < diff.count; i++) {
		strbuf_printf(&all, "%s%s", i ? "; " : "", texts[i]);
		free(texts[i]);
	}
	ck_assert_str_eq(all.data, expected);
	strbuf_release(&all);
	free(texts);
}

/* ---- Comparing ---- */

static const char *const roots[MOST] = {"/old", "/new", "/last"};

static void compare(size_t count, enum stats_key key)
{
	struct diff_options diff_options = {SORT_DIFF, &match};
	struct error error = {0};

	for (size_t i = 0; i < count; i++) {
		struct stats_options options = {.key = key, .attribution = {ATTRIBUTE_MINE, roots[i], NULL}, .keys = keys};
		ck_assert_int_eq(stats_make(&stats[i], &snapshots[i], &options, &error), 0);
	}
	ck_assert_msg(match_make(&match, stats, count, &error) == 0, "%s", error.text);
	ck_assert_int_eq(diff_make(&diff, stats, count, &diff_options, &error), 0);
}

static void expect_by(enum stats_key key, const char *old, const char *new, const char *expected)
{
	make_snapshot(&snapshots[0], old);
	make_snapshot(&snapshots[1], new);
	compare(2, key);
	expect_rows(expected, 1, key);
}

static void expect(const char *old, const char *new, const char *expected)
{
	expect_by(KEY_LINENO, old, new, expected);
}

/* ---- Lines ---- */

static const struct {
	const char *what, *old, *new, *expected;
} lines[] = {
	{"one build: by line only, whatever the text", "1 A /old/a.c:10 f@5 7; 2 A /old/a.c:11 f@5 8",
	 "1 A /old/a.c:10 f@5 7; 2 A /old/a.c:12 f@5 8", "/old/a.c:10<-a.c:10 +0; /old/a.c:12 new +2; a.c:11 gone -2"},
	{"a line below a new comment", "1 A /old/a.c:10 f@5 7", "1 B /new/a.c:12 f@7 7", "a.c:12<-a.c:10 +0"},
	{"a comment inside of the function", "1 A /old/a.c:10 f@5 7; 2 A /old/a.c:11 f@5 8", "1 B /new/a.c:12 f@5 7; 2 B /new/a.c:13 f@5 8",
	 "a.c:12<-a.c:10 +0; a.c:13<-a.c:11 +0"},
	{"it grew, too", "1 A /old/a.c:10 f@5 7", "9 B /new/a.c:12 f@7 7", "a.c:12<-a.c:10 +8"},
	{"nothing moved", "1 A /old/a.c:10 f@5 7", "1 B /new/a.c:10 f@5 7", "a.c:10 +0"},
	{"another line took its number", "1 A /old/a.c:10 f@5 7; 2 A /old/a.c:12 f@5 8", "1 B /new/a.c:12 f@5 7; 2 B /new/a.c:14 f@5 8",
	 "a.c:12<-a.c:10 +0; a.c:14<-a.c:12 +0"},
	{"a new line and a gone one", "1 A /old/a.c:10 f@5 7; 2 A /old/b.c:3 g@1 8", "1 B /new/a.c:10 f@5 7; 4 B /new/a.c:30 h@28 9",
	 "a.c:10 +0; a.c:30 new +4; b.c:3 gone -2"},
	{"equal texts: by the distance from the function's first line", "1 A /old/a.c:10 f@5 7; 2 A /old/a.c:20 f@5 7",
	 "1 B /new/a.c:20 f@15 7; 2 B /new/a.c:30 f@15 7", "a.c:20<-a.c:10 +0; a.c:30<-a.c:20 +0"},
	{"equal texts, one more: the nearest ones", "1 A /old/a.c:10 f@5 7; 2 A /old/a.c:20 f@5 7",
	 "1 B /new/a.c:11 f@5 7; 4 B /new/a.c:16 f@5 7; 2 B /new/a.c:21 f@5 7", "a.c:11<-a.c:10 +0; a.c:16 new +4; a.c:21<-a.c:20 +0"},
	{"equal texts, one less", "1 A /old/a.c:11 f@5 7; 4 A /old/a.c:16 f@5 7; 2 A /old/a.c:21 f@5 7",
	 "1 B /new/a.c:10 f@5 7; 2 B /new/a.c:20 f@5 7", "a.c:10<-a.c:11 +0; a.c:16 gone -4; a.c:20<-a.c:21 +0"},
	{"equal texts in two functions stay in theirs", "1 A /old/a.c:10 f@5 7; 2 A /old/a.c:20 g@15 7",
	 "2 B /new/a.c:10 g@5 7; 1 B /new/a.c:20 f@15 7", "a.c:10<-a.c:20 +0; a.c:20<-a.c:10 +0"},
	{"overloads are functions of their own", "1 A /old/a.c:10 f(int)@5 7; 2 A /old/a.c:20 f(char)@15 7",
	 "2 B /new/a.c:10 f(char)@5 7; 1 B /new/a.c:20 f(int)@15 7", "a.c:10<-a.c:20 +0; a.c:20<-a.c:10 +0"},
	{"a parameter's type changed", "1 A /old/a.c:10 f(int)@5 7", "1 B /new/a.c:12 f(long)@5 7", "a.c:12<-a.c:10 +0"},
	{"a template's argument changed", "1 A /old/a.c:10 v<int>::f()@5 7", "1 B /new/a.c:12 v<long>::f()@5 7", "a.c:12<-a.c:10 +0"},
	{"split over lines: the only one left in its function", "1 A /old/a.c:10 f@5 7; 2 A /old/a.c:12 f@5 8",
	 "1 B /new/a.c:11 f@5 77; 2 B /new/a.c:14 f@5 8", "a.c:11<-a.c:10 +0; a.c:14<-a.c:12 +0"},
	{"two left in a function are not guessed at", "1 A /old/a.c:10 f@5 7; 2 A /old/a.c:12 f@5 8",
	 "1 B /new/a.c:11 f@5 77; 2 B /new/a.c:14 f@5 88", "a.c:10 gone -1; a.c:11 new +1; a.c:12 gone -2; a.c:14 new +2"},
	{"split over lines: the statement tells", "1 A /old/a.c:10 f@5 7/70; 2 A /old/a.c:12 f@5 8/80",
	 "1 B /new/a.c:11 f@5 77/70; 2 B /new/a.c:14 f@5 88/80", "a.c:11<-a.c:10 +0; a.c:14<-a.c:12 +0"},
	{"a line became two of one statement", "3 A /old/a.c:10 f@5 7/70", "1 B /new/a.c:10 f@5 77/70; 2 B /new/a.c:11 f@5 78/70",
	 "a.c:11<-a.c:10 +0"},
	{"two lines of one statement became one", "1 A /old/a.c:10 f@5 77/70; 2 A /old/a.c:11 f@5 78/70", "9 B /new/a.c:10 f@5 7/70",
	 "a.c:10<-a.c:11 +6"},
	{"the same statement once more is a new one", "1 A /old/a.c:10 f@5 7/70", "1 B /new/a.c:10 f@5 7/70; 2 B /new/a.c:20 f@5 7/70",
	 "a.c:10 +0; a.c:20 new +2"},
	{"in one build each line is itself", "1 A /old/a.c:10 f@5 77/70; 2 A /old/a.c:11 f@5 78/70", "1 A /old/a.c:10 f@5 77/70",
	 "/old/a.c:10<-a.c:10 +0; a.c:11 gone -2"},
	{"a renamed function, reformatted", "1 A /old/a.c:10 f@5 7/70; 2 A /old/a.c:12 f@5 8/80",
	 "1 B /new/a.c:12 g@7 77/70; 2 B /new/a.c:15 g@7 88/80", "a.c:12<-a.c:10 +0; a.c:15<-a.c:12 +0"},
	{"a renamed function", "1 A /old/a.c:10 f@5 7", "1 B /new/a.c:12 g@7 7", "a.c:12<-a.c:10 +0"},
	{"the same text in two functions that both are there still", "1 A /old/a.c:10 f@5 7; 1 A /old/a.c:21 g@20 8",
	 "1 B /new/a.c:9 f@5 9; 1 B /new/a.c:10 f@5 10; 1 B /new/a.c:21 g@20 8; 1 B /new/a.c:22 g@20 7",
	 "a.c:10 gone -1; a.c:10 new +1; a.c:21 +0; a.c:22 new +1; a.c:9 new +1"},
	{"a file in another directory", "1 A /old/src/a.c:10 f@5 7", "1 B /new/lib/a.c:10 f@5 7", "lib/a.c:10<-src/a.c:10 +0"},
	{"another directory, and no texts", "1 A /x/a.c:10 f@5 0", "1 B /y/a.c:12 f@7 0", "/y/a.c:12<-/x/a.c:10 +0"},
	{"without texts: by the distance", "1 A /old/a.c:10 f@5 0; 2 A /old/a.c:12 f@5 0", "1 B /new/a.c:20 f@15 0; 2 B /new/a.c:22 f@15 0",
	 "a.c:20<-a.c:10 +0; a.c:22<-a.c:12 +0"},
	{"without texts: as many, in order", "1 A /old/a.c:10 f@5 0; 2 A /old/a.c:12 f@5 0",
	 "1 B /new/a.c:21 f@15 7; 2 B /new/a.c:24 f@15 8", "a.c:21<-a.c:10 +0; a.c:24<-a.c:12 +0"},
	{"without texts: not as many", "1 A /old/a.c:10 f@5 0; 2 A /old/a.c:12 f@5 0",
	 "1 B /new/a.c:21 f@15 0; 2 B /new/a.c:24 f@15 0; 4 B /new/a.c:26 f@15 0",
	 "a.c:10 gone -1; a.c:12 gone -2; a.c:21 new +1; a.c:24 new +2; a.c:26 new +4"},
	{"no build id", "1 - /old/a.c:10 f@5 7", "1 - /new/a.c:12 f@5 7", "a.c:12<-a.c:10 +0"},
	{"the program is new, its library is not", "1 A /old/a.c:10 f@5 7; 2 L* /usr/l.c:5 l@1 8",
	 "1 B /new/a.c:12 f@5 7; 2 L* /usr/l.c:6 l@1 8", "/usr/l.c:5 gone -2; /usr/l.c:6 new +2; a.c:12<-a.c:10 +0"},
	{"only a symbol", "1 A -:16 f@0 0; 2 A -:32 f@0 0; 4 A -:16 g@0 0", "1 B -:24 f@0 0; 2 B -:48 f@0 0; 4 B -:16 g@0 0",
	 "app(f+0x18)<-app(f+0x10) +0; app(f+0x30)<-app(f+0x20) +0; app(g+0x10) +0"},
	{"a symbol by another name of the compiler's", "1 A -:16 f@0 0", "1 B -:24 f.part.0@0 0", "app(f.part.0+0x18)<-app(f+0x10) +0"},
	{"a doubled loop", "100 A /old/a.c:10 f@5 7", "100 B /new/a.c:12 f@5 7; 100 B /new/a.c:12 f@5 7", "a.c:12<-a.c:10 +100"},
};

START_TEST(a_line)
{
	expect(lines[_i].old, lines[_i].new, lines[_i].expected);
}
END_TEST

/* ---- Other keys ---- */

START_TEST(functions)
{
	expect_by(KEY_FUNCTION, "1 A /old/a.c:10 f(int)@5 7; 2 A /old/a.c:20 old_name@15 8; 4 A /old/a.c:30 gone@25 9",
		  "1 B /new/a.c:10 f(long)@5 7; 2 B /new/a.c:22 new_name@17 8; 4 B /new/a.c:40 here@35 10",
		  "f(long) a.c<-f(int) a.c +0; gone a.c gone -4; here a.c new +4; new_name a.c<-old_name a.c +0");
}
END_TEST

START_TEST(files)
{
	expect_by(KEY_FILENAME, "1 A /old/src/a.c:10 f@5 7; 2 A /old/b.c:20 g@15 8; 4 A /old/x.c:1 x@1 9",
		  "1 B /new/lib/a.c:10 f@5 7; 3 B /new/b.c:20 h@15 9; 4 B /new/y.c:1 y@1 9",
		  "b.c +1; lib/a.c<-src/a.c +0; x.c gone -4; y.c new +4");
}
END_TEST

START_TEST(modules)
{
	expect_by(KEY_MODULE, "1 A /old/a.c:10 f@5 7; 2 C* /l.c:20 g@15 8", "3 B /new/a.c:10 f@5 7; 2 D* /l.c:20 h@15 9",
		  "/bin/app +2; /lib/library.so +0");
}
END_TEST

START_TEST(stacks)
{
	expect_by(KEY_TRACEBACK, "1 A /old/a.c:10 f@5 7 < A /old/a.c:30 main@25 8; 2 A /old/a.c:10 f@5 7 < A /old/a.c:31 main@25 9",
		  "1 B /new/a.c:12 f@7 7 < B /new/a.c:33 main@27 8; 5 B /new/a.c:12 f@7 7 < B /new/a.c:34 main@27 9",
		  "a.c:12<-a.c:10 +0; a.c:12<-a.c:10 +3");
}
END_TEST

/* A number of the new build may be that of another line of the old one. */
START_TEST(stacks_whose_numbers_cross)
{
	expect_by(KEY_TRACEBACK, "1 A /old/a.c:10 f@5 7; 2 A /old/a.c:12 f@5 8", "1 B /new/a.c:12 f@5 7; 2 B /new/a.c:10 f@5 8",
		  "a.c:10<-a.c:12 +0; a.c:12<-a.c:10 +0");
}
END_TEST

/* Optimisation leaves a caller out; the line is the same and there is no other stack that it could be. */
START_TEST(stacks_without_a_caller)
{
	expect_by(KEY_TRACEBACK, "1 A /old/a.c:10 f@5 7 < A /old/a.c:20 g@15 9 < A /old/a.c:30 main@25 8",
		  "1 B /new/a.c:10 f@5 7 < B /new/a.c:30 main@25 8", "a.c:10<-a.c:10 +0");
}
END_TEST

/* Lines of callers that say something else: the functions tell. */
START_TEST(stacks_by_functions)
{
	expect_by(KEY_TRACEBACK,
		  "1 A /old/a.c:10 f@5 7 < A /old/a.c:20 g@15 1 < A /old/a.c:21 g@15 2; 2 A /old/a.c:10 f@5 7 < A /old/a.c:30 h@25 3 < A "
		  "/old/a.c:31 h@25 4",
		  "1 B /new/a.c:10 f@5 7 < B /new/a.c:20 g@15 11 < B /new/a.c:21 g@15 12; 2 B /new/a.c:10 f@5 7 < B /new/a.c:30 h@25 13 < "
		  "B /new/a.c:31 h@25 14",
		  "a.c:10 +0; a.c:10 +0");
}
END_TEST

/* Both become one stack, because their frames are one line. */
START_TEST(stacks_of_a_split_statement)
{
	expect_by(KEY_TRACEBACK, "1 A /old/a.c:10 f@5 77/70 < A /old/a.c:30 main@25 8; 2 A /old/a.c:11 f@5 78/70 < A /old/a.c:30 main@25 8",
		  "3 B /new/a.c:10 f@5 7/70 < B /new/a.c:29 main@24 8", "a.c:10<-a.c:11 +0");
}
END_TEST

START_TEST(processes)
{
	static const char *const names[2][3] = {{"10 ./old/app a", "11 ./old/app b", "12 sh"},
						{"20 ./new/app a", "21 ./new/app b", "22 sh"}};

	for (size_t i = 0; i < 2; i++) {
		make_snapshot(&snapshots[i], "1 A /old/a.c:1 f@1 7; 2 A /old/a.c:2 f@1 8; 4 A /old/a.c:3 f@1 9");
		snapshots[i].processes = calloc(3, sizeof(char *));
		snapshots[i].stack_process = calloc(3, sizeof(uint32_t));
		snapshots[i].process_count = 3;
		for (uint32_t j = 0; j < 3; j++) {
			snapshots[i].processes[j] = intern_add(intern, names[i][j]);
			snapshots[i].stack_process[j] = j;
		}
	}
	compare(2, KEY_PROCESS);
	expect_rows("20 ./new/app a<-10 ./old/app a +0; 21 ./new/app b<-11 ./old/app b +0; 22 sh<-12 sh +0", 1, KEY_PROCESS);
}
END_TEST

/* ---- More than two, and counts ---- */

/* A line that is away in between is itself again, and its number may be another's meanwhile. */
START_TEST(a_series)
{
	make_snapshot(&snapshots[0], "1 A /old/a.c:10 f@5 7; 2 A /old/a.c:20 g@15 8");
	make_snapshot(&snapshots[1], "1 B /new/a.c:20 f@15 7");
	make_snapshot(&snapshots[2], "1 C /last/a.c:30 f@25 7; 8 C /last/a.c:40 g@35 8; 3 C /last/a.c:50 h@45 9");
	compare(3, KEY_LINENO);
	expect_rows("a.c:30<-a.c:10 +0; a.c:40<-a.c:20 +6; a.c:50 new +3", 2, KEY_LINENO);
	ck_assert_uint_eq(diff.same, 0);
	ck_assert_uint_eq(diff.moved, 2);
	ck_assert_uint_eq(diff.came, 1);
	ck_assert_uint_eq(diff.gone, 0);
}
END_TEST

/* Broken in the second, whole in the third; and the other way round. */
START_TEST(a_series_of_layouts)
{
	make_snapshot(&snapshots[0], "3 A /old/a.c:10 f@5 7/70");
	make_snapshot(&snapshots[1], "1 B /new/a.c:10 f@5 77/70; 2 B /new/a.c:11 f@5 78/70");
	make_snapshot(&snapshots[2], "3 C /last/a.c:12 f@5 7/70");
	compare(3, KEY_LINENO);
	expect_rows("a.c:12<-a.c:10 +0", 2, KEY_LINENO);
	ck_assert_int_eq((int)diff.rows[0].groups[1]->size, 3);
}
END_TEST

START_TEST(another_series_of_layouts)
{
	make_snapshot(&snapshots[0], "1 A /old/a.c:10 f@5 77/70; 2 A /old/a.c:11 f@5 78/70");
	make_snapshot(&snapshots[1], "3 B /new/a.c:10 f@5 77/70");
	make_snapshot(&snapshots[2], "3 C /last/a.c:11 f@5 78/70");
	compare(3, KEY_LINENO);
	expect_rows("a.c:11 +0", 2, KEY_LINENO);
}
END_TEST

START_TEST(counts)
{
	expect("1 A /old/a.c:10 f@5 7; 1 A /old/a.c:11 f@5 8; 1 A /old/b.c:3 g@1 9",
	       "1 B /new/a.c:10 f@5 7; 1 B /new/a.c:12 f@5 8; 1 B /new/c.c:3 h@1 10",
	       "a.c:10 +0; a.c:12<-a.c:11 +0; b.c:3 gone -1; c.c:3 new +1");
	ck_assert_uint_eq(diff.same, 1);
	ck_assert_uint_eq(diff.moved, 1);
	ck_assert_uint_eq(diff.came, 1);
	ck_assert_uint_eq(diff.gone, 1);
}
END_TEST

START_TEST(one_build_needs_no_classes)
{
	make_snapshot(&snapshots[0], "1 A /old/a.c:10 f@5 7");
	make_snapshot(&snapshots[1], "1 A /old/a.c:10 f@5 7");
	for (size_t i = 0; i < 2; i++) {
		struct stats_options options = {.attribution = {ATTRIBUTE_MINE, "/old", NULL}, .keys = keys};
		struct error error = {0};
		ck_assert_int_eq(stats_make(&stats[i], &snapshots[i], &options, &error), 0);
	}
	ck_assert_int_eq(match_make(&match, stats, 2, &(struct error){0}), 0);
	ck_assert_ptr_null(match.classes);
}
END_TEST

/* Two moments of one process: what runs in it is one build, whether it has an id or not. */
START_TEST(one_process)
{
	make_snapshot(&snapshots[0], "1 - /old/a.c:10 f@5 7");
	make_snapshot(&snapshots[1], "1 - /old/a.c:12 f@5 8");
	for (size_t i = 0; i < 2; i++) {
		snapshots[i].info.pid = 4711;
		snapshots[i].info.start_realtime_ns = 1000000;
	}
	compare(2, KEY_LINENO);
	expect_rows("/old/a.c:12 new +1; a.c:10 gone -1", 1, KEY_LINENO);
}
END_TEST

/* ---- Mapped paths ---- */

static const struct {
	const char *spec, *file, *expected;
} maps[] = {
	{"src/a.c=lib/b.c", "/old/src/a.c", "/old/lib/b.c"},
	{"src=lib", "/old/src/x/a.c", "/old/lib/x/a.c"},
	{"src/=lib/", "/old/src/a.c", "/old/lib/a.c"},
	{"src=", "/old/src/a.c", "/old/a.c"},
	{"src=/elsewhere", "/old/src/a.c", "/elsewhere/a.c"},
	{"src=lib", "/old/src2/a.c", "/old/src2/a.c"},
	{"/build=/old/src", "/build/a.c", "/old/src/a.c"},
	{"/build=/old/src", "/builds/a.c", "/builds/a.c"},
	{"/=/mnt/", "/usr/a.c", "/mnt/usr/a.c"},
	{"/build/=/", "/build/a.c", "/a.c"},
	{"a.c=b.c", "a.c", "b.c"},
	{"a.c=b=c.c", "a.c", "b=c.c"},
};

START_TEST(a_mapped_path)
{
	const char *specs[] = {maps[_i].spec, "src=second", "a.c=second", NULL};
	char frame[128];

	snprintf(frame, sizeof(frame), "1 A %s:10 f@5 7", maps[_i].file);
	make_snapshot(&snapshots[0], frame);
	ck_assert_int_eq(map_path_check(maps[_i].spec, &(struct error){0}), 0);
	specs[1] = strcmp(maps[_i].file, maps[_i].expected) ? specs[1] : NULL;
	ck_assert_int_eq(map_path_apply(&snapshots[0], "/old", specs, &(struct error){0}), 0);
	ck_assert_str_eq(snapshots[0].locations[0].file, maps[_i].expected);
}
END_TEST

START_TEST(bad_maps)
{
	struct error error = {0};

	ck_assert_int_lt(map_path_check("src", &error), 0);
	ck_assert_str_eq(error.text, "bad path map 'src': it needs to be FROM=TO");
	ck_assert_int_lt(map_path_check("=lib", &(struct error){0}), 0);
	ck_assert_int_lt(map_path_check("", &(struct error){0}), 0);
}
END_TEST

static void set_up(void)
{
	intern = intern_new();
	keys = keys_new();
	for (size_t i = 0; i < MOST; i++)
		snapshot_init(&snapshots[i], intern);
}

static void tear_down(void)
{
	diff_release(&diff);
	match_release(&match);
	for (size_t i = 0; i < MOST; i++) {
		stats_release(&stats[i]);
		snapshot_release(&snapshots[i]);
	}
	keys_free(keys);
	intern_free(intern);
}

int main(void)
{
	Suite *suite = suite_create("match");
	TCase *group = tcase_create("match");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(group, set_up, tear_down);
	tcase_add_loop_test(group, a_line, 0, sizeof(lines) / sizeof(*lines));
	tcase_add_test(group, functions);
	tcase_add_test(group, files);
	tcase_add_test(group, modules);
	tcase_add_test(group, stacks);
	tcase_add_test(group, stacks_whose_numbers_cross);
	tcase_add_test(group, stacks_without_a_caller);
	tcase_add_test(group, stacks_by_functions);
	tcase_add_test(group, stacks_of_a_split_statement);
	tcase_add_test(group, processes);
	tcase_add_test(group, a_series);
	tcase_add_test(group, a_series_of_layouts);
	tcase_add_test(group, another_series_of_layouts);
	tcase_add_test(group, counts);
	tcase_add_test(group, one_build_needs_no_classes);
	tcase_add_test(group, one_process);
	tcase_add_loop_test(group, a_mapped_path, 0, sizeof(maps) / sizeof(*maps));
	tcase_add_test(group, bad_maps);
	suite_add_tcase(suite, group);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
