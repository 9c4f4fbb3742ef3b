/* SPDX-License-Identifier: MIT */
/* A file that gets another name in one of the builds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stock.h"

void *take(size_t size)
{
	void *memory = malloc(size);

	if (memory == NULL)
		abort();
	return memory;
}

struct item *item_new(const char *name, int prices)
{
	struct item *item = take(sizeof(struct item));

	memset(item, 0, sizeof(*item));
	item->name = strdup(name);
	item->prices = calloc((size_t)prices + 1, sizeof(int));
	item->note =
		take(strlen(name) + sizeof(" is a note that is long enough to be broken into lines by any formatter that limits them"));
	sprintf(item->note, "%s is a note", name);
	return item;
}

char *item_label(const struct item *item, int number)
{
	char *label = malloc(64);

	snprintf(label, 64, "%s %d", item->name, number);
	return label;
}
