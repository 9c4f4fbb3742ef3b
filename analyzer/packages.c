/* SPDX-License-Identifier: MIT */
/*
 * Comes in: the path of a file as the loader saw it.  Goes out: the command that installs its debug information.
 * Debian and its kin list the files of each package in /var/lib/dpkg/info/PACKAGE[:ARCHITECTURE].list; since /lib became a link to /usr/lib,
 * a file may be listed under either name.  The others' databases need their libraries, but their tools accept a question in the command's
 * place.  All files may be anybody's when they are below a --sysroot: sizes are bounded, what is not understood is nothing.
 */
#include "packages.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RELEASE_MAX = 64 << 10, LIST_MAX = 64 << 20 };

/* ---- Files ---- */

/* A whole file as text; NULL: not there, not a file, too large, or out of memory.  free() it. */
static char *read_text(int directory, const char *path, size_t most, size_t *size)
{
	int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	char *text = NULL;

	*size = 0;
	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && (uint64_t)status.st_size <= most)
		text = malloc((size_t)status.st_size + 1);
	for (ssize_t got = 1; text && got > 0 && *size<(size_t)status.st_size; *size += got> 0 ? (size_t)got : 0)
		got = read(fd, text + *size, (size_t)status.st_size - *size);
	if (text)
		text[*size] = '\0';
	close(fd);
	return text;
}

static char *read_release(const char *root)
{
	static const char *const places[] = {"/etc/os-release", "/usr/lib/os-release"};
	char *text = NULL;
	size_t size;

	for (size_t i = 0; !text && i < sizeof(places) / sizeof(*places); i++) {
		struct strbuf path;
		strbuf_init(&path);
		strbuf_printf(&path, "%s%s", root, places[i]);
		if (!path.failed)
			text = read_text(AT_FDCWD, path.data, RELEASE_MAX, &size);
		strbuf_release(&path);
	}
	return text;
}

/* ---- Distributions ---- */

enum tool { TOOL_DPKG, TOOL_DNF, TOOL_ZYPPER };

struct distribution {
	const char *id;
	enum tool tool;
};

/* Is `word` one of the words of the line KEY=…? */
static bool has_word(const char *release, const char *key, const char *word)
{
	size_t length = strlen(word);

	for (const char *line = release; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		for (const char *at = line + strlen(key); *at && *at != '\n';) {
			size_t next = strcspn(at, " \"'\n");
			if (next == length && memcmp(at, word, length) == 0)
				return true;
			at += next + (at[next] && at[next] != '\n');
		}
	}
	return false;
}

/* The distribution itself, else what it says that it is like. */
static const struct distribution *find_distribution(const char *root)
{
	static const struct distribution known[] = {
		{"ubuntu", TOOL_DPKG}, {"debian", TOOL_DPKG},     {"fedora", TOOL_DNF},  {"centos", TOOL_DNF},
		{"rhel", TOOL_DNF},    {"opensuse", TOOL_ZYPPER}, {"suse", TOOL_ZYPPER},
	};
	static const char *const keys[] = {"ID=", "ID_LIKE="};
	const struct distribution *found = NULL;
	char *release = read_release(root);

	for (size_t key = 0; release && key < 2; key++) {
		for (size_t i = 0; !found && i < sizeof(known) / sizeof(*known); i++)
			found = has_word(release, keys[key], known[i].id) ? &known[i] : NULL;
	}
	free(release);
	return found;
}

/* ---- Debian's lists ---- */

/* The names under which a file may be listed, each between newlines. */
struct listed {
	struct strbuf names[2];
};

static void listed_init(struct listed *listed, const char *path)
{
	strbuf_init(&listed->names[0]);
	strbuf_init(&listed->names[1]);
	strbuf_printf(&listed->names[0], "\n%s\n", path);
	if (strncmp(path, "/usr/", 5) == 0)
		strbuf_printf(&listed->names[1], "\n%s\n", path + 4);
	else
		strbuf_printf(&listed->names[1], "\n/usr%s\n", path);
}

static void listed_release(struct listed *listed)
{
	strbuf_release(&listed->names[0]);
	strbuf_release(&listed->names[1]);
}

static bool is_listed_in(const struct listed *listed, int directory, const char *name)
{
	size_t size;
	char *text = read_text(directory, name, LIST_MAX, &size);
	bool found = false;

	for (size_t i = 0; text && i < 2; i++) {
		const struct strbuf *wanted = &listed->names[i];
		found |= memmem(text, size, wanted->data, wanted->length) != NULL;
	}
	free(text);
	return found;
}

static bool is_list(const char *name, size_t *package)
{
	static const char end[] = ".list";
	size_t length = strlen(name);

	*package = strcspn(name, ":");
	if (length < sizeof(end) || strcmp(name + length - (sizeof(end) - 1), end) != 0)
		return false;
	if (*package == length)
		*package = length - (sizeof(end) - 1);
	return name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789+-.")] == (name[*package] == ':' ? ':' : '\0');
}

/* The package that has the file; it is not added when there is none. */
static void add_owner(struct strbuf *out, const char *root, const char *path)
{
	struct strbuf name;
	struct listed listed;
	size_t package = 0;

	strbuf_init(&name);
	strbuf_printf(&name, "%s/var/lib/dpkg/info", root);
	DIR *directory = name.failed ? NULL : opendir(name.data);
	listed_init(&listed, path);
	for (const struct dirent *entry; directory && (entry = readdir(directory)) != NULL;) {
		if (!is_list(entry->d_name, &package) || !is_listed_in(&listed, dirfd(directory), entry->d_name))
			continue;
		strbuf_add(out, entry->d_name, package);
		break;
	}
	if (directory)
		closedir(directory);
	listed_release(&listed);
	strbuf_release(&name);
}

/* The debug information of most packages is in one named after it; libc's has kept an older name. */
static void add_debian(struct strbuf *out, const char *root, const char *path)
{
	struct strbuf owner;

	strbuf_init(&owner);
	add_owner(&owner, root, path);
	if (owner.length)
		strbuf_printf(out, "apt install %s%s", owner.data, strcmp(owner.data, "libc6") == 0 ? "-dbg" : "-dbgsym");
	out->failed |= owner.failed;
	strbuf_release(&owner);
}

/* ---- The answer ---- */

/* "$(rpm -qf /usr/lib64/libfoo.so.3)" is for a shell. */
static void add_query(struct strbuf *out, const char *before, const char *path, const char *after)
{
	strbuf_puts(out, before);
	strbuf_shell(out, path);
	strbuf_puts(out, after);
}

void packages_command(struct strbuf *out, const char *root, const char *path)
{
	const struct distribution *distribution = path[0] == '/' && !strchr(path, '\n') ? find_distribution(root) : NULL;

	if (!distribution)
		return;
	switch (distribution->tool) {
	case TOOL_DPKG:
		add_debian(out, root, path);
		break;
	case TOOL_DNF:
		add_query(out, "dnf debuginfo-install $(rpm -qf ", path, ")");
		break;
	case TOOL_ZYPPER:
		add_query(out, "zypper install $(rpm -qf --qf '%{NAME}' ", path, ")-debuginfo");
		break;
	}
}
