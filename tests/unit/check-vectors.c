/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/*
 * tracemalloc's own answers against the real command ($HEAPDELTA, else heapdelta in $BUILD, else build/heapdelta): every case of statistics and compare_to becomes
 * interchange JSON, and `stats` or `diff` must print its lines, and in JSON its numbers and frames, in its order.  Likewise
 * Traceback.format() through --format traceback and the recorder's truncation through export --nframe.
 */
#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "size-text.h"
#include "traces.h"

enum { ARGUMENTS_MAX = 40 };

static char command[4096], scratch[64];
static json_t *vectors;

/* ---- Running the command ---- */

struct arguments {
	const char *list[ARGUMENTS_MAX];
	size_t count;
	char *owned[ARGUMENTS_MAX];
	size_t owned_count;
};

static void add(struct arguments *arguments, const char *text)
{
	ck_assert_uint_lt(arguments->count, ARGUMENTS_MAX - 1);
	arguments->list[arguments->count++] = text;
	arguments->list[arguments->count] = NULL;
}

__attribute__((format(printf, 2, 3))) static void add_format(struct arguments *arguments, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	ck_assert_int_ge(vasprintf(&arguments->owned[arguments->owned_count], format, values), 0);
	va_end(values);
	add(arguments, arguments->owned[arguments->owned_count++]);
}

static void release(struct arguments *arguments)
{
	for (size_t i = 0; i < arguments->owned_count; i++)
		free(arguments->owned[i]);
}

/* Runs in the scratch directory; returns stdout (free it) and the exit status. */
static char *run(const struct arguments *arguments, int *status)
{
	int ends[2];
	pid_t pid;
	FILE *out;
	char *text;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (chdir(scratch) != 0 || dup2(ends[1], STDOUT_FILENO) < 0 || !freopen("/dev/null", "w", stderr))
			_exit(99);
		close(ends[0]);
		close(ends[1]);
		execv(command, (char *const *)arguments->list);
		_exit(98);
	}
	close(ends[1]);
	out = fdopen(ends[0], "r");
	text = read_all(out);
	fclose(out);
	ck_assert_int_eq(waitpid(pid, status, 0), pid);
	ck_assert(WIFEXITED(*status));
	*status = WEXITSTATUS(*status);
	return text;
}

/* ---- Snapshots ---- */

/* A number of the vectors as digits. */
static const char *digits(const json_t *value, char buffer[32])
{
	if (json_is_string(value))
		return json_string_value(value);
	snprintf(buffer, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return buffer;
}

static void write_trace(FILE *out, const json_t *trace)
{
	const json_t *size = json_object_get(trace, "size"), *domain = json_object_get(trace, "domain"), *total;
	char buffer[32], *frames = json_dumps(json_object_get(trace, "frames"), JSON_COMPACT);

	total = json_object_get(trace, "total_nframe");
	fprintf(out, "{\"size\":%s,\"frames\":%s", size ? digits(size, buffer) : "1", frames);
	if (domain)
		fprintf(out, ",\"domain\":%s", digits(domain, buffer));
	if (total)
		fprintf(out, ",\"total_nframe\":%s", digits(total, buffer));
	fputs("}", out);
	free(frames);
}

static void write_traces(const char *name, const json_t *traces, const json_t *limit)
{
	char path[4200], buffer[32];
	const json_t *trace;
	size_t i;
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", scratch, name);
	out = fopen(path, "w");
	ck_assert_ptr_nonnull(out);
	fprintf(out, "{\"format\":\"heapdelta-snapshot\",\"version\":1,\"traceback_limit\":%s,\"traces\":[",
		limit ? digits(limit, buffer) : "1");
	json_array_foreach(traces, i, trace)
	{
		if (i)
			fputc(',', out);
		write_trace(out, trace);
	}
	fputs("]}", out);
	ck_assert_int_eq(fclose(out), 0);
}

/* ---- statistics() and compare_to() ---- */

static void add_filter(struct arguments *arguments, const json_t *filter)
{
	const json_t *pattern = json_object_get(filter, "filename_pattern"), *line = json_object_get(filter, "lineno");
	const json_t *domain = json_object_get(filter, "domain");
	char line_text[32] = "", domain_text[40] = "";

	if (json_is_integer(line))
		snprintf(line_text, sizeof(line_text), ":%" JSON_INTEGER_FORMAT, json_integer_value(line));
	if (json_is_integer(domain))
		snprintf(domain_text, sizeof(domain_text), "@domain=%" JSON_INTEGER_FORMAT, json_integer_value(domain));
	add(arguments, json_is_true(json_object_get(filter, "inclusive")) ? "--filter" : "--exclude");
	add_format(arguments, "%s%s%s%s", pattern ? json_string_value(pattern) : "", line_text,
		   json_is_true(json_object_get(filter, "all_frames")) ? "@all-frames" : "", domain_text);
}

static void prepare(struct arguments *arguments, const json_t *one, const char *format)
{
	const json_t *filter;
	size_t i;

	add(arguments, "heapdelta");
	write_traces("new.json", json_object_get(one, "new_traces"), json_object_get(one, "new_traceback_limit"));
	if (strcmp(json_string_value(json_object_get(one, "op")), "compare_to") == 0) {
		write_traces("old.json", json_object_get(one, "old_traces"), json_object_get(one, "old_traceback_limit"));
		add(arguments, "diff");
		add(arguments, "old.json");
	} else {
		add(arguments, "stats");
	}
	add(arguments, "new.json");
	add(arguments, "--attribute=raw");
	add(arguments, "-k");
	add(arguments, json_string_value(json_object_get(one, "key_type")));
	if (json_is_true(json_object_get(one, "cumulative")))
		add(arguments, "--cumulative");
	json_array_foreach(json_object_get(one, "filters"), i, filter) add_filter(arguments, filter);
	add(arguments, "--format");
	add(arguments, format);
}

static char *expected_lines(const json_t *rows)
{
	struct strbuf text;
	const json_t *row;
	size_t i;

	strbuf_init(&text);
	json_array_foreach(rows, i, row)
	{
		strbuf_puts(&text, json_string_value(json_object_get(row, "str")));
		strbuf_putc(&text, '\n');
	}
	return text.length ? strbuf_steal(&text) : strdup("");
}

static void compare_frames(const char *id, const json_t *expected, const json_t *frames)
{
	const json_t *frame;
	size_t i;

	ck_assert_msg(json_array_size(expected) == json_array_size(frames), "%s: %zu frames", id, json_array_size(frames));
	json_array_foreach(expected, i, frame)
	{
		const json_t *got = json_array_get(frames, i);
		ck_assert_str_eq(json_string_value(json_array_get(frame, 0)), json_string_value(json_object_get(got, "file")));
		ck_assert_int_eq(json_integer_value(json_array_get(frame, 1)), json_integer_value(json_object_get(got, "line")));
	}
}

static void compare_numbers(const char *id, const json_t *expected, const json_t *got)
{
	static const char *const names[] = {"size", "count", "size_diff", "count_diff", "sum_size", "sum_count"};
	char left[32], right[32];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const json_t *wanted = json_object_get(expected, names[i]), *have = json_object_get(got, names[i]);
		if (wanted)
			ck_assert_msg(have && strcmp(digits(wanted, left), digits(have, right)) == 0, "%s: %s is %s, expected %s", id,
				      names[i], have ? digits(have, right) : "missing", left);
	}
}

static void check_json(const char *id, const json_t *expected, const char *text)
{
	json_t *got = wide_loads(text);
	const json_t *rows = json_object_get(expected, "stats"), *stats = json_object_get(got, "stats"), *row;
	size_t i;

	ck_assert_msg(json_array_size(rows) == json_array_size(stats), "%s: %zu rows", id, json_array_size(stats));
	json_array_foreach(rows, i, row)
	{
		compare_numbers(id, row, json_array_get(stats, i));
		compare_frames(id, json_object_get(row, "frames"), json_object_get(json_array_get(stats, i), "frames"));
	}
	json_decref(got);
}

static void check_case(const json_t *one, const char *format)
{
	const char *id = json_string_value(json_object_get(one, "id"));
	const json_t *expected = json_object_get(one, "expected");
	struct arguments arguments = {0};
	char *text, *lines;
	int status;

	prepare(&arguments, one, format);
	text = run(&arguments, &status);
	if (json_object_get(expected, "error")) {
		ck_assert_msg(status == 2 && !*text, "%s: status %d: %s", id, status, text);
	} else if (strcmp(format, "lines") == 0) {
		lines = expected_lines(json_object_get(expected, "stats"));
		ck_assert_msg(status == 0 && strcmp(lines, text) == 0, "%s: status %d, expected:\n%sgot:\n%s", id, status, lines, text);
		free(lines);
	} else {
		ck_assert_msg(status == 0, "%s: status %d", id, status);
		check_json(id, expected, text);
	}
	free(text);
	release(&arguments);
}

START_TEST(cases)
{
	const json_t *list = json_object_get(vectors, "cases"), *one;
	size_t i;

	ck_assert_uint_eq(json_array_size(list), 103);
	json_array_foreach(list, i, one)
	{
		/* CPython takes .pyc for .py; C has no such files. */
		if (strcmp(json_string_value(json_object_get(one, "id")), "flt-pyc-pattern") == 0)
			continue;
		check_case(one, "lines");
		check_case(one, "json");
	}
}
END_TEST

/* ---- Patterns ---- */

/* Can a SPEC say it?  No empty pattern, no line or option at its end; and CPython takes .pyc for .py. */
static bool is_spec(const char *pattern, const char *name)
{
	return *pattern && !strpbrk(pattern, ":@") && !strcasestr(pattern, ".py") && !strcasestr(name, ".py");
}

START_TEST(filter_pattern)
{
	const json_t *list = json_object_get(vectors, "filter_pattern"), *one;
	size_t i, checked = 0;

	json_array_foreach(list, i, one)
	{
		const char *pattern = json_string_value(json_array_get(one, 0)), *name = json_string_value(json_array_get(one, 1));
		struct arguments arguments = {0};
		json_t *traces = json_pack("[{s:[[s,i]]}]", "frames", name, 1);
		char *text;
		int status;
		if (is_spec(pattern, name)) {
			write_traces("new.json", traces, NULL);
			for (const char *const *word = (const char *const[]){"heapdelta", "stats", "new.json", "--attribute", "raw",
									     "--format", "lines", "--filter", NULL};
			     *word; word++)
				add(&arguments, *word);
			add(&arguments, pattern);
			text = run(&arguments, &status);
			ck_assert_msg(status == 0 && (*text != '\0') == json_is_true(json_array_get(one, 2)), "'%s' on '%s'", pattern,
				      name);
			free(text);
			checked++;
		}
		json_decref(traces);
	}
	ck_assert_uint_ge(checked, 70);
}
END_TEST

/* ---- Traceback.format() ---- */

static void write_sources(void)
{
	const char *name;
	json_t *lines;

	json_object_foreach(json_object_get(vectors, "sources"), name, lines)
	{
		char path[4200];
		const json_t *line;
		size_t i;
		FILE *out;
		snprintf(path, sizeof(path), "%s/%s", scratch, name);
		out = fopen(path, "w");
		ck_assert_ptr_nonnull(out);
		json_array_foreach(lines, i, line) fputs(json_string_value(line), out);
		ck_assert_int_eq(fclose(out), 0);
	}
}

static char *expected_traceback(const json_t *one)
{
	const json_t *frames = json_object_get(one, "frames"), *oldest = json_array_get(frames, json_array_size(frames) - 1), *line;
	struct strbuf text;
	size_t i;

	strbuf_init(&text);
	strbuf_printf(&text, "%s:%" JSON_INTEGER_FORMAT ": size=1 B, count=1, average=1 B\n", json_string_value(json_array_get(oldest, 0)),
		      json_integer_value(json_array_get(oldest, 1)));
	json_array_foreach(json_object_get(one, "expected"), i, line) strbuf_printf(&text, "%s\n", json_string_value(line));
	return strbuf_steal(&text);
}

START_TEST(traceback_format)
{
	const json_t *list = json_object_get(vectors, "traceback_format"), *one;
	size_t i;

	ck_assert_uint_eq(json_array_size(list), 40);
	write_sources();
	json_array_foreach(list, i, one)
	{
		const json_t *limit = json_object_get(one, "limit");
		struct arguments arguments = {0};
		json_t *traces = json_pack("[{s:O}]", "frames", json_object_get(one, "frames"));
		char *text, *expected = expected_traceback(one);
		int status;
		write_traces("new.json", traces, NULL);
		for (const char *const *word = (const char *const[]){"heapdelta", "stats", "new.json", "--attribute", "raw", "-k",
								     "traceback", "--format", "traceback", NULL};
		     *word; word++)
			add(&arguments, *word);
		if (json_is_integer(limit))
			add_format(&arguments, "--traceback-limit=%" JSON_INTEGER_FORMAT, json_integer_value(limit));
		if (json_is_true(json_object_get(one, "most_recent_first")))
			add(&arguments, "--most-recent-first");
		text = run(&arguments, &status);
		ck_assert_msg(status == 0 && strcmp(text, expected) == 0, "%zu: status %d, expected:\n%sgot:\n%s", i, status, expected,
			      text);
		free(text);
		free(expected);
		json_decref(traces);
		release(&arguments);
	}
}
END_TEST

/* ---- Truncation ---- */

static void check_truncated(size_t number, const json_t *one, const char *text)
{
	json_t *got = wide_loads(text);
	const json_t *trace = json_array_get(json_object_get(got, "traces"), 0), *frames = json_object_get(trace, "frames"), *frame;
	const json_t *wanted = json_object_get(one, "expected_frames");
	size_t i;

	ck_assert_msg(json_array_size(wanted) == json_array_size(frames), "%zu: %s", number, text);
	json_array_foreach(wanted, i, frame)
	{
		const json_t *have = json_array_get(frames, i);
		ck_assert_str_eq(json_string_value(json_array_get(frame, 0)), json_string_value(json_array_get(have, 0)));
		ck_assert_int_eq(json_integer_value(json_array_get(frame, 1)), json_integer_value(json_array_get(have, 1)));
	}
	ck_assert_int_eq(json_integer_value(json_object_get(trace, "total_nframe")),
			 json_integer_value(json_object_get(one, "expected_total_nframe")));
	json_decref(got);
}

START_TEST(recorder_truncation)
{
	const json_t *list = json_object_get(vectors, "recorder_truncation"), *one;
	size_t i;

	ck_assert_uint_eq(json_array_size(list), 40);
	json_array_foreach(list, i, one)
	{
		json_t *traces = json_pack("[{s:O}]", "frames", json_object_get(one, "stack"));
		struct arguments arguments = {0};
		char *text;
		int status;
		write_traces("new.json", traces, NULL);
		for (const char *const *word =
			     (const char *const[]){"heapdelta", "export", "new.json", "--format", "json", "--nframe", NULL};
		     *word; word++)
			add(&arguments, *word);
		add_format(&arguments, "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(one, "nframe")));
		text = run(&arguments, &status);
		ck_assert_msg(status == 0, "%zu: status %d", i, status);
		check_truncated(i, one, text);
		free(text);
		json_decref(traces);
		release(&arguments);
	}
}
END_TEST

/* ---- Size texts ---- */

START_TEST(format_size)
{
	const json_t *list = json_object_get(vectors, "format_size"), *one;
	size_t i;

	ck_assert_uint_eq(json_array_size(list), 246);
	json_array_foreach(list, i, one)
	{
		const json_t *value = json_array_get(one, 0);
		double size = json_is_string(value) ? strtod(json_string_value(value), NULL) : json_number_value(value);
		char text[SIZE_TEXT_MAX];
		ck_assert_str_eq(size_text(text, size, json_is_true(json_array_get(one, 1))), json_string_value(json_array_get(one, 2)));
	}
}
END_TEST

static void set_up(void)
{
	const char *chosen = getenv("HEAPDELTA"), *build = getenv("BUILD");
	char path[4096];

	snprintf(path, sizeof(path), "%s/heapdelta", build ? build : "build");
	ck_assert_msg(realpath(chosen ? chosen : path, command) != NULL, "no command to test: %s", strerror(errno));
	strcpy(scratch, "/tmp/check-vectors-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(scratch));
	vectors = vectors_load();
}

static void tear_down(void)
{
	static const char *const names[] = {"new.json", "old.json", "demo.c"};
	char path[4200];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", scratch, names[i]);
		unlink(path);
	}
	rmdir(scratch);
	json_decref(vectors);
}

int main(void)
{
	Suite *suite = suite_create("vectors");
	TCase *group = tcase_create("tracemalloc");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(group, set_up, tear_down);
	tcase_set_timeout(group, 120);
	tcase_add_test(group, cases);
	tcase_add_test(group, filter_pattern);
	tcase_add_test(group, traceback_format);
	tcase_add_test(group, recorder_truncation);
	tcase_add_test(group, format_size);
	suite_add_tcase(suite, group);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
