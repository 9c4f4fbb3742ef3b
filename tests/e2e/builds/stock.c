/* SPDX-License-Identifier: MIT */
/* Lines that allocate: alone, twice with one text, with conditions, in statements of several lines, through wrappers and inlined functions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stock.h"

static struct item *items;
static char *labels[64];
static char *pairs[2][32];
static void **shelves;
static char *words[2]; /* seen from elsewhere: a compiler may leave out what nobody can see */

static inline char *copy_upper(const char *text)
{
	char *copy = malloc(strlen(text) + 1);

	for (size_t i = 0; (copy[i] = (char)(text[i] & ~32)) != '\0'; i++)
		continue;
	return copy;
}

static void fill_pairs(int count)
{
	for (int i = 0; i < count; i++) {
		pairs[0][i] = malloc(24);
		memset(pairs[0][i], i, 24);
	}
	for (int i = 0; i < count; i++) {
		pairs[1][i] = malloc(24);
		memset(pairs[1][i], i + 1, 24);
	}
}

static void fill_shelves(int count)
{
	shelves = realloc(shelves, (size_t)count * sizeof(*shelves));
	for (int i = 0; i < count; i++) {
		if (i % 2 == 0)
			shelves[i] = malloc((size_t)i + 1);
		else
			shelves[i] = calloc((size_t)i + 1, 2);
		memset(shelves[i], 1, (size_t)i + 1);
	}
}

static struct item *add_item(const char *name, int prices)
{
	struct item *item = item_new(name, prices);

	item->next = items;
	items = item;
	return item;
}

static void stock_up(int count)
{
	char name[32];

	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "item %d", i);
		const struct item *item = add_item(name, i);
		labels[i % 64] = i % 3 ? item_label(item, i) : copy_upper(item->note);
	}
}

int main(void)
{
	words[0] = copy_upper("one");
	words[1] = copy_upper("another one");
	fill_pairs(12);
	fill_shelves(9);
	stock_up(40);
	printf("%s %s %s %d %p\n", words[0], words[1], labels[0], pairs[1][2][0], (void *)shelves);
	return 0;
}
