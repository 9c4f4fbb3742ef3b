/* SPDX-License-Identifier: MIT */
/*
 * The kernel's random bytes of a process (AT_RANDOM), replaced by the text of TEST_RANDOM: preloaded beside the tracer, a program is sampled
 * the same way every time.  Nothing else in libc asks for them through getauxval.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

unsigned long getauxval(unsigned long type)
{
	static char random[16];
	const char *text = getenv("TEST_RANDOM");

	if (type != AT_RANDOM || text == NULL) {
		unsigned long (*next)(unsigned long) = (unsigned long (*)(unsigned long))dlsym(RTLD_NEXT, "getauxval");
		return next(type);
	}
	strncpy(random, text, sizeof(random));
	return (unsigned long)random;
}
