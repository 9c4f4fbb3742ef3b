/* SPDX-License-Identifier: MIT */
/* One of two libraries whose code lies at the same addresses and has other frames: see reuse-one.c. */
int call_through(int (*callback)(void));

int call_through(int (*callback)(void))
{
	volatile char room[56];
	room[0] = 1;
	return callback() + room[0];
}
