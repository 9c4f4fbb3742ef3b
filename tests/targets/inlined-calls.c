/* SPDX-License-Identifier: MIT */
/* Functions that the compiler inlines into each other, a nested one, one that never returns, one split into a hot and a cold part. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node {
	struct node *next;
	char name[16];
};

static inline void *allocate(size_t size)
{
	void *block = malloc(size);

	if (!block)
		abort();
	return block;
}

static inline __attribute__((always_inline)) struct node *make_node(const char *name, struct node *next)
{
	struct node *node = allocate(sizeof(*node));

	strncpy(node->name, name, sizeof(node->name) - 1);
	node->next = next;
	return node;
}

__attribute__((noinline)) struct node *make_list(int count)
{
	struct node *list = NULL;

	for (int i = 0; i < count; i++) {
		if (i % 3 == 0)
			list = make_node("third", list);
		else
			list = make_node("other", list);
	}
	return list;
}

static __attribute__((cold, noinline)) void complain(const char *text)
{
	fprintf(stderr, "%s\n", text);
}

__attribute__((noinline, noreturn)) static void give_up(int status)
{
	complain("giving up");
	exit(status);
}

static int count_list(const struct node *list)
{
	return list ? 1 + count_list(list->next) : 0;
}

static void drop_list(struct node *list)
{
	while (list) {
		struct node *next = list->next;
		free(list);
		list = next;
	}
}

static int compare(const void *left, const void *right)
{
	return *(const int *)left - *(const int *)right;
}

int main(int argc, char **argv)
{
	struct node *list = make_list(argc + 7);
	int numbers[] = {3, 1, 2, argc};

	(void)argv;
	qsort(numbers, 4, sizeof(*numbers), compare);
	if (__builtin_expect(count_list(list) != argc + 7, 0)) {
		complain("wrong");
		give_up(numbers[0]);
	}
	drop_list(list);
	return 0;
}
