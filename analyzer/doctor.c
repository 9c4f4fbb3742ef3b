/* SPDX-License-Identifier: MIT */
/*
 * Comes in: a command name.  Goes out: a verdict with the text that the user reads.
 * Scripts are followed to their interpreter as the kernel does; then the rules are asked in turn, the most telling first.  Only what surely
 * prevents tracing is a verdict: a wrong "cannot be traced" would be worse than none.
 */
#include "doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "doctor-elf.h"

/* Everything a rule may look at. */
struct subject {
	struct doctor *doctor;
	const char *name; /* as the user knows it */
	const char *path;
	struct elf_facts facts, library;
};

static bool untraceable(const struct subject *subject, const char *cause, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool untraceable(const struct subject *subject, const char *cause, const char *format, ...)
{
	struct doctor *doctor = subject->doctor;
	va_list arguments;

	doctor->verdict = DOCTOR_UNTRACEABLE;
	doctor->cause = cause;
	va_start(arguments, format);
	vsnprintf(doctor->text, sizeof(doctor->text), format, arguments);
	va_end(arguments);
	return true;
}

static bool verdict(struct doctor *doctor, enum doctor_verdict kind, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool verdict(struct doctor *doctor, enum doctor_verdict kind, const char *format, ...)
{
	va_list arguments;

	doctor->verdict = kind;
	va_start(arguments, format);
	vsnprintf(doctor->text, sizeof(doctor->text), format, arguments);
	va_end(arguments);
	return true;
}

/* ---- Finding it ---------------------------------------------------------------------------------------------------------------- */

static bool is_program(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

static const char *why_not_executable(const char *path)
{
	struct stat status;
	struct statvfs place;

	if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
		return "it is a directory";
	if (statvfs(path, &place) == 0 && (place.f_flag & ST_NOEXEC))
		return "it lies on a file system that is mounted noexec";
	return "it is not executable (chmod +x)";
}

int doctor_resolve(const char *command, char *path, size_t room)
{
	const char *search = getenv("PATH");
	size_t length;

	if (strchr(command, '/'))
		return (size_t)snprintf(path, room, "%s", command) < room && access(path, F_OK) == 0 ? 0 : -1;
	for (const char *at = search ? search : "/bin:/usr/bin"; *command && at; at = at[length] ? at + length + 1 : NULL) {
		length = strcspn(at, ":");
		int used = length ? snprintf(path, room, "%.*s/%s", (int)length, at, command) : snprintf(path, room, "./%s", command);
		if ((size_t)used < room && is_program(path))
			return 0;
	}
	return -1;
}

/* The program that `#!/usr/bin/env [-S] [-i] [-u NAME] [NAME=VALUE] PROGRAM` looks for; NULL: not clear. */
static const char *env_program(char *arguments)
{
	char *rest = NULL;

	for (char *word = strtok_r(arguments, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
		if (!strncmp(word, "-S", 2) || !strncmp(word, "-vS", 3))
			word += word[1] == 'v' ? 3 : 2;
		if (!strcmp(word, "-u") || !strcmp(word, "-C"))
			strtok_r(NULL, " \t", &rest);
		else if (*word && strcmp(word, "-i") != 0 && strcmp(word, "--") != 0 && !strchr(word, '='))
			return word[0] == '-' ? NULL : word;
	}
	return NULL;
}

/* One step of "#!": the interpreter's path into `path`. */
static int follow_script(const struct elf_facts *facts, char *path, size_t room)
{
	char line[sizeof(facts->interpreter_line)];
	struct stat status;

	snprintf(line, sizeof(line), "%s", facts->interpreter_line);
	char *arguments = line + strcspn(line, " \t");
	if (*arguments)
		*arguments++ = '\0';
	const char *base = strrchr(line, '/');
	if (base && !strcmp(base, "/env")) {
		const char *program = env_program(arguments);
		return program ? doctor_resolve(program, path, room) : -1;
	}
	return stat(line, &status) == 0 && (size_t)snprintf(path, room, "%s", line) < room ? 0 : -1;
}

/* Follow interpreters to an ELF file; the kernel gives up after a few, and so do we. */
static int find_image(struct subject *subject, char *path, size_t room)
{
	enum { DEPTH_MAX = 5 };
	struct doctor *doctor = subject->doctor;

	for (int depth = 0; depth <= DEPTH_MAX; depth++) {
		elf_facts_read(&subject->facts, path);
		if (depth == 0 && subject->facts.is_empty)
			snprintf(doctor->note, sizeof(doctor->note), "'%s' is empty: as a script for /bin/sh it does nothing",
				 subject->name);
		if (subject->facts.kind == ELF_KIND_ELF)
			return 0;
		if (subject->facts.kind == ELF_KIND_UNREADABLE) {
			verdict(doctor, DOCTOR_UNKNOWN, "cannot read '%s': %s", path, strerror(errno));
			return -1;
		}
		if (!subject->facts.interpreter_line[0])
			snprintf(subject->facts.interpreter_line, sizeof(subject->facts.interpreter_line), "/bin/sh");
		if (follow_script(&subject->facts, path, room) < 0) {
			verdict(doctor, DOCTOR_CANNOT_RUN, "cannot run '%s': its interpreter '%s' is missing", subject->name,
				subject->facts.interpreter_line);
			return -1;
		}
	}
	verdict(doctor, DOCTOR_CANNOT_RUN, "cannot run '%s': its interpreters go in a circle", subject->name);
	return -1;
}

/* ---- The rules: true when one has spoken --------------------------------------------------------------------------------------- */

static bool is_other_machine(const struct subject *subject)
{
	const struct elf_facts *facts = &subject->facts, *library = &subject->library;

	if (library->kind != ELF_KIND_ELF || (facts->class_bits == library->class_bits && facts->machine == library->machine))
		return false;
	subject->doctor->unloadable = true;
	if (facts->class_bits == 32 && library->class_bits == 64)
		return untraceable(subject, "32-bit", "%s is 32-bit; there is no 32-bit libheapdelta.so.", subject->name);
	const char *machine = elf_machine_name(facts->machine);
	return untraceable(subject, "another machine", "%s is for another machine (%s); libheapdelta.so is for %s.", subject->name,
			   machine ? machine : "unknown",
			   elf_machine_name(library->machine) ? elf_machine_name(library->machine) : "this one");
}

static bool is_static(const struct subject *subject)
{
	const struct elf_facts *facts = &subject->facts;

	if (facts->has_interpreter || facts->has_libraries)
		return false;
	if (facts->is_go)
		return untraceable(subject, "static",
				   "%s is a Go program (static, Go runtime heap): nothing will be traced. Use 'go tool pprof'.",
				   subject->name);
	return untraceable(subject, "static",
			   "%s is statically linked, so no library can be preloaded: nothing will be traced. Link it dynamically (without "
			   "-static).",
			   subject->name);
}

static bool has_sanitizer(const struct subject *subject)
{
	const char *sanitizer = subject->facts.sanitizer;

	if (!sanitizer)
		return false;
	if (strcmp(sanitizer, "AddressSanitizer") != 0)
		return verdict(subject->doctor, DOCTOR_REFUSED,
			       "%s is built with %s, which crashes under any other preload: not started. Rebuild it without.",
			       subject->name, sanitizer);
	return verdict(subject->doctor, DOCTOR_REFUSED,
		       "%s is built with AddressSanitizer, which aborts under any other preload: not started. "
		       "LeakSanitizer is already in it.",
		       subject->name);
}

static const char *malloc_remedy(const struct subject *subject)
{
	const char *base = strrchr(subject->path, '/'), *allocator = subject->facts.allocator;

	if (base && (!strncmp(base + 1, "redis", 5) || !strncmp(base + 1, "valkey", 6)))
		return "with 'make MALLOC=libc'";
	return allocator && strstr(allocator, "Sanitizer") ? "it without -fsanitize" : "it with the C library's malloc";
}

static bool has_own_malloc(const struct subject *subject)
{
	const char *allocator = subject->facts.allocator;

	return subject->facts.defines_malloc &&
	       untraceable(subject, "a malloc of its own", "%s defines malloc itself%s%s%s: its calls never reach us. Rebuild %s.",
			   subject->name, allocator ? " (" : "", allocator ? allocator : "", allocator ? ")" : "", malloc_remedy(subject));
}

static bool is_musl(const struct subject *subject)
{
	const char *base = strrchr(subject->facts.interpreter, '/');

	if (!base || strncmp(base, "/ld-musl", 8) != 0)
		return false;
	subject->doctor->unloadable = true;
	return untraceable(subject, "musl",
			   "%s is linked against musl, libheapdelta.so against glibc: nothing can be traced. Build heapdelta in the same "
			   "image.",
			   subject->name);
}

/* The kernel says "No such file" of a program whose loader is missing, and everybody looks for the program. */
static bool is_without_loader(const struct subject *subject)
{
	const char *loader = subject->facts.interpreter;

	return loader[0] && access(loader, F_OK) < 0 && errno == ENOENT &&
	       verdict(subject->doctor, DOCTOR_CANNOT_RUN, "cannot run '%s': its loader '%s' is missing", subject->name, loader);
}

/* The kernel tells the loader (AT_SECURE) when a program gains rights that its caller lacks; where it grants none, preloading works. */
static bool is_privileged(const struct subject *subject)
{
	struct stat status;
	struct statvfs place;
	char capability[64];
	const char *why = NULL, *remedy = "Run it as root or copy it without the bit.";

	if (stat(subject->path, &status) < 0 || (statvfs(subject->path, &place) == 0 && (place.f_flag & ST_NOSUID)) ||
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return false;
	if ((status.st_mode & S_ISUID) && status.st_uid != getuid()) {
		why = "is setuid";
	} else if ((status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && status.st_gid != getgid()) {
		why = "is setgid";
	} else if (getuid() != 0 && getxattr(subject->path, "security.capability", capability, sizeof(capability)) > 0) {
		why = "has file capabilities";
		remedy = "Run it as root or copy it without them.";
	}
	return why && untraceable(subject, strchr(why, ' ') + 1, "%s %s: the loader ignores preloads. %s", subject->name, why, remedy);
}

/* ---- Notes --------------------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *prefix;           /* of the executable's name */
	const char *variable, *value; /* with it set there is nothing to say; NULL: none */
	const char *text;
} runtimes[] = {
	{"python", "PYTHONMALLOC", "malloc",
	 "serves objects up to 512 bytes from its own pools (mmap); only larger blocks and C extensions are seen. All of them: "
	 "PYTHONMALLOC=malloc heapdelta run …"},
	{"ruby", NULL, NULL,
	 "keeps its objects in pages of its own heap; only what they hold outside (long strings, arrays, C extensions) is seen"},
	{"pypy", NULL, NULL, "keeps its objects in its own heap (mmap); only C libraries are seen"},
	{"lua", NULL, NULL, "gets every object from realloc, so all are seen, at lines of the interpreter, not of the script"},
	{"luajit", NULL, NULL, "keeps its objects in its own heap (mmap); only C libraries are seen"},
	{"node", NULL, NULL, "keeps JavaScript objects in V8's own heap (mmap); only buffers and native code are seen"},
	{"nodejs", NULL, NULL, "keeps JavaScript objects in V8's own heap (mmap); only buffers and native code are seen"},
	{"deno", NULL, NULL, "keeps JavaScript objects in V8's own heap (mmap); only buffers and native code are seen"},
	{"dotnet", NULL, NULL, "keeps its objects in its own heap (mmap); only the runtime's and native libraries' blocks are seen"},
	{"mono", NULL, NULL, "keeps its objects in its own heap (mmap); only the runtime's and native libraries' blocks are seen"},
	{"beam.smp", "ERL_FLAGS", "+Mea min",
	 "keeps terms in its own carriers (mmap); native code is seen. Most of them: ERL_FLAGS='+Mea min' heapdelta run …"},
	{"java", NULL, NULL, "keeps its objects in its own heap (mmap); only the VM's and native libraries' blocks are seen"},
	{"php", "USE_ZEND_ALLOC", "0",
	 "serves scripts from its own pools (mmap); only the interpreter's own blocks are seen. All of them: USE_ZEND_ALLOC=0 heapdelta "
	 "run …"},
	{"perl", NULL, NULL, "keeps small values in arenas of 4 KiB; a line that grows is the one that needed a new arena"},
};

static void add_note(struct subject *subject)
{
	const char *slash = strrchr(subject->path, '/');
	const char *base = slash ? slash + 1 : subject->path;

	if (subject->facts.is_go) {
		snprintf(subject->doctor->note, sizeof(subject->doctor->note),
			 "%s is a Go program: only its C code is seen, the Go heap is not. Use 'go tool pprof' for that", subject->name);
		return;
	}
	for (size_t i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++) {
		size_t length = strlen(runtimes[i].prefix);
		const char *value = runtimes[i].variable ? getenv(runtimes[i].variable) : NULL;
		/* "python3.11", "php8.2", but not "javac" or "perlbug". */
		if (strncmp(base, runtimes[i].prefix, length) != 0 || strspn(base + length, "0123456789.") != strlen(base + length))
			continue;
		if (!value || strcmp(value, runtimes[i].value) != 0)
			snprintf(subject->doctor->note, sizeof(subject->doctor->note), "%s %s", base, runtimes[i].text);
	}
}

/* ---- The whole ----------------------------------------------------------------------------------------------------------------- */

static const char *describe(const char *command, const char *path, bool is_script, char *text, size_t room)
{
	if (!is_script)
		return path;
	snprintf(text, room, "%s, the interpreter of %s,", path, command);
	return text;
}

void doctor_command(struct doctor *doctor, const char *command, const char *library)
{
	static bool (*const rules[])(const struct subject *) = {is_other_machine,  is_privileged, is_static,     is_musl,
								is_without_loader, has_sanitizer, has_own_malloc};
	struct subject subject = {.doctor = doctor, .name = command, .path = doctor->path};
	char first[PATH_MAX], name[2 * PATH_MAX];

	*doctor = (struct doctor){.verdict = DOCTOR_TRACEABLE};
	if (doctor_resolve(command, doctor->path, sizeof(doctor->path)) < 0) {
		verdict(doctor, DOCTOR_UNKNOWN, "cannot find '%s'", command);
		return;
	}
	if (!is_program(doctor->path)) {
		verdict(doctor, DOCTOR_CANNOT_RUN, "cannot run '%s': %s", command, why_not_executable(doctor->path));
		return;
	}
	snprintf(first, sizeof(first), "%s", doctor->path);
	if (find_image(&subject, doctor->path, sizeof(doctor->path)) < 0)
		return;
	elf_facts_read(&subject.library, library ? library : "/proc/self/exe");
	subject.name = describe(command, doctor->path, strcmp(first, doctor->path) != 0, name, sizeof(name));
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i](&subject))
			return;
	}
	add_note(&subject);
}
