/* SPDX-License-Identifier: MIT */
/*
 * Edit distance for hints about misspelt words.  Comes in: a word and, one by one, what it might have been; goes out: the nearest.
 * Words are cut at 63 bytes, so that one row of the distance matrix is a small array and hostile input costs nothing.  No allocation.
 */
#include "closest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { WORD_MAX = 63 };

static size_t least(size_t a, size_t b, size_t c)
{
	size_t smaller = a < b ? a : b;
	return smaller < c ? smaller : c;
}

static bool differ(char a, char b)
{
	return tolower((unsigned char)a) != tolower((unsigned char)b);
}

/* Letters to insert, delete or replace; two neighbours swapped count as two. */
static size_t distance(const char *a, const char *b)
{
	size_t a_length = strnlen(a, WORD_MAX), b_length = strnlen(b, WORD_MAX);
	size_t row[WORD_MAX + 1];

	for (size_t j = 0; j <= b_length; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t replaced = diagonal + differ(a[i - 1], b[j - 1]);
			diagonal = row[j];
			row[j] = least(row[j] + 1, row[j - 1] + 1, replaced);
		}
	}
	return row[b_length];
}

static size_t limit_of(const struct closest *closest)
{
	return strnlen(closest->word, WORD_MAX) / 3 + 1;
}

void closest_init(struct closest *closest, const char *word)
{
	*closest = (struct closest){.word = word};
	closest->distance = limit_of(closest);
}

void closest_offer(struct closest *closest, size_t distance, const char *candidate)
{
	if (distance > closest->distance)
		return;
	if (distance < closest->distance || !closest->best) {
		closest->best = candidate;
		closest->distance = distance;
		closest->count = 0;
	}
	for (size_t i = 0; i < closest->count; i++) {
		if (strcmp(closest->list[i], candidate) == 0)
			return;
	}
	if (closest->count < CLOSEST_MAX)
		closest->list[closest->count++] = candidate;
}

void closest_try_as(struct closest *closest, const char *name, const char *candidate)
{
	size_t length = strnlen(name, WORD_MAX), wanted = strnlen(closest->word, WORD_MAX);
	size_t least_distance = length > wanted ? length - wanted : wanted - length;

	if (least_distance <= closest->distance)
		closest_offer(closest, distance(closest->word, name), candidate);
}

void closest_try(struct closest *closest, const char *candidate)
{
	closest_try_as(closest, candidate, candidate);
}
