/* SPDX-License-Identifier: MIT */
/*
 * Comes in: an open trace file of a running process.  Goes out: changed words in its header.
 * The page of the header is mapped, because a change must be one atomic step: the process's own API changes the same words.  It exists in
 * every trace file whose header was read, but the file's owner might cut it while we write: SIGBUS ends us with a word then.
 */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static void file_was_cut(int signal)
{
	static const char text[] = "heapdelta: the trace file was cut while it was written\n";
	ssize_t said = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)signal;
	(void)said;
	_exit(2);
}

static struct hdt_header *map_header(const struct process *process, struct error *error)
{
	char path[64];

	/* The file that is open, by whatever name and in whatever namespace. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", process->fd);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *page = fd >= 0 ? mmap(NULL, sizeof(struct hdt_header), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
	int why = errno;
	if (fd >= 0)
		close(fd);
	if (page == MAP_FAILED) {
		error_set(error, "cannot write the trace file of process %d (%s) '%s': %s", (int)process->pid, process->comm, process->path,
			  strerror(why));
		return NULL;
	}
	return page;
}

static struct hdt_header *begin(const struct process *process, struct sigaction *before, struct error *error)
{
	struct sigaction action = {.sa_handler = file_was_cut};
	struct hdt_header *header = map_header(process, error);

	if (!header)
		return NULL;
	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, before);
	if (header->minor >= 1)
		return header;
	error_set(error, "process %d (%s) runs with an older libheapdelta.so, which cannot be controlled; restart it", (int)process->pid,
		  process->comm);
	sigaction(SIGBUS, before, NULL);
	munmap(header, sizeof(*header));
	return NULL;
}

static void end(struct hdt_header *header, const struct sigaction *before)
{
	sigaction(SIGBUS, before, NULL);
	munmap(header, sizeof(*header));
}

int control_start(const struct process *process, struct error *error)
{
	struct sigaction before;
	struct hdt_header *header = begin(process, &before, error);

	if (!header)
		return -1;
	uint32_t old = atomic_exchange(&header->tracing, HDT_TRACING_ON);
	end(header, &before);
	return old & HDT_TRACING_NEW ? CONTROL_SAME : CONTROL_CHANGED;
}

/* What its own API has stopped is empty and stays as it is. */
int control_stop(const struct process *process, struct error *error)
{
	struct sigaction before;
	struct hdt_header *header = begin(process, &before, error);

	if (!header)
		return -1;
	uint32_t old = atomic_load(&header->tracing);
	while ((old & HDT_TRACING_NEW) && !atomic_compare_exchange_weak(&header->tracing, &old, HDT_TRACING_FREES | HDT_TRACING_PAUSED))
		;
	end(header, &before);
	return old & HDT_TRACING_NEW ? CONTROL_CHANGED : CONTROL_SAME;
}

int control_mark(const struct process *process, const char *name, struct error *error)
{
	struct sigaction before;
	struct timespec now;
	struct hdt_header *header = begin(process, &before, error);

	if (!header)
		return -1;
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t number = atomic_fetch_add(&header->mark_count, 1) + 1;
	struct hdt_mark *mark = &header->marks[(number - 1) % HDT_MARKS];
	atomic_store(&mark->number, 0);
	mark->realtime_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	memset(mark->name, 0, sizeof(mark->name));
	memcpy(mark->name, name, strnlen(name, sizeof(mark->name) - 1));
	atomic_store(&mark->number, number);
	end(header, &before);
	return 0;
}

int control_check_name(const char *name, struct error *error)
{
	const size_t most = sizeof(((struct hdt_mark *)0)->name) - 1;

	if (!name[0])
		return error_set(error, "a mark needs a name");
	if (strlen(name) > most)
		return error_set(error, "the name of a mark has at most %zu bytes, not %zu", most, strlen(name));
	for (const char *at = name; *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 127)
			return error_set(error, "the name of a mark has no control characters: '%s'", name);
	}
	return 0;
}
