/* SPDX-License-Identifier: MIT */
/* Can a command be traced here, and if not, why and what helps: the same answer for `run`, before the start, and for `doctor`. */
#ifndef ANALYZER_DOCTOR_H
#define ANALYZER_DOCTOR_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum doctor_verdict {
	DOCTOR_TRACEABLE,
	DOCTOR_UNTRACEABLE, /* it would run, but nothing would be traced */
	DOCTOR_REFUSED,     /* it would not even run properly: not started */
	DOCTOR_CANNOT_RUN,  /* the kernel would not execute it */
	DOCTOR_UNKNOWN,     /* not found or not readable */
};

struct doctor {
	enum doctor_verdict verdict;
	char text[1024];     /* why not, and what helps; "" when traceable */
	const char *cause;   /* the same in a word or two; NULL when traceable */
	char note[512];      /* what will not be seen although it is traced; "" */
	bool unloadable;     /* its loader chokes on the library: it must be started without */
	char path[PATH_MAX]; /* of the program that runs in the end (a script's interpreter) */
};

/* `command` as typed; `library`: path of libheapdelta.so, NULL: compare with heapdelta itself. */
void doctor_command(struct doctor *doctor, const char *command, const char *library);

/* The file that a shell would execute for `command`.  0, or −1: not found. */
int doctor_resolve(const char *command, char *path, size_t room);

#endif
