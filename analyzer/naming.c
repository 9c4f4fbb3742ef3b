/* SPDX-License-Identifier: MIT */
/*
 * Comes in: the pattern of -o, an executable's name, a pid, a number.  Goes out: a file name.
 * What can go wrong is found before the command starts: a bad conversion, a variable that is not set, a directory that differs between
 * processes, a place that cannot be written.  Afterwards names only fail for want of memory.
 */
#include "naming.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "strbuf.h"

#define EXTENSION ".hds"
#define DEFAULT_NAME "heapdelta.%e.%p.hds"

struct values {
	const struct naming *naming;
	const char *exe;
	pid_t pid;
	unsigned number;
};

/* ---- Patterns ------------------------------------------------------------------------------------------------------------------ */

/* %q{VAR}: returns the character after it, NULL with the reason. */
static const char *put_variable(struct strbuf *out, const char *at, struct error *error)
{
	const char *end = *at == '{' ? strchr(at, '}') : NULL;
	char name[256];

	if (!end || end - at - 1 >= (int)sizeof(name)) {
		error_set(error, "'%%q' in a file name needs a variable: %%q{NAME}");
		return NULL;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(end - at - 1), at + 1);
	const char *value = getenv(name);
	if (!value) {
		error_set(error, "the variable '%s' of %%q{%s} is not set", name, name);
		return NULL;
	}
	strbuf_puts(out, value);
	return end + 1;
}

static int unknown_conversion(const char *at, struct error *error)
{
	return error_set(error, "unknown conversion '%%%.*s' in a file name (known: %%e %%p %%n %%h %%t %%q{VAR} %%%%)", *at ? 1 : 0, at);
}

/* One conversion; `at` is the character after '%'.  Returns the character after it, NULL with the reason. */
static const char *put_conversion(struct strbuf *out, const struct values *values, const char *at, struct error *error)
{
	switch (*at) {
	case 'e':
		strbuf_puts(out, values->exe);
		return at + 1;
	case 'p':
		strbuf_printf(out, "%d", (int)values->pid);
		return at + 1;
	case 'n':
		strbuf_printf(out, "%04u", values->number);
		return at + 1;
	case 'h':
		strbuf_puts(out, values->naming->host);
		return at + 1;
	case 't':
		strbuf_printf(out, "%lld", (long long)values->naming->time);
		return at + 1;
	case 'q':
		return put_variable(out, at + 1, error);
	case '%':
		strbuf_putc(out, '%');
		return at + 1;
	default:
		unknown_conversion(at, error);
		return NULL;
	}
}

static char *expand(const char *pattern, const struct values *values, struct error *error)
{
	struct strbuf out;

	strbuf_init(&out);
	for (const char *at = pattern; at && *at;) {
		if (*at == '%') {
			at = put_conversion(&out, values, at + 1, error);
			if (!at) {
				strbuf_release(&out);
				return NULL;
			}
		} else {
			strbuf_putc(&out, *at++);
		}
	}
	char *text = strbuf_steal(&out);
	if (!text)
		error_nomem(error);
	return text;
}

/* Variables are the process's own, and may be set only there. */
int naming_check_pattern(const char *pattern, struct error *error)
{
	for (const char *at = strchr(pattern, '%'); at; at = strchr(at + 2, '%')) {
		if (!at[1] || !strchr("epnhtq%", at[1]))
			return unknown_conversion(at + 1, error);
		if (at[1] == 'q' && (at[2] != '{' || !strchr(at, '}')))
			return error_set(error, "'%%q' in a file name needs a variable: %%q{NAME}");
	}
	return 0;
}

static bool has_conversion(const char *pattern, const char *letters, size_t length)
{
	for (size_t i = 0; i + 1 < length; i++) {
		if (pattern[i] != '%')
			continue;
		if (strchr(letters, pattern[i + 1]))
			return true;
		i++;
	}
	return false;
}

bool naming_has_pid(const struct naming *naming)
{
	return naming->pattern && has_conversion(naming->pattern, "p", strlen(naming->pattern));
}

bool naming_counts(const struct naming *naming)
{
	return naming->pattern && has_conversion(naming->pattern, "n", strlen(naming->pattern));
}

bool naming_is_explicit(const struct naming *naming)
{
	return naming->pattern != NULL;
}

/* ---- Before the start ---------------------------------------------------------------------------------------------------------- */

/* Can a file be made there?  0 or an errno. */
static int try_directory(const char *directory)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/.heapdelta-XXXXXX", directory) >= sizeof(path))
		return ENAMETOOLONG;
	int fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return errno;
	unlink(path);
	close(fd);
	return 0;
}

/* What docker and podman leave for programs to know by, and what is true in most containers. */
static bool is_container(void)
{
	return getpid() == 1 || getenv("container") || access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0;
}

static int cannot_write(const struct naming *naming, const char *directory, int why, struct error *error)
{
	if (naming->pattern || naming->directory[0])
		return error_set(error, "cannot write to '%s': %s", directory, strerror(why));
	return error_set(error, "cannot write to '%s' (%s); give -o a writable place%s", directory, strerror(why),
			 is_container() ? ": … -v \"$PWD:/out\" … -o /out/%e.%p.hds" : "");
}

/* Default names: here, else where temporary files go. */
static int choose_directory(struct naming *naming, struct error *error)
{
	const char *temporary = getenv("TMPDIR");
	int why = try_directory(naming->home);

	if (!temporary || temporary[0] != '/')
		temporary = "/tmp";
	if (!why)
		return 0;
	if (try_directory(temporary) != 0)
		return cannot_write(naming, naming->home, why, error);
	free(naming->directory);
	if (asprintf(&naming->directory, "%s/", temporary) < 0) {
		naming->directory = NULL;
		return error_nomem(error);
	}
	naming->elsewhere = why;
	return 0;
}

static int check_target(const char *path, struct error *error)
{
	struct stat status;

	if (stat(path, &status) < 0 || S_ISREG(status.st_mode))
		return 0;
	/* The file is renamed into place: a device or a pipe would be replaced, not written to. */
	return error_set(error, "'%s' is not a regular file", path);
}

static int check_pattern(struct naming *naming, const char *exe, struct error *error)
{
	const struct values values = {naming, exe, getpid(), 1};
	const char *slash = strrchr(naming->pattern, '/');

	if (slash && has_conversion(naming->pattern, "epn", (size_t)(slash - naming->pattern)))
		return error_set(error, "the directory of '%s' differs between processes: %%e, %%p and %%n belong in the last component",
				 naming->pattern);
	char *path = expand(naming->pattern, &values, error);
	if (!path)
		return -1;
	int result = check_target(path, error);
	char *end = strrchr(path, '/');
	if (end)
		end[end == path] = '\0';
	int why = result == 0 ? try_directory(end ? path : ".") : 0;
	if (why)
		result = cannot_write(naming, end ? path : naming->home, why, error);
	free(path);
	return result;
}

/* -o DIR and -o DIR/ stand for default names in DIR. */
static int take_directory(struct naming *naming, const char *pattern, struct error *error)
{
	size_t length = strlen(pattern);

	free(naming->directory);
	if (asprintf(&naming->directory, "%s%s", pattern, pattern[length - 1] == '/' ? "" : "/") < 0) {
		naming->directory = NULL;
		return error_nomem(error);
	}
	int why = try_directory(naming->directory);
	return why ? cannot_write(naming, pattern, why, error) : 0;
}

static bool is_directory(const char *path)
{
	struct stat status;
	size_t length = strlen(path);

	return length && (path[length - 1] == '/' || (stat(path, &status) == 0 && S_ISDIR(status.st_mode)));
}

int naming_init(struct naming *naming, const char *pattern, const char *exe, struct error *error)
{
	*naming = (struct naming){.time = time(NULL), .directory = strdup(""), .home = getcwd(NULL, 0)};
	gethostname(naming->host, sizeof(naming->host) - 1);
	if (!naming->directory)
		return error_nomem(error);
	if (!naming->home && (naming->home = strdup(".")) == NULL)
		return error_nomem(error);
	if (!pattern)
		return choose_directory(naming, error);
	if (!pattern[0])
		return error_set(error, "'-o' needs a file name");
	if (is_directory(pattern))
		return take_directory(naming, pattern, error);
	naming->pattern = pattern;
	return check_pattern(naming, exe, error);
}

char *naming_place(const struct naming *naming)
{
	const char *name = naming->pattern ? naming->pattern : naming->directory;
	const char *slash = strrchr(name, '/');
	int length = slash ? (int)(slash - name) + (slash == name) : 0;
	char *place;

	if (length > 1 && name[length - 1] == '/')
		length--;
	int made = name[0] == '/' ? asprintf(&place, "%.*s", length, name)
		   : length       ? asprintf(&place, "%s/%.*s", naming->home, length, name)
				  : asprintf(&place, "%s", naming->home);
	return made < 0 ? NULL : place;
}

void naming_release(struct naming *naming)
{
	free(naming->directory);
	free(naming->home);
	*naming = (struct naming){0};
}

/* ---- Names --------------------------------------------------------------------------------------------------------------------- */

static bool has_extension(const char *path, size_t length)
{
	return length > strlen(EXTENSION) && !strcmp(path + length - strlen(EXTENSION), EXTENSION);
}

char *naming_insert(const char *path, const char *part)
{
	size_t length = strlen(path);
	bool cut = has_extension(path, length);
	char *result;

	if (cut)
		length -= strlen(EXTENSION);
	return asprintf(&result, "%.*s.%s%s", (int)length, path, part, cut ? EXTENSION : "") < 0 ? NULL : result;
}

char *naming_file(const struct naming *naming, const char *exe, pid_t pid, unsigned number)
{
	const char *pattern = naming->pattern ? naming->pattern : DEFAULT_NAME;
	const struct values values = {naming, exe, pid, number ? number : 1};
	struct error error = {0};
	char digits[16], *name = expand(pattern, &values, &error), *full;

	if (name && !naming->pattern) {
		int length = asprintf(&full, "%s%s", naming->directory, name);
		free(name);
		name = length < 0 ? NULL : full;
	}
	if (!name || !number || has_conversion(pattern, "n", strlen(pattern)))
		return name;
	snprintf(digits, sizeof(digits), "%04u", number);
	full = naming_insert(name, digits);
	free(name);
	return full;
}

char *naming_directory(const char *path)
{
	size_t length = strlen(path);
	char *result;

	if (has_extension(path, length))
		length -= strlen(EXTENSION);
	return asprintf(&result, "%.*s.d", (int)length, path) < 0 ? NULL : result;
}

/* Text that is no pattern inside one. */
static void put_literal(struct strbuf *out, const char *text)
{
	for (; *text; text++)
		strbuf_puts(out, *text == '%' ? "%%" : (char[]){*text, '\0'});
}

char *naming_for_survivors(const struct naming *naming)
{
	const char *slash = naming->pattern ? strrchr(naming->pattern, '/') : NULL;
	struct strbuf out;

	strbuf_init(&out);
	if (naming->pattern ? naming->pattern[0] != '/' : naming->directory[0] != '/') {
		put_literal(&out, naming->home);
		strbuf_putc(&out, '/');
	}
	put_literal(&out, naming->pattern ? "" : naming->directory);
	if (naming_has_pid(naming)) {
		strbuf_puts(&out, naming->pattern);
	} else {
		if (slash)
			strbuf_add(&out, naming->pattern, (size_t)(slash - naming->pattern + 1));
		strbuf_puts(&out, DEFAULT_NAME);
	}
	return strbuf_steal(&out);
}

char *naming_free_name(const char *path)
{
	struct stat status;
	char number[16], *name = strdup(path);

	for (unsigned attempt = 2; name && lstat(name, &status) == 0; attempt++) {
		free(name);
		snprintf(number, sizeof(number), "%u", attempt);
		name = naming_insert(path, number);
	}
	return name;
}
