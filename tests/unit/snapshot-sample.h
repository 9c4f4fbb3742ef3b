/* SPDX-License-Identifier: MIT */
/* A small snapshot that uses every part of the model, and a comparison of two models that misses none. */
#ifndef UNIT_SNAPSHOT_SAMPLE_H
#define UNIT_SNAPSHOT_SAMPLE_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot-info.h"
#include "snapshot.h"

static inline void sample_info(struct snapshot *snapshot)
{
	struct snapshot_info *info = &snapshot->info;

	for (size_t i = 0; i < info_field_count; i++) {
		char text[40];
		snprintf(text, sizeof(text), "text of %s", info_fields[i].name);
		if (info_is_text(&info_fields[i]))
			*info_text(info, &info_fields[i]) = intern_add(snapshot->intern, text);
		else
			*info_number(info, &info_fields[i]) = 1000 + i;
	}
	info->nframe = 64;
	info->has_exit = true;
	info->exit_status = 256;
	snapshot->traceback_limit = 64;
}

static inline void sample_stack(struct snapshot *snapshot, struct stack stack)
{
	ck_assert_int_eq(snapshot_reserve_stacks(snapshot, 1), 0);
	snapshot->stacks[snapshot->stack_count++] = stack;
}

/* main → cache_put (with an inlined frame) → a special one beside; JIT code; one that was looked up in vain. */
static inline void sample_make(struct snapshot *snapshot, struct intern *intern, uint64_t bias)
{
	struct module app = {.path = intern_add(intern, "/bin/app"),
			     .start = bias,
			     .end = bias + 0x9000,
			     .bias = bias,
			     .generation = 3,
			     .flags = HDT_MODULE_MAIN,
			     .build_id_size = 20,
			     .build_id = {1, 2, 3, 4, 5}};
	struct location lines[] = {
		{.function = intern_add(intern, "main"),
		 .linkage = NULL,
		 .file = intern_add(intern, "src/main.c"),
		 .line = 7,
		 .function_line = 3},
		{.function = intern_add(intern, "put<int>"),
		 .linkage = intern_add(intern, "_Z3putIiE"),
		 .file = intern_add(intern, "src/cache.h"),
		 .line = 42,
		 .flags = HDS_LOCATION_INLINED,
		 .text_hash = 0x123456789abcdef,
		 .statement_hash = 0xfedcba987654321},
		{.function = intern_add(intern, "cache_put"), .file = intern_add(intern, ""), .line = 9},
		{.function = intern_add(intern, "bare"), .flags = HDS_LOCATION_NO_LINE, .symbol_offset = 28},
	};

	snapshot_init(snapshot, intern);
	sample_info(snapshot);
	uint32_t module = snapshot_module(snapshot, &app);
	uint32_t first = snapshot_append_locations(snapshot, lines, 4);
	const struct address in_main = {.module = module, .offset = 0x1234, .first_location = first, .location_count = 1};
	const struct address in_put = {
		.module = module, .offset = 0x2000, .flags = HDS_FRAME_EXACT, .first_location = first + 1, .location_count = 2};
	const struct address in_bare = {.module = module, .offset = 0x3000, .first_location = first + 3, .location_count = 1};
	uint32_t cut = snapshot_node(snapshot, 0, &(struct address){.module = HDS_MODULE_SPECIAL, .offset = HDT_SPECIAL_CUT});
	uint32_t main_frame = snapshot_node(snapshot, cut, &in_main);
	uint32_t put = snapshot_node(snapshot, main_frame, &in_put);
	uint32_t bare = snapshot_node(snapshot, main_frame, &in_bare);
	uint32_t again = snapshot_node(snapshot, put, &in_main);
	uint32_t vain = snapshot_node(snapshot, again, &(struct address){.module = module, .offset = 0x4000});
	uint32_t jit = snapshot_node(snapshot, again, &(struct address){.offset = 0x7f0012345678});
	uint32_t named = snapshot_located_node(snapshot, bare, &(struct location){.file = intern_add(intern, "x.py"), .line = 5});

	sample_stack(snapshot, (struct stack){.node = 0, .live_blocks = 1, .live_bytes = 3, .total_blocks = 1, .total_bytes = 3});
	sample_stack(snapshot, (struct stack){.node = vain,
					      .live_blocks = 2,
					      .live_bytes = 100,
					      .total_blocks = 9,
					      .total_bytes = 900,
					      .temporary_blocks = 4,
					      .peak_blocks = 5,
					      .peak_bytes = 500,
					      .total_nframe = 77,
					      .variance = 12345});
	sample_stack(
		snapshot,
		(struct stack){
			.node = jit, .domain = 7, .live_blocks = UINT64_MAX, .live_bytes = UINT64_MAX - 1, .total_blocks = UINT64_MAX});
	sample_stack(snapshot, (struct stack){.node = named, .total_blocks = 6, .total_bytes = 60, .temporary_blocks = 6});
	snapshot->threads = calloc(1, sizeof(struct thread));
	snapshot->thread_count = 1;
	snapshot->threads[0] = (struct thread){4711, 2, 10, 1000, 5, 500, 3};
	snapshot->blocks = calloc(2, sizeof(struct block));
	snapshot->block_count = 2;
	snapshot->blocks[0] = (struct block){0x1000, 60, 1};
	snapshot->blocks[1] = (struct block){0x2000, 40, 1};
	snapshot->ages = calloc(3, sizeof(struct age));
	snapshot->age_count = 3;
	snapshot->has_ages = true;
	snapshot->ages[0] = (struct age){0, 77, 1, 3, 0};
	snapshot->ages[1] = (struct age){1, 0, 1, 60, 12000};
	snapshot->ages[2] = (struct age){1, UINT32_MAX, UINT64_MAX, UINT64_MAX - 1, 345};
	snapshot->symbolised = true;
}

#define same_number(a, b, member) ck_assert_uint_eq((a)->member, (b)->member)
#define same_text(a, b, member) ck_assert_ptr_eq((a)->member, (b)->member)

static inline void same_info(const struct snapshot *a, const struct snapshot *b)
{
	for (size_t i = 0; i < info_field_count; i++) {
		const struct info_field *field = &info_fields[i];
		struct snapshot_info *one = (struct snapshot_info *)&a->info, *other = (struct snapshot_info *)&b->info;
		if (info_is_text(field))
			ck_assert_ptr_eq(*info_text(one, field), *info_text(other, field));
		else
			ck_assert_uint_eq(*info_number(one, field), *info_number(other, field));
	}
	same_number(a, b, info.has_exit);
	same_number(a, b, info.exit_status);
}

static inline void same_modules(const struct snapshot *a, const struct snapshot *b)
{
	same_number(a, b, module_count);
	for (size_t i = 1; i < a->module_count; i++) {
		const struct module *one = &a->modules[i], *other = &b->modules[i];
		same_text(one, other, path);
		same_number(one, other, start);
		same_number(one, other, end);
		same_number(one, other, bias);
		same_number(one, other, generation);
		same_number(one, other, flags);
		same_number(one, other, build_id_size);
		ck_assert_mem_eq(one->build_id, other->build_id, HDT_BUILD_ID_MAX);
	}
}

static inline void same_nodes(const struct snapshot *a, const struct snapshot *b)
{
	same_number(a, b, address_count);
	same_number(a, b, node_count);
	for (uint32_t i = 0; i < a->node_count; i++) {
		const struct address *one = snapshot_address_of(a, i), *other = snapshot_address_of(b, i);
		same_number(&a->nodes[i], &b->nodes[i], parent);
		same_number(one, other, module);
		same_number(one, other, offset);
		same_number(one, other, flags);
		same_number(one, other, location_count);
		if (one->location_count)
			same_number(one, other, first_location);
	}
	same_number(a, b, location_count);
	for (size_t i = 0; i < a->location_count; i++) {
		const struct location *one = &a->locations[i], *other = &b->locations[i];
		same_text(one, other, function);
		same_text(one, other, linkage);
		same_text(one, other, file);
		same_number(one, other, line);
		same_number(one, other, function_line);
		same_number(one, other, flags);
		same_number(one, other, symbol_offset);
		same_number(one, other, text_hash);
		same_number(one, other, statement_hash);
	}
}

static inline void same_stacks(const struct snapshot *a, const struct snapshot *b)
{
	same_number(a, b, stack_count);
	for (size_t i = 0; i < a->stack_count; i++) {
		const struct stack *one = &a->stacks[i], *other = &b->stacks[i];
		same_number(one, other, node);
		same_number(one, other, domain);
		same_number(one, other, live_blocks);
		same_number(one, other, live_bytes);
		same_number(one, other, total_blocks);
		same_number(one, other, total_bytes);
		same_number(one, other, temporary_blocks);
		same_number(one, other, peak_blocks);
		same_number(one, other, peak_bytes);
		same_number(one, other, total_nframe);
		same_number(one, other, variance);
	}
}

static inline void same_ages(const struct snapshot *a, const struct snapshot *b)
{
	same_number(a, b, has_ages);
	same_number(a, b, age_count);
	for (size_t i = 0; i < a->age_count; i++) {
		same_number(&a->ages[i], &b->ages[i], stack);
		same_number(&a->ages[i], &b->ages[i], seconds);
		same_number(&a->ages[i], &b->ages[i], blocks);
		same_number(&a->ages[i], &b->ages[i], bytes);
		same_number(&a->ages[i], &b->ages[i], variance);
	}
}

static inline void same_rest(const struct snapshot *a, const struct snapshot *b)
{
	same_number(a, b, thread_count);
	if (a->thread_count)
		ck_assert_mem_eq(a->threads, b->threads, a->thread_count * sizeof(struct thread));
	same_number(a, b, block_count);
	for (size_t i = 0; i < a->block_count; i++) {
		same_number(&a->blocks[i], &b->blocks[i], address);
		same_number(&a->blocks[i], &b->blocks[i], size);
		same_number(&a->blocks[i], &b->blocks[i], stack);
	}
	same_number(a, b, process_count);
	for (size_t i = 0; i < a->process_count; i++)
		ck_assert_ptr_eq(a->processes[i], b->processes[i]);
	ck_assert_int_eq(!a->stack_process, !b->stack_process);
	if (a->stack_process)
		ck_assert_mem_eq(a->stack_process, b->stack_process, a->stack_count * sizeof(uint32_t));
}

/* The same intern, so equal text is an equal pointer. */
static inline void same_snapshot(const struct snapshot *a, const struct snapshot *b)
{
	same_info(a, b);
	same_modules(a, b);
	same_nodes(a, b);
	same_stacks(a, b);
	same_ages(a, b);
	same_rest(a, b);
	same_number(a, b, symbolised);
	same_number(a, b, traceback_limit);
}

#endif
