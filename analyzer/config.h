/* SPDX-License-Identifier: MIT */
/*
 * Options from files: one long option per line.  A user's own file is trusted as the command line is; .heapdeltarc of a source tree may have
 * come with a clone from anywhere, so only options with OPT_TREE count in it.
 */
#ifndef ANALYZER_CONFIG_H
#define ANALYZER_CONFIG_H

#include "opts.h"

struct config_line {
	unsigned number;
	struct opts_setting setting;
};

struct config_file {
	char *path, *text;
	bool tree;           /* of a source tree */
	const char *ignored; /* why it does not count at all; NULL: it does */
	struct config_line *lines;
	size_t count;
};

struct config {
	struct config_file files[2]; /* in the order they apply: the user's, that of the source tree */
	size_t count;
};

/*
 * Read what there is: $XDG_CONFIG_HOME/heapdelta (default ~/.config/heapdelta) and .heapdeltarc in `source_root`, NULL: in the git work tree
 * around the current directory.  0 or −1: a line that cannot be an option.  Release it in both cases.
 */
int config_read(struct config *config, const char *source_root, struct error *error);
void config_release(struct config *config);

/* Why a line does not count although `cmd` knows its option; NULL: it does. */
const char *config_refusal(const struct config_file *file, const struct config_line *line, const struct cmd *cmd);

struct config_target {
	const struct cmd *const *cmds; /* all there are */
	const struct cmd *cmd;
	void *options;
	struct opts_common *common;
};

/*
 * Set the options of a command; strings are borrowed from `config`.  What only other commands understand is passed over.  0 or −1: a line
 * that nobody understands, or out of memory.
 */
int config_apply(const struct config *config, const struct config_target *target, struct error *error);

#endif
