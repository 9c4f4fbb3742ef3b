/* SPDX-License-Identifier: MIT */
/* Holds 20 blocks of 100000 bytes for a second, frees them, keeps one of 100: what was live at the peak is not what is live at the end. */
#include <stdlib.h>
#include <unistd.h>

int main(void)
{
	static void *held[20];
	static void *volatile kept;

	for (int i = 0; i < 20; i++)
		held[i] = malloc(100000); /* HELD */
	usleep(1000 * 1000);
	for (int i = 0; i < 20; i++)
		free(held[i]);
	kept = malloc(100); /* KEPT */
	usleep(200 * 1000);
	return kept == NULL;
}
