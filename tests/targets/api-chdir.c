/* SPDX-License-Identifier: MIT */
/* api-chdir: a program that leaves the directory it started in, as daemons do, and takes four snapshots: two numbered, two with one label. */
#include <heapdelta/heapdelta.h>

#include "expect.h"

int main(void)
{
	EXPECT(chdir("/"), 0);
	EXPECT(heapdelta_take_snapshot(NULL), 0);
	EXPECT(heapdelta_take_snapshot(""), 0);
	EXPECT(heapdelta_take_snapshot("same"), 0);
	EXPECT(heapdelta_take_snapshot("same"), 0);
	return expect_status();
}
