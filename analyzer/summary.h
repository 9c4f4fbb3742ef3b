/* SPDX-License-Identifier: MIT */
/* What `run` says when the command has ended (CLI.md section 6), but for the list of lines, which the view makes. */
#ifndef ANALYZER_SUMMARY_H
#define ANALYZER_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "convert.h"
#include "snapshot.h"
#include "untraced.h"

struct summary {
	char *const *command; /* argv */
	int wait_status;
	uint64_t duration_ns;
	struct traced *const *list;
	size_t count;
	const char *directory;           /* of the children; NULL: none */
	const char *program;             /* heapdelta as the user typed it */
	const struct untraced *untraced; /* NULL: not known */
};

/* Processes (not images) that were traced and wanted. */
size_t summary_processes(const struct summary *summary);

/* "heapdelta: COMMAND: exit status 0 after …" and, when something was traced, the three lines of numbers. */
void summary_head(const struct summary *summary, const struct snapshot *sum, FILE *out);

/* "wrote …" and who still runs. */
void summary_tail(const struct summary *summary, FILE *out);

/* What could not be converted, and where it is. */
void summary_failures(const struct summary *summary, FILE *out);

/* "2 min 14 s" */
enum { DURATION_TEXT_MAX = 48 };
char *duration_text(char text[DURATION_TEXT_MAX], uint64_t ns);

#endif
