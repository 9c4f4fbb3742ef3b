/* SPDX-License-Identifier: MIT */
/*
 * The model's life: made empty, filled by a reader or piece by piece, released.  Comes in: nothing.  Goes out: an owner of arrays.
 * Not thread-safe.  Everything that knows a file format is elsewhere; here is only what all of them share.
 */
#include "snapshot.h"

#include <stdlib.h>

void snapshot_init(struct snapshot *snapshot, struct intern *intern)
{
	*snapshot = (struct snapshot){.intern = intern, .name = ""};
	snapshot_info_init(&snapshot->info);
}

void snapshot_release(struct snapshot *snapshot)
{
	free(snapshot->modules);
	free(snapshot->addresses);
	free(snapshot->nodes);
	free(snapshot->locations);
	free(snapshot->stacks);
	free(snapshot->threads);
	free(snapshot->blocks);
	free(snapshot->ages);
	free(snapshot->stack_process);
	free(snapshot->processes);
	snapshot_index_free(snapshot->index);
	snapshot_init(snapshot, snapshot->intern);
}

uint64_t snapshot_lost(const struct snapshot *snapshot)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < HDT_LOSS_ROOM; i++)
		if (__builtin_add_overflow(sum, snapshot->info.lost[i], &sum))
			return UINT64_MAX;
	return sum;
}
