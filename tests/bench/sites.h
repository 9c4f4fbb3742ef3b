/* SPDX-License-Identifier: MIT */
/*
 * A thousand functions that call malloc, one call site each, made by macro: `site_functions[n](size)`.  The number in an empty asm keeps the
 * compiler from folding them into one.
 */
#ifndef HEAPDELTA_BENCH_SITES_H
#define HEAPDELTA_BENCH_SITES_H

#include <stdlib.h>

enum { SITES = 1000 };

#define SITE(n) \
	static void *__attribute__((noinline)) site_##n(size_t size) \
	{ \
		void *block = malloc(size); \
\
		__asm__ volatile("" ::"i"(1##n)); \
		return block; \
	}
#define NAME(n) site_##n,
#define TEN(x, n) x(n##0) x(n##1) x(n##2) x(n##3) x(n##4) x(n##5) x(n##6) x(n##7) x(n##8) x(n##9)
#define HUNDRED(x, n) \
	TEN(x, n##0) TEN(x, n##1) TEN(x, n##2) TEN(x, n##3) TEN(x, n##4) TEN(x, n##5) TEN(x, n##6) TEN(x, n##7) TEN(x, n##8) TEN(x, n##9)
#define THOUSAND(x) \
	HUNDRED(x, 0) \
	HUNDRED(x, 1) HUNDRED(x, 2) HUNDRED(x, 3) HUNDRED(x, 4) HUNDRED(x, 5) HUNDRED(x, 6) HUNDRED(x, 7) HUNDRED(x, 8) HUNDRED(x, 9)

THOUSAND(SITE)
static void *(*const site_functions[SITES])(size_t) = {THOUSAND(NAME)};

#undef SITE
#undef NAME
#undef TEN
#undef HUNDRED
#undef THOUSAND
#endif
