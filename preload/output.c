/* SPDX-License-Identifier: MIT */
/*
 * Pattern + facts about the process → path of a snapshot that the process writes itself.
 *
 * The default name is a pattern like any other.  What has to tell files of one process apart (pid of a fork child, label or number,
 * attempt) is added before `.hds`, so that the directory still shows them as snapshots.  Signal-safe: text on the caller's buffer only.
 */
#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "config.h"
#include "log.h"

#define DEFAULT_PATTERN "heapdelta.%e.%p.hds"
#define EXTENSION ".hds"
enum { LABEL_MAX = 64, NUMBER_DIGITS = 4 };

struct text {
	char *start;
	size_t used, room;
	bool overflow;
};

static void put_bytes(struct text *text, const char *bytes, size_t length)
{
	if (length >= text->room - text->used) {
		text->overflow = true;
		return;
	}
	memcpy(text->start + text->used, bytes, length);
	text->used += length;
	text->start[text->used] = '\0';
}

static void put(struct text *text, const char *bytes)
{
	put_bytes(text, bytes, strlen(bytes));
}

static void put_number(struct text *text, uint64_t number, size_t digits)
{
	char buffer[LOG_NUMBER_MAX];
	const char *decimal = log_number(buffer, number);
	for (size_t length = strlen(decimal); length < digits; length++)
		put(text, "0");
	put(text, decimal);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* A label is free text and becomes part of a file name: nothing that leaves the directory, hides the file or needs quoting. */
static void put_label(struct text *text, const char *label)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";
	for (size_t n = 0; n < LABEL_MAX && label[n]; n++)
		put_bytes(text, strchr(allowed, label[n]) ? &label[n] : "_", 1);
}

static void put_host(struct text *text)
{
	struct utsname host;
	put(text, uname(&host) == 0 ? host.nodename : "localhost");
}

/* %q{VAR}: the value of the environment variable, nothing when it is not set.  Returns the last character taken from the pattern. */
static const char *put_variable(struct text *text, const char *at)
{
	const char *end = at[1] == '{' ? strchr(at, '}') : NULL;
	char variable[256];
	if (!end || (size_t)(end - at) - 2 >= sizeof(variable)) {
		put(text, "%q");
		return at;
	}
	size_t length = (size_t)(end - at) - 2;
	memcpy(variable, at + 2, length);
	variable[length] = '\0';
	const char *value = secure_getenv(variable);
	put(text, value ? value : "");
	return end;
}

/* One conversion; `at` is the character after '%'.  Returns the last character taken. */
static const char *put_conversion(struct text *text, const struct output_name *name, const char *at)
{
	switch (*at) {
	case 'e':
		put(text, base_name(name->exe));
		break;
	case 'p':
		put_number(text, (uint64_t)name->pid, 0);
		break;
	case 'n':
		put_number(text, name->number, NUMBER_DIGITS);
		break;
	case 'h':
		put_host(text);
		break;
	case 't':
		put_number(text, (uint64_t)time(NULL), 0);
		break;
	case 'q':
		return put_variable(text, at);
	case '%':
		put(text, "%");
		break;
	default:
		put(text, "%");
		return at - 1;
	}
	return at;
}

static void put_pattern(struct text *text, const struct output_name *name, const char *pattern)
{
	for (const char *at = pattern; *at; at++) {
		if (*at == '%')
			at = put_conversion(text, name, at + 1);
		else
			put_bytes(text, at, 1);
	}
}

static bool has_conversion(const char *pattern, char conversion)
{
	for (const char *at = strchr(pattern, '%'); at && at[1]; at = strchr(at + 2, '%'))
		if (at[1] == conversion)
			return true;
	return false;
}

/* Everything that is added to the pattern's own text, each part with a dot in front. */
static void put_additions(struct text *text, const struct output_name *name, const char *pattern)
{
	if (name->add_pid && !has_conversion(pattern, 'p')) {
		put(text, ".");
		put_number(text, (uint64_t)name->pid, 0);
	}
	if (name->label && *name->label) {
		put(text, ".");
		put_label(text, name->label);
	} else if (name->is_one_of_many && !has_conversion(pattern, 'n')) {
		put(text, ".");
		put_number(text, name->number, NUMBER_DIGITS);
	}
	if (name->attempt > 1) {
		put(text, ".");
		put_number(text, name->attempt, 0);
	}
}

bool output_is_explicit(const struct output_name *name)
{
	return name->pattern && *name->pattern && !name->in_directory;
}

static void put_directory(struct text *text, const struct output_name *name, const char *pattern)
{
	const char *first = name->in_directory ? name->pattern : pattern;
	if (first[0] != '/' && *name->directory) {
		put(text, name->directory);
		put(text, "/");
	}
	if (name->in_directory) {
		put_pattern(text, name, name->pattern);
		put(text, "/");
	}
}

int output_spell(const struct output_name *name, char *path, size_t room)
{
	const char *pattern = output_is_explicit(name) ? name->pattern : DEFAULT_PATTERN;
	struct text text = {.start = path, .room = room};
	put_directory(&text, name, pattern);
	put_pattern(&text, name, pattern);
	static const size_t extension = sizeof(EXTENSION) - 1;
	bool has_extension = text.used > extension && strcmp(path + text.used - extension, EXTENSION) == 0;
	if (has_extension)
		text.used -= extension;
	put_additions(&text, name, pattern);
	if (has_extension)
		put(&text, EXTENSION);
	return text.overflow ? -ENAMETOOLONG : 0;
}

const char *output_fallback_directory(void)
{
	return config.tmpdir && config.tmpdir[0] == '/' ? config.tmpdir : "/tmp";
}
