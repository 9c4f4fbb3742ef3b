/* SPDX-License-Identifier: MIT */
/*
 * Code that was written into memory at run time, as a JIT compiler does, and calls back into the program, which allocates: with frame
 * pointers, without, and with a frame register that holds something else.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef void code_fn(void (*callback)(void));

static int depth;

__attribute__((noinline)) static void allocate(void)
{
	void *block = malloc(8 + (size_t)depth);
	free(block);
	block = calloc(2, 8);
	free(block);
}

#if defined(__x86_64__)

/* push %rbp; mov %rsp,%rbp; call *%rdi; pop %rbp; ret */
static const unsigned char framed[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
/* push %rbp; xor %ebp,%ebp; call *%rdi; pop %rbp; ret */
static const unsigned char frameless[] = {0x55, 0x31, 0xed, 0xff, 0xd7, 0x5d, 0xc3};
/* push %rbp; lea -0x78(%rsp),%rbp; call *%rdi; pop %rbp; ret: the frame register points into what is unused */
static const unsigned char misleading[] = {0x55, 0x48, 0x8d, 0x6c, 0x24, 0x88, 0xff, 0xd7, 0x5d, 0xc3};

static code_fn *codes[3];
static unsigned variant;

static void again(void);
__attribute__((noinline)) static void call(void)
{
	codes[(variant + (unsigned)depth) % 3](depth > 0 ? again : allocate);
	allocate();
}

static void again(void)
{
	depth--;
	call();
	depth++;
}

static code_fn *make(const unsigned char *bytes, size_t size)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		exit(1);
	memcpy(page, bytes, size);
	mprotect(page, 4096, PROT_READ | PROT_EXEC);
	return (code_fn *)page;
}

int main(void)
{
	for (int round = 0; round < 100; round++) {
		codes[0] = make(framed, sizeof(framed));
		codes[1] = make(frameless, sizeof(frameless));
		codes[2] = make(misleading, sizeof(misleading));
		for (variant = 0; variant < 3; variant++)
			for (depth = 0; depth < 4; depth++)
				call();
		for (int i = 0; i < 3; i++)
			munmap((void *)codes[i], 4096); /* the next code comes to lie here */
	}
	return 0;
}

#else

int main(void)
{
	allocate();
	return 0;
}

#endif
