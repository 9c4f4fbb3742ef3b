/* SPDX-License-Identifier: MIT */
#ifndef STOCK_H
#define STOCK_H

#include <stddef.h>

struct item {
	struct item *next;
	char *name, *note;
	int *prices;
};

void *take(size_t size);
struct item *item_new(const char *name, int prices);
char *item_label(const struct item *item, int number);

#endif
