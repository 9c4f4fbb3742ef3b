/* SPDX-License-Identifier: MIT */
/*
 * Environment → struct config.  In: environ (or /proc/self/environ before libc has set it), at the first event, single-threaded.  Out: copies
 * in a static buffer, because the program may overwrite or clear its environment.  One table names each variable and its parser.
 */
#include "config.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "heapdelta/sampling.h"
#include "heapdelta/trace.h"
#include "log.h"

struct config config = {.follow = true, .start = true};

static char storage[8192]; /* copies of all values */
static size_t storage_used;

static const char *keep(const char *text, size_t length)
{
	if (length >= sizeof(storage) - storage_used)
		return NULL;
	char *copy = storage + storage_used;
	memcpy(copy, text, length);
	copy[length] = '\0';
	storage_used += length + 1;
	return copy;
}

static bool parse_text(const char *value, void *field)
{
	*(const char **)field = *value ? value : NULL;
	return true;
}

static bool parse_flag(const char *value, void *field)
{
	if (value[0] == '\0' || value[1] != '\0' || (value[0] != '0' && value[0] != '1'))
		return false;
	*(bool *)field = value[0] == '1';
	return true;
}

static bool parse_number(const char *value, uint32_t most, uint32_t *field)
{
	uint64_t number = 0;
	const char *digit = value;
	for (; *digit >= '0' && *digit <= '9' && number <= most; digit++)
		number = number * 10 + (uint64_t)(*digit - '0');
	if (digit == value || *digit || number > most)
		return false;
	*field = (uint32_t)number;
	return true;
}

static bool parse_nframe(const char *value, void *field)
{
	return parse_number(value, 65535, field);
}

static bool parse_verify(const char *value, void *field)
{
	return parse_number(value, UINT32_MAX, field);
}

/* Digits, and after a point more of them: in thousandths.  Returns what follows; NULL: no number, or one beyond all sizes. */
static const char *parse_decimal(const char *text, uint64_t *thousandths)
{
	const char *digit = text;
	uint64_t number = 0, place = 100;
	for (; *digit >= '0' && *digit <= '9' && number <= HDT_LIMIT_MAX; digit++)
		number = number * 10 + (uint64_t)(*digit - '0');
	*thousandths = number * 1000;
	if (digit == text || number > HDT_LIMIT_MAX)
		return NULL;
	if (*digit != '.')
		return digit;
	const char *point = digit++;
	for (; *digit >= '0' && *digit <= '9'; digit++, place /= 10)
		*thousandths += place * (uint64_t)(*digit - '0');
	return digit > point + 1 ? digit : NULL;
}

/* Powers of 1024, as the command line understands them; 0: unknown. */
static uint64_t parse_unit(const char *text)
{
	static const char *const units[][3] = {{"", "B", "B"}, {"K", "k", "KiB"}, {"M", "m", "MiB"}, {"G", "g", "GiB"}};
	uint64_t unit = 1;
	for (size_t n = 0; n < sizeof(units) / sizeof(units[0]); n++, unit *= 1024)
		for (size_t spelling = 0; spelling < 3; spelling++)
			if (strcmp(text, units[n][spelling]) == 0)
				return unit;
	return 0;
}

static bool parse_bytes(const char *value, uint64_t *bytes)
{
	uint64_t thousandths = 0;
	const char *rest = strcmp(value, "off") == 0 ? "" : parse_decimal(value, &thousandths);
	uint64_t unit = rest ? parse_unit(rest) : 0;
	if (unit == 0 || (unit == 1 && thousandths % 1000 != 0) || thousandths / 1000 > HDT_LIMIT_MAX / unit)
		return false;
	*bytes = thousandths / 1000 * unit + thousandths % 1000 * unit / 1000;
	return true;
}

/* Every byte marked is every block recorded. */
static bool parse_sample(const char *value, void *field)
{
	uint64_t bytes;
	if (!parse_bytes(value, &bytes) || (bytes > 1 && (bytes < SAMPLING_MIN || bytes > SAMPLING_MAX)))
		return false;
	*(uint64_t *)field = bytes > 1 ? bytes : 0;
	return true;
}

static bool parse_trace_limit(const char *value, void *field)
{
	uint64_t bytes;
	if (!parse_bytes(value, &bytes) || (bytes > 0 && bytes < HDT_LIMIT_MIN))
		return false;
	*(uint64_t *)field = bytes;
	return true;
}

/* The name is used in a file name: nothing that leaves the directory. */
static bool parse_run(const char *value, void *field)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t length = strlen(value);
	if (length > 63 || strspn(value, allowed) != length || value[0] == '.')
		return false;
	return parse_text(value, field);
}

static const struct variable {
	const char *name;
	bool (*parse)(const char *value, void *field);
	size_t offset;
	bool inherit; /* handed on to children whose environment lacks it */
} variables[] = {
	{"HEAPDELTA_OUTPUT", parse_text, offsetof(struct config, output), true},
	{"HEAPDELTA_DIR", parse_text, offsetof(struct config, directory), true},
	{"HEAPDELTA_NFRAME", parse_nframe, offsetof(struct config, nframe), true},
	{"HEAPDELTA_SAMPLE", parse_sample, offsetof(struct config, sample_bytes), true},
	{"HEAPDELTA_TRACE_LIMIT", parse_trace_limit, offsetof(struct config, trace_limit), true},
	{"HEAPDELTA_FOLLOW", parse_flag, offsetof(struct config, follow), true},
	{"HEAPDELTA_START", parse_flag, offsetof(struct config, start), true},
	{"HEAPDELTA_VERBOSE", parse_flag, offsetof(struct config, verbose), true},
	{"HEAPDELTA_VERIFY", parse_verify, offsetof(struct config, verify), true},
	{"HEAPDELTA_RUN", parse_run, offsetof(struct config, run), true},
	{"HEAPDELTA_LOCK", parse_text, offsetof(struct config, lock), true},
	{"TMPDIR", parse_text, offsetof(struct config, tmpdir), false},
};
enum { VARIABLE_COUNT = sizeof(variables) / sizeof(variables[0]) };
static const char *assignments[VARIABLE_COUNT]; /* "NAME=VALUE" as found */

static void read_variable(size_t n, const char *assignment, size_t name_length)
{
	const char *copy = keep(assignment, strlen(assignment));
	if (!copy) {
		log_line("warning: ", variables[n].name, " is too long, ignored", NULL);
		return;
	}
	const char *value = copy + name_length + 1;
	if (!variables[n].parse(value, (char *)&config + variables[n].offset))
		log_line("warning: ", variables[n].name, "='", value, "' is not valid, ignored", NULL);
	else
		assignments[n] = copy;
}

/* The item of LD_PRELOAD that names this library, by its file name: children get exactly this text again. */
static void find_own_item(const char *value)
{
	Dl_info own;
	const char *base = dladdr(&config, &own) && own.dli_fname ? strrchr(own.dli_fname, '/') : NULL;
	const char *name = base ? base + 1 : "libheapdelta.so";
	size_t name_length = strlen(name);
	for (const char *item = value; *item;) {
		size_t length = strcspn(item, ": ");
		if (length >= name_length && memcmp(item + length - name_length, name, name_length) == 0) {
			config.preload = keep(item, length);
			return;
		}
		item += length + (item[length] != '\0');
	}
}

static void read_assignment(const char *assignment)
{
	size_t name_length = strcspn(assignment, "=");
	if (assignment[name_length] != '=')
		return;
	if (strncmp(assignment, "LD_PRELOAD=", 11) == 0)
		find_own_item(assignment + 11);
	for (size_t n = 0; n < VARIABLE_COUNT; n++)
		if (strlen(variables[n].name) == name_length && memcmp(assignment, variables[n].name, name_length) == 0)
			read_variable(n, assignment, name_length);
}

void config_load(void)
{
	if (getauxval(AT_SECURE) || !environ)
		return;
	for (char **assignment = environ; *assignment; assignment++)
		read_assignment(*assignment);
}

const char *config_variable(size_t n)
{
	return n < VARIABLE_COUNT && variables[n].inherit ? variables[n].name : NULL;
}

const char *config_assignment(size_t n)
{
	return assignments[n];
}

static char *join(char buffer[CONFIG_PATH_MAX], const char *directory, const char *user)
{
	size_t length = strlen(directory);
	static const char middle[] = "/heapdelta-";
	if (length + sizeof(middle) + strlen(user) > CONFIG_PATH_MAX)
		return NULL;
	strcpy(stpcpy(stpcpy(buffer, directory), middle), user);
	return buffer;
}

void config_directories(struct config_directories *directories)
{
	char number[LOG_NUMBER_MAX];
	const char *user = log_number(number, (unsigned long long)geteuid());
	const char *const places[] = {"/dev/shm", config.tmpdir, "/var/tmp"};
	size_t count = 0;
	if (config.directory && strlen(config.directory) < CONFIG_PATH_MAX)
		directories->list[count++] = strcpy(directories->storage[0], config.directory);
	for (size_t n = 0; n < sizeof(places) / sizeof(places[0]); n++) {
		/* A relative TMPDIR would move with every chdir. */
		if (places[n] && places[n][0] == '/' && join(directories->storage[count], places[n], user)) {
			directories->list[count] = directories->storage[count];
			count++;
		}
	}
	directories->list[count] = NULL;
}

void config_leave_environment(void)
{
	if (!config.preload)
		return;
	size_t own = strlen(config.preload);
	for (char **assignment = environ; assignment && *assignment; assignment++) {
		if (strncmp(*assignment, "LD_PRELOAD=", 11) != 0)
			continue;
		char *item = strstr(*assignment + 11, config.preload);
		if (item) {
			size_t gone = own + (item[own] == ':' || item[own] == ' ');
			memmove(item, item + gone, strlen(item + gone) + 1);
		}
	}
}
