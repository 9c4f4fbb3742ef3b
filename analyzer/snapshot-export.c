/* SPDX-License-Identifier: MIT */
/*
 * Comes in: the model.  Goes out: interchange JSON (FORMAT.md), one trace per line, for programs that know nothing of modules and addresses.
 * Each trace is a small tree of jansson's that is written and forgotten, so memory does not grow with the snapshot.  It stands above the
 * other writers because a frame without a line has a name here, which frames.c composes.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "frames.h"
#include "render.h"
#include "snapshot-info.h"
#include "snapshot.h"
#include "strbuf.h"

struct export
{
	const struct snapshot *snapshot;
	FILE *out;
	uint32_t nframe;
	struct error *error;
	struct frames frames;
};

/* Paths need not be UTF-8, JSON must: each byte that is not becomes U+FFFD. */
static json_t *repaired_text(const char *text)
{
	struct strbuf repaired;

	strbuf_init(&repaired);
	while (*text) {
		size_t length = render_utf8_length(text);
		strbuf_add(&repaired, length ? text : "\xef\xbf\xbd", length ? length : 3);
		text += length ? length : 1;
	}
	json_t *value = repaired.failed ? NULL : json_string(repaired.data);
	strbuf_release(&repaired);
	return value;
}

static json_t *text_value(const char *text)
{
	json_t *value = json_string(text);

	return value ? value : repaired_text(text);
}

/* jansson's integers end at 2^63 − 1; larger ones are text, which the reader takes as well. */
static json_t *number_value(uint64_t number)
{
	char digits[24];

	if (number <= INT64_MAX)
		return json_integer((json_int_t)number);
	snprintf(digits, sizeof(digits), "%" PRIu64, number);
	return json_string(digits);
}

/* A number that goes without saying when it has its default. */
static int set_number(json_t *object, const char *name, uint64_t number, uint64_t usual)
{
	return number == usual ? 0 : json_object_set_new_nocheck(object, name, number_value(number));
}

static json_t *frame_value(const struct frame *frame)
{
	json_t *value = json_array();

	if (value && !json_array_append_new(value, text_value(frame->file)) && !json_array_append_new(value, number_value(frame->line)) &&
	    (!frame->function || !json_array_append_new(value, text_value(frame->function))))
		return value;
	json_decref(value);
	return NULL;
}

static json_t *frames_value(struct export *export, const struct stack *stack)
{
	json_t *list = json_array();

	if (!list || !stack->node)
		return list;
	if (frames_of(&export->frames, export->snapshot, stack, export->nframe))
		goto failed;
	for (size_t i = 0; i < export->frames.count; i++)
		if (json_array_append_new(list, frame_value(&export->frames.list[i])))
			goto failed;
	return list;
failed:
	json_decref(list);
	return NULL;
}

static uint32_t true_depth(const struct export *export, const struct stack *stack)
{
	return stack->node ? export->frames.total_nframe : stack->total_nframe;
}

static json_t *trace_value(struct export *export, const struct stack *stack)
{
	json_t *trace = json_object();

	if (!trace || json_object_set_new(trace, "domain", number_value(stack->domain)) ||
	    json_object_set_new(trace, "size", number_value(stack->live_bytes)) ||
	    json_object_set_new(trace, "count", number_value(stack->live_blocks)) ||
	    json_object_set_new(trace, "frames", frames_value(export, stack)) ||
	    json_object_set_new(trace, "total_nframe", number_value(true_depth(export, stack))))
		goto failed;
	if (set_number(trace, "total_size", stack->total_bytes, stack->live_bytes) ||
	    set_number(trace, "total_count", stack->total_blocks, stack->live_blocks) ||
	    set_number(trace, "temporary_count", stack->temporary_blocks, 0) || set_number(trace, "peak_size", stack->peak_bytes, 0) ||
	    set_number(trace, "peak_count", stack->peak_blocks, 0) || set_number(trace, "variance", stack->variance, 0))
		goto failed;
	return trace;
failed:
	json_decref(trace);
	return NULL;
}

static int set_info(json_t *object, struct snapshot_info *info, const struct info_field *field)
{
	if (!info_is_text(field))
		return set_number(object, field->name, *info_number(info, field), 0);
	const char *text = *info_text(info, field);
	return *text ? json_object_set_new(object, field->name, text_value(text)) : 0;
}

static json_t *info_value(struct snapshot_info *info)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < info_field_count; i++)
		if (set_info(object, info, &info_fields[i]))
			goto failed;
	if (object && info->has_exit && json_object_set_new(object, "exit_status", number_value(info->exit_status)))
		goto failed;
	return object;
failed:
	json_decref(object);
	return NULL;
}

/* Print a value and forget it; NULL: it could not be made. */
static int put_value(struct export *export, json_t *value)
{
	if (!value)
		return error_nomem(export->error);
	errno = 0;
	int result = json_dumpf(value, export->out, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(value);
	if (!result)
		return 0;
	return errno ? error_set(export->error, "cannot write: %s", strerror(errno)) : error_nomem(export->error);
}

static int put_head(struct export *export)
{
	struct snapshot_info *info = (struct snapshot_info *)&export->snapshot->info;

	fprintf(export->out, "{\"format\":\"heapdelta-snapshot\",\"version\":1,\"traceback_limit\":%" PRIu32 ",\n\"info\":",
		export->nframe ? export->nframe : export->snapshot->traceback_limit);
	if (put_value(export, info_value(info)))
		return -1;
	fputs(",\n\"traces\":[", export->out);
	return 0;
}

static int put_all(struct export *export)
{
	if (put_head(export))
		return -1;
	for (size_t i = 0; i < export->snapshot->stack_count; i++) {
		fputs(i ? ",\n" : "\n", export->out);
		if (put_value(export, trace_value(export, &export->snapshot->stacks[i])))
			return -1;
	}
	fputs("\n]}\n", export->out);
	errno = 0;
	if (!fflush(export->out) && !ferror(export->out))
		return 0;
	return error_set(export->error, "cannot write: %s", strerror(errno ? errno : EIO));
}

int snapshot_write_json(const struct snapshot *snapshot, FILE *out, uint32_t nframe, struct error *error)
{
	struct export export = {.snapshot = snapshot, .out = out, .nframe = nframe, .error = error};

	frames_init(&export.frames);
	int result = put_all(&export);
	frames_release(&export.frames);
	return result;
}
