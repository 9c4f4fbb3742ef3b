/* SPDX-License-Identifier: MIT */
/* hello: says hello.  Nothing of its own is ever allocated; libc keeps the buffer of standard output. */
#include <stdio.h>

int main(void)
{
	puts("hello, world");
	return 0;
}
