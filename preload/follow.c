/* SPDX-License-Identifier: MIT */
/*
 * Children that exec with an environment of their own: the calls that take one get our item of LD_PRELOAD and the HEAPDELTA_* variables
 * added where they are missing; what the program put there stays, behind ours.  Calls that use environ are left as the program made it.
 * An image that a preload would break (AddressSanitizer, another C library) gets none, and the supervisor is told of every image that will
 * not be traced.
 *
 * Runs in vfork children, which share the parent's memory: everything is built on the stack (a huge environment in a mapping), and only
 * the owner of the tables notes in them that it is about to be replaced.
 */
#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config.h"
#include "image.h"
#include "real.h"
#include "trace.h"
#include "untraced.h"

#define HOOK __attribute__((visibility("default")))

HOOK int execveat(int directory, const char *path, char *const argv[], char *const environment[], int flags);

/* ---- What will be executed */

static const char preload_name[] = "LD_PRELOAD=";

static const char *lookup(char *const *environment, const char *name, size_t length)
{
	for (; *environment; environment++)
		if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
			return *environment + length + 1;
	return NULL;
}

/* Fork children follow before they have tables of their own.  Behind a sandbox's filter an open may kill. */
static bool follows(void)
{
	return config.follow && config.preload && trace_epoch() != TRACE_OFF && !atomic_load(&trace.growth_closed);
}

/* As execvp(3) finds it; a path of its own is looked at as it is. */
static enum image_kind look_in_path(const char *file)
{
	char path[PATH_MAX];
	const char *list = lookup(environ ? environ : (char *[]){NULL}, "PATH", 4);
	if (!file || !*file || strchr(file, '/'))
		return file && *file ? image_look(AT_FDCWD, file) : IMAGE_FINE;
	for (const char *at = list ? list : "/bin:/usr/bin"; at;) {
		size_t length = strcspn(at, ":");
		if (length + strlen(file) + 2 <= sizeof(path)) {
			char *end = mempcpy(path, at, length);
			if (length)
				*end++ = '/';
			strcpy(end, file);
			if (syscall(SYS_faccessat, AT_FDCWD, path, X_OK) == 0)
				return image_look(AT_FDCWD, path);
		}
		at = at[length] ? at + length + 1 : NULL;
	}
	return IMAGE_FINE;
}

/* What is about to be executed, and what is known of it. */
struct next {
	enum image_kind kind;
	const char *name;
};

static struct next next_at(int directory, const char *path)
{
	int saved = errno;
	struct next next = {follows() && path ? image_look(directory, path) : IMAGE_FINE, path ? path : ""};
	errno = saved;
	return next;
}

static struct next next_in_path(const char *file)
{
	int saved = errno;
	struct next next = {follows() ? look_in_path(file) : IMAGE_FINE, file ? file : ""};
	errno = saved;
	return next;
}

/* Tell the supervisor if `pid` (0: not known yet) becomes something that is not traced. */
static bool tell(const struct next *next, char *const *environment, int pid)
{
	static const char *const causes[] = {
		[IMAGE_STATIC] = "static",
		[IMAGE_SETUID] = "setuid",
		[IMAGE_SETGID] = "setgid",
		[IMAGE_CAPABILITIES] = "file capabilities",
		[IMAGE_32_BIT] = "32-bit",
		[IMAGE_OTHER_MACHINE] = "another machine",
		[IMAGE_MUSL] = "musl",
		[IMAGE_ASAN] = "AddressSanitizer",
		[IMAGE_TSAN] = "ThreadSanitizer",
	};
	if (!config.lock || !follows())
		return false;
	if (next->kind != IMAGE_FINE) {
		untraced_note(pid, next->name, causes[next->kind]);
		return true;
	}
	const char *preload = lookup(environment, preload_name, sizeof(preload_name) - 2);
	char who[16] = "";
	if (preload && strstr(preload, config.preload))
		return false;
	syscall(SYS_prctl, PR_GET_NAME, who, 0, 0, 0);
	untraced_note(pid, who, "LD_PRELOAD was cleared");
	return true;
}

/* ---- Environment */

static size_t count(char *const *list)
{
	size_t n = 0;
	while (list[n])
		n++;
	return n;
}

/* How much the environment to be needs; 0 bytes: it is right as it is. */
struct wanted {
	size_t entries, bytes; /* list with NULL, text of LD_PRELOAD */
	const char *preload;   /* its value now, NULL: not set */
	bool add_preload, drop_preload, add_variables;
};

/* `own`: environ, to which nothing is added. */
static bool measure(char *const *environment, const struct next *next, bool own, struct wanted *wanted)
{
	if (!follows())
		return false;
	size_t missing = 0;
	bool add = !own && !image_is_harmed(next->kind);
	for (size_t n = 0; add && config_variable(n); n++)
		missing += config_assignment(n) && !lookup(environment, config_variable(n), strlen(config_variable(n)));
	wanted->preload = lookup(environment, preload_name, sizeof(preload_name) - 2);
	bool is_there = wanted->preload && strstr(wanted->preload, config.preload);
	wanted->add_variables = add;
	wanted->add_preload = add && !is_there;
	wanted->drop_preload = image_is_harmed(next->kind) && is_there;
	wanted->entries = count(environment) + missing + 2;
	wanted->bytes = sizeof(preload_name) + strlen(config.preload) + (wanted->preload ? strlen(wanted->preload) : 0) + 1;
	return missing > 0 || wanted->add_preload || wanted->drop_preload;
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

/* Without our item, and the separator behind it.  NULL: nothing else is in it. */
static char *spell_rest(char *text, const struct wanted *wanted)
{
	const char *own = strstr(wanted->preload, config.preload), *rest = own + strlen(config.preload);
	char *end = mempcpy(stpcpy(text, preload_name), wanted->preload, (size_t)(own - wanted->preload));
	strcpy(end, rest + (*rest == ':' || *rest == ' '));
	return text[sizeof(preload_name) - 1] ? text : NULL;
}

/* `memory`: entries pointers, then bytes of text. */
static char **complete(void *memory, char *const *environment, const struct wanted *wanted)
{
	char **list = memory, *text = (char *)(list + wanted->entries), *spelt = NULL;
	bool replace = wanted->add_preload || wanted->drop_preload;
	size_t used = 0;
	for (char *const *entry = environment; *entry; entry++)
		if (!replace || strncmp(*entry, preload_name, sizeof(preload_name) - 1) != 0)
			list[used++] = *entry;
	if (replace)
		spelt = wanted->add_preload ? spell_preload(text, wanted) : spell_rest(text, wanted);
	if (spelt)
		list[used++] = spelt;
	for (size_t n = 0; wanted->add_variables && config_variable(n); n++)
		if (config_assignment(n) && !lookup(environment, config_variable(n), strlen(config_variable(n))))
			list[used++] = (char *)config_assignment(n);
	list[used] = NULL;
	return list;
}

enum { STACK_ROOM = 32 * 1024 };
static char *const no_environment[] = {NULL};

/* alloca must be in the caller's frame.  A mapping for a huge environment goes with the exec, or stays behind a failed one. */
#define FOLLOWED(environment, next, own) \
	({ \
		char *const *given_ = (environment) ? (environment) : no_environment; \
		struct wanted wanted_; \
		char *const *result_ = given_; \
		if (measure(given_, next, own, &wanted_)) { \
			size_t room_ = wanted_.entries * sizeof(char *) + wanted_.bytes; \
			void *memory_ = room_ <= STACK_ROOM ? alloca(room_) : trace_map_private(room_, false); \
			if (memory_) \
				result_ = complete(memory_, given_, &wanted_); \
		} \
		result_; \
	})

/* ---- The owner of the tables is replaced, unless the call comes back */

struct leaving {
	bool marked, told;
};

static struct leaving leave(const struct next *next, char *const *environment)
{
	struct leaving leaving = {.told = tell(next, environment, getpid())};
	leaving.marked = trace_attached() && trace.owner_pid == getpid();
	if (leaving.marked)
		atomic_fetch_or(&trace.header->flags, HDT_FLAG_REPLACED);
	return leaving;
}

static int failed(struct leaving leaving, int status)
{
	if (leaving.marked)
		atomic_fetch_and(&trace.header->flags, ~(uint32_t)HDT_FLAG_REPLACED);
	if (leaving.told)
		untraced_void(getpid());
	return status;
}

/* ---- exec */

typedef char *const *strings;

/* `own`: the call uses environ. */
static int exec_path(const char *path, strings argv, strings environment, bool own)
{
	int (*function)(const char *, strings, strings) = (int (*)(const char *, strings, strings))real_late(REAL_EXECVE);
	struct next next = next_at(AT_FDCWD, path);
	strings followed = FOLLOWED(environment, &next, own);
	struct leaving leaving = leave(&next, followed);
	return failed(leaving, function(path, argv, followed));
}

static int exec_file(const char *file, strings argv, strings environment, bool own)
{
	int (*function)(const char *, strings, strings) = (int (*)(const char *, strings, strings))real_late(REAL_EXECVPE);
	struct next next = next_in_path(file);
	strings followed = FOLLOWED(environment, &next, own);
	struct leaving leaving = leave(&next, followed);
	return failed(leaving, function(file, argv, followed));
}

HOOK int execve(const char *path, char *const argv[], char *const environment[])
{
	return exec_path(path, argv, environment, false);
}

HOOK int execv(const char *path, char *const argv[])
{
	return exec_path(path, argv, environ, true);
}

HOOK int execvpe(const char *file, char *const argv[], char *const environment[])
{
	return exec_file(file, argv, environment, false);
}

HOOK int execvp(const char *file, char *const argv[])
{
	return exec_file(file, argv, environ, true);
}

HOOK int fexecve(int fd, char *const argv[], char *const environment[])
{
	int (*function)(int, strings, strings) = (int (*)(int, strings, strings))real_late(REAL_FEXECVE);
	struct next next = next_at(fd, "");
	strings followed = FOLLOWED(environment, &next, false);
	struct leaving leaving = leave(&next, followed);
	return failed(leaving, function(fd, argv, followed));
}

HOOK int execveat(int directory, const char *path, char *const argv[], char *const environment[], int flags)
{
	int (*function)(int, const char *, strings, strings, int) =
		(int (*)(int, const char *, strings, strings, int))real_late(REAL_EXECVEAT);
	if (!function) {
		errno = ENOSYS;
		return -1;
	}
	struct next next = next_at(directory, path);
	strings followed = FOLLOWED(environment, &next, false);
	struct leaving leaving = leave(&next, followed);
	return failed(leaving, function(directory, path, argv, followed, flags));
}

/* ---- exec with a list: an array of it on the stack */

static size_t count_arguments(const char *first, va_list list)
{
	size_t count = 0; /* the NULL that ends them is not one */
	for (const char *next = first; next; next = va_arg(list, const char *))
		count++;
	return count;
}

/* argv of `first` and what follows it in the list; the list is left behind the NULL. */
#define ARGUMENTS(first, list) \
	({ \
		va_start(list, first); \
		size_t count_ = count_arguments(first, list); \
		va_end(list); \
		char **argv_ = alloca((count_ + 1) * sizeof(char *)); \
		argv_[0] = (char *)(first); \
		va_start(list, first); \
		for (size_t n_ = 1; n_ <= count_; n_++) \
			argv_[n_] = va_arg(list, char *); \
		argv_; \
	})

HOOK int execle(const char *path, const char *argument, ...)
{
	va_list list;
	char **argv = ARGUMENTS(argument, list);
	char *const *environment = va_arg(list, char *const *);
	va_end(list);
	return exec_path(path, argv, environment, false);
}

HOOK int execl(const char *path, const char *argument, ...)
{
	va_list list;
	char **argv = ARGUMENTS(argument, list);
	va_end(list);
	return exec_path(path, argv, environ, true);
}

HOOK int execlp(const char *file, const char *argument, ...)
{
	va_list list;
	char **argv = ARGUMENTS(argument, list);
	va_end(list);
	return exec_file(file, argv, environ, true);
}

/* ---- posix_spawn */

typedef int spawn_function(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, strings, strings);

static int told_spawn(const struct next *next, strings environment, int status)
{
	if (status == 0)
		tell(next, environment, 0);
	return status;
}

HOOK int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
		     char *const argv[], char *const environment[])
{
	struct next next = next_at(AT_FDCWD, path);
	strings followed = FOLLOWED(environment, &next, false);
	return told_spawn(&next, followed, ((spawn_function *)real_late(REAL_POSIX_SPAWN))(pid, path, actions, attributes, argv, followed));
}

HOOK int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
		      char *const argv[], char *const environment[])
{
	struct next next = next_in_path(file);
	strings followed = FOLLOWED(environment, &next, false);
	return told_spawn(&next, followed,
			  ((spawn_function *)real_late(REAL_POSIX_SPAWNP))(pid, file, actions, attributes, argv, followed));
}
