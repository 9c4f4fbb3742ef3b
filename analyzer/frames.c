/* SPDX-License-Identifier: MIT */
/*
 * From a stack's node outward to the root, each node giving the locations of its address.  The text that stands for the file of a frame
 * without a line is composed once per address and kept there.
 */
#include "frames.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "strbuf.h"

#define NO_LOCATION UINT32_MAX

void frames_init(struct frames *frames)
{
	*frames = (struct frames){0};
}

void frames_release(struct frames *frames)
{
	free(frames->list);
	frames_init(frames);
}

/* ---- Names of frames without a line ---- */

static const char *special_name(uint64_t special)
{
	static const char *const names[HDT_SPECIAL_COUNT] = {
		[HDT_SPECIAL_TRUNCATED] = "[truncated]",   [HDT_SPECIAL_DEEP] = "[deeper frames cut]",
		[HDT_SPECIAL_CUT] = "[deeper frames cut]", [HDT_SPECIAL_NESTED] = "[during tracing]",
		[HDT_SPECIAL_NO_ROOM] = "[stack lost]",    [HDT_SPECIAL_EARLY] = "[before start]",
	};

	return special < HDT_SPECIAL_COUNT && names[special] ? names[special] : "[unknown]";
}

static const struct module *module_of(const struct snapshot *snapshot, const struct address *address)
{
	if (address->module == HDS_MODULE_NONE || address->module >= snapshot->module_count)
		return NULL;
	return &snapshot->modules[address->module];
}

/* The location that names the function the address is in: inlined ones have no symbol. */
static const struct location *symbol_of(const struct snapshot *snapshot, const struct address *address)
{
	const struct location *location;

	if (!address->location_count)
		return NULL;
	location = &snapshot->locations[address->first_location + address->location_count - 1];
	return location->function ? location : NULL;
}

/* "libfoo.so.3(foo_open+0x1c)", "libfoo.so.3+0x1c40": never an address that changes from run to run. */
static const char *compose(const struct snapshot *snapshot, const struct address *address)
{
	const struct module *module = module_of(snapshot, address);
	const struct location *symbol = symbol_of(snapshot, address);
	const char *slash, *composed;
	struct strbuf text;

	if (address->offset & HDS_NO_ADDRESS)
		return intern_add(snapshot->intern, "<unknown>");
	if (address->module == HDS_MODULE_SPECIAL)
		return intern_add(snapshot->intern, special_name(address->offset));
	if (!module)
		return intern_add(snapshot->intern, "[unknown]");
	slash = strrchr(module->path, '/');
	strbuf_init(&text);
	strbuf_puts(&text, slash && slash[1] ? slash + 1 : *module->path ? module->path : "[unknown]");
	if (symbol)
		strbuf_printf(&text, "(%s+0x%" PRIx64 ")", symbol->function, symbol->symbol_offset);
	else
		strbuf_printf(&text, "+0x%" PRIx64, address->offset);
	composed = text.failed ? NULL : intern_add(snapshot->intern, text.data);
	strbuf_release(&text);
	return composed;
}

static const char *label_of(const struct snapshot *snapshot, struct address *address)
{
	if (!address->label)
		address->label = compose(snapshot, address);
	return address->label;
}

/* ---- Frames ---- */

uint32_t frame_flags(const char *file, const char *function, const char *module)
{
	uint32_t flags = function ? function_kinds(function) : 0;

	if (file && is_system_file(file))
		flags |= FRAME_SYSTEM;
	if (module && is_runtime_module(module))
		flags |= FRAME_RUNTIME;
	if (module && is_cplusplus_module(module))
		flags |= FRAME_CPLUSPLUS;
	return flags;
}

/* Worked out once per location: a location belongs to one address, so to one module; a frame without one has its module's. */
#define KNOWN (UINT32_C(1) << 31)

static uint32_t located_flags(struct location *location, const struct module *module)
{
	if (!location->kinds)
		location->kinds = KNOWN | frame_flags(location->file, location->function, module ? module->path : NULL) |
				  (location->flags & HDS_LOCATION_SYSTEM ? FRAME_SYSTEM : 0);
	return location->kinds & ~KNOWN;
}

static uint32_t unlocated_flags(struct address *address, const struct module *module)
{
	if (!address->kinds)
		address->kinds = KNOWN | frame_flags(NULL, NULL, module ? module->path : NULL) |
				 (address->module == HDS_MODULE_SPECIAL ? FRAME_PSEUDO : 0);
	return address->kinds & ~KNOWN;
}

static struct frame *add_frame(struct frames *frames)
{
	if (frames->count == frames->room) {
		size_t room = frames->room ? frames->room * 2 : 64;
		struct frame *list = reallocarray(frames->list, room, sizeof(*list));
		if (!list)
			return NULL;
		frames->list = list;
		frames->room = room;
	}
	return &frames->list[frames->count++];
}

static int add_located(struct frames *frames, const struct snapshot *snapshot, uint32_t number, uint32_t at)
{
	struct address *address = snapshot_address_of(snapshot, number);
	struct location *location = &snapshot->locations[at];
	const struct module *module = module_of(snapshot, address);
	struct frame *frame = add_frame(frames);

	if (!frame)
		return -1;
	*frame = (struct frame){
		.file = location->file ? location->file : label_of(snapshot, address),
		.function = location->function,
		.module = module ? module->path : NULL,
		.line = location->file ? location->line : 0,
		.location = at,
		.node = number,
		.flags = located_flags(location, module),
	};
	return frame->file ? 0 : -1;
}

static int add_unlocated(struct frames *frames, const struct snapshot *snapshot, uint32_t number)
{
	struct address *address = snapshot_address_of(snapshot, number);
	const struct module *module = module_of(snapshot, address);
	struct frame *frame = add_frame(frames);

	if (!frame)
		return -1;
	*frame = (struct frame){
		.file = label_of(snapshot, address),
		.module = module ? module->path : NULL,
		.location = NO_LOCATION,
		.node = number,
		.flags = unlocated_flags(address, module),
	};
	return frame->file ? 0 : -1;
}

static int add_nothing(struct frames *frames, const struct snapshot *snapshot)
{
	struct frame *frame = add_frame(frames);

	if (!frame)
		return -1;
	*frame = (struct frame){.file = intern_add(snapshot->intern, "<unknown>"), .location = NO_LOCATION};
	return frame->file ? 0 : -1;
}

int frames_of(struct frames *frames, const struct snapshot *snapshot, const struct stack *stack, uint32_t nframe)
{
	size_t limit = nframe ? nframe : SIZE_MAX, total = 0;

	frames->count = 0;
	for (uint32_t number = stack->node; number; number = snapshot->nodes[number].parent) {
		const struct address *address = snapshot_address_of(snapshot, number);
		uint32_t count = address->location_count;
		total += count ? count : 1;
		if (!count && frames->count < limit && add_unlocated(frames, snapshot, number))
			return -1;
		for (uint32_t i = 0; i < count && frames->count < limit; i++) {
			if (add_located(frames, snapshot, number, address->first_location + i))
				return -1;
		}
	}
	if (!frames->count && add_nothing(frames, snapshot))
		return -1;
	if (total < frames->count)
		total = frames->count;
	frames->total_nframe = stack->total_nframe > total ? stack->total_nframe : (uint32_t)(total < UINT32_MAX ? total : UINT32_MAX);
	return 0;
}
