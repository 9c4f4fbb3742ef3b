/* links: preload */
/* SPDX-License-Identifier: MIT */
/*
 * The block table against a plain model, in states that a schedule rarely shows (a leaf half frozen), and in storms: shared addresses that
 * change hands, signal handlers, an outside reader, kill -9.
 */
#include "blocks.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "tables.h"

#define HEAP UINT64_C(0x500000000000)
#define STACK 4711u

static void setup(void)
{
	make_test_directory();
	create_trace(TEST_RESERVE);
	blocks_reset();
}

static void teardown(void)
{
	trace_forget();
	remove_test_directory();
}

static void count_block(void *context, uint32_t domain, uintptr_t address, struct block block)
{
	(void)domain;
	(void)address;
	(void)block;
	++*(uint64_t *)context;
}

static uint64_t count_all(void)
{
	uint64_t count = 0;

	blocks_each(count_block, &count);
	return count;
}

static void insert(uintptr_t address, uint64_t size, uint32_t stack)
{
	struct block old;

	EXPECT(blocks_insert(0, address, (struct block){size, stack}, &old) == BLOCK_INSERTED);
}

static void expect_removed(uint32_t domain, uintptr_t address, uint64_t size, uint32_t stack)
{
	struct block old;

	EXPECT(blocks_remove(domain, address, &old));
	EXPECT(old.size == size);
	EXPECT(old.stack == stack);
	EXPECT(!blocks_remove(domain, address, &old));
}

/* ---- One thread */

START_TEST(keeps_size_and_stack_at_their_limits)
{
	static const uint64_t sizes[] = {0, 1, HDT_SIZE_MAX - 1, HDT_SIZE_MAX, HDT_SIZE_MAX + 1, UINT64_C(1) << 45};
	static const uint32_t stacks[] = {0, 1, HDT_NODE_MAX - 1};
	struct block found;

	for (unsigned i = 0; i < 18; i++)
		insert(HEAP + i * 16, sizes[i % 6], stacks[i % 3]);
	ck_assert_uint_eq(count_all(), 18);
	for (unsigned i = 0; i < 18; i++) {
		ck_assert(blocks_find(0, HEAP + i * 16, &found));
		ck_assert_uint_eq(found.size, sizes[i % 6]);
		expect_removed(0, HEAP + i * 16, sizes[i % 6], stacks[i % 3]);
	}
	ck_assert_uint_eq(count_all(), 0);
}
END_TEST

START_TEST(takes_any_address_and_domain)
{
	static const uintptr_t addresses[] = {1, 8, 4096, HEAP + 3, UINT64_C(1) << 48, UINTPTR_MAX, UINTPTR_MAX - 7};
	struct block old, found;

	for (uint32_t domain = 0; domain < 4; domain++) {
		for (unsigned i = 0; i < 7; i++)
			ck_assert_int_eq(blocks_insert(domain, addresses[i], (struct block){i + 1, domain + 1}, &old), BLOCK_INSERTED);
	}
	ck_assert_uint_eq(count_all(), 28);
	ck_assert_int_eq(blocks_insert(2, 8, (struct block){99, 98}, &old), BLOCK_REPLACED);
	ck_assert_uint_eq(old.size, 2);
	ck_assert(blocks_find(2, 8, &found) && found.size == 99 && found.stack == 98);
	expect_removed(2, 8, 99, 98);
	expect_removed(1, 8, 2, 2);
	expect_removed(0, HEAP + 3, 4, 1);
	ck_assert_uint_eq(count_all(), 25);
	uint64_t cleared = 0;
	blocks_clear(count_block, &cleared);
	ck_assert_uint_eq(cleared, 25);
	ck_assert_uint_eq(count_all(), 0);
}
END_TEST

START_TEST(a_missed_free_is_reported_with_its_block)
{
	static const uint64_t sizes[] = {24, 1000, HDT_SIZE_MAX + 5, HDT_SIZE_MAX + 5, HDT_SIZE_MAX + 77, 3};
	struct block old;

	insert(HEAP, sizes[0], 1);
	for (uint32_t i = 1; i < 6; i++) {
		ck_assert_int_eq(blocks_insert(0, HEAP, (struct block){sizes[i], i + 1}, &old), BLOCK_REPLACED);
		ck_assert_uint_eq(old.size, sizes[i - 1]);
		ck_assert_uint_eq(old.stack, i);
		ck_assert_uint_eq(count_all(), 1);
	}
	expect_removed(0, HEAP, 3, 6);
}
END_TEST

static void check_realloc(uint64_t size, uint64_t new_size)
{
	struct block old, found;

	/* moved; the address goes to somebody else before finish */
	insert(HEAP, size, 1);
	ck_assert(blocks_realloc_begin(HEAP, &old));
	ck_assert_uint_eq(old.size, size);
	ck_assert_uint_eq(count_all(), 1);
	ck_assert(!blocks_remove(0, HEAP, &found));
	insert(HEAP, new_size, 2);
	blocks_realloc_finish(HEAP, old);
	expect_removed(0, HEAP, new_size, 2);
	/* failed */
	insert(HEAP, size, 1);
	ck_assert(blocks_realloc_begin(HEAP, &old));
	blocks_realloc_cancel(HEAP, old);
	expect_removed(0, HEAP, size, 1);
	/* in place, over the mark */
	insert(HEAP, size, 1);
	ck_assert(blocks_realloc_begin(HEAP, &old));
	insert(HEAP, new_size, 3);
	ck_assert_uint_eq(count_all(), 1);
	ck_assert(blocks_find(0, HEAP, &found));
	ck_assert_uint_eq(found.size, new_size);
	expect_removed(0, HEAP, new_size, 3);
	/* plain */
	insert(HEAP, size, 1);
	ck_assert(blocks_realloc_begin(HEAP, &old));
	ck_assert(blocks_find(0, HEAP, &found) && found.size == size);
	blocks_realloc_finish(HEAP, old);
	ck_assert(!blocks_realloc_begin(HEAP, &old));
	ck_assert_uint_eq(count_all(), 0);
}

START_TEST(realloc_keeps_the_block_until_it_ends)
{
	static const uint64_t sizes[] = {1, 100, HDT_SIZE_MAX, HDT_SIZE_MAX + 1, HDT_SIZE_MAX * 64};

	for (unsigned i = 0; i < 25; i++)
		check_realloc(sizes[i / 5], sizes[i % 5]);
	/* No size is left behind: the records of all those blocks were used again and again. */
	ck_assert_uint_le(trace_used(HDT_AREA_EXTRAS) / sizeof(struct hdt_extra), 4);
}
END_TEST

/* Thread 1 is late in finishing; thread 2 has got the address, has an equal block in a realloc there, and that fails. */
START_TEST(a_late_finish_does_not_lose_the_next_owners_block)
{
	for (uint64_t size = 40; size <= HDT_SIZE_MAX * 2; size += HDT_SIZE_MAX) {
		struct block first, second;
		insert(HEAP, size, 1);
		ck_assert(blocks_realloc_begin(HEAP, &first));
		insert(HEAP, size, 1);
		ck_assert(blocks_realloc_begin(HEAP, &second));
		blocks_realloc_finish(HEAP, first);
		blocks_realloc_cancel(HEAP, second);
		expect_removed(0, HEAP, size, 1);
		ck_assert_uint_eq(count_all(), 0);
	}
}
END_TEST

/* The mark of another size is not this thread's. */
START_TEST(a_late_finish_leaves_another_mark_alone)
{
	struct block first, second;

	insert(HEAP, 40, 1);
	ck_assert(blocks_realloc_begin(HEAP, &first));
	insert(HEAP, 50, 1);
	ck_assert(blocks_realloc_begin(HEAP, &second));
	blocks_realloc_finish(HEAP, first);
	ck_assert_uint_eq(count_all(), 1);
	blocks_realloc_finish(HEAP, second);
	ck_assert_uint_eq(count_all(), 0);
}
END_TEST

START_TEST(the_mark_outlives_the_growth_of_its_leaf)
{
	struct block old, other;

	insert(HEAP, 40, 1);
	ck_assert(blocks_realloc_begin(HEAP, &old));
	for (unsigned i = 1; i < 200; i++)
		insert(HEAP + i * 16, 1, 1);
	ck_assert(!blocks_remove(0, HEAP, &other));
	ck_assert_uint_eq(count_all(), 200);
	blocks_realloc_finish(HEAP, old);
	ck_assert_uint_eq(count_all(), 199);
}
END_TEST

START_TEST(clear_leaves_blocks_in_a_realloc)
{
	struct block old;
	uint64_t cleared = 0;

	for (unsigned i = 0; i < 1000; i++)
		insert(HEAP + i * 48, 48, i);
	ck_assert(blocks_realloc_begin(HEAP + 480, &old));
	blocks_clear(count_block, &cleared);
	ck_assert_uint_eq(cleared, 999);
	ck_assert_uint_eq(count_all(), 1);
	blocks_realloc_cancel(HEAP + 480, old);
	expect_removed(0, HEAP + 480, 48, 10);
}
END_TEST

#define MODEL_WORDS (4 * 512)

/* Every 8-byte address of four pages, at random, against an array. */
START_TEST(agrees_with_a_model)
{
	static uint64_t sizes[MODEL_WORDS];
	uint64_t seed = 88172645463325252u + (uint64_t)_i, live = 0;

	for (unsigned step = 0; step < 60000; step++) {
		/* The number of blocks goes up and down, so that leaves of all sizes are met. */
		unsigned span = 16u << (step / 8000);
		unsigned word = (unsigned)(random_next(&seed) % (span < MODEL_WORDS ? span : MODEL_WORDS)) * (_i ? 1 : 2) % MODEL_WORDS;
		struct block old;
		if (sizes[word] == 0) {
			sizes[word] = random_next(&seed) % 100 + 1;
			insert(HEAP + word * 8, sizes[word], word);
			live++;
		} else {
			expect_removed(0, HEAP + word * 8, sizes[word], word);
			sizes[word] = 0;
			live--;
		}
		if (step % 4096 == 0)
			ck_assert_uint_eq(count_all(), live);
		EXPECT(!blocks_remove(0, HEAP + (MODEL_WORDS + word) * 8, &old));
	}
	ck_assert_uint_eq(count_all(), live);
	uint64_t cleared = 0;
	blocks_clear(count_block, &cleared);
	ck_assert_uint_eq(cleared, live);
}
END_TEST

/* ---- A leaf as another thread leaves it in the middle of its growth */

static _Atomic(uint64_t) *page_slots(unsigned *count)
{
	uint64_t word = atomic_load(&((struct hdt_page_node *)trace_at(HDT_AREA_PAGES, 0))[1].words[0]);

	*count = 1u << HDT_DIR_BITS(word);
	return (_Atomic(uint64_t) *)trace_at(HDT_AREA_SLOTS, 0) + HDT_DIR_LEAF(word);
}

static void freeze_first(unsigned slots)
{
	unsigned count;
	_Atomic(uint64_t) *leaf = page_slots(&count);

	for (unsigned i = 0; i < slots && i < count; i++)
		atomic_fetch_or(&leaf[i], HDT_SLOT_FROZEN);
}

enum operation { INSERT, REMOVE, REALLOC, CLEAR, OPERATIONS };

static void act(enum operation operation, unsigned block)
{
	struct block old;
	uint64_t cleared = 0;

	switch (operation) {
	case INSERT:
		insert(HEAP + 4000, 7, 7);
		break;
	case REMOVE:
		expect_removed(0, HEAP + block * 64, block + 1, block);
		break;
	case REALLOC:
		ck_assert(blocks_realloc_begin(HEAP + block * 64, &old));
		blocks_realloc_finish(HEAP + block * 64, old);
		break;
	default:
		blocks_clear(count_block, &cleared);
		ck_assert_uint_eq(cleared, 20);
	}
}

START_TEST(whoever_meets_a_half_frozen_leaf_finishes_it)
{
	static const uint64_t left[OPERATIONS] = {21, 19, 19, 0};
	uint64_t cleared = 0;
	unsigned count;

	for (unsigned frozen = 0; frozen <= 64; frozen++) {
		trace_forget();
		create_trace(SMALL_RESERVE);
		blocks_reset();
		for (unsigned i = 0; i < 20; i++)
			insert(HEAP + i * 64, i + 1, i);
		page_slots(&count);
		freeze_first(frozen);
		ck_assert_uint_eq(count_all(), 20);
		act((enum operation)_i, frozen % 20);
		ck_assert_uint_eq(count_all(), left[_i]);
		blocks_clear(count_block, &cleared);
		ck_assert_uint_eq(count_all(), 0);
		remove_test_directory();
		mkdir(test_directory, 0700);
	}
	ck_assert_uint_eq(atomic_load(&trace.header->losses[HDT_LOSS_BLOCK]), 0);
}
END_TEST

/* ---- Room */

START_TEST(a_full_table_says_so_and_keeps_what_it_has)
{
	struct block old = {0, 0};
	uint64_t fitted = 0;

	trace_forget();
	create_trace(SMALL_RESERVE);
	blocks_reset();
	while (blocks_insert(0, HEAP + fitted * 16, (struct block){16, 1}, &old) == BLOCK_INSERTED)
		fitted++;
	ck_assert_uint_gt(fitted, 10000);
	ck_assert_uint_eq(count_all(), fitted);
	for (uint64_t i = 0; i < fitted; i++)
		expect_removed(0, HEAP + i * 16, 16, 1);
	ck_assert_uint_eq(count_all(), 0);
	insert(HEAP, 16, 1);
}
END_TEST

static uint64_t table_bytes(void)
{
	return trace_used(HDT_AREA_SLOTS) + trace_used(HDT_AREA_PAGES) + trace_used(HDT_AREA_REGIONS);
}

static uint64_t mixed_size(uint64_t *seed)
{
	uint64_t kind = random_next(seed) % 100;

	return kind < 70 ? 16 + random_next(seed) % 112 : kind < 95 ? 128 + random_next(seed) % 896 : 1024 + random_next(seed) % 7168;
}

#define HEAP_BLOCKS 100000
static uintptr_t heap_addresses[HEAP_BLOCKS];

#define MIXED 0   /* chunks of many sizes */
#define CROWDED 1 /* twenty small ones beside one that fills the rest of the page */

static uint64_t chunk_size(uint64_t kind, unsigned number, uint64_t *seed)
{
	if (kind == MIXED)
		return (mixed_size(seed) + 8 + 15) & ~UINT64_C(15);
	if (kind == CROWDED)
		return number % 21 < 20 ? 32 : 4096 - 20 * 32;
	return kind;
}

/* A heap of chunks of one size, or of a kind. */
static void lay_out_heap(uint64_t kind)
{
	uintptr_t address = HEAP + 16;
	uint64_t seed = 1234567;

	for (unsigned i = 0; i < HEAP_BLOCKS; i++) {
		heap_addresses[i] = address;
		address += chunk_size(kind, i, &seed);
	}
}

static void shuffle_heap(void)
{
	uint64_t seed = 7654321;

	for (unsigned i = HEAP_BLOCKS - 1; i > 0; i--) {
		unsigned other = (unsigned)(random_next(&seed) % (i + 1));
		uintptr_t address = heap_addresses[i];
		heap_addresses[i] = heap_addresses[other];
		heap_addresses[other] = address;
	}
}

/* Bytes of table per live block, old leaves included, in heaps filled upwards and in random order. */
START_TEST(takes_few_bytes_per_block)
{
	static const uint64_t chunk[] = {32, 48, 64, 80, 112, 256, 1040, MIXED, CROWDED};
	bool in_order = _i < 9;
	uint64_t before = table_bytes();

	lay_out_heap(chunk[_i % 9]);
	if (!in_order)
		shuffle_heap();
	for (unsigned i = 0; i < HEAP_BLOCKS; i++)
		insert(heap_addresses[i], 16, 1);
	double each = (double)(table_bytes() - before) / HEAP_BLOCKS;
	if (getenv("HEAPDELTA_FIGURES") != NULL)
		printf("chunks of %4d bytes, %s: %.1f bytes per block\n", (int)chunk[_i % 9], in_order ? "in order" : "in random order",
		       each);
	ck_assert_double_le(each, in_order ? 24.0 : 30.0);
}
END_TEST

/* ---- Storms: addresses that change hands, as an allocator gives them */

#define STORM_ADDRESSES 3000
#define STORM_THREADS 4
#define STORM_STACKS 3

enum { HAND_FREE, HAND_BUSY, HAND_LIVE };
static struct hand {
	_Atomic(uint32_t) state;
	uint64_t size;
	uint32_t stack;
} hands[STORM_ADDRESSES];
static _Atomic(bool) storm_ends;
static double storm_end;

static uintptr_t storm_address(unsigned number)
{
	return HEAP + (uintptr_t)number * 16;
}

static bool take_hand(unsigned number, uint32_t state)
{
	return atomic_compare_exchange_strong(&hands[number].state, &state, HAND_BUSY);
}

static uint64_t storm_size(uint64_t *seed)
{
	return random_next(seed) % 64 == 0 ? HDT_SIZE_MAX + random_next(seed) % 3 : 1 + random_next(seed) % 2;
}

static void storm_malloc(unsigned number, uint64_t *seed)
{
	struct hand *hand = &hands[number];

	hand->size = storm_size(seed);
	hand->stack = (uint32_t)(random_next(seed) % STORM_STACKS);
	insert(storm_address(number), hand->size, hand->stack);
	atomic_store(&hand->state, HAND_LIVE);
}

static void storm_free(unsigned number)
{
	struct block old = {0, 0};

	EXPECT(blocks_remove(0, storm_address(number), &old));
	EXPECT(old.size == hands[number].size);
	EXPECT(old.stack == hands[number].stack);
	atomic_store(&hands[number].state, HAND_FREE);
}

/* The old address is free for the others before its realloc is finished here. */
static void storm_realloc(unsigned number, uint64_t *seed)
{
	struct block old;
	unsigned other = (unsigned)(random_next(seed) % STORM_ADDRESSES);

	EXPECT(blocks_realloc_begin(storm_address(number), &old));
	EXPECT(old.size == hands[number].size);
	switch (random_next(seed) % 3) {
	case 0:
		blocks_realloc_cancel(storm_address(number), old);
		atomic_store(&hands[number].state, HAND_LIVE);
		return;
	case 1:
		storm_malloc(number, seed);
		return;
	default:
		atomic_store(&hands[number].state, HAND_FREE);
		bool moved = take_hand(other, HAND_FREE);
		blocks_realloc_finish(storm_address(number), old);
		if (moved)
			storm_malloc(other, seed);
	}
}

static void storm_step(uint64_t *seed)
{
	unsigned number = (unsigned)(random_next(seed) % STORM_ADDRESSES);

	if (take_hand(number, HAND_FREE))
		storm_malloc(number, seed);
	else if (take_hand(number, HAND_LIVE)) {
		if (random_next(seed) % 3 == 0)
			storm_realloc(number, seed);
		else
			storm_free(number);
	}
}

static void *storm_thread(void *argument)
{
	uint64_t seed = 0x9e3779b97f4a7c15u * ((uintptr_t)argument + 1);

	thread_state.depth = 1;
	while (now_seconds() < storm_end) {
		for (unsigned i = 0; i < 200; i++)
			storm_step(&seed);
	}
	return NULL;
}

static void run_threads(void *(*function)(void *), unsigned count)
{
	pthread_t threads[16];

	for (uintptr_t i = 0; i < count; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, function, (void *)i), 0);
	for (unsigned i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

static uint64_t free_all_hands(void)
{
	uint64_t live = 0;

	for (unsigned i = 0; i < STORM_ADDRESSES; i++) {
		if (take_hand(i, HAND_LIVE)) {
			storm_free(i);
			live++;
		}
	}
	return live;
}

/* Rounds in fresh tables: a leaf grows only a few times in its life. */
START_TEST(storms_end_at_exactly_nothing)
{
	double end = now_seconds() + storm_seconds();

	do {
		trace_forget();
		create_trace(UINT64_C(64) << 20);
		blocks_reset();
		storm_end = now_seconds() + 0.05;
		run_threads(storm_thread, STORM_THREADS);
		uint64_t counted = count_all();
		ck_assert_uint_eq(counted, free_all_hands());
		ck_assert_uint_eq(count_all(), 0);
		for (unsigned loss = 0; loss < HDT_LOSS_COUNT; loss++)
			ck_assert_uint_eq(atomic_load(&trace.header->losses[loss]), 0);
		remove_test_directory();
		mkdir(test_directory, 0700);
	} while (now_seconds() < end);
}
END_TEST

static void *clearing_thread(void *argument)
{
	uint64_t *cleared = argument;

	while (now_seconds() < storm_end)
		blocks_clear(count_block, cleared);
	return NULL;
}

static _Atomic(uint64_t) inserted_blocks, removed_blocks;

static void *unsure_thread(void *argument)
{
	uint64_t seed = 77 + (uintptr_t)argument, inserted = 0, removed = 0;
	struct block old;

	thread_state.depth = 1;
	while (now_seconds() < storm_end) {
		uintptr_t address = HEAP + ((uintptr_t)argument << 24) + random_next(&seed) % 20000 * 16;
		if (blocks_remove(0, address, &old))
			removed++;
		else if (blocks_insert(0, address, (struct block){1, 1}, &old) == BLOCK_INSERTED)
			inserted++;
	}
	atomic_fetch_add(&inserted_blocks, inserted);
	atomic_fetch_add(&removed_blocks, removed);
	return NULL;
}

START_TEST(a_record_is_taken_by_its_owner_or_by_clear_never_by_both)
{
	uint64_t cleared = 0;
	pthread_t clearing;

	storm_end = now_seconds() + storm_seconds() / 2;
	pthread_create(&clearing, NULL, clearing_thread, &cleared);
	run_threads(unsure_thread, 3);
	pthread_join(clearing, NULL);
	blocks_clear(count_block, &cleared);
	ck_assert_uint_eq(atomic_load(&inserted_blocks), atomic_load(&removed_blocks) + cleared);
	ck_assert_uint_eq(count_all(), 0);
}
END_TEST

/* ---- Nested events: a handler that records blocks in the very pages that the interrupted event works on */

static _Atomic(uint64_t) handled;

static void nested_events(int signal)
{
	static __thread uint64_t seed;
	static __thread unsigned round;
	struct block old;
	uintptr_t at = HEAP + 8 + (uintptr_t)(round++ % 500) * 16;

	(void)signal;
	if (thread_state.depth == 0)
		return;
	thread_state.depth++;
	seed = seed * 6364136223846793005u + 1;
	if (blocks_insert(0, at, (struct block){seed >> 40, 5}, &old) != BLOCK_INSERTED || !blocks_remove(0, at, &old) ||
	    old.size != seed >> 40)
		abort();
	atomic_fetch_add(&handled, 1);
	thread_state.depth--;
}

static void *interrupted_thread(void *argument)
{
	uint64_t seed = 99;

	(void)argument;
	thread_state.depth = 1;
	storm_end = now_seconds() + 0.05;
	do {
		for (unsigned i = 0; i < 200; i++)
			storm_step(&seed);
	} while (now_seconds() < storm_end);
	thread_state.depth = 0;
	atomic_store(&storm_ends, true);
	return NULL;
}

START_TEST(handlers_that_interrupt_events_lose_nothing)
{
	struct sigaction action = {.sa_handler = nested_events, .sa_flags = SA_RESTART};
	pthread_t thread;
	double end = now_seconds() + storm_seconds();

	sigaction(SIGUSR1, &action, NULL);
	do {
		trace_forget();
		create_trace(UINT64_C(64) << 20);
		blocks_reset();
		atomic_store(&storm_ends, false);
		pthread_create(&thread, NULL, interrupted_thread, NULL);
		while (!atomic_load(&storm_ends)) {
			pthread_kill(thread, SIGUSR1);
			for (volatile unsigned pause = 0; pause < 2000; pause++)
				;
		}
		pthread_join(thread, NULL);
		uint64_t counted = count_all();
		ck_assert_uint_eq(counted, free_all_hands());
		ck_assert_uint_eq(count_all(), 0);
		remove_test_directory();
		mkdir(test_directory, 0700);
	} while (now_seconds() < end || atomic_load(&handled) == 0);
}
END_TEST

/* ---- An outside reader */

#define PERMANENT 20000
#define PERMANENT_STACK 123456u
static uint8_t seen[PERMANENT];
static uint64_t unexpected;

static uintptr_t permanent_address(unsigned number)
{
	return HEAP + 8 + (uintptr_t)number * 128;
}

static void see(void *context, uint64_t address, uint64_t slot)
{
	uint64_t number = (address - HEAP - 8) / 128;

	(void)context;
	if (HDT_SLOT_STACK(slot) != PERMANENT_STACK)
		return;
	if (number < PERMANENT && permanent_address((unsigned)number) == address && HDT_SLOT_SIZE(slot) == number + 1)
		seen[number]++;
	else
		unexpected++;
}

/* Problems found in one scan: permanent blocks missed, seen twice, or never there. */
static unsigned scan_permanent(const struct reader *reader, unsigned expected)
{
	unsigned problems = 0;

	memset(seen, 0, sizeof(seen));
	unexpected = 0;
	reader_blocks(reader, see, NULL);
	for (unsigned i = 0; i < expected; i++)
		problems += seen[i] != 1;
	return problems + (unsigned)unexpected;
}

/* Blocks come and go all over the permanent blocks' pages, ever more of them, so that these pages' leaves grow. */
static void *growing_thread(void *argument)
{
	uint64_t seed = 4242 + (uintptr_t)argument;
	uintptr_t base = HEAP + 16 * (1 + (uintptr_t)argument);
	struct block old;

	thread_state.depth = 1;
	for (unsigned pages = 1; now_seconds() < storm_end; pages = pages < 600 ? pages + 1 : 600) {
		for (unsigned i = 0; i < 300; i++) {
			uintptr_t address = base + random_next(&seed) % ((uint64_t)pages * 32) * 128;
			if (!blocks_remove(0, address, &old))
				insert(address, 100, 1);
		}
	}
	return NULL;
}

static pid_t start_scanning(const char *path, int *result)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		struct reader reader;
		unsigned counts[2] = {0, 0}; /* scans, problems */
		reader_open(&reader, path);
		close(ends[0]);
		do {
			counts[1] += scan_permanent(&reader, PERMANENT);
			counts[0]++;
		} while (now_seconds() < storm_end);
		_exit(write(ends[1], counts, sizeof(counts)) == sizeof(counts) ? 0 : 1);
	}
	close(ends[1]);
	*result = ends[0];
	return child;
}

START_TEST(an_outside_reader_sees_every_lasting_block_once)
{
	unsigned counts[2] = {0, 0};
	int result, status;

	for (unsigned i = 0; i < PERMANENT; i++)
		insert(permanent_address(i), i + 1, PERMANENT_STACK);
	storm_end = now_seconds() + storm_seconds();
	pid_t child = start_scanning(trace.path, &result);
	run_threads(growing_thread, 3);
	ck_assert_int_eq(read(result, counts, sizeof(counts)), sizeof(counts));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	if (getenv("HEAPDELTA_FIGURES") != NULL)
		printf("%u scans, %u problems\n", counts[0], counts[1]);
	ck_assert_uint_ge(counts[0], 1);
	ck_assert_uint_eq(counts[1], 0);
}
END_TEST

/* The child inserts permanent blocks and tells how many, while its threads make the leaves grow. */
static void be_killed(int tell)
{
	pthread_t threads[2];
	unsigned path_length = (unsigned)strlen(trace.path) + 1;

	storm_end = now_seconds() + 30;
	if (write(tell, &path_length, sizeof(path_length)) < 0 || write(tell, trace.path, path_length) < 0)
		_exit(1);
	for (uintptr_t i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, growing_thread, (void *)i);
	for (unsigned i = 0; i < PERMANENT; i++) {
		insert(permanent_address(i), i + 1, PERMANENT_STACK);
		unsigned done = i + 1;
		if (i % 100 == 99 && write(tell, &done, sizeof(done)) < 0)
			_exit(1);
	}
	for (;;)
		pause();
}

static void kill_one(unsigned delay_us)
{
	char path[512];
	int ends[2];
	unsigned length, done, known = 0;
	struct reader reader;

	ck_assert_int_eq(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		trace_forget();
		create_trace(UINT64_C(64) << 20);
		blocks_reset();
		be_killed(ends[1]);
	}
	close(ends[1]);
	ck_assert_int_eq(read(ends[0], &length, sizeof(length)), sizeof(length));
	ck_assert_int_eq(read(ends[0], path, length), length);
	usleep(delay_us);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	while (read(ends[0], &done, sizeof(done)) == sizeof(done))
		known = done;
	close(ends[0]);
	reader_open(&reader, path);
	ck_assert_uint_eq(scan_permanent(&reader, known), 0);
	reader_close(&reader);
	unlink(path);
}

START_TEST(kill_while_growing_leaves_a_readable_table)
{
	double end = now_seconds() + storm_seconds();
	uint64_t seed = 2463534242;

	do
		kill_one((unsigned)(random_next(&seed) % 20000));
	while (now_seconds() < end);
}
END_TEST

START_TEST(a_fork_child_starts_empty)
{
	int status;

	insert(HEAP, 1, 1);
	insert(HEAP + 32, HDT_SIZE_MAX, 1);
	pid_t child = fork();
	if (child == 0) {
		struct block old;
		trace_forget();
		create_trace(SMALL_RESERVE);
		/* Before blocks_reset(): the kernel has wiped the private index. */
		bool right = !blocks_remove(0, HEAP, &old);
		blocks_reset();
		right &= count_all() == 0 && !blocks_remove(0, HEAP + 32, &old);
		insert(HEAP, 2, 2);
		_exit(right && count_all() == 1 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	expect_removed(0, HEAP, 1, 1);
	expect_removed(0, HEAP + 32, HDT_SIZE_MAX, 1);
}
END_TEST

static TCase *cases(void)
{
	TCase *tcase = tcase_create("blocks");

	tcase_set_timeout(tcase, 60 + 10 * storm_seconds());
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, keeps_size_and_stack_at_their_limits);
	tcase_add_test(tcase, takes_any_address_and_domain);
	tcase_add_test(tcase, a_missed_free_is_reported_with_its_block);
	tcase_add_test(tcase, realloc_keeps_the_block_until_it_ends);
	tcase_add_test(tcase, a_late_finish_does_not_lose_the_next_owners_block);
	tcase_add_test(tcase, a_late_finish_leaves_another_mark_alone);
	tcase_add_test(tcase, the_mark_outlives_the_growth_of_its_leaf);
	tcase_add_test(tcase, clear_leaves_blocks_in_a_realloc);
	tcase_add_loop_test(tcase, agrees_with_a_model, 0, 2);
	tcase_add_loop_test(tcase, whoever_meets_a_half_frozen_leaf_finishes_it, 0, OPERATIONS);
	tcase_add_test(tcase, a_full_table_says_so_and_keeps_what_it_has);
	tcase_add_loop_test(tcase, takes_few_bytes_per_block, 0, 18);
	tcase_add_test(tcase, storms_end_at_exactly_nothing);
	tcase_add_test(tcase, a_record_is_taken_by_its_owner_or_by_clear_never_by_both);
	tcase_add_test(tcase, handlers_that_interrupt_events_lose_nothing);
	tcase_add_test(tcase, an_outside_reader_sees_every_lasting_block_once);
	tcase_add_test(tcase, kill_while_growing_leaves_a_readable_table);
	tcase_add_test(tcase, a_fork_child_starts_empty);
	return tcase;
}

int main(void)
{
	return run_suite("blocks", cases);
}
