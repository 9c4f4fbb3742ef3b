/* SPDX-License-Identifier: MIT */
/*
 * Children that exec with an environment of their own: the calls that take one get our item of LD_PRELOAD and the HEAPDELTA_* variables
 * added where they are missing; what the program put there stays, behind ours.  Calls that use environ need nothing.
 *
 * Runs in vfork children, which share the parent's memory: everything is built on the stack (a huge environment in a mapping), and only
 * the owner of the tables notes in them that it is about to be replaced.
 */
#include <alloca.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "real.h"
#include "trace.h"

#define HOOK __attribute__((visibility("default")))

HOOK int execveat(int directory, const char *path, char *const argv[], char *const environment[], int flags);

/* ---- Environment */

static const char preload_name[] = "LD_PRELOAD=";

static const char *lookup(char *const *environment, const char *name, size_t length)
{
	for (; *environment; environment++)
		if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
			return *environment + length + 1;
	return NULL;
}

static size_t count(char *const *list)
{
	size_t n = 0;
	while (list[n])
		n++;
	return n;
}

/* How much a complete environment needs; 0 bytes: it is complete as it is. */
struct wanted {
	size_t entries, bytes; /* list with NULL, text of LD_PRELOAD */
	const char *preload;   /* its value now, NULL: not set */
	bool add_preload;
};

static bool measure(char *const *environment, struct wanted *wanted)
{
	if (!config.follow || !config.preload || !trace_attached())
		return false;
	size_t missing = 0;
	for (size_t n = 0; config_variable(n); n++)
		missing += config_assignment(n) && !lookup(environment, config_variable(n), strlen(config_variable(n)));
	wanted->preload = lookup(environment, preload_name, sizeof(preload_name) - 2);
	wanted->add_preload = !wanted->preload || !strstr(wanted->preload, config.preload);
	wanted->entries = count(environment) + missing + 2;
	wanted->bytes = sizeof(preload_name) + strlen(config.preload) + (wanted->preload ? strlen(wanted->preload) : 0) + 1;
	return missing > 0 || wanted->add_preload;
}

static char *spell_preload(char *text, const struct wanted *wanted)
{
	char *end = stpcpy(stpcpy(text, preload_name), config.preload);
	if (wanted->preload && *wanted->preload) {
		*end++ = ':';
		strcpy(end, wanted->preload);
	}
	return text;
}

/* `memory`: entries pointers, then bytes of text. */
static char **complete(void *memory, char *const *environment, const struct wanted *wanted)
{
	char **list = memory;
	size_t used = 0;
	for (char *const *entry = environment; *entry; entry++)
		if (!wanted->add_preload || strncmp(*entry, preload_name, sizeof(preload_name) - 1) != 0)
			list[used++] = *entry;
	if (wanted->add_preload)
		list[used++] = spell_preload((char *)(list + wanted->entries), wanted);
	for (size_t n = 0; config_variable(n); n++)
		if (config_assignment(n) && !lookup(environment, config_variable(n), strlen(config_variable(n))))
			list[used++] = (char *)config_assignment(n);
	list[used] = NULL;
	return list;
}

enum { STACK_ROOM = 32 * 1024 };
static char *const no_environment[] = {NULL};

/* alloca must be in the caller's frame.  A mapping for a huge environment goes with the exec, or stays behind a failed one. */
#define FOLLOWED(environment) \
	({ \
		char *const *given_ = (environment) ? (environment) : no_environment; \
		struct wanted wanted_; \
		char *const *result_ = given_; \
		if (measure(given_, &wanted_)) { \
			size_t room_ = wanted_.entries * sizeof(char *) + wanted_.bytes; \
			void *memory_ = room_ <= STACK_ROOM ? alloca(room_) : trace_map_private(room_, false); \
			if (memory_) \
				result_ = complete(memory_, given_, &wanted_); \
		} \
		result_; \
	})

/* ---- The owner of the tables is replaced, unless the call comes back */

static bool mark_replaced(void)
{
	if (!trace_attached() || trace.owner_pid != getpid())
		return false;
	atomic_fetch_or(&trace.header->flags, HDT_FLAG_REPLACED);
	return true;
}

static int failed(bool marked, int status)
{
	if (marked)
		atomic_fetch_and(&trace.header->flags, ~(uint32_t)HDT_FLAG_REPLACED);
	return status;
}

/* ---- exec */

typedef char *const *strings;

HOOK int execve(const char *path, char *const argv[], char *const environment[])
{
	int (*function)(const char *, strings, strings) = (int (*)(const char *, strings, strings))real_late(REAL_EXECVE);
	bool marked = mark_replaced();
	return failed(marked, function(path, argv, FOLLOWED(environment)));
}

HOOK int execvpe(const char *file, char *const argv[], char *const environment[])
{
	int (*function)(const char *, strings, strings) = (int (*)(const char *, strings, strings))real_late(REAL_EXECVPE);
	bool marked = mark_replaced();
	return failed(marked, function(file, argv, FOLLOWED(environment)));
}

HOOK int fexecve(int fd, char *const argv[], char *const environment[])
{
	int (*function)(int, strings, strings) = (int (*)(int, strings, strings))real_late(REAL_FEXECVE);
	bool marked = mark_replaced();
	return failed(marked, function(fd, argv, FOLLOWED(environment)));
}

HOOK int execveat(int directory, const char *path, char *const argv[], char *const environment[], int flags)
{
	int (*function)(int, const char *, strings, strings, int) =
		(int (*)(int, const char *, strings, strings, int))real_late(REAL_EXECVEAT);
	if (!function) {
		errno = ENOSYS;
		return -1;
	}
	bool marked = mark_replaced();
	return failed(marked, function(directory, path, argv, FOLLOWED(environment), flags));
}

HOOK int execle(const char *path, const char *argument, ...)
{
	va_list list;
	size_t last = 0; /* index of the NULL that ends argv */
	va_start(list, argument);
	for (const char *next = argument; next; next = va_arg(list, const char *))
		last++;
	va_end(list);
	char **argv = alloca((last + 1) * sizeof(char *));
	argv[0] = (char *)argument;
	va_start(list, argument);
	for (size_t n = 1; n <= last; n++)
		argv[n] = va_arg(list, char *);
	char *const *environment = va_arg(list, char *const *);
	va_end(list);
	return execve(path, argv, environment);
}

/* ---- posix_spawn */

typedef int spawn_function(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, strings, strings);

HOOK int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
		     char *const argv[], char *const environment[])
{
	return ((spawn_function *)real_late(REAL_POSIX_SPAWN))(pid, path, actions, attributes, argv, FOLLOWED(environment));
}

HOOK int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
		      char *const argv[], char *const environment[])
{
	return ((spawn_function *)real_late(REAL_POSIX_SPAWNP))(pid, file, actions, attributes, argv, FOLLOWED(environment));
}
