/* SPDX-License-Identifier: MIT */
/*
 * Keeps 1000 blocks of 100 bytes and one of 5000, says so (ready.h) and waits for a signal that ends it.  In between it goes on allocating and
 * freeing, so that whoever kills it meets it in the middle of an event.
 */
#include <stdlib.h>

#include "ready.h"

int main(void)
{
	static void *kept[1000];
	static void *big;
	static void *volatile busy;

	for (int i = 0; i < 1000; i++)
		kept[i] = malloc(100); /* KEPT: many */
	big = malloc(5000);            /* KEPT: one */
	if (!kept[999] || !big)
		return 1;
	say_ready();
	for (;;) {
		busy = malloc(1);
		free(busy);
	}
}
