/* SPDX-License-Identifier: MIT */
/*
 * Comes in: the machine, and where our library is.  Goes out: lines for `heapdelta doctor`.
 * Limits are named only where they bear on tracing.  The trial at the end has the last word: /bin/true is run with the library, and must
 * leave a snapshot; whatever a sandbox or a container forbids shows there, known to us or not.
 */
#include "installation.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <limits.h>
#include <link.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "library.h"
#include "size-text.h"
#include "traces.h"

#define UNWINDER "libunwind-x86_64.so.8"
#define SMALL_SHM (64.0 * 1024 * 1024) /* what docker gives by default; the tables of a large program need more */

static void look_at_unwinder(struct installation *installation)
{
	void *handle = dlopen(UNWINDER, RTLD_LAZY | RTLD_LOCAL);
	struct link_map *map;
	char file[PATH_MAX];

	if (!handle) {
		strbuf_puts(&installation->troubles,
			    UNWINDER " is not installed: stacks end at the caller of malloc (apt install libunwind8)\n");
		installation->works = false;
		return;
	}
	bool known = dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && realpath(map->l_name, file);
	strbuf_printf(&installation->facts, "unwinder: %s\n", known ? file : UNWINDER);
	dlclose(handle);
}

static void print_room(void *data, const char *directory)
{
	struct strbuf *facts = data;
	struct statvfs place;
	char room[SIZE_TEXT_MAX], size[SIZE_TEXT_MAX];

	if (statvfs(directory, &place) == 0)
		strbuf_printf(facts, "trace files: %s, %s free of %s%s\n", directory,
			      size_text(room, (double)place.f_bavail * (double)place.f_frsize, false),
			      size_text(size, (double)place.f_blocks * (double)place.f_frsize, false),
			      access(directory, W_OK) == 0 ? "" : ", not writable");
}

static void look_at_places(struct installation *installation)
{
	char own[PATH_MAX], room[SIZE_TEXT_MAX];
	struct statvfs place;

	if (traces_own_directory(own, sizeof(own)) < 0) {
		strbuf_puts(&installation->troubles, "no directory for trace files can be written ('/dev/shm', '$TMPDIR', '/var/tmp'); set "
						     "HEAPDELTA_DIR to one\n");
		installation->works = false;
	} else if (statvfs(own, &place) == 0 && (double)place.f_bavail * (double)place.f_frsize <= SMALL_SHM) {
		strbuf_printf(&installation->troubles,
			      "'%s' has %s left: 'run' goes elsewhere if it can; docker run --shm-size=1g gives more, HEAPDELTA_DIR "
			      "another place\n",
			      own, size_text(room, (double)place.f_bavail * (double)place.f_frsize, false));
	}
	traces_directories(print_room, &installation->facts);
}

/* What setrlimit(2) and ulimit take away from the traced program, too. */
static void look_at_limits(struct installation *installation)
{
	static const struct {
		__rlimit_resource_t resource;
		const char *what, *consequence;
		double enough; /* a limit above it does not matter */
		bool is_size;
	} limits[] = {
		{RLIMIT_AS, "the address space (ulimit -v)", "the tables get an eighth of it", 128.0 * (UINT64_C(1) << 30), true},
		{RLIMIT_FSIZE, "the size of files (ulimit -f)", "the trace file and snapshots stay below", 16.0 * (UINT64_C(1) << 30),
		 true},
		{RLIMIT_NPROC, "processes (ulimit -u)", "'run' takes one of them", 64, false},
	};
	struct rlimit limit;
	char size[SIZE_TEXT_MAX];

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (getrlimit(limits[i].resource, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ||
		    (double)limit.rlim_cur >= limits[i].enough)
			continue;
		snprintf(size, sizeof(size), "%llu", (unsigned long long)limit.rlim_cur);
		strbuf_printf(&installation->facts, "limit: %s: %s; %s\n", limits[i].what,
			      limits[i].is_size ? size_text(size, (double)limit.rlim_cur, false) : size, limits[i].consequence);
	}
}

/* The number after "NAME:" in /proc/self/status; −1: not there. */
static long status_field(const char *name)
{
	char line[256];
	long value = -1;
	FILE *file = fopen("/proc/self/status", "re");

	while (file && value < 0 && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			value = strtol(line + strlen(name) + 1, NULL, 10);
	}
	if (file)
		fclose(file);
	return value;
}

static void look_at_kernel(struct installation *installation)
{
	struct utsname name;

	if (uname(&name) == 0)
		strbuf_printf(&installation->facts, "kernel: %s %s %s; no ptrace is used, so yama and containers are no obstacle\n",
			      name.sysname, name.release, name.machine);
	if (status_field("Seccomp") == 2)
		strbuf_puts(&installation->facts, "seccomp: a filter is on; the trial shows whether it lets the library work\n");
	if (access("/proc/self/maps", R_OK) < 0)
		strbuf_puts(&installation->troubles, "/proc is not mounted: processes cannot be found by PID, and modules have no names\n");
}

/* ---- The trial ------------------------------------------------------------------------------------------------------------------- */

static bool leaves_snapshot(const char *program, const char *library, const char *output)
{
	struct environment environment = {0};
	char *const argv[] = {(char *)program, NULL};
	struct stat status;
	int wait_status = -1;
	pid_t pid;

	environment_init(&environment);
	environment_preload(&environment, library);
	environment_set(&environment, "HEAPDELTA_OUTPUT", output);
	environment_set(&environment, "HEAPDELTA_RUN", NULL);
	environment_set(&environment, "HEAPDELTA_LOCK", NULL);
	environment_set(&environment, "HEAPDELTA_START", NULL);
	if (!environment.failed && posix_spawn(&pid, program, NULL, NULL, argv, environment.list) == 0)
		waitpid(pid, &wait_status, 0);
	environment_release(&environment);
	return wait_status == 0 && stat(output, &status) == 0 && status.st_size > 0;
}

static void make_trial(struct installation *installation, const char *library)
{
	const char *temporary = getenv("TMPDIR"), *program = access("/bin/true", X_OK) == 0 ? "/bin/true" : "/usr/bin/true";
	char directory[PATH_MAX], output[PATH_MAX + 16];

	if (!temporary || temporary[0] != '/')
		temporary = "/tmp";
	if ((size_t)snprintf(directory, sizeof(directory), "%s/heapdelta-trial-XXXXXX", temporary) >= sizeof(directory) ||
	    !mkdtemp(directory)) {
		strbuf_printf(&installation->facts, "trial: none, '%s' cannot be written\n", temporary);
		return;
	}
	snprintf(output, sizeof(output), "%s/trial.hds", directory);
	if (leaves_snapshot(program, library, output)) {
		strbuf_printf(&installation->facts, "trial: %s was traced\n", program);
	} else {
		strbuf_printf(&installation->troubles, "trial: %s left no snapshot; try HEAPDELTA_VERBOSE=1 LD_PRELOAD=%s %s\n", program,
			      library, program);
		installation->works = false;
	}
	unlink(output);
	rmdir(directory);
}

void installation_look(struct installation *installation, const char *library)
{
	*installation = (struct installation){.works = true};
	strbuf_init(&installation->facts);
	strbuf_init(&installation->troubles);
	strbuf_printf(&installation->facts, "library: %s\nC library: glibc %s\n", library, gnu_get_libc_version());
	look_at_unwinder(installation);
	look_at_places(installation);
	look_at_limits(installation);
	look_at_kernel(installation);
	make_trial(installation, library);
}

void installation_release(struct installation *installation)
{
	strbuf_release(&installation->facts);
	strbuf_release(&installation->troubles);
}
