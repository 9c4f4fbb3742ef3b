/* SPDX-License-Identifier: MIT */
/*
 * Two libraries take turns at the same addresses, with different frames there; blocks are allocated below both.  Exit status 2: the loader
 * put them at different addresses, so nothing was shown.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int call_through_fn(int (*callback)(void));

static int depth;
static int allocate(void)
{
	void *block = malloc(16 + (size_t)depth);
	int first = block == NULL;
	free(block);
	return first;
}

__attribute__((noinline)) static int descend(call_through_fn *through, int left)
{
	return left > 0 ? descend(through, left - 1) + 1 : through(allocate);
}

static void *visit(const char *directory, const char *name)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/lib/%s", directory, name);
	void *library = dlopen(path, RTLD_NOW);
	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	void *symbol = dlsym(library, "call_through");
	for (depth = 0; depth < 5; depth++)
		for (int again = 0; again < 3; again++)
			descend((call_through_fn *)symbol, depth);
	dlclose(library);
	return symbol;
}

int main(void)
{
	char directory[2048];
	ssize_t length = readlink("/proc/self/exe", directory, sizeof(directory) - 1);
	int same = 0;
	if (length <= 0)
		return 1;
	directory[length] = '\0';
	*strrchr(directory, '/') = '\0';
	for (int round = 0; round < 150; round++)
		same += visit(directory, "reuse-one.so") == visit(directory, "reuse-two.so");
	return same == 0 ? 2 : 0;
}
