/* SPDX-License-Identifier: MIT */
/*
 * The union of the groups of two or more statistics.  Groups of one class, or with one key, are one row; a plain comparison is a series of
 * two.  Rows borrow the groups.
 */
#include "diff.h"

#include <stdlib.h>

static int make_rows(struct diff *diff, const struct stats *series, size_t series_count)
{
	size_t most = 0;

	for (size_t i = 0; i < series_count; i++)
		most += series[i].count;
	diff->rows = calloc(most + 1, sizeof(*diff->rows));
	diff->group_pool = calloc(most * series_count + 1, sizeof(struct group *));
	return diff->rows && diff->group_pool ? 0 : -1;
}

/* What puts the groups of a row together. */
static uint32_t class_of(const struct match *match, size_t snapshot, size_t index, const struct group *group)
{
	return match && match->classes ? match->classes[snapshot][index] : group->key;
}

static size_t class_count(const struct match *match, const struct keys *keys)
{
	if (match && match->classes)
		return match->class_count;
	return keys ? keys_count(keys) : 0;
}

/* Two groups of one snapshot as one, which looks like the larger one.  NULL: out of memory. */
static const struct group *add_up(struct diff *diff, const struct group *a, const struct group *b)
{
	const struct group *less = b->size > a->size ? a : b, *more = less == a ? b : a;
	struct group *sum = malloc(sizeof(*sum));

	if (!sum || array_reserve(&diff->sums, &diff->sum_room, diff->sum_count + 1, sizeof(struct group *))) {
		free(sum);
		return NULL;
	}
	diff->sums[diff->sum_count++] = sum;
	*sum = *more;
	sum->size += less->size;
	sum->count += less->count;
	sum->allocated += less->allocated;
	sum->variance += less->variance;
	sum->one_time = a->one_time && b->one_time;
	return sum;
}

static struct diff_row *row_at(struct diff *diff, size_t series_count, uint32_t *row_of)
{
	struct diff_row *row;

	if (*row_of)
		return &diff->rows[*row_of - 1];
	row = &diff->rows[diff->count];
	row->groups = diff->group_pool + diff->count * series_count;
	*row_of = (uint32_t)++diff->count;
	return row;
}

static int enter_groups(struct diff *diff, const struct stats *series, size_t series_count, const struct match *match, uint32_t *row_of)
{
	for (size_t i = 0; i < series_count; i++) {
		for (size_t j = 0; j < series[i].count; j++) {
			const struct group *group = &series[i].groups[j];
			struct diff_row *row = row_at(diff, series_count, &row_of[class_of(match, i, j, group)]);
			row->groups[i] = row->groups[i] ? add_up(diff, row->groups[i], group) : group;
			if (!row->groups[i])
				return -1;
			row->any = row->groups[i];
		}
	}
	return 0;
}

/* Rows of equal groups, through one index by class. */
static int unite(struct diff *diff, const struct stats *series, size_t series_count, const struct match *match)
{
	uint32_t *row_of = calloc(class_count(match, series[0].keys) + 1, sizeof(*row_of));
	int result = row_of ? make_rows(diff, series, series_count) : -1;

	if (result == 0)
		result = enter_groups(diff, series, series_count, match, row_of);
	free(row_of);
	return result;
}

static wide size_of(const struct group *group)
{
	return group ? group->size : 0;
}

static wide count_of(const struct group *group)
{
	return group ? group->count : 0;
}

static void measure(struct diff_row *row, size_t series_count)
{
	const struct group *first = row->groups[0], *last = row->groups[series_count - 1];

	row->size = size_of(last);
	row->count = count_of(last);
	row->size_diff = row->size - size_of(first);
	row->count_diff = row->count - count_of(first);
	for (size_t i = 1; i < series_count; i++)
		row->grew += size_of(row->groups[i]) > size_of(row->groups[i - 1]);
	if (first && last)
		row->mark = row->size_diff || row->count_diff ? DIFF_CHANGED : DIFF_SAME;
	else
		row->mark = last ? DIFF_NEW : first ? DIFF_GONE : DIFF_SAME;
	row->moved = first && last && first->key != last->key;
}

static void count_row(struct diff *diff, const struct diff_row *row)
{
	diff->moved += row->moved;
	diff->came += row->mark == DIFF_NEW;
	diff->gone += row->mark == DIFF_GONE;
	diff->same += !row->moved && (row->mark == DIFF_SAME || row->mark == DIFF_CHANGED);
}

static wide absolute(wide value)
{
	return value < 0 ? -value : value;
}

static int descending(wide a, wide b)
{
	return (a < b) - (a > b);
}

static int by_diff(const void *left, const void *right, void *keys)
{
	const struct diff_row *a = left, *b = right;
	int order = descending(absolute(a->size_diff), absolute(b->size_diff));

	if (order == 0)
		order = descending(a->size, b->size);
	if (order == 0)
		order = descending(absolute(a->count_diff), absolute(b->count_diff));
	if (order == 0)
		order = descending(a->count, b->count);
	return order ? order : keys_compare(keys, b->any->key, a->any->key);
}

static int by_growth(const void *left, const void *right, void *keys)
{
	const struct diff_row *a = left, *b = right;
	int order = descending(a->size_diff, b->size_diff);

	return order ? order : by_diff(left, right, keys);
}

static int by_size(const void *left, const void *right, void *keys)
{
	const struct diff_row *a = left, *b = right;
	int order = descending(a->size, b->size);

	return order ? order : by_diff(left, right, keys);
}

static int by_count(const void *left, const void *right, void *keys)
{
	const struct diff_row *a = left, *b = right;
	int order = descending(a->count, b->count);

	return order ? order : by_diff(left, right, keys);
}

static int by_count_growth(const void *left, const void *right, void *keys)
{
	const struct diff_row *a = left, *b = right;
	int order = descending(a->count_diff, b->count_diff);

	return order ? order : by_diff(left, right, keys);
}

static int (*const orders[])(const void *, const void *, void *) = {
	[SORT_DIFF] = by_diff,
	[SORT_GROWTH] = by_growth,
	[SORT_SIZE] = by_size,
	[SORT_COUNT] = by_count,
	[SORT_COUNT_GROWTH] = by_count_growth,
};

int diff_make(struct diff *diff, const struct stats *series, size_t series_count, const struct diff_options *options, struct error *error)
{
	const struct stats *first = &series[0], *last = &series[series_count - 1];

	*diff = (struct diff){0};
	if (unite(diff, series, series_count, options->match)) {
		diff_release(diff);
		return error_nomem(error);
	}
	for (size_t i = 0; i < diff->count; i++) {
		measure(&diff->rows[i], series_count);
		count_row(diff, &diff->rows[i]);
	}
	if (diff->count)
		qsort_r(diff->rows, diff->count, sizeof(*diff->rows), orders[options->sort], first->keys);
	diff->size = last->total_size;
	diff->count_total = last->total_count;
	diff->size_diff = last->total_size - first->total_size;
	diff->count_diff = last->total_count - first->total_count;
	return 0;
}

void diff_release(struct diff *diff)
{
	free(diff->rows);
	free(diff->group_pool);
	for (size_t i = 0; i < diff->sum_count; i++)
		free(diff->sums[i]);
	free(diff->sums);
	*diff = (struct diff){0};
}
