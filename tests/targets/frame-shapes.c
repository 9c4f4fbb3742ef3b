/* SPDX-License-Identifier: MIT */
/*
 * Allocations below frames of every shape a compiler makes: with alloca, variable arrays, more alignment than the ABI gives, arguments on
 * the stack, all callee-saved registers in use, large, variadic, left by longjmp.  The chains of calls are random, the same each time.
 */
#include <alloca.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define frame __attribute__((noinline)) static
#define keep_frame() __asm__ volatile("" ::: "memory")
#if defined(__x86_64__)
#define REALIGNED __attribute__((force_align_arg_pointer))
#else
#define REALIGNED
#endif

static uint64_t state = 1;
static int left;
static void go_on(void);

static uint32_t draw(uint32_t below)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(state >> 33) % below;
}

frame void plain(void)
{
	go_on();
	keep_frame();
}

frame void with_alloca(void)
{
	volatile char *room = alloca(16 + draw(300));
	room[0] = 1;
	go_on();
	room[1] = 2;
}

frame void with_variable_array(void)
{
	volatile char room[1 + draw(200)];
	room[0] = 1;
	go_on();
	room[0] = 2;
}

frame void aligned(void)
{
	_Alignas(64) volatile char room[192];
	room[draw(sizeof(room))] = 1;
	go_on();
	room[0] = 2;
}

REALIGNED frame void realigned(void)
{
	go_on();
	keep_frame();
}

REALIGNED frame long realigned_with_arguments(long a, long b, long c, long d, long e, long f, long g, long h)
{
	_Alignas(32) volatile long room[8] = {a, b, c, d, e, f, g, h};
	volatile char *more = alloca(16 + draw(64));
	more[0] = 1;
	go_on();
	return room[7] + more[0];
}

frame uint64_t many_registers(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	uint64_t e = a * b, f = b * c, g = c * d;
	go_on();
	keep_frame();
	return a + b * c + d * e + f * g;
}

frame void large(void)
{
	volatile char room[9000];
	room[draw(sizeof(room))] = 1;
	go_on();
	room[0] = 2;
}

frame int variadic(int count, ...)
{
	va_list list;
	va_start(list, count);
	go_on();
	int value = va_arg(list, int);
	va_end(list);
	return value;
}

frame void left_by_longjmp(void)
{
	static jmp_buf *outer;
	jmp_buf back, *before = outer;
	outer = &back;
	if (setjmp(back) == 0) {
		go_on();
		longjmp(*outer, 1);
	}
	outer = before;
	keep_frame();
}

static int compare(const void *a, const void *b)
{
	if (left > 0)
		go_on();
	return *(const int *)a - *(const int *)b;
}

frame void by_qsort(void)
{
	int numbers[] = {3, 1, 2};
	qsort(numbers, 2, sizeof(numbers[0]), compare);
	keep_frame();
}

static void go_on(void)
{
	void *block = draw(4) == 0 ? malloc(8 + draw(100)) : NULL;
	if (left-- <= 0) {
		void *other = calloc(1 + draw(10), 8);
		free(realloc(other, 100));
	} else {
		switch (draw(11)) {
		case 0:
			with_alloca();
			break;
		case 1:
			with_variable_array();
			break;
		case 2:
			aligned();
			break;
		case 3:
			realigned();
			break;
		case 4:
			realigned_with_arguments(1, 2, 3, 4, 5, 6, 7, 8);
			break;
		case 5:
			many_registers(state, 3, 5, 7);
			break;
		case 6:
			large();
			break;
		case 7:
			variadic(1, 42);
			break;
		case 8:
			left_by_longjmp();
			break;
		case 9:
			by_qsort();
			break;
		default:
			plain();
			break;
		}
	}
	free(block);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 3000;
	for (int round = 0; round < rounds; round++) {
		left = (int)draw(20);
		go_on();
	}
	return 0;
}
