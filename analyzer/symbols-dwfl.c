/* SPDX-License-Identifier: MIT */
/*
 * A libdwfl session per file, at bias 0, so that its addresses are those of the ELF file.  The main file is opened here, and only if its
 * build id is the recorded one; else a file of the debug directories with that build id takes its place.  libdwfl then looks for separate
 * debug information through a callback that never leaves this machine unless asked: libdwfl's own would ask the servers of
 * $DEBUGINFOD_URLS.
 */
#include "symbols-dwfl.h"

#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "strbuf.h"
#include "symbols-dwarf.h"
#include "symbols-elf.h"

#define DEFAULT_DEBUG_DIR "/usr/lib/debug"

struct debug_file {
	const struct debug_search *search;
	const struct module *traced;
	Dwfl_Callbacks callbacks;
	char *path_list; /* the debug directories as libdwfl wants them */
	Dwfl *dwfl;
	Dwfl_Module *module;
	Dwarf_Addr bias; /* of the debug information */
	struct units *units;
	struct elf_symbols *symbols;
	struct timespec built;
};

/* ---- Files ---- */

/* Only regular files: a path from a snapshot may name anything. */
static int open_regular(const char *path, struct stat *stat)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0 && fstat(fd, stat) == 0 && S_ISREG(stat->st_mode))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

enum match { MATCH_YES, MATCH_OTHER_BUILD, MATCH_NOT_ELF };

/* A module without a recorded build id matches any file. */
static enum match match_build_id(int fd, const struct module *module)
{
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	enum match match = MATCH_NOT_ELF;
	const void *id;
	ssize_t size;

	if (elf && elf_kind(elf) == ELF_K_ELF) {
		size = dwelf_elf_gnu_build_id(elf, &id);
		match = MATCH_OTHER_BUILD;
		if (!module->build_id_size || (size == (ssize_t)module->build_id_size && !memcmp(id, module->build_id, (size_t)size)))
			match = MATCH_YES;
	}
	elf_end(elf);
	return match;
}

/* DIRECTORY/.build-id/xx/yyyy.debug */
static int open_by_build_id(const char *prefix, const char *directory, const struct module *module, struct stat *stat)
{
	struct strbuf path;
	int fd = -1;

	strbuf_init(&path);
	strbuf_printf(&path, "%s%s/.build-id/%02x/", prefix, directory, module->build_id[0]);
	for (uint32_t i = 1; i < module->build_id_size; i++)
		strbuf_printf(&path, "%02x", module->build_id[i]);
	strbuf_puts(&path, ".debug");
	if (!path.failed)
		fd = open_regular(path.data, stat);
	strbuf_release(&path);
	if (fd >= 0 && match_build_id(fd, module) != MATCH_YES) {
		close(fd);
		return -1;
	}
	return fd;
}

/* DIRECTORY/NAME or DIRECTORY/NAME.debug: a plain folder of what was built.  *found becomes its path. */
static int open_by_name(const char *directory, const struct module *module, struct stat *stat, char **found)
{
	static const char *const suffixes[] = {".debug", ""};
	const char *slash = strrchr(module->path, '/');
	struct strbuf path;
	int fd = -1;

	strbuf_init(&path);
	for (size_t i = 0; fd < 0 && i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		strbuf_clear(&path);
		strbuf_printf(&path, "%s/%s%s", directory, slash ? slash + 1 : module->path, suffixes[i]);
		fd = path.failed ? -1 : open_regular(path.data, stat);
		if (fd >= 0 && match_build_id(fd, module) != MATCH_YES) {
			close(fd);
			fd = -1;
		}
	}
	*found = fd >= 0 ? strbuf_steal(&path) : NULL;
	strbuf_release(&path);
	return fd;
}

static int open_in_folders(const struct debug_search *search, const struct module *module, char **found)
{
	struct stat stat;
	int fd = -1;

	for (const char *const *dir = search->debug_dirs; module->build_id_size && fd < 0 && dir && *dir; dir++)
		fd = open_by_name(*dir, module, &stat, found);
	return fd;
}

static int open_debug_file(const struct debug_search *search, const struct module *module, struct stat *stat)
{
	char *found;
	int fd = -1;

	if (module->build_id_size < 2)
		return -1;
	for (const char *const *dir = search->debug_dirs; fd < 0 && dir && *dir; dir++) {
		fd = open_by_build_id("", *dir, module, stat);
		if (fd < 0) {
			fd = open_by_name(*dir, module, stat, &found);
			free(found);
		}
	}
	if (fd < 0 && search->sysroot)
		fd = open_by_build_id(search->sysroot, DEFAULT_DEBUG_DIR, module, stat);
	return fd < 0 ? open_by_build_id("", DEFAULT_DEBUG_DIR, module, stat) : fd;
}

/* The module's own file, else its debug file.  *reason is set when there is none. */
static int open_main(const struct debug_search *search, const struct module *module, struct stat *stat, const char **reason)
{
	static const char *const reasons[] = {
		[MATCH_OTHER_BUILD] = "build id differs",
		[MATCH_NOT_ELF] = "not an ELF file",
	};
	enum match match;
	struct strbuf path;
	int fd = -1;

	*reason = "file not found";
	strbuf_init(&path);
	strbuf_printf(&path, "%s%s", search->sysroot ? search->sysroot : "", module->path);
	if (!path.failed && module->path[0] == '/')
		fd = open_regular(path.data, stat);
	strbuf_release(&path);
	if (fd >= 0) {
		match = match_build_id(fd, module);
		if (match == MATCH_YES)
			return fd;
		*reason = reasons[match];
		close(fd);
	}
	return open_debug_file(search, module, stat);
}

/* ---- Separate debug information ---- */

static bool has_crc(int fd, GElf_Word expected)
{
	unsigned char buffer[16384];
	uLong crc = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t got;

	while ((got = pread(fd, buffer, sizeof(buffer), at)) > 0) {
		crc = crc32(crc, buffer, (uInt)got);
		at += got;
	}
	return got == 0 && crc == expected;
}

/* PREFIX + DIRECTORY/MIDDLE/NAME, if its checksum is right.  *found becomes its path. */
static int open_linked(const char *const parts[4], GElf_Word crc, char **found)
{
	struct strbuf path;
	struct stat stat;
	int fd = -1;

	strbuf_init(&path);
	strbuf_printf(&path, "%s%s%s/%s", parts[0], parts[1], parts[2], parts[3]);
	if (!path.failed)
		fd = open_regular(path.data, &stat);
	if (fd >= 0 && !has_crc(fd, crc)) {
		close(fd);
		fd = -1;
	}
	if (fd >= 0)
		*found = strbuf_steal(&path);
	strbuf_release(&path);
	return fd;
}

/* The places that gdb searches for a .gnu_debuglink: beside the file, in .debug beside it, below the debug directories. */
static int find_linked(const struct debug_search *search, const char *file_name, const char *link, GElf_Word crc, char **found)
{
	const char *slash = strrchr(file_name, '/'), *sysroot = search->sysroot ? search->sysroot : "";
	char *directory = slash ? strndup(file_name, (size_t)(slash - file_name)) : NULL;
	int fd = -1;

	if (directory && !strchr(link, '/')) {
		size_t root = strncmp(directory, sysroot, strlen(sysroot)) == 0 ? strlen(sysroot) : 0;
		fd = open_linked((const char *[]){directory, "", "", link}, crc, found);
		if (fd < 0)
			fd = open_linked((const char *[]){directory, "/.debug", "", link}, crc, found);
		for (const char *const *dir = search->debug_dirs; fd < 0 && dir && *dir; dir++)
			fd = open_linked((const char *[]){*dir, "", directory + root, link}, crc, found);
		if (fd < 0)
			fd = open_linked((const char *[]){sysroot, DEFAULT_DEBUG_DIR, directory + root, link}, crc, found);
		if (fd < 0 && root)
			fd = open_linked((const char *[]){"", DEFAULT_DEBUG_DIR, directory + root, link}, crc, found);
	}
	free(directory);
	return fd;
}

/* Called for the main file, and with a link but crc 0 for the alternate file (dwz) of what was found. */
static int find_debuginfo(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base, const char *file_name, const char *link,
			  GElf_Word crc, char **found)
{
	const struct debug_file *file = *userdata;
	int fd = dwfl_build_id_find_debuginfo(module, userdata, name, base, file_name, link, crc, found);

	if (fd < 0 && file_name && link && crc)
		fd = find_linked(file->search, file_name, link, crc, found);
	if (fd < 0 && (crc || !link))
		fd = open_in_folders(file->search, file->traced, found);
	if (fd < 0 && file->search->debuginfod)
		fd = dwfl_standard_find_debuginfo(module, userdata, name, base, file_name, link, crc, found);
	return fd;
}

static int find_no_elf(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base, char **found, Elf **elf)
{
	(void)module, (void)userdata, (void)name, (void)base, (void)found, (void)elf;
	return -1;
}

/* libdwfl takes a relative directory for one beside the program. */
static char *join_directories(const struct debug_search *search)
{
	struct strbuf list;
	char absolute[PATH_MAX];

	strbuf_init(&list);
	for (const char *const *dir = search->debug_dirs; dir && *dir; dir++)
		strbuf_printf(&list, "%s:", realpath(*dir, absolute) ? absolute : *dir);
	if (search->sysroot)
		strbuf_printf(&list, "%s" DEFAULT_DEBUG_DIR ":", search->sysroot);
	strbuf_puts(&list, DEFAULT_DEBUG_DIR);
	return strbuf_steal(&list);
}

/* ---- Opening ---- */

static int begin_session(struct debug_file *file)
{
	file->path_list = join_directories(file->search);
	file->callbacks = (Dwfl_Callbacks){
		.find_elf = find_no_elf,
		.find_debuginfo = find_debuginfo,
		.section_address = dwfl_offline_section_address,
		.debuginfo_path = &file->path_list,
	};
	file->dwfl = file->path_list ? dwfl_begin(&file->callbacks) : NULL;
	return file->dwfl ? 0 : -1;
}

/* The servers' copy of a debug file by build id, for a module that has no file here. */
static int ask_servers(struct debug_file *file, const struct module *module)
{
	char *found = NULL;
	void **userdata;
	Dwfl_Module *asked;
	int fd = -1;

	dwfl_report_begin(file->dwfl);
	asked = dwfl_report_module(file->dwfl, module->path, 0, module->end - module->bias);
	if (asked && dwfl_module_report_build_id(asked, module->build_id, module->build_id_size, 0) == 0) {
		dwfl_module_info(asked, &userdata, NULL, NULL, NULL, NULL, NULL, NULL);
		fd = dwfl_standard_find_debuginfo(asked, userdata, module->path, 0, NULL, NULL, 0, &found);
	}
	dwfl_report_end(file->dwfl, NULL, NULL);
	free(found);
	if (fd >= 0 && match_build_id(fd, module) != MATCH_YES) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Takes fd. */
static bool report_main(struct debug_file *file, const char *name, int fd)
{
	void **userdata;

	dwfl_report_begin(file->dwfl);
	file->module = dwfl_report_elf(file->dwfl, name, name, fd, 0, true);
	dwfl_report_end(file->dwfl, NULL, NULL);
	if (!file->module) {
		close(fd);
		return false;
	}
	dwfl_module_info(file->module, &userdata, NULL, NULL, NULL, NULL, NULL, NULL);
	*userdata = file;
	return true;
}

/* libdw takes an alternate file by name without a look at its build id. */
static bool alternate_is_right(Dwarf *dwarf)
{
	const void *wanted, *id;
	const char *name;
	ssize_t size = dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &wanted);
	Dwarf *alternate = size > 0 ? dwarf_getalt(dwarf) : NULL;

	return !alternate || (dwelf_elf_gnu_build_id(dwarf_getelf(alternate), &id) == size && !memcmp(id, wanted, (size_t)size));
}

/* −1: out of memory. */
static int load(struct debug_file *file, const char **reason)
{
	Dwarf *dwarf = dwfl_module_getdwarf(file->module, &file->bias);

	*reason = NULL;
	if (!dwarf)
		*reason = "no debug information";
	else if (!alternate_is_right(dwarf))
		*reason = "build id of the alternate debug file differs";
	else
		file->units = units_new(dwarf, file->search->intern);
	file->symbols = elf_symbols_new(file->module, file->search->intern);
	return (*reason || file->units) && file->symbols ? 0 : -1;
}

int debug_open(struct debug_file **result, const struct debug_search *search, const struct module *module, const char **reason)
{
	struct debug_file *file = calloc(1, sizeof(*file));
	struct stat stat;
	int fd, status = -1;

	*result = NULL;
	elf_version(EV_CURRENT);
	if (!file)
		return -1;
	file->search = search;
	file->traced = module;
	if (begin_session(file))
		goto out;
	fd = open_main(search, module, &stat, reason);
	if (fd < 0 && search->debuginfod && module->build_id_size) {
		fd = ask_servers(file, module);
		if (fd >= 0 && fstat(fd, &stat))
			goto out;
	}
	if (fd < 0) {
		status = 0;
		goto out;
	}
	file->built = stat.st_mtim;
	if (!report_main(file, module->path, fd)) {
		*reason = "damaged ELF file";
		status = 0;
		goto out;
	}
	if (load(file, reason))
		goto out;
	*result = file;
	return 0;
out:
	debug_close(file);
	return status;
}

void debug_close(struct debug_file *file)
{
	if (!file)
		return;
	units_free(file->units);
	elf_symbols_free(file->symbols);
	if (file->dwfl)
		dwfl_end(file->dwfl);
	free(file->path_list);
	free(file);
}

struct timespec debug_built(const struct debug_file *file)
{
	return file->built;
}

/* ---- Asking ---- */

static int fill_from_symbol(struct debug_file *file, uint64_t address, struct location *location)
{
	struct elf_symbol symbol;
	int found = elf_symbols_find(file->symbols, address, &symbol);

	if (found <= 0)
		return found;
	location->function = symbol.function;
	location->linkage = symbol.linkage;
	location->symbol_offset = address - symbol.start;
	return 1;
}

/* In the debug information, whose addresses may be others. */
static int ask_units(struct debug_file *file, struct lookup *list, size_t count, struct locations *locations)
{
	size_t below = 0;
	int result;

	for (size_t i = 0; i < count; i++) {
		below += list[i].address < file->bias;
		list[i].address -= file->bias;
	}
	result = units_lookup(file->units, list + below, count - below, locations);
	for (size_t i = 0; i < count; i++)
		list[i].address += file->bias;
	return result;
}

/* What the debug information does not say the symbol table may. */
static int ask_symbols(struct debug_file *file, struct lookup *lookup, struct locations *locations)
{
	struct location *last;
	int found;

	if (lookup->count) {
		last = &locations->list[lookup->first + lookup->count - 1];
		return last->function || fill_from_symbol(file, lookup->address, last) >= 0 ? 0 : -1;
	}
	lookup->first = (uint32_t)locations->count;
	last = locations_add(locations);
	found = last ? fill_from_symbol(file, lookup->address, last) : -1;
	if (found <= 0)
		locations->count = lookup->first;
	lookup->count = found > 0;
	return found < 0 ? -1 : 0;
}

int debug_lookup(struct debug_file *file, struct lookup *list, size_t count, struct locations *locations)
{
	for (size_t i = 0; i < count; i++)
		list[i].first = list[i].count = 0;
	if (file->units && ask_units(file, list, count, locations))
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (ask_symbols(file, &list[i], locations))
			return -1;
		for (uint32_t at = list[i].first; at < list[i].first + list[i].count; at++) {
			if (!locations->list[at].file)
				locations->list[at].flags |= HDS_LOCATION_NO_LINE;
		}
	}
	return 0;
}
