/* SPDX-License-Identifier: MIT */
/*
 * The tables of this process → a raw snapshot file.  In: header, cells, totals, trie, modules and live blocks, as an outside reader sees
 * them while threads go on.  Out: the chunks STRS INFO MODS FRMS STCK THRD.
 *
 * Order makes it consistent: blocks and totals are summed first (dump-sums.c), then strings, modules and frames are copied, so whatever a
 * summed stack refers to is complete by then.  Node ids, module numbers and string offsets stay as they are.
 */
#include "dump.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "config.h"
#include "dump-info.h"
#include "dump-sums.h"
#include "heapdelta/trace.h"
#include "output.h"
#include "snapshot-file.h"
#include "threads.h"
#include "trace.h"

enum { NAME_ATTEMPTS = 1000 };

struct dump {
	struct snapshot_file *file;
	struct dump_sums sums;
	struct dump_info info;
};

#define LOAD(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define LOAD_ACQUIRE(field) atomic_load_explicit(&(field), memory_order_acquire)

static uint64_t record_count(enum hdt_area_id area)
{
	return trace_used(area) / trace.header->areas[area].record_size;
}

static void *record_at(enum hdt_area_id area, uint64_t number)
{
	return trace_at(area, number * trace.header->areas[area].record_size);
}

/* ---- Modules, frames, stacks, threads ---------------------------------------------------------------------------------------- */

static void write_modules(struct dump *dump, uint64_t count)
{
	snapshot_file_begin(dump->file, HDS_CHUNK_MODULES, sizeof(struct hds_module));
	for (uint64_t n = 0; n < count; n++) {
		struct hdt_module *from = record_at(HDT_AREA_MODULES, n);
		struct hds_module module = {.start = LOAD_ACQUIRE(from->start)};
		if (module.start) {
			module.end = from->end;
			module.bias = from->bias;
			module.path = from->path < dump->info.string_bytes ? from->path : 0;
			module.generation = from->generation;
			module.flags = from->flags;
			module.build_id_size = from->build_id_size;
			memcpy(module.build_id, from->build_id, sizeof(module.build_id));
		}
		snapshot_file_put(dump->file, &module, sizeof(module));
	}
	snapshot_file_end(dump->file);
}

/* A node that is not complete, or refers to a younger module, is not part of any summed stack: it becomes a hole. */
static struct hds_frame frame_of(struct hdt_node *node, uint64_t module_count)
{
	struct hds_frame frame = {0};
	uint64_t address = LOAD_ACQUIRE(node->address);
	bool special = node->module == HDT_MODULE_SPECIAL;
	if (address == 0 || (!special && node->module >= module_count))
		return frame;
	frame.parent = node->parent;
	frame.module = node->module;
	frame.flags = node->flags & HDT_NODE_EXACT ? HDS_FRAME_EXACT : 0;
	frame.offset = address;
	if (!special && node->module != HDT_MODULE_NONE) {
		struct hdt_module *module = record_at(HDT_AREA_MODULES, node->module);
		frame.offset = address - module->bias;
	}
	return frame;
}

static void write_frames(struct dump *dump, uint64_t module_count)
{
	static const struct hds_frame root;
	snapshot_file_begin(dump->file, HDS_CHUNK_FRAMES, sizeof(struct hds_frame));
	snapshot_file_put(dump->file, &root, sizeof(root));
	for (uint32_t n = 1; n < dump->sums.node_count; n++) {
		struct hds_frame frame = frame_of(record_at(HDT_AREA_NODES, n), module_count);
		snapshot_file_put(dump->file, &frame, sizeof(frame));
	}
	snapshot_file_end(dump->file);
}

static void put_stack(struct dump *dump, struct hds_stack stack, const struct node_sums *totals)
{
	if (totals) {
		stack.total_blocks = totals->blocks;
		stack.total_bytes = totals->bytes;
		stack.temporary_blocks = totals->temporary;
	}
	snapshot_file_put(dump->file, &stack, sizeof(stack));
}

/* With the totals of the stack, if they are not shown with domain 0 or a lower one. */
static void put_foreign(struct dump *dump, uint32_t number)
{
	const struct foreign_sums *row = &dump->sums.foreign[number];
	const struct node_sums *node = &dump->sums.nodes[row->node];
	struct hds_stack stack = {.frame = row->node, .domain = row->domain, .live_blocks = row->blocks, .live_bytes = row->bytes};
	put_stack(dump, stack, node->foreign == number + 1 && !node->live_blocks ? node : NULL);
}

static void write_stacks(struct dump *dump)
{
	snapshot_file_begin(dump->file, HDS_CHUNK_STACKS, sizeof(struct hds_stack));
	for (uint32_t n = 0; n < dump->sums.node_count; n++) {
		const struct node_sums *node = &dump->sums.nodes[n];
		bool has_totals = (node->blocks || node->temporary) && !node->foreign;
		if (node->live_blocks || has_totals)
			put_stack(dump,
				  (struct hds_stack){.frame = n,
						     .live_blocks = node->live_blocks,
						     .live_bytes = node->live_bytes,
						     .variance = node->variance},
				  node);
	}
	for (uint32_t n = 0; n < dump->sums.foreign_count; n++)
		if (dump->sums.foreign[n].blocks)
			put_foreign(dump, n);
	snapshot_file_end(dump->file);
}

static void write_threads(struct dump *dump)
{
	snapshot_file_begin(dump->file, HDS_CHUNK_THREADS, sizeof(struct hds_thread));
	uint64_t count = record_count(HDT_AREA_THREADS);
	for (uint64_t n = 0; n < count; n++) {
		struct hdt_thread *cell = record_at(HDT_AREA_THREADS, n);
		struct hds_thread thread = {
			.tid = LOAD(cell->tid),
			.number = (uint32_t)n,
			.alloc_blocks = dump_info_blocks(LOAD(cell->alloc_blocks)),
			.alloc_bytes = LOAD(cell->alloc_bytes),
			.free_blocks = dump_info_blocks(LOAD(cell->free_blocks)),
			.free_bytes = LOAD(cell->free_bytes),
			.temporary_blocks = dump_info_blocks(LOAD(cell->temporary_blocks)),
		};
		if (thread.alloc_blocks || thread.free_blocks)
			snapshot_file_put(dump->file, &thread, sizeof(thread));
	}
	snapshot_file_end(dump->file);
}

/* ---- The whole --------------------------------------------------------------------------------------------------------------- */

static int write_chunks(struct dump *dump)
{
	struct dump_info *info = &dump->info;
	uint64_t modules = record_count(HDT_AREA_MODULES);
	info->threads = threads_sum();
	info->tracer_bytes = dump_tracer_bytes();
	info->string_bytes = trace_used(HDT_AREA_STRINGS);
	info->live_blocks = dump->sums.live_blocks;
	info->live_bytes = dump->sums.live_bytes;
	info->interrupted_flushes = dump->sums.interrupted_flushes;
	int error = dump_info_write(dump->file, info);
	if (error)
		return error;
	write_modules(dump, modules ? modules : 1);
	write_frames(dump, modules);
	write_stacks(dump);
	write_threads(dump);
	return 0;
}

static int write_file(struct dump *dump, const char *path)
{
	int error;
	dump->file = snapshot_file_create(path, &error);
	if (!dump->file)
		return error;
	error = write_chunks(dump);
	if (!error)
		return snapshot_file_commit(dump->file, dump->info.options->sync, dump->info.options->exclusive);
	snapshot_file_abandon(dump->file);
	return error;
}

static int dump_to(const char *path, const struct dump_options *options)
{
	if (!trace_attached())
		return -ESRCH;
	int error = snapshot_file_check(path, options->exclusive);
	if (error)
		return error;
	struct dump dump = {.info = {.options = options}};
	error = dump_sums_collect(&dump.sums);
	if (!error)
		error = write_file(&dump, path);
	dump_sums_clear(&dump.sums);
	return error;
}

int dump_write(const char *path, const struct dump_options *options)
{
	int saved = errno;
	int error = dump_to(path, options);
	errno = saved;
	return error;
}

/* One directory; a default name that is taken gets the next number. */
static int dump_in(struct output_name *name, const struct dump_options *options, char *path, size_t room)
{
	int error = -EEXIST;
	for (name->attempt = 1; error == -EEXIST && name->attempt < NAME_ATTEMPTS; name->attempt++) {
		error = output_spell(name, path, room);
		if (!error)
			error = dump_write(path, options);
	}
	return error;
}

/* A directory stands for default names in it.  Looked up without what is added to names. */
static bool names_directory(const struct output_name *name, char *path, size_t room)
{
	struct output_name bare = {.pattern = name->pattern, .directory = name->directory, .exe = name->exe, .pid = name->pid};
	return output_is_explicit(name) && output_spell(&bare, path, room) == 0 && snapshot_file_check(path, false) == -EISDIR;
}

static int write_named(struct output_name *name, const struct dump_options *options, char *path, size_t room)
{
	struct dump_options chosen = *options;
	name->in_directory = names_directory(name, path, room);
	chosen.exclusive = !output_is_explicit(name);
	return dump_in(name, &chosen, path, room);
}

static bool is_unwritable(int error)
{
	return error == -EACCES || error == -EPERM || error == -EROFS || error == -ENOENT;
}

int dump_write_named(const struct dump_options *options, char *path, size_t room)
{
	static _Atomic(uint32_t) taken;
	if (!trace_attached())
		return -ESRCH;
	struct dump_options chosen = *options;
	struct output_name name = {
		.pattern = config.output,
		.directory = trace_at(HDT_AREA_STRINGS, trace.header->cwd),
		.exe = trace_at(HDT_AREA_STRINGS, trace.header->exe),
		.pid = trace.header->pid,
		.add_pid = LOAD(trace.header->flags) & HDT_FLAG_FORKED,
		.label = options->label,
		.number = atomic_fetch_add_explicit(&taken, 1, memory_order_relaxed) + 1,
		.is_one_of_many = options->state == HDS_STATE_RUNNING,
	};
	chosen.sequence = name.is_one_of_many ? name.number : 0;
	int error = write_named(&name, &chosen, path, room);
	if (!config.output && is_unwritable(error)) {
		name.directory = output_fallback_directory();
		error = write_named(&name, &chosen, path, room);
	}
	return error;
}

uint64_t dump_tracer_bytes(void)
{
	if (!trace_attached())
		return 0;
	uint64_t bytes = sizeof(struct hdt_header);
	for (uint32_t n = 0; n < HDT_AREA_COUNT; n++)
		bytes += LOAD(trace.header->areas[n].opened) & ~HDT_SPILLING;
	return bytes;
}
