/* SPDX-License-Identifier: MIT */
/*
 * A command is one file that ends in one constant of this type.  Options are tables: parsing, --help, the man page and shell completion
 * come from them.
 */
#ifndef ANALYZER_CMD_H
#define ANALYZER_CMD_H

#include <stdbool.h>
#include <stddef.h>

#include <stdio.h>

#include "error.h"
#include "strbuf.h"

/* Exit statuses of all commands but run and check. */
enum { STATUS_OK = 0, STATUS_FINDING = 1, STATUS_TROUBLE = 2, STATUS_NOTHING = 3, STATUS_CANNOT_START = 125 };

enum opt_kind {
	OPT_FLAG,    /* bool: true */
	OPT_OFF,     /* --no-…, bool: false */
	OPT_COUNT,   /* int: one more */
	OPT_STRING,  /* const char *: borrowed from argv */
	OPT_LIST,    /* struct opt_list: one more */
	OPT_NUMBER,  /* unsigned long long */
	OPT_INTEGER, /* long long, may be negative */
	OPT_SIZE,    /* unsigned long long, bytes */
	OPT_TIME,    /* unsigned long long, nanoseconds */
	OPT_CHOICE,  /* int: index in choices */
	OPT_KINDS = 0xff,
	OPT_TREE = 0x100, /* added to a kind: may also stand in a file of a source tree, which strangers write (config.h); so it neither
			     writes, removes or runs anything, nor asks another machine, nor reads other files as programs */
};

struct opt_list {
	const char **items; /* NULL-terminated; owned */
	size_t count;
};

struct opt {
	const char *name;           /* long name without dashes */
	char letter;                /* 0: none */
	unsigned kind;              /* enum opt_kind, perhaps with OPT_TREE */
	size_t offset;              /* of the value in the command's option struct */
	const char *argument;       /* name of the argument in help, NULL: none */
	const char *help;           /* one or two lines, wrapped by the printer; NULL: the option is not shown */
	const char *const *choices; /* OPT_CHOICE: NULL-terminated */
};

static inline enum opt_kind opt_kind(const struct opt *opt)
{
	return (enum opt_kind)(opt->kind & OPT_KINDS);
}

struct opt_group {
	const char *title;      /* NULL: no heading */
	const struct opt *opts; /* ends with an option without a name */
	size_t offset;          /* of the group's struct inside the command's option struct: groups are shared between commands */
};

struct cmd {
	const char *name;
	const char *arguments; /* "[OLD [NEW…]]" */
	const char *summary;   /* one line */
	const char *details;   /* paragraphs for --help and the man page */
	const char *examples;  /* lines "command\texplanation" */
	const struct opt_group *groups;
	size_t group_count;
	size_t options_size;
	void (*defaults)(void *options);
	/* argv: operands only, NULL-terminated.  Returns the exit status; prints its own errors with cmd_error(). */
	int (*run)(const struct cmd *cmd, void *options, int argc, char **argv);
	bool operands_end_options; /* run: options stop at the first operand */
	int usage_status;          /* of misuse; 0: STATUS_TROUBLE */
};

extern const struct cmd cmd_run, cmd_snapshot, cmd_stats, cmd_diff, cmd_info, cmd_symbolize, cmd_export, cmd_ps, cmd_start, cmd_stop,
	cmd_mark, cmd_env, cmd_doctor;

/* -q, -v, --log: where our words go.  main calls it once, before the command runs. */
int cmd_messages_open(bool quiet, int verbose, const char *log, struct error *error);
void cmd_messages_close(void);
bool cmd_quiet(void);
int cmd_verbose(void);
FILE *cmd_messages(void); /* stderr or the --log file: for summaries */

/* "heapdelta: <text>" on stderr, or to --log; returns `status`. */
int cmd_error(const struct error *error, int status);
/* "heapdelta: <text>" and "Try 'heapdelta COMMAND --help'"; returns the status of misuse.  `cmd` may be NULL. */
int cmd_usage(const struct cmd *cmd, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cmd_note(const char *format, ...) __attribute__((format(printf, 1, 2)));    /* "heapdelta: note: …" unless -q */
void cmd_warning(const char *format, ...) __attribute__((format(printf, 1, 2))); /* "heapdelta: warning: …" */
void cmd_detail(const char *format, ...) __attribute__((format(printf, 1, 2)));  /* "heapdelta: …" only with -v */

/* argv[0] of heapdelta as the user typed it, quoted for a shell: hints repeat it.  main sets it first. */
void cmd_program_set(const char *argv0);
const char *cmd_program(void);

/* Append `text` so that a POSIX shell reads it back as one word. */
void cmd_quote(struct strbuf *out, const char *text);

#endif
