/* SPDX-License-Identifier: MIT */
/*
 * Resources that are opened and not closed: the memory is libc's, the mistake is the caller's, so the caller's line is what a report must
 * name.  Fixed: each is closed.  The limit of descriptors is raised as far as it goes; the default number of calls fits in it.
 */
#include <dirent.h>
#include <netdb.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "pattern.h"

struct resources {
	FILE *file;
	DIR *directory;
	struct addrinfo *addresses;
};

static struct resources acquire(void)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct resources resources = {NULL, NULL, NULL};

	resources.file = fopen("/dev/null", "r"); /* LEAK: file */
	resources.directory = opendir("/");       /* LEAK: directory */
	if (!resources.file || !resources.directory)
		abort();
	if (getaddrinfo("127.0.0.1", "80", &hints, &resources.addresses) != 0) /* LEAK: addresses */
		abort();
	return resources;
}

static void release(struct resources *resources)
{
	freeaddrinfo(resources->addresses);
	closedir(resources->directory);
	fclose(resources->file);
}

static void leaky(void *context, long number)
{
	(void)context, (void)number;
	acquire();
}

static void fixed(void *context, long number)
{
	struct resources resources = acquire();

	(void)context, (void)number;
	release(&resources);
}

int main(int argc, char **argv)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	return pattern_main(argc, argv, leaky, fixed);
}
