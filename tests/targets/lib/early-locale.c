/* SPDX-License-Identifier: MIT */
/* Loaded before the program: its first allocation is made by newlocale, which holds the locale's lock; then the lock is asked for again. */
#include <locale.h>
#include <stdlib.h>

__attribute__((constructor)) static void first(void)
{
	if (!newlocale(LC_NUMERIC_MASK, "C.UTF-8", NULL) || !setlocale(LC_ALL, "C") || !setlocale(LC_NUMERIC, "C"))
		abort();
}
