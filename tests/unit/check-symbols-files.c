/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/*
 * Which file is asked: the module's own only if it is the recorded build, debug files by build id or checksum, no server unless wanted; and
 * what happens with files that are missing, foreign or damaged.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "programs.h"

#define SOURCE "tests/targets/inlined-calls.c"

static struct intern *intern;
static struct snapshot snapshot;
static struct error error;
static struct symbols *symbols;
static uint64_t start; /* of make_list */
static const char *const *debug_dirs;

static void setup(void)
{
	make_directory();
	intern = intern_new();
	unsetenv("DEBUGINFOD_URLS");
}

static void teardown(void)
{
	symbols_free(symbols);
	snapshot_release(&snapshot);
	intern_free(intern);
	remove_directory();
}

static void compile(const char *options)
{
	command("cc -O0 -g %s -o %s " SOURCE, options, in_directory("program"));
	start = function_address(in_directory("program"), "make_list", NULL);
}

static const struct location *resolve_with(const struct symbols_options *options)
{
	uint32_t number = add_address(&snapshot, 0, start + 9, 0);

	symbols_free(symbols);
	symbols = symbols_new(options, &error);
	ck_assert_ptr_nonnull(symbols);
	ck_assert_int_eq(symbols_resolve(symbols, &snapshot, &error), 0);
	return location_of(&snapshot, number, 0);
}

/* What make_list + 9 is, in a module at `path` with the build id of `file`. */
static const struct location *look_up(const char *path, const char *file)
{
	snapshot_release(&snapshot);
	snapshot_of(&snapshot, intern, path, file);
	return resolve_with(&(struct symbols_options){.debug_dirs = debug_dirs});
}

static const char *missing_reason(void)
{
	const struct symbols_missing *list;

	return symbols_missing(symbols, &list) == 1 ? list[0].reason : NULL;
}

static void assert_line(const struct location *location)
{
	ck_assert_ptr_nonnull(location);
	ck_assert_str_eq(location->function, "make_list");
	ck_assert_uint_gt(location->line, line_with(SOURCE, "make_list(int count)") - 1);
	ck_assert(!(location->flags & HDS_LOCATION_NO_LINE));
	ck_assert_ptr_null(missing_reason());
}

/* DIRECTORY/debug/.build-id/xx/yyyy.debug made of the program. */
static void move_debug_by_build_id(void)
{
	command("cd %s && id=$(readelf -n program | sed -n 's/.*Build ID: //p') && "
		"mkdir -p debug/.build-id/$(echo $id | cut -c1-2) && "
		"objcopy --only-keep-debug program debug/.build-id/$(echo $id | cut -c1-2)/$(echo $id | cut -c3-).debug && strip program",
		directory);
}

START_TEST(own_file_of_the_same_build)
{
	compile("");
	assert_line(look_up(in_directory("program"), in_directory("program")));
	/* Without a recorded build id nothing is compared. */
	assert_line(look_up(in_directory("program"), NULL));
}
END_TEST

START_TEST(never_a_line_of_another_build)
{
	compile("");
	command("cc -O1 -g -o %s " SOURCE, in_directory("newer"));
	ck_assert_ptr_null(look_up(in_directory("newer"), in_directory("program")));
	ck_assert_str_eq(missing_reason(), "build id differs");
	/* A file without a build id is another build too. */
	command("cc -O0 -g -Wl,--build-id=none -o %s " SOURCE, in_directory("without"));
	ck_assert_ptr_null(look_up(in_directory("without"), in_directory("program")));
	ck_assert_str_eq(missing_reason(), "build id differs");
}
END_TEST

START_TEST(debug_file_by_build_id)
{
	const char *dirs[] = {"/nonexistent", in_directory("debug"), NULL};

	compile("");
	move_debug_by_build_id();
	ck_assert_ptr_null(look_up(in_directory("program"), in_directory("program")));
	ck_assert_str_eq(missing_reason(), "no debug information");
	debug_dirs = dirs;
	assert_line(look_up(in_directory("program"), in_directory("program")));
}
END_TEST

START_TEST(debug_file_in_place_of_a_missing_or_newer_program)
{
	const char *dirs[] = {in_directory("debug"), NULL};

	compile("");
	move_debug_by_build_id();
	debug_dirs = dirs;
	command("cd %s && mv program old && echo 'int main(){}' | cc -xc -o program -", directory);
	assert_line(look_up(in_directory("program"), in_directory("old")));
	assert_line(look_up(in_directory("gone"), in_directory("old")));
	/* A file under this build id's name that is of another build is not taken. */
	command("cd %s && for f in debug/.build-id/*/*; do cp program $f; done", directory);
	ck_assert_ptr_null(look_up(in_directory("gone"), in_directory("old")));
	ck_assert_str_eq(missing_reason(), "file not found");
}
END_TEST

START_TEST(debug_link_with_the_right_checksum)
{
	static const char *const places[] = {"", ".debug/", "debug/"};
	const char *dirs[] = {in_directory("debug"), NULL};
	char place[256];

	debug_dirs = dirs;
	compile("-Wl,--build-id=none");
	snprintf(place, sizeof(place), "%s%s/program.debug", places[_i], _i == 2 ? directory + 1 : ".");
	command("cd %s && objcopy --only-keep-debug program program.debug && strip program && "
		"objcopy --add-gnu-debuglink=program.debug program && mv program.debug x && mkdir -p $(dirname %s) && mv x %s",
		directory, place, place);
	assert_line(look_up(in_directory("program"), NULL));
	command("echo >>%s/%s", directory, place);
	ck_assert_ptr_null(look_up(in_directory("program"), NULL));
	ck_assert_str_eq(missing_reason(), "no debug information");
}
END_TEST

START_TEST(system_root_comes_before_paths)
{
	compile("");
	move_debug_by_build_id();
	command("cd %s && mkdir -p root/opt root/usr/lib && mv debug root/usr/lib/debug && mv program root/opt/program", directory);
	snapshot_of(&snapshot, intern, "/opt/program", in_directory("root/opt/program"));
	assert_line(resolve_with(&(struct symbols_options){.sysroot = in_directory("root")}));
}
END_TEST

START_TEST(relative_path_is_below_the_working_directory)
{
	compile("");
	snapshot_of(&snapshot, intern, "./x/../program", in_directory("program"));
	snapshot.info.cwd = directory;
	assert_line(resolve_with(&(struct symbols_options){0}));
}
END_TEST

START_TEST(symbol_table_without_debug_information)
{
	const struct location *location;

	command("cc -shared -fPIC -O1 -o %s " SOURCE, in_directory("library.so"));
	start = function_address(in_directory("library.so"), "make_list", NULL);
	for (int stripped = 0; stripped < 2; stripped++) {
		if (stripped)
			command("strip %s", in_directory("library.so"));
		location = look_up(in_directory("library.so"), in_directory("library.so"));
		ck_assert_ptr_nonnull(location);
		ck_assert_str_eq(location->function, "make_list");
		ck_assert_ptr_null(location->file);
		ck_assert_uint_eq(location->flags, HDS_LOCATION_NO_LINE);
		ck_assert_uint_eq(location->symbol_offset, 9);
		ck_assert_str_eq(missing_reason(), "no debug information");
	}
}
END_TEST

START_TEST(stripped_function_has_no_name)
{
	command("cc -shared -fPIC -O0 -o %s " SOURCE, in_directory("library.so"));
	start = function_address(in_directory("library.so"), "give_up", NULL);
	command("strip %s", in_directory("library.so"));
	ck_assert_ptr_null(look_up(in_directory("library.so"), in_directory("library.so")));
}
END_TEST

START_TEST(lines_come_when_a_debug_file_does)
{
	const char *dirs[] = {in_directory("debug"), NULL};
	const struct location *location;

	command("cc -shared -fPIC -g -O0 -o %s " SOURCE, in_directory("program"));
	start = function_address(in_directory("program"), "make_list", NULL);
	move_debug_by_build_id();
	location = look_up(in_directory("program"), in_directory("program"));
	ck_assert_uint_eq(location->flags, HDS_LOCATION_NO_LINE);
	assert_line(resolve_with(&(struct symbols_options){.debug_dirs = dirs}));
}
END_TEST

START_TEST(what_is_no_program_is_not_opened)
{
	static const struct {
		const char *make, *reason;
	} cases[] = {
		{"true", "file not found"},          {"mkdir object", "file not found"},
		{"mkfifo object", "file not found"}, {"ln -s /dev/zero object", "file not found"},
		{": >object", "not an ELF file"},    {"cp /etc/passwd object", "not an ELF file"},
	};

	command("cd %s && %s", directory, cases[_i].make);
	start = 0x1000;
	ck_assert_ptr_null(look_up(in_directory("object"), NULL));
	ck_assert_str_eq(missing_reason(), cases[_i].reason);
}
END_TEST

START_TEST(missing_modules_are_sorted_by_bytes)
{
	static const char *const paths[] = {"/none/a.so", "/none/b.so", "/none/libc.so.6", "/none/c.so"};
	static const uint64_t bytes[] = {100, 300, 9000, 200};
	const struct symbols_missing *list;
	uint32_t number = 0;

	snapshot_init(&snapshot, intern);
	ck_assert_int_eq(snapshot_reserve_stacks(&snapshot, 4), 0);
	for (uint32_t i = 0; i < 4; i++) {
		struct module module = {.path = intern_add(intern, paths[i]), .start = i + 1, .end = i + 2};
		struct address address = {.module = snapshot_module(&snapshot, &module), .offset = 0x1234};
		number = snapshot_node(&snapshot, 0, &address);
		snapshot.stacks[snapshot.stack_count++] = (struct stack){.node = number, .live_bytes = bytes[i]};
	}
	symbols = symbols_new(&(struct symbols_options){0}, &error);
	ck_assert_int_eq(symbols_resolve(symbols, &snapshot, &error), 0);
	ck_assert_uint_eq(symbols_missing(symbols, &list), 4);
	ck_assert_str_eq(list[0].module->path, "/none/b.so");
	ck_assert_uint_eq(list[0].bytes, 300);
	ck_assert_str_eq(list[1].module->path, "/none/c.so");
	ck_assert_str_eq(list[2].module->path, "/none/a.so");
	ck_assert_str_eq(list[3].module->path, "/none/libc.so.6");
	ck_assert_uint_eq(list[3].bytes, 0);
}
END_TEST

START_TEST(bytes_behind_the_runtime_need_the_line_of_its_caller)
{
	struct module libc = {.path = "/none/libc.so.6", .start = 1, .end = 2};
	const struct symbols_missing *list;
	uint32_t caller;
	struct address address;

	compile("");
	command("strip %s", in_directory("program"));
	snapshot_of(&snapshot, intern, in_directory("program"), NULL);
	caller = add_address(&snapshot, 0, start, 0);
	address = (struct address){.module = snapshot_module(&snapshot, &libc), .offset = 0x1234};
	snapshot.stacks[0].node = snapshot_node(&snapshot, caller, &address);
	symbols = symbols_new(&(struct symbols_options){0}, &error);
	ck_assert_int_eq(symbols_resolve(symbols, &snapshot, &error), 0);
	ck_assert_uint_eq(symbols_missing(symbols, &list), 2);
	ck_assert_str_eq(list[0].module->path, in_directory("program"));
	ck_assert_uint_eq(list[0].bytes, 100);
	ck_assert_uint_eq(list[1].bytes, 0);
}
END_TEST

START_TEST(one_open_file_per_build)
{
	struct snapshot second;

	compile("");
	command("cp %s %s", in_directory("program"), in_directory("copy"));
	look_up(in_directory("program"), in_directory("program"));
	command("rm %s %s", in_directory("program"), in_directory("copy"));
	snapshot_init(&second, intern);
	/* The second snapshot's module lies elsewhere; what is open serves it. */
	struct module module = snapshot.modules[1];
	module.path = intern_add(intern, in_directory("copy"));
	struct address address = {.module = snapshot_module(&second, &module), .offset = start + 9};
	uint32_t number = snapshot_node(&second, 0, &address);
	ck_assert_int_eq(symbols_resolve(symbols, &second, &error), 0);
	assert_line(location_of(&second, number, 0));
	snapshot_release(&second);
}
END_TEST

static size_t open_descriptors(void)
{
	DIR *all = opendir("/proc/self/fd");
	size_t count = 0;

	ck_assert_ptr_nonnull(all);
	while (readdir(all))
		count++;
	closedir(all);
	return count;
}

/* More modules than files are kept open, each asked in two snapshots. */
START_TEST(many_modules_need_few_descriptors)
{
	enum { MODULES = 150 };

	compile("-Wl,--build-id=none");
	command("cd %s && for n in $(seq %d); do ln program copy$n; done", directory, MODULES);
	symbols = symbols_new(&(struct symbols_options){0}, &error);
	for (int round = 0; round < 2; round++) {
		snapshot_init(&snapshot, intern);
		for (uint32_t i = 1; i <= MODULES; i++) {
			char path[256];
			snprintf(path, sizeof(path), "%s/copy%u", directory, i);
			struct module module = {.path = intern_add(intern, path), .start = i, .end = i + 1};
			struct address address = {.module = snapshot_module(&snapshot, &module), .offset = start + 9};
			ck_assert_uint_ne(snapshot_node(&snapshot, 0, &address), SNAPSHOT_NONE);
		}
		ck_assert_int_eq(symbols_resolve(symbols, &snapshot, &error), 0);
		for (uint32_t i = 1; i <= MODULES; i++)
			assert_line(location_of(&snapshot, i, 0));
		ck_assert_uint_lt(open_descriptors(), MODULES);
		snapshot_release(&snapshot);
	}
}
END_TEST

/* ---- Servers ---- */

static int listen_somewhere(unsigned *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, length), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

/* libdwfl looks at the environment when it is loaded, so the question is asked in a new process: this program again, with this one test. */
static char **question; /* program, "ask", wanted, path, file, address */

START_TEST(question_is_answered)
{
	const struct location *location;

	intern = intern_new();
	start = strtoull(question[5], NULL, 16);
	snapshot_of(&snapshot, intern, question[3], question[4]);
	location = resolve_with(&(struct symbols_options){.debuginfod = strcmp(question[2], "servers") == 0});
	ck_assert_ptr_nonnull(location);
	ck_assert_uint_gt(location->line, 0);
}
END_TEST

/* 0: it found the line. */
static int ask_elsewhere(const char *urls, const char *wanted, const char *path, const char *file)
{
	return try_command("DEBUGINFOD_URLS='%s' DEBUGINFOD_CACHE_PATH=%s DEBUGINFOD_TIMEOUT=1 %s ask %s %s %s %lx >/dev/null 2>&1", urls,
			   in_directory("cache"), question[0], wanted, path, file, (unsigned long)start);
}

START_TEST(servers_are_asked_only_on_request)
{
	char urls[64];
	unsigned port;
	int fd = listen_somewhere(&port);

	compile("");
	command("cp %s %s && strip %s", in_directory("program"), in_directory("whole"), in_directory("program"));
	snprintf(urls, sizeof(urls), "http://127.0.0.1:%u", port);
	ck_assert_int_ne(ask_elsewhere(urls, "nobody", in_directory("program"), in_directory("program")), 0);
	ck_assert_int_ne(ask_elsewhere(urls, "nobody", in_directory("gone"), in_directory("program")), 0);
	ck_assert_int_eq(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0), 0);
	if (dlopen("libdebuginfod.so.1", RTLD_NOW)) {
		ck_assert_int_ne(ask_elsewhere(urls, "servers", in_directory("program"), in_directory("program")), 0);
		ck_assert_int_eq(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0), 1);
	}
	close(fd);
}
END_TEST

START_TEST(servers_have_lines)
{
	char urls[128];

	if (!dlopen("libdebuginfod.so.1", RTLD_NOW))
		return;
	compile("");
	command("cd %s && id=$(readelf -n program | sed -n 's/.*Build ID: //p') && mkdir -p server/buildid/$id && "
		"objcopy --only-keep-debug program server/buildid/$id/debuginfo && strip program",
		directory);
	snprintf(urls, sizeof(urls), "file://%s", in_directory("server"));
	ck_assert_int_ne(ask_elsewhere(urls, "nobody", in_directory("program"), in_directory("program")), 0);
	ck_assert_int_eq(ask_elsewhere(urls, "servers", in_directory("program"), in_directory("program")), 0);
	ck_assert_int_eq(ask_elsewhere(urls, "servers", in_directory("gone"), in_directory("program")), 0);
}
END_TEST

/* ---- Damage ---- */

static void write_file(const char *path, const unsigned char *data, size_t size)
{
	FILE *out = fopen(path, "w");

	ck_assert_ptr_nonnull(out);
	ck_assert_uint_eq(fwrite(data, 1, size, out), size);
	ck_assert_int_eq(fclose(out), 0);
}

static unsigned char *read_program(size_t *size)
{
	static unsigned char data[1 << 20];
	FILE *in = fopen(in_directory("program"), "r");

	ck_assert_ptr_nonnull(in);
	*size = fread(data, 1, sizeof(data), in);
	fclose(in);
	ck_assert_uint_lt(*size, sizeof(data));
	return data;
}

/* Every 16th byte of the whole program. */
static void look_everything_up(const char *path)
{
	struct snapshot damaged;

	snapshot_of(&damaged, intern, path, NULL);
	for (uint64_t at = 0x1000; at < 0x2000; at += 16)
		add_address(&damaged, 0, at, 0);
	symbols_free(symbols);
	symbols = symbols_new(&(struct symbols_options){0}, &error);
	ck_assert_int_eq(symbols_resolve(symbols, &damaged, &error), 0);
	snapshot_release(&damaged);
}

START_TEST(truncated_files_are_survived)
{
	unsigned char *data;
	size_t size;

	compile(_i ? "-gdwarf-4" : "-gdwarf-5");
	data = read_program(&size);
	for (size_t cut = 0; cut < size; cut += 1 + size / 251) {
		write_file(in_directory("cut"), data, cut);
		look_everything_up(in_directory("cut"));
	}
}
END_TEST

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

START_TEST(flipped_bits_are_survived)
{
	uint32_t state = (uint32_t)_i + 1;
	unsigned char *data;
	size_t size;

	compile(_i % 2 ? "-gdwarf-4" : "-O2 -gdwarf-5");
	for (int round = 0; round < 60; round++) {
		data = read_program(&size);
		for (int flip = 0; flip < 1 + round % 40; flip++)
			data[next_random(&state) % size] ^= (unsigned char)(1 << next_random(&state) % 8);
		write_file(in_directory("flipped"), data, size);
		look_everything_up(in_directory("flipped"));
	}
}
END_TEST

/* Damage where it matters: in the sections that are decoded, the section table left whole. */
START_TEST(damaged_debug_sections_are_survived)
{
	static const char *const sections[] = {".debug_info",    ".debug_abbrev", ".debug_line",     ".debug_rnglists",
					       ".debug_aranges", ".debug_str",    ".debug_line_str", ".symtab"};
	unsigned long offset, length;
	uint32_t state = 7;
	unsigned char *data;
	char text[512];
	size_t size;
	FILE *pipe;

	compile("-O2 -gdwarf-5");
	snprintf(text, sizeof(text), "readelf -SW %s | sed -n 's/^ *\\[ *[0-9]*\\] \\%s  *[A-Z]*  *[0-9a-f]* //p'", in_directory("program"),
		 sections[_i]);
	pipe = popen(text, "r");
	ck_assert_int_eq(fscanf(pipe, "%lx %lx", &offset, &length), 2);
	pclose(pipe);
	for (int round = 0; round < 150; round++) {
		data = read_program(&size);
		ck_assert_uint_le(offset + length, size);
		for (int flip = 0; flip < 1 + round % 8; flip++)
			data[offset + next_random(&state) % length] = (unsigned char)next_random(&state);
		write_file(in_directory("damaged"), data, size);
		look_everything_up(in_directory("damaged"));
	}
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, own_file_of_the_same_build);
	tcase_add_test(tcase, never_a_line_of_another_build);
	tcase_add_test(tcase, debug_file_by_build_id);
	tcase_add_test(tcase, debug_file_in_place_of_a_missing_or_newer_program);
	tcase_add_loop_test(tcase, debug_link_with_the_right_checksum, 0, 3);
	tcase_add_test(tcase, system_root_comes_before_paths);
	tcase_add_test(tcase, relative_path_is_below_the_working_directory);
	tcase_add_test(tcase, symbol_table_without_debug_information);
	tcase_add_test(tcase, stripped_function_has_no_name);
	tcase_add_test(tcase, lines_come_when_a_debug_file_does);
	tcase_add_loop_test(tcase, what_is_no_program_is_not_opened, 0, 6);
	tcase_add_test(tcase, missing_modules_are_sorted_by_bytes);
	tcase_add_test(tcase, bytes_behind_the_runtime_need_the_line_of_its_caller);
	tcase_add_test(tcase, one_open_file_per_build);
	tcase_add_test(tcase, many_modules_need_few_descriptors);
	tcase_add_test(tcase, servers_are_asked_only_on_request);
	tcase_add_test(tcase, servers_have_lines);
	tcase_add_loop_test(tcase, truncated_files_are_survived, 0, 2);
	tcase_add_loop_test(tcase, flipped_bits_are_survived, 0, 4);
	tcase_add_loop_test(tcase, damaged_debug_sections_are_survived, 0, 8);
}

int main(int argc, char **argv)
{
	Suite *suite = suite_create("symbols-files");
	TCase *tcase = tcase_create("files");
	SRunner *runner = srunner_create(suite);
	int failed;

	question = argv;
	if (argc == 6)
		tcase_add_test(tcase, question_is_answered);
	else
		add_tests(tcase);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
