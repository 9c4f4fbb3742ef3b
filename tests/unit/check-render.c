/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* Every renderer on one small report made by hand, with everything hostile that a name can hold; and the sources behind text. */
#include "render.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source.h"

static const struct report_column columns[] = {
	{"size", NULL, IN_TEXT | IN_LINES | IN_DATA | IN_MARKDOWN},
	{"size_diff", "size diff", IN_TEXT | IN_LINES | IN_DATA | IN_MARKDOWN},
	{"count", NULL, IN_TEXT | IN_LINES | IN_DATA | IN_MARKDOWN},
	{"average", NULL, IN_TEXT | IN_LINES | IN_MARKDOWN},
	{"sizes", NULL, IN_DATA},
};
enum { COLUMN_COUNT = sizeof(columns) / sizeof(*columns) };

static const report_integer series[] = {1, 2048};
static const struct cell totals[COLUMN_COUNT] = {[4] = {.kind = CELL_BYTES_SERIES, .integers = series, .count = 2}};

#define HOSTILE "a|b`\x1b[2J\"c\",\n\xff.c"

static int fill(const struct report_table *table, size_t index, struct report_row *row, struct error *error)
{
	(void)table;
	if (report_row_frames(row, 2, error) < 0)
		return -1;
	row->cells[0] = cell_integer(CELL_BYTES, index ? (report_integer)UINT64_MAX * 4 : 2048);
	row->cells[1] = cell_integer(CELL_BYTES_DELTA, index ? -(report_integer)UINT64_MAX * 4 : 0);
	row->cells[2] = cell_integer(CELL_COUNT, index ? 0 : 3);
	row->cells[3] = index ? cell_none() : cell_real(CELL_AVERAGE, 2048 / 3.0);
	row->cells[4] = totals[4];
	row->frames[0] = (struct report_frame){.file = index ? HOSTILE : "in.c", .line = 7, .function = index ? NULL : "f"};
	row->frames[1] = (struct report_frame){.file = "main.c", .line = 1, .function = "main", .module = "/bin/x", .source = "main();"};
	strbuf_puts(&row->label, index ? HOSTILE ":7" : "in.c:7");
	strbuf_puts(&row->outer, "main.c:1");
	if (!index) {
		strbuf_puts(&row->source, "p = malloc(n);\t\x1b[0m");
		strbuf_puts(&row->via, "via xmalloc");
	}
	strbuf_puts(&row->mark, index ? "gone" : "");
	row->growth = index ? -1 : 0;
	return 0;
}

static struct report report;

static char *print_with(const struct render_options *options)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct error error = {0};

	ck_assert_int_eq(render(&report, options, out, &error), 0);
	fclose(out);
	return text;
}

static char *print(enum render_format format)
{
	struct render_options options = {.format = format, .traceback_limit = LLONG_MAX};

	return print_with(&options);
}

static void expect(char *text, const char *wanted)
{
	ck_assert_str_eq(text, wanted);
	free(text);
}

START_TEST(for_people)
{
	expect(print(RENDER_TEXT), "old: \\x1b[7m.hds\n"
				   "[ Top 2 ]\n"
				   "in.c:7: size=2048 B (+0 B), count=3, average=683 B\n"
				   "    p = malloc(n);\\t\\x1b[0m                            via xmalloc\n"
				   "      f     in.c:7\n"
				   "      main  main.c:1\n"
				   "a|b`\\x1b[2J\"c\",\\n\\xff.c:7: size=67108864 TiB (-67108864 TiB), count=0              gone\n"
				   "      ?     a|b`\\x1b[2J\"c\",\\n\\xff.c:7\n"
				   "      main  main.c:1\n"
				   "Total: much\n"
				   "next: heapdelta info x\n");
}
END_TEST

START_TEST(colours)
{
	struct render_options options = {.format = RENDER_TEXT, .color = true};
	char *text = print_with(&options);

	ck_assert_ptr_nonnull(strstr(text, "\033[1m[ Top 2 ]\033[0m\n"));
	ck_assert_ptr_nonnull(strstr(text, "\033[32ma|b`\\x1b[2J"));
	free(text);
}
END_TEST

/* Names give way to numbers, down to 24 columns; source lines end at the edge. */
START_TEST(narrow_terminals)
{
	struct render_options options = {.format = RENDER_TEXT, .width = 30};
	char *text = print_with(&options);

	ck_assert_ptr_nonnull(strstr(text, "\nin.c:7: size=2048 B (+0 B), count=3, average=683 B\n"));
	ck_assert_ptr_nonnull(strstr(text, "\n    p = malloc(n);\\t\\x1b[0m  …\n"));
	ck_assert_ptr_nonnull(strstr(text, "\na|b`\\x1b…J\"c\",\\n\\xff.c:7: size=67108864 TiB"));
	free(text);
}
END_TEST

START_TEST(other_locales)
{
	struct render_options options = {.format = RENDER_TEXT, .width = 30, .ascii = true};
	char *text = print_with(&options);

	for (const char *at = text; *at; at++)
		ck_assert(!(*at & 0x80));
	ck_assert_ptr_nonnull(strstr(text, "\\x1b[0m  ...\n"));
	free(text);
}
END_TEST

static const struct {
	const char *text;
	size_t width;
	const char *shown;
} shortened[] = {
	{"src/cache.c:42", 14, "src/cache.c:42"},
	{"src/cache.c:42", 13, "src/…che.c:42"},
	{"src/cache.c:42", 3, "s…2"},
	{"äöüäöüäöü", 6, "äö…äöü"},
	{"src/cache.c:42", 0, "src/cache.c:42"},
	{"", 5, ""},
};

START_TEST(middles_left_out)
{
	struct strbuf out;

	strbuf_init(&out);
	render_shorten(&out, shortened[_i].text, shortened[_i].width);
	ck_assert_str_eq(out.data, shortened[_i].shown);
	strbuf_release(&out);
}
END_TEST

START_TEST(series_by_their_ends)
{
	const report_integer values[] = {1, 2, 3, 4, 5, 6, 7, 8, 2048};
	struct cell cell = {.kind = CELL_BYTES_SERIES, .integers = values, .count = 7};
	struct strbuf out;

	strbuf_init(&out);
	render_series(&out, &cell);
	ck_assert_str_eq(out.data, "1 B → 2 B → 3 B → 4 B → 5 B → 6 B → 7 B");
	strbuf_clear(&out);
	cell.count = 9;
	render_series(&out, &cell);
	ck_assert_str_eq(out.data, "1 B → 2 B → … → 7 B → 8 B → 2048 B");
	strbuf_release(&out);
}
END_TEST

START_TEST(lines)
{
	expect(print(RENDER_LINES), "main.c:1: size=2048 B (+0 B), count=3, average=683 B\n"
				    "main.c:1: size=67108864 TiB (-67108864 TiB), count=0\n");
}
END_TEST

START_TEST(traceback)
{
	struct render_options options = {.format = RENDER_TRACEBACK, .traceback_limit = 1, .most_recent_first = true};
	char *all;

	expect(print_with(&options), "main.c:1: size=2048 B (+0 B), count=3, average=683 B\n"
				     "  File \"in.c\", line 7\n"
				     "main.c:1: size=67108864 TiB (-67108864 TiB), count=0\n"
				     "  File \"" HOSTILE "\", line 7\n");
	options.traceback_limit = LLONG_MIN;
	expect(print_with(&options), "main.c:1: size=2048 B (+0 B), count=3, average=683 B\n"
				     "main.c:1: size=67108864 TiB (-67108864 TiB), count=0\n");
	options.traceback_limit = LLONG_MAX;
	options.most_recent_first = false;
	all = print_with(&options);
	ck_assert_ptr_nonnull(strstr(all, "  File \"main.c\", line 1\n    main();\n  File \"in.c\", line 7\n"));
	free(all);
}
END_TEST

START_TEST(csv)
{
	expect(print(RENDER_CSV), "file,line,function,module,size,size_diff,count,sizes_1,sizes_2,stack\r\n"
				  "in.c,7,f,,2048,0,3,1,2048,in.c:7 < main.c:1\r\n"
				  "\"a|b`\x1b[2J\"\"c\"\",\n\xff.c\",7,,,73786976294838206460,-73786976294838206460,0,1,2048,"
				  "\"a|b`\x1b[2J\"\"c\"\",\n\xff.c:7 < main.c:1\"\r\n");
}
END_TEST

START_TEST(json)
{
	expect(print(RENDER_JSON), "{\"format\":\"heapdelta-test\",\"version\":1,\"key\":\"lineno\",\n"
				   "\"totals\":{\"size\":5,\"any\":true,\"none\":null},\n"
				   "\"series\":[\n{\"file\":\"a\"},\n{\"file\":\"b\",\"pid\":7}],\"late\":-1,\n"
				   "\"stats\":[\n"
				   "{\"size\":2048,\"size_diff\":0,\"count\":3,\"sizes\":[1,2048],\"attributed\":0,\"frames\":["
				   "{\"file\":\"in.c\",\"line\":7,\"function\":\"f\",\"module\":null},"
				   "{\"file\":\"main.c\",\"line\":1,\"function\":\"main\",\"module\":\"/bin/x\"}]},\n"
				   "{\"size\":73786976294838206460,\"size_diff\":-73786976294838206460,\"count\":0,\"sizes\":[1,2048],"
				   "\"attributed\":0,\"frames\":["
				   "{\"file\":\"a|b`\\u001b[2J\\\"c\\\",\\u000a\\ufffd.c\",\"line\":7,\"function\":null,\"module\":null},"
				   "{\"file\":\"main.c\",\"line\":1,\"function\":\"main\",\"module\":\"/bin/x\"}]}]}\n");
}
END_TEST

START_TEST(markdown)
{
	expect(print(RENDER_MARKDOWN), "- old: \\\\x1b\\[7m.hds\n\n"
				       "### Top 2\n\n"
				       "| lineno | size | size diff | count | average | |\n"
				       "| --- | ---: | ---: | ---: | ---: | --- |\n"
				       "| `in.c:7`<br>`in.c:7`<br>`main.c:1` | 2048 B | +0 B | 3 | 683 B | via xmalloc |\n"
				       "| `` a\\|b`\\x1b[2J\"c\",\\n\\xff.c:7 ``<br>`` a\\|b`\\x1b[2J\"c\",\\n\\xff.c:7 ``<br>`main.c:1` | "
				       "67108864 TiB | -67108864 TiB | 0 |  | gone |\n\n"
				       "- Total: much\n");
}
END_TEST

static void set_up(void)
{
	report_init(&report, "heapdelta-test");
	report.tables = calloc(1, sizeof(*report.tables));
	report.table_count = 1;
	report.tables[0] = (struct report_table){.name = "stats",
						 .title = "Top 2",
						 .subject = "lineno",
						 .columns = columns,
						 .column_count = COLUMN_COUNT,
						 .row_count = 2,
						 .totals = totals,
						 .with_frames = true,
						 .with_stacks = true,
						 .fill = fill};
	report_line(&report, &report.header, "old: %s", "\x1b[7m.hds");
	report_line(&report, &report.footer, "Total: %s", "much");
	report_property(&report, NULL, "key", cell_text("lineno"));
	report_property(&report, "totals", "size", cell_integer(CELL_BYTES, 5));
	report_property(&report, "totals", "any", cell_flag(true));
	report_property(&report, "totals", "none", cell_none());
	report_property_at(&report, "series", 0, "file", cell_text("a"));
	report_property_at(&report, "series", 1, "file", cell_text("b"));
	report_property_at(&report, "series", 1, "pid", cell_integer(CELL_NUMBER, 7));
	report_property(&report, NULL, "late", cell_integer(CELL_NUMBER, -1));
	report.next = "heapdelta info x";
	ck_assert(!report.failed);
}

static void tear_down(void)
{
	report_release(&report);
}

/* ---- Numbers and escapes ---- */

START_TEST(integers)
{
	char buffer[CELL_TEXT_MAX];
	report_integer least = (report_integer)((unsigned __int128)1 << 127);

	ck_assert_str_eq(render_integer(buffer, 0, true), "+0");
	ck_assert_str_eq(render_integer(buffer, -12, true), "-12");
	ck_assert_str_eq(render_integer(buffer, least, false), "-170141183460469231731687303715884105728");
}
END_TEST

static const char *const escapes[][2] = {
	{"plain é 日", "plain é 日"},
	{"\x01\x7f", "\\x01\\x7f"},
	{"\xc2\x9b"
	 "31m",
	 "\\xc2\\x9b31m"},
	{"\xed\xa0\x80", "\\xed\\xa0\\x80"},
	{"\xc0\xaf", "\\xc0\\xaf"},
	{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
	{"end\xe6\x97", "end\\xe6\\x97"},
};

START_TEST(escaped_for_terminals)
{
	struct strbuf out;

	strbuf_init(&out);
	render_escape(&out, escapes[_i][0]);
	ck_assert_str_eq(out.data, escapes[_i][1]);
	strbuf_release(&out);
}
END_TEST

/* ---- Source lines ---- */

START_TEST(source_lines)
{
	char path[] = "/tmp/check-render-XXXXXX", fifo[64];
	int fd = mkstemp(path);
	struct source *source = source_new();

	ck_assert_int_eq((int)write(fd, "\tfirst  \r\n\n \vlast", 18), 18);
	close(fd);
	ck_assert_str_eq(source_line(source, path, 1), "first");
	ck_assert_str_eq(source_line(source, path, 2), "");
	ck_assert_str_eq(source_line(source, path, 3), "last");
	ck_assert_ptr_null(source_line(source, path, 4));
	ck_assert_ptr_null(source_line(source, path, 0));
	unlink(path);
	/* Read once. */
	ck_assert_str_eq(source_line(source, path, 1), "first");
	ck_assert_ptr_null(source_line(source, "/no/such/file", 1));
	ck_assert_ptr_null(source_line(source, "/dev/zero", 1));
	ck_assert_ptr_null(source_line(source, "/tmp", 1));
	/* Nobody writes into it: opening it must not wait. */
	snprintf(fifo, sizeof(fifo), "%s.fifo", path);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_assert_ptr_null(source_line(source, fifo, 1));
	unlink(fifo);
	source_free(source);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("render");
	TCase *formats = tcase_create("formats"), *pieces = tcase_create("pieces");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(formats, set_up, tear_down);
	tcase_add_test(formats, for_people);
	tcase_add_test(formats, colours);
	tcase_add_test(formats, narrow_terminals);
	tcase_add_test(formats, other_locales);
	tcase_add_loop_test(pieces, middles_left_out, 0, sizeof(shortened) / sizeof(*shortened));
	tcase_add_test(pieces, series_by_their_ends);
	tcase_add_test(formats, lines);
	tcase_add_test(formats, traceback);
	tcase_add_test(formats, csv);
	tcase_add_test(formats, json);
	tcase_add_test(formats, markdown);
	suite_add_tcase(suite, formats);
	tcase_add_test(pieces, integers);
	tcase_add_loop_test(pieces, escaped_for_terminals, 0, sizeof(escapes) / sizeof(*escapes));
	tcase_add_test(pieces, source_lines);
	suite_add_tcase(suite, pieces);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
