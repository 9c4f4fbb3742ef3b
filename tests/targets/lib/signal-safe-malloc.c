/* SPDX-License-Identifier: MIT */
/*
 * An allocator that signal handlers may call and leave by longjmp: lock-free stacks of free blocks, one per power of two.  Preloaded behind
 * the tracer for programs that allocate in handlers, which glibc's malloc does not allow: whatever breaks then is the tracer's.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
void free(void *block);
size_t malloc_usable_size(void *block);
int posix_memalign(void **result, size_t alignment, size_t size);
void *aligned_alloc(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size);

enum { HEADER = 16, CLASSES = 40, ARENA = 1 << 30 };
struct block {
	_Atomic(uint64_t) next; /* while free */
	uint64_t class;
};
static _Atomic(uint64_t) heads[CLASSES]; /* tag:16 | address:48, so that a popped and pushed block is noticed */
static _Atomic(uintptr_t) arena, used;

static struct block *address_of(uint64_t head)
{
	return (struct block *)(uintptr_t)(head & ((UINT64_C(1) << 48) - 1));
}

static struct block *pop(unsigned class)
{
	uint64_t head = atomic_load(&heads[class]);
	while (address_of(head)) {
		uint64_t next = atomic_load(&address_of(head)->next) & ((UINT64_C(1) << 48) - 1);
		if (atomic_compare_exchange_weak(&heads[class], &head, next | ((head >> 48) + 1) << 48))
			return address_of(head);
	}
	return NULL;
}

static void push(struct block *block)
{
	uint64_t head = atomic_load(&heads[block->class]);
	do
		atomic_store(&block->next, (uint64_t)(uintptr_t)address_of(head));
	while (!atomic_compare_exchange_weak(&heads[block->class], &head, (uint64_t)(uintptr_t)block | ((head >> 48) + 1) << 48));
}

static struct block *carve(unsigned class)
{
	if (!atomic_load(&arena)) {
		void *memory = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		uintptr_t none = 0;
		if (memory == MAP_FAILED)
			return NULL;
		if (!atomic_compare_exchange_strong(&arena, &none, (uintptr_t)memory))
			munmap(memory, ARENA);
	}
	uintptr_t place = atomic_fetch_add(&used, (uintptr_t)1 << class);
	if (place + ((uintptr_t)1 << class) > ARENA)
		return NULL;
	struct block *block = (struct block *)(atomic_load(&arena) + place);
	block->class = class;
	return block;
}

void *malloc(size_t size)
{
	unsigned class = 5;
	while (class < CLASSES && ((size_t)1 << class) - HEADER < size)
		class ++;
	struct block *block = class < CLASSES ? pop(class) : NULL;
	if (!block && class < CLASSES)
		block = carve(class);
	if (!block) {
		errno = ENOMEM;
		return NULL;
	}
	return (char *)block + HEADER;
}

void free(void *memory)
{
	if (memory)
		push((struct block *)((char *)memory - HEADER));
}

size_t malloc_usable_size(void *memory)
{
	return memory ? ((size_t)1 << ((struct block *)((char *)memory - HEADER))->class) - HEADER : 0;
}

void *calloc(size_t count, size_t size)
{
	size_t bytes;
	void *memory = __builtin_mul_overflow(count, size, &bytes) ? NULL : malloc(bytes);
	return memory ? memset(memory, 0, bytes) : NULL;
}

void *realloc(void *old, size_t size)
{
	void *memory = malloc(size);
	size_t length = malloc_usable_size(old);
	if (memory && old) {
		memcpy(memory, old, length < size ? length : size);
		free(old);
	}
	return memory;
}

/* Nothing that runs on this allocator asks for more than its natural alignment. */
void *memalign(size_t alignment, size_t size)
{
	return alignment <= HEADER ? malloc(size) : NULL;
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size)
{
	*result = memalign(alignment, size);
	return *result ? 0 : ENOMEM;
}
