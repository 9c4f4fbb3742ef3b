#!/bin/bash
# SPDX-License-Identifier: MIT
# Stacks as a user sees them where walking is special: below a library's constructor, through exceptions, on a coroutine, and without an
# unwinder on the machine.
. "$(dirname "$0")/tap.sh"

cat >early.c <<'C'
#include <stdlib.h>
static void *kept;
__attribute__((constructor)) static void start(void)
{
	kept = malloc(101); /* in the constructor */
}
void *use(void) { return kept; }
C
cat >prog.c <<'C'
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
void *use(void);
static void *kept[2];
static ucontext_t here, there;
__attribute__((noinline)) static void *leaf(size_t size)
{
	void *block = malloc(size); /* in leaf */
	*(volatile char *)block = 0;
	return block;
}
static void coroutine(void)
{
	kept[1] = leaf(103); /* in the coroutine */
}
int main(void)
{
	kept[0] = leaf(102);
	getcontext(&there);
	there.uc_stack.ss_size = 65536;
	there.uc_stack.ss_sp = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	there.uc_link = &here;
	makecontext(&there, coroutine, 0);
	swapcontext(&here, &there);
	return use() == 0;
}
C
cc -g -O1 -fPIC -shared -o libearly.so early.c
cc -g -O1 -o prog prog.c -L. -learly -Wl,-rpath,"$scratch"

# line FILE TEXT: "FILE:NUMBER" of the line with the comment.
line() { printf '%s:%s\n' "$1" "$(grep -nF "/* $2 */" "$1" | cut -d: -f1)"; }

LD_PRELOAD=$shim HEAPDELTA_OUTPUT=$scratch/all.hds ./prog
"$heapdelta" info all.hds >info.txt
"$heapdelta" stats -k traceback all.hds >stacks.txt
contains 'a constructor is named' "$(line early.c 'in the constructor'): size=101 B, count=1" stacks.txt
contains 'a coroutine is named' "$(line prog.c 'in the coroutine')" stacks.txt
contains 'its stack begins where makecontext begins it' '__start_context' stacks.txt
check 'no stack is truncated' awk '/truncated/ { bad = 1; print } END { exit bad }' info.txt

LC_ALL=C sed 's/libunwind-\([a-z0-9_]*\)\.so\.8/libunwind-\1.so.X/' "$shim" >without.so
LD_PRELOAD=$scratch/without.so HEAPDELTA_OUTPUT=$scratch/without.hds ./prog
"$heapdelta" stats without.hds >lines.txt
contains 'without libunwind: the caller of malloc' "$(line prog.c 'in leaf'): size=205 B, count=2" lines.txt
contains 'without libunwind: in a constructor' "$(line early.c 'in the constructor'): size=101 B, count=1" lines.txt

if need c++; then
	cat >throw.cc <<'C'
#include <cstdio>
#include <stdexcept>
#include <string>
static size_t deep(int left)
{
	std::string text(100, 'x');
	if (left == 0)
		throw std::runtime_error(text);
	return deep(left - 1) + text.size();
}
int main()
{
	int caught = 0;
	for (int i = 0; i < 5000; i++) {
		try {
			deep(i % 20);
		} catch (const std::exception &) {
			caught++;
		}
	}
	return printf("%d\n", caught) < 0;
}
C
	c++ -g -O2 -o throw throw.cc
	equal 'exceptions are caught' 5000 "$(LD_PRELOAD=$shim HEAPDELTA_OUTPUT=$scratch/throw.hds ./throw)"
	"$heapdelta" info throw.hds >info.txt
	check 'exceptions: no stack is truncated' awk '/truncated/ { bad = 1; print } END { exit bad }' info.txt
	contains 'exceptions: nothing is lost' 'lost        nothing' info.txt
else
	skip exceptions 'no C++ compiler'
fi
finish
