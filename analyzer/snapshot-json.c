/* SPDX-License-Identifier: MIT */
/*
 * Comes in: interchange JSON as one text.  Goes out: the model; its frames have a location and no address.  Not thread-safe.
 * The members are found first, in whatever order they stand, then the traces are read one at a time: a tree of the whole text would take
 * up to forty times its size.
 */
#include <stdio.h>
#include <string.h>

#include "json-scan.h"
#include "snapshot-info.h"
#include "snapshot.h"

#define FRAMES_MAX 65535u

struct reader {
	struct json_scan scan;
	struct snapshot *snapshot;
	struct error *error;
	struct json_span format, version, limit, info, traces;
	size_t trace; /* number of the one being read */
};

/* ---- Values ---- */

static int wrong(struct reader *reader, const char *member, const char *what)
{
	return error_set(reader->error, "'%s': traces[%zu].%s is not %s", reader->snapshot->name, reader->trace, member, what);
}

/* Digits only. */
static bool number_from_text(const char *text, uint64_t *number)
{
	uint64_t value = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return false;
	}
	*number = value;
	return true;
}

static bool to_number(const json_t *value, uint64_t most, uint64_t *number)
{
	if (json_is_integer(value) && json_integer_value(value) >= 0)
		*number = (uint64_t)json_integer_value(value);
	else if (!json_is_string(value) || !number_from_text(json_string_value(value), number))
		return false;
	return *number <= most;
}

struct number_member {
	const char *name, *what;
	uint64_t most;
	bool required;
};

/* *number keeps its default when the member is not there. */
static int get_number(struct reader *reader, const json_t *trace, const struct number_member *member, uint64_t *number)
{
	const json_t *value = json_object_get(trace, member->name);

	if (!value && !member->required)
		return 0;
	return to_number(value, member->most, number) ? 0 : wrong(reader, member->name, member->what);
}

/* Interned, or NULL for null. */
static int get_text(struct reader *reader, const json_t *value, const char **text)
{
	*text = NULL;
	if (!json_is_string(value))
		return 0;
	*text = intern_add_n(reader->snapshot->intern, json_string_value(value), json_string_length(value));
	return *text ? 0 : error_nomem(reader->error);
}

/* ---- Traces ---- */

static int frame_wrong(struct reader *reader, size_t frame, int part, const char *what)
{
	char member[64];

	if (part < 0)
		snprintf(member, sizeof(member), "frames[%zu]", frame);
	else
		snprintf(member, sizeof(member), "frames[%zu][%d]", frame, part);
	return wrong(reader, member, what);
}

static int read_frame(struct reader *reader, const json_t *value, size_t at, struct location *location)
{
	uint64_t line;
	size_t size = json_array_size(value);
	const json_t *file = json_array_get(value, 0), *function = json_array_get(value, 2);

	if (!json_is_array(value) || size < 2 || size > 3)
		return frame_wrong(reader, at, -1, "[file, line] or [file, line, function]");
	if (!json_is_string(file) && !json_is_null(file))
		return frame_wrong(reader, at, 0, "a file name");
	if (!to_number(json_array_get(value, 1), UINT32_MAX, &line))
		return frame_wrong(reader, at, 1, "a line number");
	if (size == 3 && !json_is_string(function) && !json_is_null(function))
		return frame_wrong(reader, at, 2, "a function name");
	*location = (struct location){.line = (uint32_t)line};
	if (get_text(reader, file, &location->file) || get_text(reader, function, &location->function))
		return -1;
	if (location->function && !*location->function)
		location->function = NULL;
	return 0;
}

/* From the outermost frame, the last, inwards. */
static int read_frames(struct reader *reader, const json_t *trace, uint32_t *node)
{
	const json_t *frames = json_object_get(trace, "frames");
	struct location location;

	*node = 0;
	if (!json_is_array(frames))
		return wrong(reader, "frames", "an array of frames");
	if (json_array_size(frames) > FRAMES_MAX)
		return wrong(reader, "frames", "an array of at most 65535 frames");
	for (size_t i = json_array_size(frames); i-- > 0;) {
		if (read_frame(reader, json_array_get(frames, i), i, &location))
			return -1;
		*node = snapshot_located_node(reader->snapshot, *node, &location);
		if (*node == SNAPSHOT_NONE)
			return error_nomem(reader->error);
	}
	return 0;
}

static int read_numbers(struct reader *reader, const json_t *trace, struct stack *stack)
{
	static const struct number_member size = {"size", "a number of bytes", UINT64_MAX, true};
	static const struct number_member count = {"count", "a number of blocks", UINT64_MAX, false};
	static const struct number_member domain = {"domain", "a domain", UINT32_MAX, false};
	static const struct number_member depth = {"total_nframe", "a number of frames", UINT32_MAX, false};
	static const struct number_member total_size = {"total_size", "a number of bytes", UINT64_MAX, false};
	static const struct number_member total_count = {"total_count", "a number of blocks", UINT64_MAX, false};
	static const struct number_member temporary = {"temporary_count", "a number of blocks", UINT64_MAX, false};
	static const struct number_member peak_size = {"peak_size", "a number of bytes", UINT64_MAX, false};
	static const struct number_member peak_count = {"peak_count", "a number of blocks", UINT64_MAX, false};
	static const struct number_member variance = {"variance", "a variance", UINT64_MAX, false};
	uint64_t in_domain = 0, nframe = 0;

	stack->live_blocks = 1;
	if (get_number(reader, trace, &size, &stack->live_bytes) || get_number(reader, trace, &count, &stack->live_blocks) ||
	    get_number(reader, trace, &domain, &in_domain) || get_number(reader, trace, &depth, &nframe))
		return -1;
	stack->domain = (uint32_t)in_domain;
	stack->total_nframe = (uint32_t)nframe;
	/* What lives was allocated; nothing more is known unless it is said. */
	stack->total_bytes = stack->live_bytes;
	stack->total_blocks = stack->live_blocks;
	if (get_number(reader, trace, &total_size, &stack->total_bytes) || get_number(reader, trace, &total_count, &stack->total_blocks))
		return -1;
	return get_number(reader, trace, &temporary, &stack->temporary_blocks) ||
			       get_number(reader, trace, &peak_size, &stack->peak_bytes) ||
			       get_number(reader, trace, &peak_count, &stack->peak_blocks) ||
			       get_number(reader, trace, &variance, &stack->variance)
		       ? -1
		       : 0;
}

static int add_trace(struct reader *reader, const json_t *trace)
{
	struct snapshot *snapshot = reader->snapshot;
	struct stack stack = {0};

	if (!json_is_object(trace))
		return error_set(reader->error, "'%s': traces[%zu] is not an object", snapshot->name, reader->trace);
	if (read_numbers(reader, trace, &stack) || read_frames(reader, trace, &stack.node))
		return -1;
	if (snapshot->stack_count >= SNAPSHOT_NONE || snapshot_reserve_stacks(snapshot, 1))
		return error_nomem(reader->error);
	snapshot->stacks[snapshot->stack_count++] = stack;
	return 0;
}

static int read_trace(struct reader *reader)
{
	struct json_span span;
	char what[40];

	if (scan_value(&reader->scan, &span))
		return -1;
	snprintf(what, sizeof(what), "traces[%zu]", reader->trace);
	json_t *trace = scan_parse(&reader->scan, span, what);
	if (!trace)
		return -1;
	int result = add_trace(reader, trace);
	scan_forget(&reader->scan);
	return result;
}

static int read_traces(struct reader *reader)
{
	if (!reader->traces.size || reader->scan.text[reader->traces.at] != '[')
		return error_set(reader->error, "'%s': traces is not an array", reader->snapshot->name);
	reader->scan.at = reader->traces.at + 1;
	if (scan_peek(&reader->scan) == ']') {
		reader->scan.at++;
		return 0;
	}
	for (;; reader->trace++) {
		if (read_trace(reader))
			return -1;
		if (scan_peek(&reader->scan) == ']') {
			reader->scan.at++;
			return 0;
		}
		if (scan_expect(&reader->scan, ','))
			return -1;
	}
}

/* ---- The other members ---- */

static int wrong_format(struct reader *reader)
{
	return error_set(reader->error, "'%s' is JSON, but not a heapdelta snapshot", reader->snapshot->name);
}

static int check_format(struct reader *reader)
{
	if (!reader->format.size)
		return wrong_format(reader);
	json_t *format = scan_parse(&reader->scan, reader->format, "format");
	if (!format)
		return -1;
	if (!json_is_string(format) || strcmp(json_string_value(format), "heapdelta-snapshot") != 0)
		return wrong_format(reader);
	json_t *version = reader->version.size ? scan_parse(&reader->scan, reader->version, "version") : json_null();
	if (!version)
		return -1;
	if (!json_is_integer(version) || json_integer_value(version) < 1)
		return error_set(reader->error, "'%s': version is not a version number", reader->snapshot->name);
	if (json_integer_value(version) != 1)
		return error_set(reader->error, "'%s' has interchange version %lld; this heapdelta reads version 1", reader->snapshot->name,
				 (long long)json_integer_value(version));
	scan_forget(&reader->scan);
	return 0;
}

static int read_limit(struct reader *reader)
{
	uint64_t limit = 0;

	if (!reader->limit.size)
		return 0;
	json_t *value = scan_parse(&reader->scan, reader->limit, "traceback_limit");
	if (!value)
		return -1;
	bool good = to_number(value, UINT32_MAX, &limit);
	scan_forget(&reader->scan);
	reader->snapshot->traceback_limit = (uint32_t)limit;
	return good ? 0 : error_set(reader->error, "'%s': traceback_limit is not a number of frames", reader->snapshot->name);
}

static int read_info_member(struct reader *reader, const char *name, const json_t *value)
{
	struct snapshot_info *info = &reader->snapshot->info;
	const struct info_field *field = info_by_name(name);
	uint64_t number;

	if (!strcmp(name, "exit_status") && to_number(value, UINT32_MAX, &number)) {
		info->has_exit = true;
		info->exit_status = (uint32_t)number;
		return 0;
	}
	if (!field)
		return 0;
	if (info_is_text(field) && json_is_string(value))
		return get_text(reader, value, info_text(info, field));
	if (!info_is_text(field) && to_number(value, UINT64_MAX, info_number(info, field)))
		return 0;
	return error_set(reader->error, "'%s': info.%s is not a %s", reader->snapshot->name, name, info_is_text(field) ? "text" : "number");
}

static int read_info(struct reader *reader)
{
	int result = 0;

	if (!reader->info.size)
		return 0;
	json_t *info = scan_parse(&reader->scan, reader->info, "info");
	if (!info)
		return -1;
	if (!json_is_object(info))
		result = error_set(reader->error, "'%s': info is not an object", reader->snapshot->name);
	for (void *at = json_object_iter(info); at && !result; at = json_object_iter_next(info, at))
		result = read_info_member(reader, json_object_iter_key(at), json_object_iter_value(at));
	scan_forget(&reader->scan);
	return result;
}

/* Members that are unknown are parsed and forgotten: a file that is not JSON is refused wherever the fault is. */
static int read_unknown(struct reader *reader, struct json_span span)
{
	bool good = scan_parse(&reader->scan, span, "a member of unknown meaning") != NULL;

	scan_forget(&reader->scan);
	return good ? 0 : -1;
}

/* Where a member's value is kept until all are known; NULL: unknown name. */
static struct json_span *member_span(struct reader *reader, struct json_span key)
{
	const struct {
		const char *name;
		struct json_span *span;
	} members[] = {{"\"format\"", &reader->format},
		       {"\"version\"", &reader->version},
		       {"\"traceback_limit\"", &reader->limit},
		       {"\"info\"", &reader->info},
		       {"\"traces\"", &reader->traces}};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (key.size == strlen(members[i].name) && !memcmp(reader->scan.text + key.at, members[i].name, key.size))
			return members[i].span;
	return NULL;
}

static int scan_member(struct reader *reader)
{
	struct json_span key, value;

	if (scan_peek(&reader->scan) != '"')
		return scan_expect(&reader->scan, '"');
	if (scan_value(&reader->scan, &key) || scan_expect(&reader->scan, ':') || scan_value(&reader->scan, &value))
		return -1;
	struct json_span *known = member_span(reader, key);
	if (!known)
		return read_unknown(reader, key) || read_unknown(reader, value) ? -1 : 0;
	if (known->size)
		return scan_syntax(&reader->scan, key.at, "a member appears twice");
	*known = value;
	return 0;
}

static int scan_members(struct reader *reader)
{
	if (scan_expect(&reader->scan, '{'))
		return -1;
	if (scan_peek(&reader->scan) != '}') {
		do
			if (scan_member(reader))
				return -1;
		while (scan_peek(&reader->scan) == ',' && reader->scan.at++ < reader->scan.size);
	}
	if (scan_expect(&reader->scan, '}'))
		return -1;
	scan_peek(&reader->scan);
	return reader->scan.at == reader->scan.size ? 0 : scan_syntax(&reader->scan, reader->scan.at, "something follows the end");
}

/* ---- The whole ---- */

static void add_up(uint64_t *sum, uint64_t more)
{
	if (__builtin_add_overflow(*sum, more, sum))
		*sum = UINT64_MAX;
}

/* What the traces say wins over info: they may have been cut down by hand. */
static void sum_up(struct snapshot *snapshot)
{
	struct snapshot_info *info = &snapshot->info;
	uint64_t total_blocks = 0, total_bytes = 0;

	info->live_blocks = info->live_bytes = 0;
	for (size_t i = 0; i < snapshot->stack_count; i++) {
		add_up(&info->live_blocks, snapshot->stacks[i].live_blocks);
		add_up(&info->live_bytes, snapshot->stacks[i].live_bytes);
		add_up(&total_blocks, snapshot->stacks[i].total_blocks);
		add_up(&total_bytes, snapshot->stacks[i].total_bytes);
	}
	if (!info->total_blocks)
		info->total_blocks = total_blocks;
	if (!info->total_bytes)
		info->total_bytes = total_bytes;
}

static int read_all(struct reader *reader)
{
	if (scan_members(reader) || check_format(reader) || read_limit(reader) || read_info(reader) || read_traces(reader))
		return -1;
	/* The scanner's end of the array and the reader's must be the same, else brackets do not match. */
	if (reader->scan.at != reader->traces.at + reader->traces.size)
		return scan_syntax(&reader->scan, reader->scan.at, "brackets do not match");
	return snapshot_reserve_stacks(reader->snapshot, 0) ? error_nomem(reader->error) : 0;
}

int snapshot_read_json(struct snapshot *snapshot, const char *data, size_t size, struct error *error)
{
	struct reader reader = {
		.scan = {.text = data, .size = size, .name = snapshot->name, .error = error},
		.snapshot = snapshot,
		.error = error,
	};

	json_arena_init(&reader.scan.arena);
	int result = read_all(&reader);
	json_arena_release(&reader.scan.arena);
	if (result) {
		snapshot_release(snapshot);
		return -1;
	}
	snapshot_index_free(snapshot->index);
	snapshot->index = NULL;
	snapshot->kind = SNAPSHOT_JSON;
	snapshot->symbolised = true;
	sum_up(snapshot);
	return 0;
}
