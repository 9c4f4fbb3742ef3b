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

int frames_reserve(struct frames *frames, size_t count)
{
	size_t room = frames->room ? frames->room : 32;
	struct frame *list;

	if (count <= frames->room)
		return 0;
	while (room < count)
		room *= 2;
	list = reallocarray(frames->list, room, sizeof(*list));
	if (!list)
		return -1;
	frames->list = list;
	frames->room = room;
	return 0;
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
	/* Code that is in no file: its address says nothing from one run to the next. */
	if (address->module == HDS_MODULE_NONE)
		return intern_add(snapshot->intern, "[anon]");
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

static void set_located(struct frame *frame, const struct snapshot *snapshot, struct address *address, uint32_t at)
{
	struct location *location = &snapshot->locations[at];
	const struct module *module = module_of(snapshot, address);

	*frame = (struct frame){
		.file = location->file ? location->file : label_of(snapshot, address),
		.function = location->function,
		.module = module ? module->path : NULL,
		.line = location->file ? location->line : 0,
		.location = at,
		.flags = located_flags(location, module) | (module && !location->file ? FRAME_NO_FILE : 0),
	};
}

static void set_unlocated(struct frame *frame, const struct snapshot *snapshot, struct address *address)
{
	const struct module *module = module_of(snapshot, address);

	*frame = (struct frame){
		.file = label_of(snapshot, address),
		.module = module ? module->path : NULL,
		.location = NO_LOCATION,
		.flags = unlocated_flags(address, module) | (module ? FRAME_NO_FILE : 0),
	};
}

int frame_at(struct frame *frame, const struct snapshot *snapshot, uint32_t node, uint32_t index)
{
	struct address *address = node ? snapshot_address_of(snapshot, node) : NULL;

	if (!address)
		*frame = (struct frame){.file = intern_add(snapshot->intern, "<unknown>"), .location = NO_LOCATION};
	else if (address->location_count)
		set_located(frame, snapshot, address, address->first_location + index);
	else
		set_unlocated(frame, snapshot, address);
	frame->node = node;
	return frame->file ? 0 : -1;
}

static int add_frame(struct frames *frames, const struct snapshot *snapshot, uint32_t node, uint32_t index)
{
	if (frames_reserve(frames, frames->count + 1))
		return -1;
	return frame_at(&frames->list[frames->count++], snapshot, node, index);
}

int frames_of(struct frames *frames, const struct snapshot *snapshot, const struct stack *stack, uint32_t nframe)
{
	size_t limit = nframe ? nframe : SIZE_MAX, total = 0;

	frames->count = 0;
	for (uint32_t node = stack->node; node; node = snapshot->nodes[node].parent) {
		uint32_t count = frames_of_node(snapshot, node);
		total += count;
		for (uint32_t i = 0; i < count && frames->count < limit; i++) {
			if (add_frame(frames, snapshot, node, i))
				return -1;
		}
	}
	if (!frames->count && add_frame(frames, snapshot, 0, 0))
		return -1;
	if (total < frames->count)
		total = frames->count;
	frames->total_nframe = stack->total_nframe > total ? stack->total_nframe : (uint32_t)(total < UINT32_MAX ? total : UINT32_MAX);
	return 0;
}
