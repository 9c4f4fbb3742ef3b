/* SPDX-License-Identifier: MIT */
/*
 * Command lines by table.  Comes in: argv and the groups of options of a command; goes out: the command's option struct, filled in, and the
 * operands.  A table instead of a switch, so that --help, the man page and completion cannot disagree with what is understood.
 * Values are checked here, by kind; what they mean is checked by the command.
 */
#include "opts.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "closest.h"
#include "size-text.h"

static const struct opt common_opts[] = {
	{"quiet", 'q', OPT_FLAG | OPT_TREE, offsetof(struct opts_common, quiet), NULL, "only errors and warnings, no notes", NULL},
	{"verbose", 'v', OPT_COUNT | OPT_TREE, offsetof(struct opts_common, verbose), NULL, "say more about what is done", NULL},
	{"log", 0, OPT_STRING, offsetof(struct opts_common, log), "FILE", "append messages to FILE instead of writing them to stderr",
	 NULL},
	{"no-config", 0, OPT_FLAG, offsetof(struct opts_common, no_config), NULL, "read no .heapdeltarc and no file of your own", NULL},
	{"version", 0, OPT_FLAG, offsetof(struct opts_common, version), NULL, "print version, formats and libraries", NULL},
	{"help", 'h', OPT_FLAG, offsetof(struct opts_common, help), NULL, "print this help", NULL},
	{0},
};

const struct opt_group opts_common_group = {"Common options", common_opts, 0};

/* One parse. */
struct parse {
	const struct cmd *cmd;
	void *options;
	struct opts_common *common;
	char **argv;
	size_t next; /* argument to look at */
	struct error *error;
};

/* An option of the table and where its value goes. */
struct target {
	const struct opt *opt;
	char *value;
	char shown[64]; /* as the user typed it */
};

static const struct opt *find_in_group(const struct opt_group *group, const char *name, size_t length, char letter)
{
	for (const struct opt *opt = group->opts; opt->name; opt++) {
		if (name ? strlen(opt->name) == length && memcmp(opt->name, name, length) == 0 : opt->letter == letter)
			return opt;
	}
	return NULL;
}

static char *value_at(void *values, size_t offset)
{
	return values ? (char *)values + offset : NULL;
}

/* By long name (not NUL-terminated), or by letter when `name` is NULL. */
static bool find(const struct parse *parse, const char *name, size_t length, char letter, struct target *target)
{
	for (size_t i = 0; i < parse->cmd->group_count; i++) {
		const struct opt_group *group = &parse->cmd->groups[i];
		target->opt = find_in_group(group, name, length, letter);
		if (target->opt) {
			target->value = value_at(parse->options, group->offset + target->opt->offset);
			return true;
		}
	}
	target->opt = find_in_group(&opts_common_group, name, length, letter);
	if (target->opt)
		target->value = value_at(parse->common, target->opt->offset);
	return target->opt != NULL;
}

static void suggest(struct closest *closest, const struct opt_group *group)
{
	for (const struct opt *opt = group->opts; opt->name; opt++) {
		if (opt->help)
			closest_try(closest, opt->name);
	}
}

static int unknown_option(const struct parse *parse, const char *name, size_t length)
{
	struct closest closest;
	char word[64];

	length = length < sizeof(word) ? length : sizeof(word) - 1;
	memcpy(word, name, length);
	word[length] = '\0';
	closest_init(&closest, word);
	for (size_t i = 0; i < parse->cmd->group_count; i++)
		suggest(&closest, &parse->cmd->groups[i]);
	suggest(&closest, &opts_common_group);
	if (closest.best)
		return error_set(parse->error, "unknown option '--%s'; did you mean '--%s'?", word, closest.best);
	return error_set(parse->error, "unknown option '--%s'", word);
}

static bool takes_argument(const struct opt *opt)
{
	return opt_kind(opt) != OPT_FLAG && opt_kind(opt) != OPT_OFF && opt_kind(opt) != OPT_COUNT;
}

static int bad_value(const struct parse *parse, const struct target *target, const char *wanted, const char *text)
{
	return error_set(parse->error, "option '%s' needs %s, not '%s'", target->shown, wanted, text);
}

static int set_number(const struct parse *parse, const struct target *target, const char *text)
{
	char *end;
	unsigned long long number;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno)
		return bad_value(parse, target, "a number", text);
	*(unsigned long long *)target->value = number;
	return 0;
}

static int set_integer(const struct parse *parse, const struct target *target, const char *text)
{
	const char *digits = *text == '-' || *text == '+' ? text + 1 : text;
	char *end;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (*digits < '0' || *digits > '9' || *end || errno)
		return bad_value(parse, target, "a number", text);
	*(long long *)target->value = number;
	return 0;
}

static int set_choice(const struct parse *parse, const struct target *target, const char *text)
{
	char list[256] = "";
	size_t used = 0;

	for (int i = 0; target->opt->choices[i]; i++) {
		const char *choice = target->opt->choices[i];
		size_t length = strlen(choice);
		if (strcmp(choice, text) == 0) {
			*(int *)target->value = i;
			return 0;
		}
		if (used + length + 3 < sizeof(list)) {
			if (used)
				used = (size_t)(stpcpy(list + used, ", ") - list);
			used = (size_t)(stpcpy(list + used, choice) - list);
		}
	}
	return error_set(parse->error, "option '%s' does not know '%s', only %s", target->shown, text, list);
}

static int add_to_list(const struct parse *parse, const struct target *target, const char *text)
{
	struct opt_list *list = (struct opt_list *)(void *)target->value;
	const char **items = reallocarray(list->items, list->count + 2, sizeof(*items));

	if (!items) {
		error_nomem(parse->error);
		return OPTS_TROUBLE;
	}
	items[list->count++] = text;
	items[list->count] = NULL;
	list->items = items;
	return 0;
}

static int set_value(const struct parse *parse, const struct target *target, const char *text)
{
	switch (opt_kind(target->opt)) {
	case OPT_FLAG:
		*(bool *)target->value = true;
		return 0;
	case OPT_OFF:
		*(bool *)target->value = false;
		return 0;
	case OPT_COUNT:
		++*(int *)(void *)target->value;
		return 0;
	case OPT_STRING:
		*(const char **)(void *)target->value = text;
		return 0;
	case OPT_LIST:
		return add_to_list(parse, target, text);
	case OPT_NUMBER:
		return set_number(parse, target, text);
	case OPT_INTEGER:
		return set_integer(parse, target, text);
	case OPT_SIZE:
		if (size_parse(text, (unsigned long long *)(void *)target->value) == 0)
			return 0;
		return bad_value(parse, target, "a size such as 64K or 1.5M (powers of 1024)", text);
	case OPT_TIME:
		if (time_parse(text, (unsigned long long *)(void *)target->value) == 0)
			return 0;
		return bad_value(parse, target, "a time such as 10s, 2m or 1h", text);
	case OPT_CHOICE:
		return set_choice(parse, target, text);
	default:
		break;
	}
	return 0;
}

/* `attached` is the value inside the same argument, or NULL. */
static int take(struct parse *parse, const struct target *target, const char *attached)
{
	if (!takes_argument(target->opt)) {
		if (attached)
			return error_set(parse->error, "option '%s' takes no value", target->shown);
		return set_value(parse, target, NULL);
	}
	if (!attached) {
		attached = parse->argv[parse->next];
		if (!attached)
			return error_set(parse->error, "option '%s' needs a value (%s)", target->shown, target->opt->argument);
		parse->next++;
	}
	return set_value(parse, target, attached);
}

static int take_long(struct parse *parse, const char *argument)
{
	const char *name = argument + 2, *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	struct target target;

	if (!find(parse, name, length, 0, &target))
		return unknown_option(parse, name, length);
	strcpy(target.shown, "--");
	strncat(target.shown, target.opt->name, sizeof(target.shown) - 3);
	return take(parse, &target, equals ? equals + 1 : NULL);
}

/* One argument of bundled letters; the first that takes a value takes the rest. */
static int take_letters(struct parse *parse, const char *letters)
{
	for (; *letters; letters++) {
		struct target target;
		if (!find(parse, NULL, 0, *letters, &target))
			return error_set(parse->error, "unknown option '-%c'", *letters);
		target.shown[0] = '-';
		target.shown[1] = *letters;
		target.shown[2] = '\0';
		if (takes_argument(target.opt))
			return take(parse, &target, letters[1] ? letters + 1 : NULL);
		if (take(parse, &target, NULL) < 0)
			return OPTS_MISUSE;
	}
	return 0;
}

int opts_parse(const struct cmd *cmd, void *options, struct opts_common *common, char **argv, int *operands, struct error *error)
{
	struct parse parse = {cmd, options, common, argv, 0, error};
	size_t kept = 0;
	bool ended = false;
	char *argument;
	int result;

	while ((argument = argv[parse.next]) != NULL && !common->help && !common->version) {
		parse.next++;
		if (ended || argument[0] != '-' || argument[1] == '\0') {
			argv[kept++] = argument;
			ended = ended || cmd->operands_end_options;
		} else if (strcmp(argument, "--") == 0) {
			ended = true;
		} else {
			result = argument[1] == '-' ? take_long(&parse, argument) : take_letters(&parse, argument + 1);
			if (result < 0)
				return result;
		}
	}
	argv[kept] = NULL;
	*operands = (int)kept;
	return 0;
}

const struct opt *opts_find(const struct cmd *cmd, const char *name, size_t length)
{
	struct parse parse = {.cmd = cmd};
	struct target target;

	return find(&parse, name, length, 0, &target) ? target.opt : NULL;
}

int opts_set(const struct cmd *cmd, void *options, struct opts_common *common, const struct opts_setting *setting, struct error *error)
{
	char *nothing[] = {NULL};
	struct parse parse = {cmd, options, common, nothing, 0, error};
	struct target target;

	if (!find(&parse, setting->name, setting->length, 0, &target))
		return unknown_option(&parse, setting->name, setting->length);
	snprintf(target.shown, sizeof(target.shown), "--%s", target.opt->name);
	return take(&parse, &target, setting->value);
}

void opts_release(const struct cmd *cmd, void *options)
{
	for (size_t i = 0; i < cmd->group_count; i++) {
		const struct opt_group *group = &cmd->groups[i];
		for (const struct opt *opt = group->opts; opt->name; opt++) {
			if (opt_kind(opt) == OPT_LIST)
				free(((struct opt_list *)(void *)((char *)options + group->offset + opt->offset))->items);
		}
	}
}
