/* links: preload */
/* SPDX-License-Identifier: MIT */
/*
 * Every schedule of one event inside another: the outer operation is single-stepped, and at its n-th instruction a handler does the nested
 * one, for every n.  That is also what a second thread that is fast enough looks like.  No hook in the tables is needed for it.
 */
#include <signal.h>
#include <ucontext.h>

#include "blocks.h"
#include "stacks.h"
#include "tables.h"
#include "threads.h"

#define HEAP UINT64_C(0x500000000000)

static unsigned step, steps_left; /* number of the run; instructions still to come before the interruption */
static bool interrupted;
static void (*nested_operation)(void);

#if defined(__x86_64__) && !UNDER_SANITIZER
#define CAN_STEP 1
#define TRAP_FLAG 0x100

static void start_stepping(void)
{
	__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq" : : : "memory", "cc");
}

static void stop_stepping(void)
{
	__asm__ volatile("pushfq; andq $~0x100, (%%rsp); popfq" : : : "memory", "cc");
}

static void at_instruction(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	if (--steps_left > 0)
		return;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
	interrupted = true;
	thread_state.depth++;
	nested_operation();
	thread_state.depth--;
}

static void catch_steps(void)
{
	struct sigaction action = {.sa_sigaction = at_instruction, .sa_flags = SA_SIGINFO};

	sigaction(SIGTRAP, &action, NULL);
}
#else
#define CAN_STEP 0
static void start_stepping(void)
{
}
static void stop_stepping(void)
{
}
static void catch_steps(void)
{
}
#endif

struct schedule {
	const char *name;
	void (*prepare)(void);
	void (*outer)(void);
	void (*nested)(void);
	void (*check)(void); /* after both */
};

/* ---- Blocks: a page of its own for every step */

static uintptr_t page(void)
{
	return HEAP + (uintptr_t)step * 8192;
}

static void insert(unsigned offset, uint64_t size)
{
	struct block old;

	EXPECT(blocks_insert(0, page() + offset, (struct block){size, step}, &old) == BLOCK_INSERTED);
}

static void remove_block(unsigned offset, uint64_t size)
{
	struct block old;

	EXPECT(blocks_remove(0, page() + offset, &old));
	EXPECT(old.size == size && old.stack == step);
}

struct found {
	unsigned count;
	uint64_t bytes;
};

static void find_own(void *context, uint32_t domain, uintptr_t address, struct block block)
{
	struct found *found = context;

	if (domain != 0 || address < page() || address >= page() + 4096)
		return;
	found->count++;
	found->bytes += block.size;
}

/* Each block once, and with its size, in a walk and by its address. */
static void expect_blocks(unsigned count, uint64_t bytes)
{
	struct found found = {0, 0};

	blocks_each(find_own, &found);
	EXPECT(found.count == count && found.bytes == bytes);
	for (unsigned i = 0; i < HDT_LOSS_COUNT; i++)
		EXPECT(atomic_load(&trace.header->losses[i]) == 0);
}

/* A leaf of 16 slots with its first seven full, so that one more block there makes it grow while the other nine are empty. */
static void make_crowded_page(void)
{
	for (unsigned i = 0; i < 16; i++)
		insert(i * 256, 1);
	for (unsigned i = 0; i < 16; i++)
		remove_block(i * 256, 1);
	for (unsigned i = 0; i < 7; i++)
		insert(i * 32, i + 1);
}

static void grow_leaf(void)
{
	insert(224, 100);
}

static void insert_elsewhere(void)
{
	insert(2568, 1000);
}

static void check_insert_elsewhere(void)
{
	expect_blocks(9, 28 + 100 + 1000);
	remove_block(2568, 1000);
	remove_block(224, 100);
	for (unsigned i = 0; i < 7; i++)
		remove_block(i * 32, i + 1);
	expect_blocks(0, 0);
}

static void remove_one(void)
{
	remove_block(64, 3);
}

static void check_remove_one(void)
{
	struct block old;

	expect_blocks(7, 25 + 100);
	EXPECT(!blocks_find(0, page() + 64, &old));
}

static void insert_and_remove(void)
{
	insert(2568, 1000);
	remove_block(2568, 1000);
}

static void check_grown(void)
{
	expect_blocks(8, 28 + 100);
}

static void grow_too(void)
{
	for (unsigned i = 8; i < 40; i++)
		insert(i * 32, 1);
}

static void check_grown_twice(void)
{
	expect_blocks(8 + 32, 28 + 100 + 32);
	for (unsigned i = 8; i < 40; i++)
		remove_block(i * 32, 1);
	check_grown();
}

static void reallocate(void)
{
	struct block old;

	EXPECT(blocks_realloc_begin(page() + 96, &old) && old.size == 4);
	insert(3016, 44);
	blocks_realloc_finish(page() + 96, old);
}

static void check_reallocated(void)
{
	expect_blocks(8, 28 + 100 + 40);
}

static void clear_own(void *context, uint32_t domain, uintptr_t address, struct block block)
{
	find_own(context, domain, address, block);
}

static struct found cleared;

static void clear_all(void)
{
	cleared = (struct found){0, 0};
	blocks_clear(clear_own, &cleared);
}

/* The outer block may come before or after. */
static void check_cleared(void)
{
	struct found left = {0, 0};

	blocks_each(find_own, &left);
	EXPECT(cleared.count + left.count == 8 && cleared.bytes + left.bytes == 128 && left.count <= 1);
}

static void check_removed_and_grown(void)
{
	expect_blocks(6 + 32, 25 + 32);
}

static void check_reallocated_and_grown(void)
{
	expect_blocks(7 + 32, 28 + 40 + 32);
}

static void begin_leaf(void)
{
	insert(0, 5);
}

static void begin_other_leaf(void)
{
	struct block old;

	EXPECT(blocks_insert(0, page() + 4096, (struct block){6, step}, &old) == BLOCK_INSERTED);
}

static void check_begun(void)
{
	struct block old;

	expect_blocks(1, 5);
	EXPECT(blocks_remove(0, page() + 4096, &old) && old.size == 6);
	remove_block(0, 5);
}

static struct found scanned;

static void scan(void)
{
	scanned = (struct found){0, 0};
	blocks_each(find_own, &scanned);
}

static void make_one_page_and_forget_others(void)
{
	trace_forget();
	create_trace(SMALL_RESERVE);
	blocks_reset();
	remove_test_directory();
	mkdir(test_directory, 0700);
	make_crowded_page();
}

/* The lasting blocks are seen once each; those that came meanwhile or did not, at most once. */
static void check_scanned(void)
{
	EXPECT(scanned.count >= 7 && scanned.count <= 7 + 32);
	EXPECT(scanned.bytes == 28 + (scanned.count - 7));
}

/* ---- Extras: one key that is taken and put again in the same record */

static void put_extra(void)
{
	struct block old;

	EXPECT(blocks_insert(7, page(), (struct block){11, step}, &old) == BLOCK_INSERTED);
}

static uint64_t first_taken, second_taken;

static void take_extra(void)
{
	struct block old = {0, 0};

	first_taken = blocks_remove(7, page(), &old) ? old.size : 0;
}

static void take_and_put_extra(void)
{
	struct block old = {0, 0};

	second_taken = blocks_remove(7, page(), &old) ? old.size : 0;
	EXPECT(blocks_insert(7, page(), (struct block){22, step}, &old) == BLOCK_INSERTED);
}

static void check_extras(void)
{
	struct block left = {0, 0};

	if (!blocks_remove(7, page(), &left))
		left.size = 0;
	EXPECT(first_taken + second_taken + left.size == 33);
	EXPECT(first_taken != second_taken && (left.size == 0 || left.size == 22));
	EXPECT(!blocks_remove(7, page(), &left));
}

/* ---- Stacks */

static uint32_t outer_stack, nested_stack;

static void no_preparation(void)
{
}

static void intern_outer(void)
{
	outer_stack = stacks_child(STACK_ROOT, 0x1000 + step, 1, 0);
	atomic_fetch_add(&stacks_totals(outer_stack)->blocks, 1);
}

static void intern_nested(void)
{
	nested_stack = stacks_child(STACK_ROOT, 0x1000 + step, 1, 0);
	atomic_fetch_add(&stacks_totals(nested_stack)->blocks, 1);
}

static void check_interned(void)
{
	EXPECT(outer_stack == nested_stack && outer_stack != STACK_ROOT);
	EXPECT(atomic_load(&stacks_totals(outer_stack)->blocks) == 2);
}

/* ---- Counters */

static struct hdt_thread *cell;
static struct thread_sums before;

static void note_sums(void)
{
	cell = threads_attach((uintptr_t)&thread_state);
	before = threads_sum();
}

static void count_outer(void)
{
	threads_count_alloc(cell, 70000, 1, false);
}

static void count_nested(void)
{
	threads_count_alloc(cell, 90000, 1, true);
	threads_count_alloc(cell, 500, 1, true);
	threads_count_free(cell, 90000);
	threads_count_temporary(cell, 1, true);
}

static uint64_t count_of_stack_1(void)
{
	uint64_t blocks = atomic_load(&stacks_totals(1)->blocks);

	for (unsigned i = 0; i < HDT_CACHE_ENTRIES; i++)
		blocks += atomic_load(&cell->cache[i].node) == 1 ? atomic_load(&cell->cache[i].blocks) : 0;
	return blocks;
}

static void check_counted(void)
{
	struct thread_sums sums = threads_sum();
	int64_t level = atomic_load(&trace.header->folded_bytes) + atomic_load(&cell->current);

	EXPECT(sums.alloc_blocks == before.alloc_blocks + 3);
	EXPECT(sums.alloc_bytes == before.alloc_bytes + 160500);
	EXPECT(sums.free_blocks == before.free_blocks + 1);
	EXPECT(sums.live_bytes == before.live_bytes + 70500);
	EXPECT(sums.temporary_blocks == before.temporary_blocks + 1);
	EXPECT(level == sums.live_bytes);
	EXPECT(atomic_load(&cell->high) >= atomic_load(&cell->current));
	/* Never more than both at once; at least the larger of them. */
	EXPECT(sums.peak_bytes >= before.live_bytes + 90000 && sums.peak_bytes <= before.live_bytes + 160500);
	EXPECT(count_of_stack_1() == sums.alloc_blocks);
	threads_count_free(cell, 70000);
}

/* ---- Room */

static uint64_t outer_room, nested_room;

static void take_outer(void)
{
	outer_room = trace_alloc(HDT_AREA_SLOTS, 8192, 8);
}

static void take_nested(void)
{
	nested_room = trace_alloc(HDT_AREA_SLOTS, 65536, 8);
}

static void check_room(void)
{
	const struct hdt_area *area = &trace.header->areas[HDT_AREA_SLOTS];

	EXPECT(outer_room + 8192 <= nested_room || nested_room + 65536 <= outer_room);
	EXPECT(atomic_load(&area->used) <= atomic_load(&area->opened));
	memset(trace_at(HDT_AREA_SLOTS, outer_room), 1, 8192);
	memset(trace_at(HDT_AREA_SLOTS, nested_room), 1, 65536);
}

static const struct schedule schedules[] = {
	{"a growing leaf, insert", make_crowded_page, grow_leaf, insert_elsewhere, check_insert_elsewhere},
	{"a growing leaf, remove", make_crowded_page, grow_leaf, remove_one, check_remove_one},
	{"a growing leaf, insert and remove", make_crowded_page, grow_leaf, insert_and_remove, check_grown},
	{"a growing leaf, growth", make_crowded_page, grow_leaf, grow_too, check_grown_twice},
	{"a growing leaf, realloc", make_crowded_page, grow_leaf, reallocate, check_reallocated},
	{"a growing leaf, clear", make_one_page_and_forget_others, grow_leaf, clear_all, check_cleared},
	{"remove, growth", make_crowded_page, remove_one, grow_too, check_removed_and_grown},
	{"realloc, growth", make_crowded_page, reallocate, grow_too, check_reallocated_and_grown},
	{"scan, growth", make_one_page_and_forget_others, scan, grow_too, check_scanned},
	{"extras taken twice", put_extra, take_extra, take_and_put_extra, check_extras},
	{"one stack twice", no_preparation, intern_outer, intern_nested, check_interned},
	{"counting and folding", note_sums, count_outer, count_nested, check_counted},
	{"two first leaves", no_preparation, begin_leaf, begin_other_leaf, check_begun},
	{"two growths of an area", make_one_page_and_forget_others, take_outer, take_nested, check_room},
};

static bool run_step(const struct schedule *schedule, unsigned at)
{
	schedule->prepare();
	nested_operation = schedule->nested;
	interrupted = false;
	steps_left = at;
	start_stepping();
	schedule->outer();
	stop_stepping();
	return interrupted;
}

#define STEPS 14000u /* for one schedule, unless every instruction is asked for */

static unsigned count_instructions(const struct schedule *schedule)
{
	step = 1;
	run_step(schedule, UINT32_MAX);
	return UINT32_MAX - steps_left;
}

/* All instructions, or so many, evenly spread, that their steps add up to STEPS. */
static unsigned stride_of(unsigned instructions)
{
	uint64_t all = (uint64_t)instructions * instructions / 2;

	return getenv("HEAPDELTA_EVERY_INSTRUCTION") != NULL || all <= STEPS ? 1 : (unsigned)(all / STEPS) + 1;
}

START_TEST(nothing_is_lost_at_any_instruction)
{
	const struct schedule *schedule = &schedules[_i];

	if (!CAN_STEP) {
		printf("SKIP %s: needs single steps, no sanitizer\n", schedule->name);
		return;
	}
	make_test_directory();
	create_trace(UINT64_C(512) << 20);
	blocks_reset();
	make_crowded_page();
	stacks_child(STACK_ROOT, 0x10, 1, 0);
	catch_steps();
	unsigned instructions = count_instructions(schedule), stride = stride_of(instructions), runs = 0;
	for (unsigned at = 1; at <= instructions; at += stride) {
		step++; /* names a page or a stack that no run before has touched */
		if (run_step(schedule, at)) {
			schedule->check();
			runs++;
		}
	}
	EXPECT(runs > 3);
	if (getenv("HEAPDELTA_FIGURES") != NULL)
		printf("%s: %u of %u instructions\n", schedule->name, runs, instructions);
	trace_forget();
	remove_test_directory();
}
END_TEST

static TCase *cases(void)
{
	TCase *tcase = tcase_create("interrupts");

	tcase_set_timeout(tcase, getenv("HEAPDELTA_EVERY_INSTRUCTION") != NULL ? 1200 : 60);
	tcase_add_loop_test(tcase, nothing_is_lost_at_any_instruction, 0, sizeof(schedules) / sizeof(schedules[0]));
	return tcase;
}

int main(void)
{
	return run_suite("interrupts", cases);
}
