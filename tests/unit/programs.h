/* SPDX-License-Identifier: MIT */
/*
 * Programs compiled during a test, in a directory of its own, and snapshots that hold addresses of them.  Commands run through the shell,
 * in the root of the source tree.
 */
#ifndef TESTS_PROGRAMS_H
#define TESTS_PROGRAMS_H

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snapshot.h"
#include "symbols.h"

static char directory[64];

static void __attribute__((unused)) make_directory(void)
{
	strcpy(directory, "/tmp/heapdelta-check.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

static int __attribute__((format(printf, 1, 2), unused)) try_command(const char *format, ...)
{
	char command[4096];
	va_list arguments;

	va_start(arguments, format);
	ck_assert_int_lt(vsnprintf(command, sizeof(command), format, arguments), sizeof(command));
	va_end(arguments);
	return system(command);
}

#define command(...) ck_assert_int_eq(try_command(__VA_ARGS__), 0)

static void __attribute__((unused)) remove_directory(void)
{
	command("rm -rf %s", directory);
}

static int __attribute__((unused)) have(const char *program)
{
	return try_command("command -v %s >/dev/null 2>&1", program) == 0;
}

/* "DIRECTORY/NAME", in one of a few buffers that are used in turn. */
static const char *__attribute__((unused)) in_directory(const char *name)
{
	static char paths[8][256];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

/* Address and size of a function, from nm. */
static uint64_t __attribute__((unused)) function_address(const char *file, const char *function, uint64_t *size)
{
	char text[512];
	unsigned long address = 0, length = 0;
	FILE *pipe;

	snprintf(text, sizeof(text), "nm -S %s | awk '$4 == \"%s\" {print $1, $2}'", file, function);
	pipe = popen(text, "r");
	ck_assert_ptr_nonnull(pipe);
	ck_assert_int_eq(fscanf(pipe, "%lx %lx", &address, &length), 2);
	pclose(pipe);
	if (size)
		*size = length;
	return address;
}

/* A snapshot with one module and no frames yet.  The build id is that of `file`, as readelf tells it; NULL: none. */
static void __attribute__((unused)) snapshot_of(struct snapshot *snapshot, struct intern *intern, const char *path, const char *file)
{
	struct module module = {.path = intern_add(intern, path), .start = 0x1000, .end = 1 << 30};
	char text[512];
	unsigned byte;
	FILE *pipe;

	snapshot_init(snapshot, intern);
	snapshot->info.cwd = intern_add(intern, "/");
	if (file) {
		snprintf(text, sizeof(text), "readelf -n %s 2>/dev/null | sed -n 's/.*Build ID: //p' | sed 's/../& /g'", file);
		pipe = popen(text, "r");
		ck_assert_ptr_nonnull(pipe);
		while (module.build_id_size < sizeof(module.build_id) && fscanf(pipe, "%2x", &byte) == 1)
			module.build_id[module.build_id_size++] = (uint8_t)byte;
		pclose(pipe);
		ck_assert_uint_gt(module.build_id_size, 0);
	}
	ck_assert_uint_eq(snapshot_module(snapshot, &module), 1);
}

/* A frame at `offset` of the module, with one block of 100 bytes. */
static uint32_t __attribute__((unused)) add_address(struct snapshot *snapshot, uint32_t parent, uint64_t offset, uint32_t flags)
{
	struct address address = {.module = 1, .offset = offset, .flags = flags};
	uint32_t number = snapshot_node(snapshot, parent, &address);

	ck_assert_uint_ne(number, SNAPSHOT_NONE);
	ck_assert_int_eq(snapshot_reserve_stacks(snapshot, 1), 0);
	snapshot->stacks[snapshot->stack_count++] = (struct stack){.node = number, .live_blocks = 1, .live_bytes = 100};
	return number;
}

static inline const struct location *__attribute__((unused)) location_of(const struct snapshot *snapshot, uint32_t number, uint32_t index)
{
	const struct address *address = snapshot_address_of(snapshot, number);

	return index < address->location_count ? &snapshot->locations[address->first_location + index] : NULL;
}

/* Line of `file` that holds `text`. */
static uint32_t __attribute__((unused)) line_with(const char *file, const char *text)
{
	FILE *stream = fopen(file, "r");
	char line[512];
	uint32_t number = 0, found = 0;

	ck_assert_ptr_nonnull(stream);
	while (!found && fgets(line, sizeof(line), stream)) {
		number++;
		if (strstr(line, text))
			found = number;
	}
	fclose(stream);
	ck_assert_uint_gt(found, 0);
	return found;
}

#endif
