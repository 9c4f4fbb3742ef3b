/* SPDX-License-Identifier: MIT */
/*
 * Comes in: a key or a name.  Goes out: the member of struct snapshot_info that it means.  Constant data, no state.
 * One table instead of one switch per format and direction.
 */
#include "snapshot-info.h"

#include <string.h>

#define FIELD(key, member, sum) \
	{ \
		key, #member, offsetof(struct snapshot_info, member), sum \
	}
#define LOST(loss, name) \
	{ \
		HDS_KEY_LOST + (loss), "lost_" name, offsetof(struct snapshot_info, lost[loss]), INFO_ADD \
	}

const struct info_field info_fields[] = {
	FIELD(HDS_KEY_LIVE_BLOCKS, live_blocks, INFO_ADD),
	FIELD(HDS_KEY_LIVE_BYTES, live_bytes, INFO_ADD),
	FIELD(HDS_KEY_TOTAL_BLOCKS, total_blocks, INFO_ADD),
	FIELD(HDS_KEY_TOTAL_BYTES, total_bytes, INFO_ADD),
	FIELD(HDS_KEY_FREED_BLOCKS, freed_blocks, INFO_ADD),
	FIELD(HDS_KEY_FREED_BYTES, freed_bytes, INFO_ADD),
	FIELD(HDS_KEY_TEMPORARY_BLOCKS, temporary_blocks, INFO_ADD),
	FIELD(HDS_KEY_PEAK_BYTES, peak_bytes, INFO_ADD),
	FIELD(HDS_KEY_PEAK_NS, peak_ns, INFO_KEEP),
	FIELD(HDS_KEY_TRUNCATED_STACKS, truncated_stacks, INFO_ADD),
	FIELD(HDS_KEY_NESTED_EVENTS, nested_events, INFO_ADD),
	FIELD(HDS_KEY_CLEARED_BLOCKS, cleared_blocks, INFO_ADD),
	FIELD(HDS_KEY_CLEARED_BYTES, cleared_bytes, INFO_ADD),
	FIELD(HDS_KEY_IGNORED_FREES, ignored_frees, INFO_ADD),
	FIELD(HDS_KEY_PEAK_SEEN_BYTES, peak_seen_bytes, INFO_ADD),
	FIELD(HDS_KEY_VERIFIED_STACKS, verified_stacks, INFO_ADD),
	FIELD(HDS_KEY_VERIFIED_BY_ENGINE, verified_by_engine, INFO_ADD),
	FIELD(HDS_KEY_VERIFIED_FRAMES, verified_frames, INFO_ADD),
	FIELD(HDS_KEY_VERIFY_SHORTER, verify_shorter, INFO_ADD),
	FIELD(HDS_KEY_VERIFY_DIFFERENCES, verify_differences, INFO_ADD),
	LOST(HDT_LOSS_BLOCK, "blocks"),
	LOST(HDT_LOSS_STACK, "stacks"),
	LOST(HDT_LOSS_TOTALS, "totals"),
	LOST(HDT_LOSS_THREAD, "threads"),
	LOST(HDT_LOSS_MISSED_FREE, "frees"),
	LOST(HDT_LOSS_FLUSH, "flushes"),
	LOST(HDT_LOSS_BEFORE_START, "before_start"),
	LOST(7, "7"),
	LOST(8, "8"),
	LOST(9, "9"),
	LOST(10, "10"),
	LOST(11, "11"),
	LOST(12, "12"),
	LOST(13, "13"),
	LOST(14, "14"),
	LOST(15, "15"),
	FIELD(HDS_KEY_START_REALTIME_NS, start_realtime_ns, INFO_MIN),
	FIELD(HDS_KEY_TAKEN_REALTIME_NS, taken_realtime_ns, INFO_MAX),
	FIELD(HDS_KEY_UP_NS, up_ns, INFO_MAX),
	FIELD(HDS_KEY_PID, pid, INFO_KEEP),
	FIELD(HDS_KEY_PPID, ppid, INFO_KEEP),
	FIELD(HDS_KEY_UID, uid, INFO_KEEP),
	FIELD(HDS_KEY_IMAGE, image, INFO_KEEP),
	FIELD(HDS_KEY_NFRAME, nframe, INFO_MAX),
	FIELD(HDS_KEY_SAMPLE_BYTES, sample_bytes, INFO_MAX),
	FIELD(HDS_KEY_STATE, state, INFO_KEEP),
	FIELD(HDS_KEY_FLAGS, flags, INFO_KEEP),
	FIELD(HDS_KEY_MACHINE, machine, INFO_KEEP),
	FIELD(HDS_KEY_SEQUENCE, sequence, INFO_KEEP),
	FIELD(HDS_KEY_TRACE_BYTES, trace_bytes, INFO_ADD),
	FIELD(HDS_KEY_VERIFY, verify, INFO_MAX),
	FIELD(HDS_KEY_RECORDING, recording, INFO_KEEP),
	FIELD(HDS_KEY_EXE, exe, INFO_KEEP),
	FIELD(HDS_KEY_COMMAND, command, INFO_KEEP),
	FIELD(HDS_KEY_CWD, cwd, INFO_KEEP),
	FIELD(HDS_KEY_HOST, host, INFO_KEEP),
	FIELD(HDS_KEY_LABEL, label, INFO_KEEP),
	FIELD(HDS_KEY_SOURCE_ROOT, source_root, INFO_KEEP),
	FIELD(HDS_KEY_COMMIT, commit, INFO_KEEP),
	FIELD(HDS_KEY_WRITER, writer, INFO_KEEP),
	FIELD(HDS_KEY_TRACE_FILE, trace_file, INFO_KEEP),
	FIELD(HDS_KEY_PARENT_FILE, parent_file, INFO_KEEP),
	FIELD(HDS_KEY_RUN, run, INFO_KEEP),
	FIELD(HDS_KEY_MARKS, marks, INFO_KEEP),
};
const size_t info_field_count = sizeof(info_fields) / sizeof(info_fields[0]);

void snapshot_info_init(struct snapshot_info *info)
{
	*info = (struct snapshot_info){0};
	for (size_t i = 0; i < info_field_count; i++)
		if (info_is_text(&info_fields[i]))
			*info_text(info, &info_fields[i]) = "";
}

const struct info_field *info_by_key(uint32_t key)
{
	for (size_t i = 0; i < info_field_count; i++)
		if (info_fields[i].key == key)
			return &info_fields[i];
	return NULL;
}

const struct info_field *info_by_name(const char *name)
{
	for (size_t i = 0; i < info_field_count; i++)
		if (!strcmp(info_fields[i].name, name))
			return &info_fields[i];
	return NULL;
}

static uint64_t sum_of(enum info_sum how, uint64_t a, uint64_t b)
{
	switch (how) {
	case INFO_ADD:
		return a + b < a ? UINT64_MAX : a + b;
	case INFO_MIN:
		return b && (!a || b < a) ? b : a;
	case INFO_MAX:
		return a > b ? a : b;
	case INFO_KEEP:
		break;
	}
	return a;
}

void snapshot_info_add(struct snapshot_info *into, const struct snapshot_info *from)
{
	for (size_t i = 0; i < info_field_count; i++) {
		const struct info_field *field = &info_fields[i];
		if (info_is_text(field))
			continue;
		uint64_t *number = info_number(into, field);
		*number = sum_of(field->sum, *number, *info_number((struct snapshot_info *)from, field));
	}
}
