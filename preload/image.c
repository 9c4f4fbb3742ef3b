/* SPDX-License-Identifier: MIT */
/*
 * In: a path that is about to be executed.  Out: enum image_kind, from the file's mode, its ELF header, its loader's name and the first
 * libraries that it needs (a sanitizer's runtime is always among them: it insists on being first).
 * Nothing in the file is trusted: each read is bounded, and what does not make sense is fine, that is, left to the kernel.
 */
#include "image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef ST_NOSUID
#define ST_NOSUID 2
#endif
enum { HEADERS_MAX = 24, DYNAMIC_MAX = 96, NEEDED_MAX = 6, NAME_MAX_READ = 32, SCRIPT_DEPTH = 5, LINE_MAX_READ = 256 };

/* The part of a file that decides. */
struct image {
	int fd;
	Elf64_Ehdr header;
	Elf64_Phdr segments[HEADERS_MAX];
	unsigned segment_count;
};

static bool read_at(int fd, void *to, size_t size, uint64_t offset)
{
	return offset < INT64_MAX && syscall(SYS_pread64, fd, to, size, offset) == (long)size;
}

static const Elf64_Phdr *find_segment(const struct image *image, uint32_t type)
{
	for (unsigned n = 0; n < image->segment_count; n++)
		if (image->segments[n].p_type == type)
			return &image->segments[n];
	return NULL;
}

static bool begins_with(const char *text, const char *beginning)
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* ---- The loader and the libraries */

static enum image_kind judge_loader(const struct image *image, const Elf64_Phdr *segment)
{
	char path[LINE_MAX_READ] = "";
	size_t size = segment->p_filesz < sizeof(path) - 1 ? segment->p_filesz : sizeof(path) - 1;
	if (!read_at(image->fd, path, size, segment->p_offset))
		return IMAGE_FINE;
	const char *slash = strrchr(path, '/');
	return slash && begins_with(slash, "/ld-musl") ? IMAGE_MUSL : IMAGE_FINE;
}

static uint64_t offset_of(const struct image *image, uint64_t address)
{
	for (unsigned n = 0; n < image->segment_count; n++) {
		const Elf64_Phdr *segment = &image->segments[n];
		if (segment->p_type == PT_LOAD && address >= segment->p_vaddr && address - segment->p_vaddr < segment->p_filesz)
			return segment->p_offset + (address - segment->p_vaddr);
	}
	return UINT64_MAX;
}

static enum image_kind judge_library(const struct image *image, uint64_t offset)
{
	char name[NAME_MAX_READ] = "";
	if (offset >= INT64_MAX || syscall(SYS_pread64, image->fd, name, sizeof(name) - 1, offset) <= 0)
		return IMAGE_FINE;
	if (begins_with(name, "libasan.so") || begins_with(name, "libclang_rt.asan"))
		return IMAGE_ASAN;
	return begins_with(name, "libtsan.so") || begins_with(name, "libclang_rt.tsan") ? IMAGE_TSAN : IMAGE_FINE;
}

static enum image_kind judge_libraries(const struct image *image, const Elf64_Phdr *segment)
{
	Elf64_Dyn entries[DYNAMIC_MAX];
	uint64_t needed[NEEDED_MAX], strings = UINT64_MAX;
	size_t size = segment->p_filesz < sizeof(entries) ? segment->p_filesz : sizeof(entries), count = 0;
	if (!read_at(image->fd, entries, size, segment->p_offset))
		return IMAGE_FINE;
	for (size_t n = 0; n < size / sizeof(entries[0]) && entries[n].d_tag != DT_NULL; n++) {
		if (entries[n].d_tag == DT_NEEDED && count < NEEDED_MAX)
			needed[count++] = entries[n].d_un.d_val;
		else if (entries[n].d_tag == DT_STRTAB)
			strings = offset_of(image, entries[n].d_un.d_ptr);
	}
	enum image_kind kind = IMAGE_FINE;
	for (size_t n = 0; n < count && kind == IMAGE_FINE && strings < INT64_MAX; n++)
		kind = judge_library(image, strings + (needed[n] & UINT32_MAX));
	return kind;
}

/* Without a loader of its own: the loader itself, which is started by name, too, and preloads; a static program that can be moved has neither. */
static bool is_library(const struct image *image)
{
	const Elf64_Phdr *dynamic = find_segment(image, PT_DYNAMIC);
	Elf64_Dyn entry = {.d_tag = DT_DEBUG};
	bool found = false;
	for (uint64_t n = 0; dynamic && !found && n < DYNAMIC_MAX && entry.d_tag != DT_NULL; n++) {
		if (!read_at(image->fd, &entry, sizeof(entry), dynamic->p_offset + n * sizeof(entry)))
			break;
		found = entry.d_tag == DT_NEEDED || entry.d_tag == DT_SONAME;
	}
	return found;
}

static enum image_kind judge_elf(struct image *image)
{
	const Elf64_Ehdr *own = &image->header;
	if (own->e_ident[EI_CLASS] == ELFCLASS32)
		return IMAGE_32_BIT;
	if (own->e_ident[EI_CLASS] != ELFCLASS64 || own->e_ident[EI_DATA] != ELFDATA2LSB || own->e_machine != EM_X86_64)
		return IMAGE_OTHER_MACHINE;
	if (own->e_phentsize != sizeof(Elf64_Phdr) || own->e_phnum == 0 || own->e_phnum > HEADERS_MAX ||
	    !read_at(image->fd, image->segments, own->e_phnum * sizeof(Elf64_Phdr), own->e_phoff))
		return IMAGE_FINE;
	image->segment_count = own->e_phnum;
	const Elf64_Phdr *loader = find_segment(image, PT_INTERP), *dynamic = find_segment(image, PT_DYNAMIC);
	if (!loader)
		return is_library(image) ? IMAGE_FINE : IMAGE_STATIC;
	enum image_kind kind = judge_loader(image, loader);
	return kind == IMAGE_FINE && dynamic ? judge_libraries(image, dynamic) : kind;
}

/* ---- Rights that the file gives: the loader drops preloads when some are gained */

static enum image_kind judge_rights(int fd, const struct stat *status)
{
	struct statfs place;
	char value[64];
	enum image_kind kind = IMAGE_FINE;
	if ((status->st_mode & S_ISUID) && status->st_uid != getuid())
		kind = IMAGE_SETUID;
	else if ((status->st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && status->st_gid != getgid())
		kind = IMAGE_SETGID;
	else if (fd >= 0 && getuid() != 0 && syscall(SYS_fgetxattr, fd, "security.capability", value, sizeof(value)) > 0)
		kind = IMAGE_CAPABILITIES;
	if (kind != IMAGE_FINE && ((fd >= 0 && fstatfs(fd, &place) == 0 && (place.f_flags & ST_NOSUID)) ||
				   syscall(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1))
		kind = IMAGE_FINE;
	return kind;
}

/* ---- Scripts */

/* The interpreter's path takes the place of `line`; false: no script. */
static bool read_interpreter(int fd, char line[LINE_MAX_READ])
{
	long got = syscall(SYS_pread64, fd, line, LINE_MAX_READ - 1, (uint64_t)0);
	if (got < 3 || line[0] != '#' || line[1] != '!')
		return false;
	line[got] = '\0';
	char *path = line + 2 + strspn(line + 2, " \t");
	path[strcspn(path, " \t\r\n")] = '\0';
	memmove(line, path, strlen(path) + 1);
	return line[0] != '\0';
}

static enum image_kind look_at_fd(int fd, char line[LINE_MAX_READ], bool *is_script)
{
	struct image image = {.fd = fd};
	struct stat status;
	*is_script = false;
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
		return IMAGE_FINE;
	enum image_kind kind = judge_rights(fd, &status);
	if (kind != IMAGE_FINE)
		return kind;
	if (read_at(fd, &image.header, sizeof(image.header), 0) && memcmp(image.header.e_ident, ELFMAG, SELFMAG) == 0)
		return judge_elf(&image);
	*is_script = read_interpreter(fd, line);
	return IMAGE_FINE;
}

/* Without a right to read it, its mode still tells. */
static enum image_kind look_at_mode(int directory, const char *path)
{
	struct stat status;
	return fstatat(directory, path, &status, 0) == 0 && S_ISREG(status.st_mode) ? judge_rights(-1, &status) : IMAGE_FINE;
}

enum image_kind image_look(int directory, const char *path)
{
	int saved = errno;
	char line[LINE_MAX_READ];
	enum image_kind kind = IMAGE_FINE;
	bool is_script = true;
	for (int depth = 0; depth < SCRIPT_DEPTH && is_script; depth++) {
		bool is_own = depth == 0 && !path[0];
		int fd = is_own ? directory : (int)syscall(SYS_openat, directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (fd < 0) {
			kind = errno == EACCES ? look_at_mode(directory, path) : IMAGE_FINE;
			break;
		}
		kind = look_at_fd(fd, line, &is_script);
		if (!is_own)
			syscall(SYS_close, fd);
		path = line;
		directory = AT_FDCWD;
	}
	errno = saved;
	return kind;
}
