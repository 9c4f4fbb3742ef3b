/* SPDX-License-Identifier: MIT */
/*
 * What every fuzzer does with a snapshot that a reader accepted: what a reader lets through must be fit for use, so it is summed with
 * itself and written out as interchange JSON.
 */
#ifndef FUZZ_READ_H
#define FUZZ_READ_H

#include <stdio.h>
#include <stdlib.h>

#include "intern.h"
#include "snapshot.h"

static inline void use(struct snapshot *snapshot)
{
	struct snapshot sum;
	struct error error = {0};
	FILE *out = fopen("/dev/null", "w");

	snapshot_init(&sum, snapshot->intern);
	if (!out)
		abort();
	if (snapshot_add(&sum, snapshot, "1 one", &error) == 0 && snapshot_add(&sum, snapshot, "2 two", &error) == 0)
		snapshot_write_json(&sum, out, 0, &error);
	fclose(out);
	snapshot_release(&sum);
}

#endif
