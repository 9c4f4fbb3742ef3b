/* SPDX-License-Identifier: MIT */
/*
 * Results of -o.  Comes in: a path; goes out: a stream and, at the end, a complete file or nothing.  The temporary name is in the same
 * directory so that rename() is atomic; permissions are those a plain open would have given, or those of the file that is replaced.
 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int cannot(const char *what, const char *path, struct error *error)
{
	return error_set(error, "cannot %s '%s': %s", what, path, strerror(errno));
}

static mode_t mode_of_new_file(const struct stat *replaced)
{
	mode_t mask;

	if (replaced)
		return replaced->st_mode & 0777;
	mask = umask(0);
	umask(mask);
	return 0666 & ~mask;
}

static int open_temporary(struct output *output, const struct stat *replaced, struct error *error)
{
	int fd;

	if (asprintf(&output->temporary, "%s.XXXXXX", output->path) < 0) {
		output->temporary = NULL;
		return error_nomem(error);
	}
	fd = mkostemp(output->temporary, O_CLOEXEC);
	if (fd < 0) {
		cannot("create", output->path, error);
		free(output->temporary);
		output->temporary = NULL;
		return -1;
	}
	fchmod(fd, mode_of_new_file(replaced));
	output->stream = fdopen(fd, "w");
	if (output->stream)
		return 0;
	close(fd);
	return error_nomem(error);
}

int output_open(struct output *output, const char *path, struct error *error)
{
	struct stat status;
	bool exists;

	*output = (struct output){.stream = stdout};
	if (!path || strcmp(path, "-") == 0)
		return 0;
	output->path = path;
	output->stream = NULL;
	exists = stat(path, &status) == 0;
	if (exists && S_ISDIR(status.st_mode))
		return error_set(error, "cannot write '%s': %s", path, strerror(EISDIR));
	if (exists && !S_ISREG(status.st_mode)) {
		output->stream = fopen(path, "we");
		return output->stream ? 0 : cannot("open", path, error);
	}
	if (open_temporary(output, exists ? &status : NULL, error) == 0)
		return 0;
	output_close(output, false, error);
	return -1;
}

static int flush(struct output *output, struct error *error)
{
	errno = 0;
	if (fflush(output->stream) == 0 && !ferror(output->stream))
		return 0;
	if (errno == EPIPE) {
		/* The reader left: end as if nobody had made us ignore the signal, without a word. */
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	if (!errno)
		errno = EIO;
	if (output->path)
		cannot("write", output->path, error);
	else
		error_set(error, "cannot write standard output: %s", strerror(errno));
	/* Said once: whoever looks at standard output after us finds nothing left to fail. */
	__fpurge(output->stream);
	clearerr(output->stream);
	return -1;
}

int output_close(struct output *output, bool keep, struct error *error)
{
	int result = output->stream && keep ? flush(output, error) : 0;

	if (output->stream && output->stream != stdout && fclose(output->stream) != 0 && keep && result == 0)
		result = cannot("write", output->path, error);
	if (output->temporary && keep && result == 0 && rename(output->temporary, output->path) != 0)
		result = cannot("create", output->path, error);
	if (output->temporary && (!keep || result < 0))
		unlink(output->temporary);
	free(output->temporary);
	*output = (struct output){0};
	return result;
}
