/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* The reader of trace files: every table, the second file, dead and living processes, damage, and pages that move while they are read. */
#include "trace-maker.h"

#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "heapdelta/age.h"
#include "snapshot.h"

#define HEAP UINT64_C(0x555555600000)

static struct maker maker;
static struct intern *intern;
static struct error error;
static uint32_t main_node, put_node;

static void setup(void)
{
	intern = intern_new();
	error = (struct error){0};
	maker_init(&maker);
	uint32_t module = maker_module(&maker, maker_text(&maker, "/bin/app"), 0x400000);
	main_node = maker_node(&maker, 0, 0x401234, module);
	maker_node(&maker, 0, 0, 0); /* a hole */
	put_node = maker_node(&maker, main_node, 0x402000, module);
}

static void teardown(void)
{
	maker_release(&maker);
	intern_free(intern);
}

static void read_it(struct snapshot *snapshot, bool with_blocks)
{
	snapshot_init(snapshot, intern);
	ck_assert_msg(!snapshot_read_trace(snapshot, maker.fd, "", with_blocks, &error), "%s", error.text);
}

static void refused(const char *reason)
{
	struct snapshot snapshot;

	error = (struct error){0};
	snapshot_init(&snapshot, intern);
	snapshot.name = "t.hdt";
	ck_assert_int_eq(snapshot_read_trace(&snapshot, maker.fd, "", true, &error), -1);
	ck_assert_msg(strstr(error.text, reason) != NULL, "'%s' is not in '%s'", reason, error.text);
	ck_assert_ptr_nonnull(strstr(error.text, "'t.hdt'"));
	ck_assert_ptr_null(snapshot.nodes);
}

static const struct stack *stack_of(const struct snapshot *snapshot, uint32_t node, uint32_t domain)
{
	for (size_t i = 0; i < snapshot->stack_count; i++)
		if (snapshot->stacks[i].node == node && snapshot->stacks[i].domain == domain)
			return &snapshot->stacks[i];
	ck_abort_msg("no stack for node %u", node);
}

/* ---- Tables ---- */

START_TEST(blocks_in_leaves)
{
	struct snapshot snapshot;
	uint64_t small[] = {maker_slot(HEAP + 16, 10, put_node), 0, maker_slot(HEAP + 4088, 20, put_node) | HDT_SLOT_FROZEN,
			    maker_slot(HEAP + 64, 0, main_node) | HDT_SLOT_REALLOC};
	uint64_t far[] = {HDT_SLOT_FROZEN, maker_slot(HEAP + 8, 7, main_node)};

	maker_leaf(&maker, HEAP, 2, small, 4);
	maker_leaf(&maker, HEAP + (UINT64_C(40) << 21) + 4096, 1, far, 2);
	read_it(&snapshot, true);
	ck_assert_uint_eq(snapshot.stack_count, 2);
	ck_assert_uint_eq(stack_of(&snapshot, put_node, 0)->live_blocks, 2);
	ck_assert_uint_eq(stack_of(&snapshot, put_node, 0)->live_bytes, 30);
	ck_assert_uint_eq(stack_of(&snapshot, main_node, 0)->live_blocks, 2);
	ck_assert_uint_eq(stack_of(&snapshot, main_node, 0)->live_bytes, 7);
	ck_assert_uint_eq(snapshot.info.live_blocks, 4);
	ck_assert_uint_eq(snapshot.block_count, 4);
	ck_assert_uint_eq(snapshot.blocks[0].address, HEAP + 16);
	ck_assert_uint_eq(snapshot.blocks[2].address, HEAP + 4088);
	ck_assert_uint_eq(snapshot.blocks[3].address, HEAP + (UINT64_C(40) << 21) + 4096 + 8);
	ck_assert_uint_eq(snapshot.stacks[snapshot.blocks[3].stack].node, main_node);
	ck_assert_uint_eq(snapshot_lost(&snapshot), 0);
	snapshot_release(&snapshot);
}
END_TEST

START_TEST(frames_and_modules)
{
	struct snapshot snapshot;

	uint32_t special = maker_node(&maker, 0, HDT_SPECIAL_CUT, HDT_MODULE_SPECIAL);
	uint32_t jit = maker_node(&maker, special, 0x7f0000001234, HDT_MODULE_NONE);
	((struct hdt_node *)maker_at(&maker, HDT_AREA_NODES, 0))[jit].flags = HDT_NODE_EXACT;
	read_it(&snapshot, false);
	ck_assert_uint_eq(snapshot.node_count, 6);
	ck_assert_uint_eq(snapshot_address_of(&snapshot, put_node)->offset, 0x2000);
	ck_assert_uint_eq(snapshot.nodes[put_node].parent, main_node);
	ck_assert_uint_eq(snapshot_address_of(&snapshot, put_node)->module, 1);
	ck_assert_uint_eq(snapshot_address_of(&snapshot, special)->offset, HDT_SPECIAL_CUT);
	ck_assert_uint_eq(snapshot_address_of(&snapshot, special)->module, HDS_MODULE_SPECIAL);
	ck_assert_uint_eq(snapshot_address_of(&snapshot, jit)->offset, 0x7f0000001234);
	ck_assert_uint_eq(snapshot_address_of(&snapshot, jit)->flags, HDS_FRAME_EXACT);
	ck_assert_str_eq(snapshot.modules[1].path, "/bin/app");
	ck_assert_uint_eq(snapshot.modules[1].build_id[19], 0xab);
	ck_assert(!snapshot.symbolised);
	snapshot_release(&snapshot);
}
END_TEST

START_TEST(large_blocks_and_other_domains)
{
	struct snapshot snapshot;
	uint64_t large[] = {maker_slot(HEAP, HDT_SIZE_MAX, put_node)};

	maker_leaf(&maker, HEAP, 0, large, 1);
	maker_extra(&maker, HEAP, UINT64_C(5) << 30, HDT_EXTRA_SIZE);
	maker_extra(&maker, HEAP + 3, 11, HDT_EXTRA_LIVE)->stack = put_node;
	struct hdt_extra *other = maker_extra(&maker, HEAP + 5, 100, HDT_EXTRA_LIVE);
	other->stack = put_node;
	other->domain = 7;
	maker_extra(&maker, 1, 1, HDT_EXTRA_FREE);
	maker_extra(&maker, 2, 1, HDT_EXTRA_BUSY);
	maker_totals(&maker, put_node, 50, 500);
	read_it(&snapshot, true);
	ck_assert_uint_eq(stack_of(&snapshot, put_node, 0)->live_blocks, 2);
	ck_assert_uint_eq(stack_of(&snapshot, put_node, 0)->live_bytes, (UINT64_C(5) << 30) + 11);
	ck_assert_uint_eq(stack_of(&snapshot, put_node, 0)->total_blocks, 50);
	ck_assert_uint_eq(stack_of(&snapshot, put_node, 7)->live_bytes, 100);
	ck_assert_uint_eq(stack_of(&snapshot, put_node, 7)->total_blocks, 0);
	ck_assert_uint_eq(snapshot.block_count, 3);
	ck_assert_uint_eq(snapshot.stacks[snapshot.blocks[2].stack].domain, 7);
	snapshot_release(&snapshot);
}
END_TEST

static const struct age *age_of(const struct snapshot *snapshot, uint32_t node, uint32_t domain, size_t *count)
{
	const struct age *first = NULL;

	*count = 0;
	for (size_t i = 0; i < snapshot->age_count; i++) {
		const struct stack *stack = &snapshot->stacks[snapshot->ages[i].stack];
		if (stack->node != node || stack->domain != domain)
			continue;
		first = first ? first : &snapshot->ages[i];
		++*count;
	}
	return first;
}

static void set_codes(enum hdt_area_id area, const uint16_t *codes, size_t count)
{
	uint64_t offset = maker_room(&maker, area, count * sizeof(*codes));

	memcpy(maker_at(&maker, area, offset), codes, count * sizeof(*codes));
}

/* A process that ended 1000 s after its start; slots 1 to 5, of which two lie in a page of their own. */
START_TEST(ages_of_blocks)
{
	struct snapshot snapshot;
	uint64_t slots[] = {maker_slot(HEAP, 10, put_node), maker_slot(HEAP + 64, 20, put_node), 0, maker_slot(HEAP + 128, 30, main_node)};
	uint64_t large[] = {maker_slot(HEAP + 4096, HDT_SIZE_MAX, put_node)};
	uint64_t second = UINT64_C(1000000000);

	maker_leaf(&maker, HEAP, 2, slots, 4);
	maker_leaf(&maker, HEAP + 4096, 1, large, 1);
	maker_extra(&maker, HEAP + 4096, UINT64_C(5) << 30, HDT_EXTRA_SIZE);
	struct hdt_extra *other = maker_extra(&maker, HEAP + 5, 100, HDT_EXTRA_LIVE);
	other->stack = put_node;
	other->domain = 7;
	maker.header->end_monotonic_ns = maker.header->start_monotonic_ns + 1000 * second;
	uint64_t first = HDT_DIR_LEAF(atomic_load(maker_word(&maker, HEAP))),
		 next = HDT_DIR_LEAF(atomic_load(maker_word(&maker, HEAP + 4096)));
	uint16_t codes[32] = {0}, extra_codes[3] = {0, 0, age_encode(999 * second)};
	codes[first] = codes[first + 1] = age_encode(970 * second);
	codes[first + 3] = age_encode(2000 * second); /* came while it ended */
	codes[next] = age_encode(500 * second);
	set_codes(HDT_AREA_AGES, codes, 32);
	set_codes(HDT_AREA_EXTRA_AGES, extra_codes, 3);
	read_it(&snapshot, false);
	size_t count;
	const struct age *age = age_of(&snapshot, put_node, 0, &count);
	ck_assert(snapshot.has_ages);
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(age[0].seconds, 30);
	ck_assert_uint_eq(age[0].blocks, 2);
	ck_assert_uint_eq(age[0].bytes, 30);
	ck_assert_uint_eq(age[1].seconds, 500 & ~7u);
	ck_assert_uint_eq(age[1].bytes, UINT64_C(5) << 30);
	age = age_of(&snapshot, main_node, 0, &count);
	ck_assert_uint_eq(age[0].seconds, 0);
	age = age_of(&snapshot, put_node, 7, &count);
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(age[0].seconds, 1);
	ck_assert_uint_eq(age[0].bytes, 100);
	snapshot_release(&snapshot);
}
END_TEST

/* Killed: as old as they were when somebody last looked at the clock. */
START_TEST(ages_in_a_process_that_was_killed)
{
	struct snapshot snapshot;
	uint64_t slots[] = {maker_slot(HEAP, 10, put_node)};
	size_t count;

	maker_leaf(&maker, HEAP, 0, slots, 1);
	uint16_t codes[8] = {0};
	codes[HDT_DIR_LEAF(atomic_load(maker_word(&maker, HEAP)))] = 600;
	set_codes(HDT_AREA_AGES, codes, 8);
	maker.header->age_now = 3000;
	read_it(&snapshot, false);
	ck_assert_uint_eq(age_of(&snapshot, put_node, 0, &count)->seconds, (UINT64_C(2400) << AGE_TICK_SHIFT) / 1000000000);
	snapshot_release(&snapshot);
}
END_TEST

/* Of an older recorder, whose header ends with other areas. */
START_TEST(traces_without_ages)
{
	struct snapshot snapshot;
	uint64_t slots[] = {maker_slot(HEAP, 10, put_node)};

	maker_leaf(&maker, HEAP, 0, slots, 1);
	maker.header->area_count = HDT_AREAS_REQUIRED;
	maker.header->areas[HDT_AREA_AGES] = (struct hdt_area){.offset = 77};
	read_it(&snapshot, false);
	ck_assert(!snapshot.has_ages);
	ck_assert_uint_eq(snapshot.info.live_blocks, 1);
	snapshot_release(&snapshot);
	maker.header->area_count = HDT_AREAS_REQUIRED - 1;
	refused("areas");
}
END_TEST

static double chance(uint64_t size, uint64_t distance)
{
	return -expm1(-(double)size / (double)distance);
}

/* Slots hold blocks as they are, counters what they stand for. */
START_TEST(sampled_processes)
{
	struct snapshot snapshot;
	uint64_t slots[] = {maker_slot(HEAP, 64, put_node), maker_slot(HEAP + 64, 64, put_node), maker_slot(HEAP + 128, 70000, put_node)};
	struct hdt_thread *cell = maker_thread(&maker, 4711);

	maker_leaf(&maker, HEAP, 2, slots, 3);
	struct hdt_extra *other = maker_extra(&maker, HEAP + 5, 100, HDT_EXTRA_LIVE);
	other->stack = main_node;
	other->domain = 7;
	maker.header->sample_bytes = 65536;
	maker_totals(&maker, put_node, 3000 * 1024, 123456)->temporary = 500 * 1024;
	cell->alloc_blocks = 3001 * 1024 + 511;
	cell->free_blocks = 1024 + 512;
	cell->temporary_blocks = 500 * 1024;
	maker.header->cleared_blocks = 5 * 1024;
	read_it(&snapshot, true);

	double small = chance(64, 65536), large = chance(70000, 65536);
	double variance = 2 * 64 * 64 * (1 - small) / small / small + 70000.0 * 70000 * (1 - large) / large / large;
	const struct stack *stack = stack_of(&snapshot, put_node, 0);
	ck_assert_double_eq_tol((double)stack->live_bytes, 128 / small + 70000 / large, 3);
	ck_assert_double_eq_tol((double)stack->live_blocks, 2 / small + 1 / large, 1);
	ck_assert_double_eq_tol((double)stack->variance / variance, 1, 1e-4);
	ck_assert_uint_eq(stack->total_blocks, 3000);
	ck_assert_uint_eq(stack->total_bytes, 123456);
	ck_assert_uint_eq(stack->temporary_blocks, 500);
	/* What was announced is all recorded. */
	ck_assert_uint_eq(stack_of(&snapshot, main_node, 7)->live_bytes, 100);
	ck_assert_uint_eq(stack_of(&snapshot, main_node, 7)->live_blocks, 1);
	ck_assert_uint_eq(stack_of(&snapshot, main_node, 7)->variance, 0);
	ck_assert_uint_eq(snapshot.info.sample_bytes, 65536);
	ck_assert_uint_eq(snapshot.info.live_bytes, stack->live_bytes + 100);
	ck_assert_uint_eq(snapshot.info.live_blocks, stack->live_blocks + 1);
	ck_assert_uint_eq(snapshot.info.total_blocks, 3001);
	ck_assert_uint_eq(snapshot.info.freed_blocks, 2);
	ck_assert_uint_eq(snapshot.info.temporary_blocks, 500);
	ck_assert_uint_eq(snapshot.info.cleared_blocks, 5);
	ck_assert_uint_eq(snapshot.threads[0].alloc_blocks, 3001);
	ck_assert_uint_eq(snapshot.block_count, 4);
	ck_assert_uint_eq(snapshot.blocks[0].size, 64);
	snapshot_release(&snapshot);
}
END_TEST

START_TEST(distances_that_no_recorder_writes)
{
	static const uint64_t distances[] = {1, 511, (UINT64_C(1) << 30) + 1, UINT64_C(1) << 63, UINT64_MAX};

	for (size_t i = 0; i < sizeof(distances) / sizeof(distances[0]); i++) {
		maker.header->sample_bytes = distances[i];
		refused("samples are");
	}
}
END_TEST

/* Sizes are read after the slots: one that is missing by then left the table with its block. */
START_TEST(a_large_block_that_went_meanwhile_is_not_live)
{
	uint64_t slots[] = {maker_slot(HEAP, HDT_SIZE_MAX, put_node), maker_slot(HEAP + 64, 5, put_node)};
	struct snapshot snapshot;

	maker_leaf(&maker, HEAP, 1, slots, 2);
	read_it(&snapshot, true);
	ck_assert_uint_eq(snapshot.info.live_blocks, 1);
	ck_assert_uint_eq(snapshot.info.live_bytes, 5);
	snapshot_release(&snapshot);
}
END_TEST

START_TEST(totals_and_caches)
{
	struct snapshot snapshot;
	struct hdt_thread *first = maker_thread(&maker, 4711), *second = maker_thread(&maker, 4712);

	maker_thread(&maker, 0); /* never used */
	maker_totals(&maker, put_node, 100, 1000)->temporary = 40;
	first->cache[3] = (struct hdt_cached_totals){.node = put_node, .blocks = 5, .bytes = 50, .temporary = 2};
	second->cache[9] = (struct hdt_cached_totals){.node = put_node, .blocks = 1, .bytes = 7};
	second->cache[8] = (struct hdt_cached_totals){.node = main_node, .blocks = 3, .bytes = 9, .state = HDT_CACHE_FLUSHING};
	first->alloc_blocks = 106;
	first->alloc_bytes = 1066;
	second->alloc_blocks = 3;
	second->free_blocks = 2;
	second->free_bytes = 20;
	second->temporary_blocks = 42;
	read_it(&snapshot, false);
	ck_assert_uint_eq(stack_of(&snapshot, put_node, 0)->total_blocks, 106);
	ck_assert_uint_eq(stack_of(&snapshot, put_node, 0)->total_bytes, 1057);
	ck_assert_uint_eq(stack_of(&snapshot, put_node, 0)->temporary_blocks, 42);
	ck_assert_uint_eq(stack_of(&snapshot, main_node, 0)->total_blocks, 3);
	ck_assert_uint_eq(snapshot.info.lost[HDT_LOSS_FLUSH], 1);
	ck_assert_uint_eq(snapshot.info.total_blocks, 109);
	ck_assert_uint_eq(snapshot.info.freed_bytes, 20);
	ck_assert_uint_eq(snapshot.info.temporary_blocks, 42);
	ck_assert_uint_eq(snapshot.thread_count, 2);
	ck_assert_uint_eq(snapshot.threads[1].tid, 4712);
	ck_assert_uint_eq(snapshot.threads[1].number, 1);
	snapshot_release(&snapshot);
}
END_TEST

START_TEST(peak_is_the_highest_of_all)
{
	struct snapshot snapshot;
	struct hdt_thread *cell = maker_thread(&maker, 4711);

	maker.header->peak_bytes = 5000;
	maker.header->folded_bytes = 4000;
	maker.header->peak_monotonic_ns = 800;
	/* 4500 live bytes by the counters, 500 of them not folded yet. */
	cell->alloc_bytes = 6000;
	cell->free_bytes = 1500;
	cell->current = 500;
	cell->high = 900;
	read_it(&snapshot, false);
	ck_assert_uint_eq(snapshot.info.peak_bytes, 5000);
	ck_assert_uint_eq(snapshot.info.peak_ns, 300);
	snapshot_release(&snapshot);
	cell->high = 1001;
	read_it(&snapshot, false);
	ck_assert_uint_eq(snapshot.info.peak_bytes, 5001);
	snapshot_release(&snapshot);
}
END_TEST

START_TEST(facts_of_the_header)
{
	struct snapshot snapshot;
	struct hdt_header *header = maker.header;
	static const char command[] = "./app\0-x\0two words";

	header->command = maker_string(&maker, command, sizeof(command));
	header->command_size = sizeof(command);
	header->exe = maker_text(&maker, "/bin/app");
	header->cwd = maker_text(&maker, "/home/u");
	strcpy(header->run, "run-1");
	header->nframe = 33;
	header->uid = 1000;
	header->losses[HDT_LOSS_MISSED_FREE] = 2;
	header->end_monotonic_ns = 500 + 3000000000;
	header->flags = HDT_FLAG_EXITED;
	read_it(&snapshot, false);
	ck_assert_str_eq(snapshot.info.command, "./app -x 'two words'");
	ck_assert_str_eq(snapshot.info.exe, "/bin/app");
	ck_assert_str_eq(snapshot.info.cwd, "/home/u");
	ck_assert_str_eq(snapshot.info.run, "run-1");
	ck_assert_uint_eq(snapshot.traceback_limit, 33);
	ck_assert_uint_eq(snapshot.info.pid, 4711);
	ck_assert_uint_eq(snapshot.info.uid, 1000);
	ck_assert_uint_eq(snapshot_lost(&snapshot), 2);
	ck_assert_uint_eq(snapshot.info.state, HDS_STATE_EXITED);
	ck_assert_uint_eq(snapshot.info.up_ns, 3000000000);
	ck_assert_uint_eq(snapshot.info.taken_realtime_ns, 4000000000);
	snapshot_release(&snapshot);
	/* A header that names what is not there. */
	header->exe = UINT32_MAX;
	header->command_size = UINT32_MAX;
	memset(header->run, 'x', sizeof(header->run));
	read_it(&snapshot, false);
	ck_assert_str_eq(snapshot.info.exe, "");
	ck_assert_str_eq(snapshot.info.command, "");
	ck_assert_uint_eq(strlen(snapshot.info.run), sizeof(header->run));
	snapshot_release(&snapshot);
}
END_TEST

/* The lock decides who is alive, whatever the header says. */
START_TEST(states)
{
	static const struct {
		uint32_t flags;
		bool locked;
		enum hds_state state;
	} expected[] = {{0, true, HDS_STATE_RUNNING},
			{HDT_FLAG_EXITED, true, HDS_STATE_RUNNING},
			{0, false, HDS_STATE_KILLED},
			{HDT_FLAG_EXITED, false, HDS_STATE_EXITED},
			{HDT_FLAG_REPLACED, false, HDS_STATE_EXEC}};
	char path[64];
	struct snapshot snapshot;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", maker.fd);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		int holder = open(path, O_RDWR | O_CLOEXEC);
		if (expected[i].locked)
			ck_assert_int_eq(flock(holder, LOCK_EX), 0);
		maker.header->flags = expected[i].flags;
		read_it(&snapshot, false);
		ck_assert_uint_eq(snapshot.info.state, expected[i].state);
		snapshot_release(&snapshot);
		close(holder);
	}
}
END_TEST

/* ---- The second file ---- */

static char spill_path[64];

static int make_spill(void)
{
	strcpy(spill_path, "/tmp/check-spill-XXXXXX");
	int fd = mkstemp(spill_path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)maker.header->file_size), 0);
	return fd;
}

/* Move what an area has beyond `from` there. */
static void move_to_spill(int fd, enum hdt_area_id area, uint64_t from)
{
	struct hdt_area *moved = &maker.header->areas[area];
	uint8_t *at = maker.base + moved->offset + from;
	size_t size = moved->opened - from;

	ck_assert_int_eq(pwrite(fd, at, size, (off_t)(moved->offset + from)), (ssize_t)size);
	memset(at, 0xee, size);
	moved->spill = from;
}

START_TEST(areas_go_on_in_a_second_file)
{
	struct snapshot snapshot;
	uint64_t slots[512] = {0};

	for (unsigned i = 0; i < 512; i++)
		slots[i] = maker_slot(HEAP + i * 8, 3, put_node);
	for (unsigned i = 0; i < 40; i++)
		maker_leaf(&maker, HEAP + i * 4096, 9, slots, 512);
	for (unsigned i = 0; i < 1000; i++)
		maker_node(&maker, put_node, 0x403000 + i, 1);
	int fd = make_spill();
	move_to_spill(fd, HDT_AREA_SLOTS, 16384);
	move_to_spill(fd, HDT_AREA_NODES, 4096);
	move_to_spill(fd, HDT_AREA_EXTRAS, 0);
	maker.header->areas[HDT_AREA_NODES].opened |= HDT_SPILLING;
	strcpy(maker.header->spill_path, spill_path);
	read_it(&snapshot, false);
	ck_assert_uint_eq(snapshot.info.live_blocks, 40 * 512);
	ck_assert_uint_eq(snapshot_address_of(&snapshot, 1003)->offset, 0x3000 + 999);
	ck_assert_uint_eq(snapshot_lost(&snapshot), 0);
	snapshot_release(&snapshot);
	/* Below another root it is another file. */
	snapshot_init(&snapshot, intern);
	ck_assert_int_eq(snapshot_read_trace(&snapshot, maker.fd, "/proc/nowhere", false, &error), -1);
	ck_assert_ptr_nonnull(strstr(error.text, "cannot open '/proc/nowhere/tmp/check-spill"));
	unlink(spill_path);
	close(fd);
	refused("cannot open '/tmp/check-spill");
	ck_assert_int_eq(symlink("/etc/passwd", spill_path), 0);
	refused("cannot open '/tmp/check-spill");
	unlink(spill_path);
	ck_assert_int_eq(mkfifo(spill_path, 0600), 0);
	refused("is not a file of the same owner");
	unlink(spill_path);
	memset(maker.header->spill_path, 'x', sizeof(maker.header->spill_path));
	refused("it names no second file");
}
END_TEST

/* ---- Damage ---- */

START_TEST(damaged_headers)
{
	struct hdt_header good = *maker.header;

	maker.header->magic++;
	refused("is not a trace file");
	*maker.header = good;
	maker.header->major = 2;
	refused("has trace format version 2.0; this heapdelta reads 1.x");
	*maker.header = good;
	maker.header->state = HDT_STATE_STARTING;
	refused("its process is just starting");
	*maker.header = good;
	maker.header->header_size++;
	refused("is damaged: its header has");
	*maker.header = good;
	maker.header->area_count = 17;
	refused("is damaged: its header has");
	*maker.header = good;
	maker.header->areas[HDT_AREA_NODES].record_size = 16;
	refused("is damaged: area 3 has records of 16 bytes, not 32");
	*maker.header = good;
	maker.header->areas[HDT_AREA_NODES].offset = UINT64_MAX - 4095;
	refused("is damaged: area 3 lies outside of it");
	*maker.header = good;
	maker.header->areas[HDT_AREA_NODES].opened = UINT64_MAX - 1;
	refused("is damaged: area 3 is larger than its place");
	*maker.header = good;
	maker.header->areas[HDT_AREA_NODES].reserved = UINT64_C(1) << 40;
	maker.header->areas[HDT_AREA_NODES].opened = UINT64_C(1) << 40;
	refused("is damaged: it claims");
}
END_TEST

START_TEST(damaged_records)
{
	struct hdt_node *nodes = maker_at(&maker, HDT_AREA_NODES, 0);
	uint64_t slots[] = {maker_slot(HEAP, 1, 9999999)};
	struct snapshot snapshot;

	nodes[put_node].parent = put_node;
	refused("is damaged: node 3 has parent 3");
	nodes[put_node].parent = main_node;
	nodes[put_node].module = 77;
	maker_leaf(&maker, HEAP, 0, slots, 1);
	read_it(&snapshot, false);
	ck_assert_uint_eq(snapshot_address_of(&snapshot, put_node)->module, HDS_MODULE_NONE);
	/* A block whose stack is not there is counted, and said. */
	ck_assert_uint_eq(snapshot.stacks[0].node, 0);
	ck_assert_uint_eq(snapshot.stacks[0].live_blocks, 1);
	ck_assert_uint_eq(snapshot.info.lost[HDT_LOSS_STACK], 1);
	snapshot_release(&snapshot);
	uint64_t word = *maker_word(&maker, HEAP);
	*maker_word(&maker, HEAP) = HDT_DIR_WORD(1 << 30, 0, 0);
	refused("is damaged: page 512 has no such leaf");
	*maker_word(&maker, HEAP) = HDT_DIR_WORD(1, 12, 0);
	refused("is damaged: page 512 has no such leaf");
	/* One leaf for two pages would let a small file stand for a huge heap. */
	for (unsigned i = 0; i < 4; i++)
		*maker_word(&maker, HEAP + i * 4096) = word;
	refused("is damaged: its leaves overlap");
}
END_TEST

/* ftruncate under the reader's feet, at every table. */
START_TEST(truncated_anywhere)
{
	for (unsigned i = 0; i < HDT_AREA_COUNT; i++) {
		const struct hdt_area *area = &maker.header->areas[i];
		maker_room(&maker, (enum hdt_area_id)i, maker_records[i]);
		ck_assert_uint_gt(area->used, 0);
	}
	for (int i = HDT_AREA_EXTRAS; i >= 0; i--) {
		if (i == HDT_AREA_INDEX)
			continue;
		struct hdt_header header = *maker.header;
		ck_assert_int_eq(ftruncate(maker.fd, (off_t)(header.areas[i].offset + header.areas[i].used - 1)), 0);
		refused("is truncated at byte");
		ck_assert_int_eq(ftruncate(maker.fd, (off_t)header.file_size), 0);
	}
	struct hdt_header header = *maker.header;
	ck_assert_int_eq(ftruncate(maker.fd, 100), 0);
	refused("is truncated at byte 100");
	ck_assert_int_eq(ftruncate(maker.fd, (off_t)header.file_size), 0);
	*maker.header = header;
}
END_TEST

/* Any word of the header and of the first records may be anything: no crash, no hang, no huge allocation. */
START_TEST(every_word_may_be_wrong)
{
	static const uint64_t values[] = {0, 1, 4095, UINT32_MAX, UINT64_C(1) << 40, INT64_MAX, UINT64_MAX};
	struct snapshot snapshot;
	uint64_t slots[] = {maker_slot(HEAP, 1, put_node)};

	maker_leaf(&maker, HEAP, 0, slots, 1);
	for (unsigned area = 0; area <= HDT_AREA_COUNT; area++) {
		uint64_t start = area < HDT_AREA_COUNT ? maker.header->areas[area].offset : 0;
		for (unsigned at = 0; at < 2048; at += 8)
			for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
				uint64_t *word = (uint64_t *)(maker.base + start + at), good = *word;
				*word = values[i];
				error = (struct error){0};
				snapshot_init(&snapshot, intern);
				if (snapshot_read_trace(&snapshot, maker.fd, "", true, &error))
					ck_assert_str_ne(error.text, "");
				snapshot_release(&snapshot);
				*word = good;
			}
	}
}
END_TEST

/* ---- While it is written ---- */

enum { PAGES = 64, KEPT = 8, SCANS = 200 };

static atomic_bool stop;

/* Moves the leaves of all pages again and again, as growth does, and makes and forgets blocks beside those that stay. */
static void *move_leaves(void *unused)
{
	uint64_t next = atomic_load(&maker.header->areas[HDT_AREA_SLOTS].used);

	(void)unused;
	for (unsigned round = 0; !atomic_load(&stop) && next + 128 <= MAKER_SLOTS; round++) {
		_Atomic(uint64_t) *word = maker_word(&maker, HEAP + (round * 7 % PAGES) * 4096);
		_Atomic(uint64_t) *old = maker_at(&maker, HDT_AREA_SLOTS, HDT_DIR_LEAF(*word) * 8);
		_Atomic(uint64_t) *moved = maker_at(&maker, HDT_AREA_SLOTS, next);
		atomic_store(&maker.header->areas[HDT_AREA_SLOTS].used, next + 128);
		for (unsigned i = 0; i < 16; i++) {
			uint64_t slot = atomic_fetch_or(&old[i], HDT_SLOT_FROZEN) & ~HDT_SLOT_FROZEN;
			atomic_store(&moved[(i + 5) % 16], slot);
		}
		atomic_store_explicit(word, HDT_DIR_WORD(next / 8, 4, 1), memory_order_release);
		for (unsigned i = 0; i < 16; i++)
			if (HDT_SLOT_STACK(moved[i]) != put_node)
				atomic_store(&moved[i], round % 3 ? maker_slot(0, round % 1000, main_node) : 0);
		next += 128;
	}
	return NULL;
}

START_TEST(lasting_blocks_are_seen_once)
{
	uint64_t slots[16] = {0};
	pthread_t writer;
	struct snapshot snapshot;

	for (unsigned i = 0; i < KEPT; i++)
		slots[i] = maker_slot(i * 16, 100, put_node);
	for (unsigned i = 0; i < PAGES; i++)
		maker_leaf(&maker, HEAP + i * 4096, 4, slots, 16);
	atomic_store(&stop, false);
	pthread_create(&writer, NULL, move_leaves, NULL);
	for (int i = 0; i < SCANS; i++) {
		read_it(&snapshot, true);
		ck_assert_uint_eq(stack_of(&snapshot, put_node, 0)->live_blocks, PAGES * KEPT);
		ck_assert_uint_eq(stack_of(&snapshot, put_node, 0)->live_bytes, PAGES * KEPT * 100);
		ck_assert_uint_eq(snapshot_lost(&snapshot), 0);
		snapshot_release(&snapshot);
	}
	atomic_store(&stop, true);
	pthread_join(writer, NULL);
	ck_assert_uint_gt(maker.header->areas[HDT_AREA_SLOTS].used, 1 << 20);
}
END_TEST

/* ---- A large heap ---- */

START_TEST(a_million_blocks_are_quick)
{
	uint64_t slots[512];
	struct snapshot snapshot;
	struct timespec start, end;

	for (unsigned i = 0; i < 512; i++)
		slots[i] = maker_slot(i * 8, 8, put_node);
	for (unsigned i = 0; i < 2000; i++)
		maker_leaf(&maker, HEAP + i * 4096, 9, slots, 512);
	clock_gettime(CLOCK_MONOTONIC, &start);
	read_it(&snapshot, false);
	clock_gettime(CLOCK_MONOTONIC, &end);
	ck_assert_uint_eq(snapshot.info.live_blocks, 1024000);
	double took = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
	/* 10 ms on an idle machine; the bound leaves room for sanitizers and neighbours. */
	ck_assert_msg(took < 2, "%.3f s", took);
	printf("1024000 live blocks read in %.1f ms\n", took * 1e3);
	snapshot_release(&snapshot);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		blocks_in_leaves,
		frames_and_modules,
		large_blocks_and_other_domains,
		ages_of_blocks,
		ages_in_a_process_that_was_killed,
		traces_without_ages,
		sampled_processes,
		distances_that_no_recorder_writes,
		a_large_block_that_went_meanwhile_is_not_live,
		totals_and_caches,
		peak_is_the_highest_of_all,
		facts_of_the_header,
		states,
		areas_go_on_in_a_second_file,
		damaged_headers,
		damaged_records,
		truncated_anywhere,
		every_word_may_be_wrong,
		lasting_blocks_are_seen_once,
		a_million_blocks_are_quick,
	};
	Suite *suite = suite_create("snapshot-trace");
	TCase *cases = tcase_create("snapshot-trace");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_set_timeout(cases, 120);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(cases, tests[i]);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
