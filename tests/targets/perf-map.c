/* SPDX-License-Identifier: MIT */
/*
 * Code that is written into memory at run time and announced in /tmp/perf-PID.map, as a JIT compiler does it for perf(1): two functions that
 * allocate through a callback, one of them at a place that had another name before, and one that nobody has announced.  Prints its process
 * id.  With an argument the map is a copy of that file, whose START stands for where the code is; with two it waits.  The map stays for whoever
 * looks later.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef void code_fn(void (*callback)(void));

#if defined(__x86_64__)
/* push %rbp; mov %rsp,%rbp; call *%rdi; pop %rbp; ret */
static const unsigned char code[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
#elif defined(__aarch64__)
/* stp x29, x30, [sp, #-16]!; mov x29, sp; blr x0; ldp x29, x30, [sp], #16; ret */
static const unsigned char code[] = {0xfd, 0x7b, 0xbf, 0xa9, 0xfd, 0x03, 0x00, 0x91, 0x00, 0x00,
				     0x3f, 0xd6, 0xfd, 0x7b, 0xc1, 0xa8, 0xc0, 0x03, 0x5f, 0xd6};
#else
#error "no code for this processor"
#endif

enum { SLOT = 64, SLOTS = 3 };
static void *volatile kept;

static void hundred(void)
{
	kept = malloc(100);
}

static void two_hundred(void)
{
	kept = malloc(200);
}

static void three_hundred(void)
{
	kept = malloc(300);
}

static void copy_map(FILE *map, const char *from, uintptr_t start)
{
	FILE *file = fopen(from, "r");
	char *line = NULL;
	size_t room = 0;
	ssize_t length;

	if (!file)
		exit(2);
	while ((length = getline(&line, &room, file)) > 0) {
		if (strncmp(line, "START", 5) == 0)
			fprintf(map, "%" PRIxPTR "%s", start, line + 5);
		else
			fwrite(line, 1, (size_t)length, map);
	}
	free(line);
	fclose(file);
}

static void write_map(const char *from, uintptr_t start)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	FILE *map = fopen(path, "wx");
	if (!map)
		exit(2);
	if (from) {
		copy_map(map, from, start);
	} else {
		fprintf(map, "%" PRIxPTR " %x py::replaced:/app/old.py\n", start, SLOT);
		fprintf(map, "%" PRIxPTR " %x py::handle:/app/server.py\n", start, SLOT);
		fprintf(map, "%" PRIxPTR " %x JS:*render /app/page js.js:10:5\n", start + SLOT, SLOT);
	}
	fclose(map);
}

int main(int argc, char **argv)
{
	unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return 2;
	for (int i = 0; i < SLOTS; i++)
		memcpy(page + i * SLOT, code, sizeof(code));
	mprotect(page, 4096, PROT_READ | PROT_EXEC);
	__builtin___clear_cache((char *)page, (char *)page + 4096);
	write_map(argc > 1 && *argv[1] ? argv[1] : NULL, (uintptr_t)page);
	((code_fn *)(void *)page)(hundred);
	((code_fn *)(void *)(page + SLOT))(two_hundred);
	((code_fn *)(void *)(page + 2 * SLOT))(three_hundred);
	printf("%d\n", (int)getpid());
	fflush(stdout);
	if (argc > 2)
		pause();
	_exit(0);
}
