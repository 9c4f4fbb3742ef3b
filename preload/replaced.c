/* SPDX-License-Identifier: MIT */
/*
 * exec takes the mapping away and leaves the trace file.  The next image of the process finds it beside its own, by its name: the same run
 * and pid, another number, lower or, since a number is free again when its file is gone, among those that follow.  That it is the same process, and not an earlier one with the same pid that was killed (whose file must
 * stay), shows in the header: pids are reused, start times are not.
 */
#include "replaced.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "trace-file.h"
#include "trace.h"

/* What this process needs to know of a header. */
struct earlier {
	uint64_t magic, pid_start_ticks;
	char spill_path[sizeof(((struct hdt_header *)0)->spill_path)];
};

static bool read_at(int fd, void *to, size_t size, size_t offset)
{
	return syscall(SYS_pread64, fd, to, size, offset) == (long)size;
}

static bool read_earlier(const char *path, struct earlier *earlier)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool got = read_at(fd, &earlier->magic, sizeof(earlier->magic), offsetof(struct hdt_header, magic)) &&
		   read_at(fd, &earlier->pid_start_ticks, sizeof(earlier->pid_start_ticks), offsetof(struct hdt_header, pid_start_ticks)) &&
		   read_at(fd, earlier->spill_path, sizeof(earlier->spill_path), offsetof(struct hdt_header, spill_path));
	syscall(SYS_close, fd);
	return got;
}

/* False: there is no such file. */
static bool remove_if_ours(const char *path)
{
	struct earlier earlier;
	if (!read_earlier(path, &earlier))
		return false;
	if (earlier.magic != HDT_MAGIC || earlier.pid_start_ticks != trace.header->pid_start_ticks)
		return true;
	unlink(path);
	if (earlier.spill_path[0] && memchr(earlier.spill_path, '\0', sizeof(earlier.spill_path)))
		unlink(earlier.spill_path);
	return true;
}

void replaced_remove(void)
{
	char directory[TRACE_FILE_PATH_MAX], path[TRACE_FILE_PATH_MAX];
	const char *base = strrchr(trace.path, '/');
	if (!base || trace.header->pid_start_ticks == 0)
		return;
	int saved = errno;
	memcpy(directory, trace.path, (size_t)(base - trace.path));
	directory[base - trace.path] = '\0';
	struct trace_file_name name = {trace.header->run[0] ? trace.header->run : "hd", trace.owner_pid, trace.header->image, ".hdt"};
	while (name.number-- > 0)
		if (trace_file_spell(path, directory, &name))
			remove_if_ours(path);
	name.number = trace.header->image;
	do
		name.number++;
	while (trace_file_spell(path, directory, &name) && remove_if_ours(path));
	errno = saved;
}
