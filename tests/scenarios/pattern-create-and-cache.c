/* SPDX-License-Identifier: MIT */
/*
 * create_and_cache(): its local variable goes out of scope, so the object looks gone, but the global list still holds it.
 * Fixed: the list is emptied by whoever filled it.
 */
#include "pattern.h"

struct object {
	struct object *next;
	char data[1016];
};

static struct object *global_list;

static void create_and_cache(long number)
{
	struct object *local = malloc(sizeof(*local)); /* LEAK: object */

	memset(local->data, (int)(number & 0xff), sizeof(local->data));
	local->next = global_list;
	global_list = local;
}

static void empty_list(void)
{
	while (global_list) {
		struct object *object = global_list;

		global_list = object->next;
		free(object);
	}
}

static void leaky(void *context, long number)
{
	(void)context;
	create_and_cache(number);
}

static void fixed(void *context, long number)
{
	(void)context;
	create_and_cache(number);
	empty_list();
}

int main(int argc, char **argv)
{
	return pattern_main(argc, argv, leaky, fixed);
}
