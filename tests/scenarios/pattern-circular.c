/* SPDX-License-Identifier: MIT */
/*
 * Circular references: a tree whose children hold their parent while the parent holds its children.  The last outside reference goes, the
 * counts never reach zero.  Fixed: the way up is a plain pointer, not a counted one.
 */
#include "pattern.h"

#define CHILDREN 3

struct node {
	long references;
	struct node *parent, *children[CHILDREN];
	int holds_parent;
};

static void node_release(struct node *node)
{
	if (!node || --node->references > 0)
		return;
	for (int i = 0; i < CHILDREN; i++)
		node_release(node->children[i]);
	if (node->holds_parent)
		node_release(node->parent);
	free(node);
}

static struct node *node_new(struct node *parent, int hold)
{
	struct node *node = calloc(1, sizeof(*node)); /* LEAK: node */

	node->references = 1;
	node->parent = parent;
	node->holds_parent = hold;
	if (hold)
		parent->references++;
	return node;
}

static void grow_and_drop(int hold)
{
	struct node *root = node_new(NULL, 0);

	for (int i = 0; i < CHILDREN; i++)
		root->children[i] = node_new(root, hold);
	node_release(root);
}

static void leaky(void *context, long number)
{
	(void)context, (void)number;
	grow_and_drop(1);
}

static void fixed(void *context, long number)
{
	(void)context, (void)number;
	grow_and_drop(0);
}

int main(int argc, char **argv)
{
	return pattern_main(argc, argv, leaky, fixed);
}
