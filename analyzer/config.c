/* SPDX-License-Identifier: MIT */
/*
 * Comes in: two files that may be missing; goes out: their lines as settings, and these in a command's option struct.  A file counts only if
 * nobody else could have written it.  It is opened without waiting and read once, so a pipe in its place holds nobody up, and its size is
 * bounded.  Nothing is printed here: main says what is ignored, and with -v what applies.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worktree.h"

enum { FILE_ROOM = 64 * 1024, LINES_MAX = 1000 };

/* ---- Files ---- */

/* Why it does not count; NULL: it does. */
static const char *distrust(const struct stat *status)
{
	if (!S_ISREG(status->st_mode))
		return "it is no regular file";
	if (status->st_uid != geteuid() && status->st_uid != 0)
		return "it belongs to another user";
	if ((status->st_mode & S_IWOTH) || ((status->st_mode & S_IWGRP) && status->st_gid != getegid()))
		return "others can write to it";
	if (status->st_size >= FILE_ROOM)
		return "it is larger than 64 KiB";
	return NULL;
}

/* NUL-terminated; NULL with errno: not readable, EILSEQ: not a text. */
static char *read_text(int fd)
{
	char *text = malloc(FILE_ROOM);
	size_t used = 0;
	ssize_t got = 0;

	while (text && used < FILE_ROOM - 1 && (got = read(fd, text + used, FILE_ROOM - 1 - used)) > 0)
		used += (size_t)got;
	if (!text || got < 0) {
		free(text);
		return NULL;
	}
	if (memchr(text, '\0', used)) {
		free(text);
		errno = EILSEQ;
		return NULL;
	}
	text[used] = '\0';
	return text;
}

/* A file that cannot be opened because it is not there, or not for us to see, is none. */
static int read_file(struct config_file *file, struct error *error)
{
	int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), result = 0;
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			file->ignored = "it cannot be read";
		else
			file->path[0] = '\0';
		if (fd >= 0)
			close(fd);
		return 0;
	}
	file->ignored = distrust(&status);
	if (!file->ignored) {
		errno = 0;
		file->text = read_text(fd);
		if (!file->text && errno == ENOMEM)
			result = error_nomem(error);
		else if (!file->text)
			file->ignored = errno == EILSEQ ? "it is no text" : "it cannot be read";
	}
	close(fd);
	return result;
}

/* ---- Lines ---- */

static int bad_line(const struct config_file *file, unsigned number, const char *why, struct error *error)
{
	return error_set(error, "%s:%u: %s", file->path, number, why);
}

static char *skip_blanks(char *text)
{
	return text + strspn(text, " \t");
}

static void cut_blanks(char *text)
{
	size_t length = strlen(text);

	while (length > 0 && strchr(" \t\r", text[length - 1]))
		length--;
	text[length] = '\0';
}

/* "--name", "--name value" or "--name=value"; the value is the rest of the line, without quotes. */
static int parse_line(const struct config_file *file, char *text, struct config_line *line, struct error *error)
{
	size_t length;
	char *behind;

	if (strncmp(text, "--", 2) != 0 || text[2] == '\0')
		return bad_line(file, line->number, "a line is one long option, such as '--limit 20'", error);
	length = strcspn(text + 2, "= \t");
	behind = skip_blanks(text + 2 + length);
	line->setting = (struct opts_setting){text + 2, length, NULL};
	if (*behind == '=')
		line->setting.value = skip_blanks(behind + 1);
	else if (*behind)
		line->setting.value = behind;
	return 0;
}

static int parse_lines(struct config_file *file, struct error *error)
{
	char *rest = file->text, *text;
	unsigned number = 0;

	file->lines = calloc(LINES_MAX, sizeof(*file->lines));
	if (!file->lines)
		return error_nomem(error);
	while ((text = strsep(&rest, "\n")) != NULL) {
		struct config_line *line = &file->lines[file->count];
		number++;
		text = skip_blanks(text);
		cut_blanks(text);
		if (*text == '\0' || *text == '#')
			continue;
		if (file->count == LINES_MAX)
			return bad_line(file, number, "more than 1000 options", error);
		line->number = number;
		if (parse_line(file, text, line, error) < 0)
			return -1;
		file->count++;
	}
	return 0;
}

/* ---- Which files ---- */

/* Made in *path, or left NULL: there is no such place. */
static int own_path(char **path, struct error *error)
{
	const char *directory = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int result = 0;

	if (directory && *directory == '/')
		result = asprintf(path, "%s/heapdelta", directory);
	else if (home && *home == '/')
		result = asprintf(path, "%s/.config/heapdelta", home);
	return result < 0 ? error_nomem(error) : 0;
}

static int tree_path(const char *source_root, char **path, struct error *error)
{
	char here[PATH_MAX], root[PATH_MAX];

	if (!source_root && getcwd(here, sizeof(here)) && worktree_root(here, root, sizeof(root)) == 0)
		source_root = root;
	return source_root && asprintf(path, "%s/.heapdeltarc", source_root) < 0 ? error_nomem(error) : 0;
}

static int add_file(struct config *config, char *path, bool tree, struct error *error)
{
	struct config_file *file = &config->files[config->count];

	if (!path)
		return 0;
	*file = (struct config_file){.path = path, .tree = tree};
	config->count++;
	if (read_file(file, error) < 0)
		return -1;
	return file->text ? parse_lines(file, error) : 0;
}

int config_read(struct config *config, const char *source_root, struct error *error)
{
	char *own = NULL, *tree = NULL;

	*config = (struct config){0};
	if (own_path(&own, error) < 0 || add_file(config, own, false, error) < 0 || tree_path(source_root, &tree, error) < 0)
		return -1;
	return add_file(config, tree, true, error);
}

void config_release(struct config *config)
{
	for (size_t i = 0; i < config->count; i++) {
		free(config->files[i].path);
		free(config->files[i].text);
		free(config->files[i].lines);
	}
	*config = (struct config){0};
}

/* ---- Settings ---- */

static bool is_choice(const struct opt *opt, const char *value)
{
	for (size_t i = 0; opt_kind(opt) == OPT_CHOICE && value && opt->choices[i]; i++) {
		if (strcmp(opt->choices[i], value) == 0)
			return true;
	}
	return false;
}

/* Does another command know the option or, if this one does too, another sort of value? */
static bool known_elsewhere(const struct cmd *const *cmds, const struct cmd *cmd, const struct opts_setting *setting)
{
	const struct opt *own = opts_find(cmd, setting->name, setting->length);

	for (; *cmds; cmds++) {
		const struct opt *other = *cmds == cmd ? NULL : opts_find(*cmds, setting->name, setting->length);
		if (other && (!own || opt_kind(own) != opt_kind(other) || is_choice(other, setting->value)))
			return true;
	}
	return false;
}

const char *config_refusal(const struct config_file *file, const struct config_line *line, const struct cmd *cmd)
{
	static const char *const typed_only[] = {"help", "version", "no-config"};
	const struct opt *opt = opts_find(cmd, line->setting.name, line->setting.length);

	if (!opt)
		return NULL;
	for (size_t i = 0; i < sizeof(typed_only) / sizeof(*typed_only); i++) {
		if (strcmp(opt->name, typed_only[i]) == 0)
			return "it is for the command line";
	}
	if (file->tree && !(opt->kind & OPT_TREE))
		return "a source tree may not decide that, only the command line or a file of your own";
	return NULL;
}

static int apply_line(const struct config_file *file, const struct config_line *line, const struct config_target *target,
		      struct error *error)
{
	const struct opts_setting *setting = &line->setting;
	struct error why = {0};

	if (!opts_find(target->cmd, setting->name, setting->length) && known_elsewhere(target->cmds, target->cmd, setting))
		return 0;
	if (config_refusal(file, line, target->cmd) || opts_set(target->cmd, target->options, target->common, setting, &why) == 0)
		return 0;
	if (known_elsewhere(target->cmds, target->cmd, setting))
		return 0;
	return bad_line(file, line->number, why.text, error);
}

int config_apply(const struct config *config, const struct config_target *target, struct error *error)
{
	for (size_t i = 0; i < config->count; i++) {
		for (size_t j = 0; j < config->files[i].count; j++) {
			if (apply_line(&config->files[i], &config->files[i].lines[j], target, error) < 0)
				return -1;
		}
	}
	return 0;
}
