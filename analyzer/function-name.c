/* SPDX-License-Identifier: MIT */
/*
 * Comes in: a demangled name, as hostile as the file that it is from.  Goes out: the name as it would be written in a program: std::string
 * for what the standard library calls std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >, no arguments that
 * are defaults, no arguments that are wider than the name is worth.  No state.
 */
#include "function-name.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "runtime-names.h"

enum {
	FUNCTION_WIDTH = 48, /* a longer name loses its return type and parameters */
	ARGUMENT_WIDTH = 32,
	NAME_MAX_LENGTH = 4096, /* beyond it somebody plays games: its brackets are not looked at */
	DEPTH_MAX = 64,         /* of brackets in brackets */
};

/* A piece of the name at hand. */
struct piece {
	const char *at, *end;
	unsigned depth; /* of brackets around it */
};

static bool starts(const char *at, const char *end, const char *word)
{
	size_t length = strlen(word);

	return (size_t)(end - at) >= length && memcmp(at, word, length) == 0;
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static const char *past_name(const char *at, const char *end)
{
	while (at < end && is_name_char(*at))
		at++;
	return at;
}

/* One past the bracket that closes the one at `at`; NULL: none does. */
static const char *past_bracket(const char *at, const char *end)
{
	size_t depth = 0;

	for (; at < end; at++) {
		depth += *at == '<';
		if (*at == '>' && at[-1] != '-' && --depth == 0)
			return at + 1;
	}
	return NULL;
}

/* ---- Template arguments ---- */

static bool starts_any(const char *at, const char *end, const char *const *words)
{
	for (; *words; words++) {
		if (starts(at, end, *words))
			return true;
	}
	return false;
}

/* The name in front of `bracket`. */
static bool is_adapter(const char *start, const char *bracket)
{
	static const char *const adapters[] = {"queue<", "stack<", "priority_queue<", NULL};
	const char *at = bracket;

	while (at > start && is_name_char(at[-1]))
		at--;
	return starts_any(at, bracket + 1, adapters);
}

/* Where the arguments end that somebody has written: those behind are the library's own defaults. */
static const char *written_end(const char *at, const char *end, bool adapter)
{
	static const char *const defaults[] = {", std::allocator<",
					       ", std::char_traits<",
					       ", std::less<",
					       ", std::hash<",
					       ", std::equal_to<",
					       ", std::default_delete<",
					       ", std::regex_traits<",
					       ", std::__1::allocator<",
					       ", std::__cxx11::regex_traits<",
					       ", std::__1::char_traits<",
					       ", std::__1::less<",
					       ", std::__1::hash<",
					       ", std::__1::equal_to<",
					       ", std::__1::default_delete<",
					       NULL};
	static const char *const containers[] = {", std::deque<", ", std::vector<", NULL};
	const char *start = at;
	size_t depth = 0;

	for (; at < end; at++) {
		depth += *at == '<';
		depth -= *at == '>' && depth;
		if (depth == 0 && *at == ',' && (starts_any(at, end, defaults) || (adapter && starts_any(at, end, containers))))
			break;
	}
	while (at > start && at[-1] == ' ')
		at--;
	return at;
}

static void add_short(struct strbuf *out, struct piece piece);

static void add_arguments(struct strbuf *out, struct piece arguments)
{
	size_t start = out->length;

	strbuf_putc(out, '<');
	if (arguments.depth < DEPTH_MAX)
		add_short(out, arguments);
	if (out->length - start > ARGUMENT_WIDTH || arguments.depth >= DEPTH_MAX) {
		out->length = start;
		strbuf_puts(out, "<…");
	}
	strbuf_putc(out, '>');
}

/* ---- The standard library's names ---- */

/* Namespaces that are there for the linker's sake only. */
static const char *past_inline_namespace(const char *at, const char *end)
{
	static const char *const inlined[] = {"__cxx11::", "__1::", "__ndk1::", "_V2::", NULL};

	for (size_t i = 0; inlined[i]; i++) {
		if (starts(at, end, inlined[i]))
			return at + strlen(inlined[i]);
	}
	return at;
}

/* "basic_string<char, …>" is "string", of wide characters "wstring", and its constructor has the same name.  Returns where to go on; `at`:
 * it is none of them. */
static const char *add_basic(struct strbuf *out, const char *at, const char *end)
{
	static const char basic[] = "basic_";
	const char *name = at + sizeof(basic) - 1, *bracket, *past, *written;
	size_t length;

	if (!starts(at, end, basic))
		return at;
	bracket = past_name(name, end);
	length = (size_t)(bracket - name);
	past = bracket < end && *bracket == '<' ? past_bracket(bracket, end) : NULL;
	if (!past || !length)
		return at;
	written = written_end(bracket + 1, past - 1, false);
	if (written - bracket == 8 && starts(bracket, written, "<wchar_t"))
		strbuf_putc(out, 'w');
	else if (written - bracket != 5 || !starts(bracket, written, "<char"))
		return at;
	strbuf_add(out, name, length);
	if (!starts(past, end, "::"))
		return past;
	const char *member = past + 2 + (past + 2 < end && past[2] == '~'), *after = past_name(member, end);
	if ((size_t)(after - member) != sizeof(basic) - 1 + length || memcmp(member, at, (size_t)(after - member)) != 0)
		return past;
	strbuf_add(out, past, (size_t)(member - past));
	strbuf_add(out, name, length);
	return after;
}

static const char *add_library_name(struct strbuf *out, const char *at, const char *end)
{
	static const char std[] = "std::";

	strbuf_puts(out, std);
	at = past_inline_namespace(at + sizeof(std) - 1, end);
	return add_basic(out, at, end);
}

static const char *add_operator(struct strbuf *out, const char *at, const char *end)
{
	size_t length = sizeof("operator") - 1, symbol = operator_symbol(at + length);

	length += symbol ? symbol : strspn(at + length, "=-*&|^!+/%~,");
	length = length < (size_t)(end - at) ? length : (size_t)(end - at);
	strbuf_add(out, at, length);
	return at + length;
}

/* "8ul" is 8 to whoever wrote it. */
static const char *add_number(struct strbuf *out, const char *at, const char *end)
{
	const char *past = at;

	while (past < end && isdigit((unsigned char)*past))
		past++;
	strbuf_add(out, at, (size_t)(past - at));
	while (past < end && (*past == 'u' || *past == 'l'))
		past++;
	return past;
}

/* ---- Rust's ---- */

/* Types of Rust's library are known without the modules that they are in: "Vec" of "alloc::vec::Vec".  `at`: it is none. */
static const char *past_rust_modules(const char *at, const char *end)
{
	static const char *const crates[] = {"std::", "alloc::", "core::", "hashbrown::", NULL};
	const char *part = at;

	if (!starts_any(at, end, crates))
		return at;
	for (;;) {
		const char *past = past_name(part, end);
		if (part < end && isupper((unsigned char)*part))
			return part;
		if (past == part || !starts(past, end, "::"))
			return at;
		part = past + 2;
	}
}

static bool has_trait(const char *at, const char *end)
{
	size_t depth = 0;

	for (; at < end; at++) {
		depth += *at == '<';
		depth -= *at == '>' && depth && at[-1] != '-';
		if (depth == 0 && starts(at, end, " as "))
			return true;
	}
	return false;
}

/* "<alloc::vec::Vec<u64>>::push" is Vec<u64>::push, but for "<T as Trait>::f".  `at`: it is none. */
static const char *add_type(struct strbuf *out, const struct piece *piece)
{
	const char *past = past_bracket(piece->at, piece->end);

	if (!past || !starts(past, piece->end, "::") || has_trait(piece->at + 1, past - 1) || piece->depth >= DEPTH_MAX)
		return piece->at;
	add_short(out, (struct piece){piece->at + 1, past - 1, piece->depth + 1});
	return past;
}

/* ---- The whole ---- */

/* A word, or what has a meaning of its own; returns where to go on. */
static const char *add_next(struct strbuf *out, const struct piece *piece, const char *start)
{
	static const char anonymous[] = "(anonymous namespace)::", abi[] = "[abi:";
	const char *at = piece->at, *end = piece->end, *past;
	bool begins = at == start || !is_name_char(at[-1]);

	if (begins && (past = past_rust_modules(at, end)) != at)
		at = past;
	if (begins && starts(at, end, "std::"))
		return add_library_name(out, at, end);
	if (begins && starts(at, end, "operator") && !is_name_char(at[8]))
		return add_operator(out, at, end);
	if (begins && piece->depth && isdigit((unsigned char)*at))
		return add_number(out, at, end);
	if (piece->depth && starts(at, end, anonymous))
		return at + sizeof(anonymous) - 1;
	if (starts(at, end, abi) && (past = memchr(at, ']', (size_t)(end - at))) != NULL)
		return past + 1;
	if (at == start && *at == '<' && (past = add_type(out, piece)) != at)
		return past;
	if (at > start && *at == '<' && (past = past_bracket(at, end)) != NULL) {
		add_arguments(out, (struct piece){at + 1, written_end(at + 1, past - 1, is_adapter(start, at)), piece->depth + 1});
		return past;
	}
	past = past_name(at, end);
	past += past == at;
	strbuf_add(out, at, (size_t)(past - at));
	return past;
}

static void add_short(struct strbuf *out, struct piece piece)
{
	const char *start = piece.at;

	while (piece.at < piece.end)
		piece.at = add_next(out, &piece, start);
}

static bool is_too_long(struct strbuf *out, const char *function)
{
	if (strlen(function) <= NAME_MAX_LENGTH)
		return false;
	strbuf_add(out, function, FUNCTION_WIDTH);
	strbuf_puts(out, "…");
	return true;
}

void function_name_short(struct strbuf *out, const char *function)
{
	size_t length, start = out->length;

	if (is_too_long(out, function))
		return;
	const char *name = qualified_name(function, &length);
	add_short(out, (struct piece){function, function + strlen(function), 0});
	if (out->length - start <= FUNCTION_WIDTH || out->failed || length == 0)
		return;
	out->length = start;
	add_short(out, (struct piece){name, name + length, 0});
}

/* Where the arguments at the end of a name begin; NULL: it has none. */
static const char *last_arguments(const char *name, const char *end)
{
	static const char word[] = "operator";
	size_t depth = 0;

	if (end == name || end[-1] != '>')
		return NULL;
	for (const char *at = end; at-- > name;) {
		depth += *at == '>';
		if (*at != '<' || --depth > 0)
			continue;
		if ((size_t)(at - name) >= sizeof(word) - 1 && starts(at - (sizeof(word) - 1), end, word))
			return NULL; /* operator<=> */
		if (at - name >= 2 && starts(at - 2, end, "::"))
			return at - 2;
		return at > name && at[-1] == ' ' ? at - 1 : at;
	}
	return NULL;
}

/* What the compiler derives from the parameters is left out; who makes something has said what. */
static const char *derived_arguments(const char *name, const char *end)
{
	static const char *const libraries[] = {"std::", "alloc::", "core::", "<", NULL};
	const char *bracket = starts_any(name, end, libraries) ? last_arguments(name, end) : NULL, *last = bracket;
	size_t depth = 0;

	if (!bracket)
		return NULL;
	while (last > name && is_name_char(last[-1]))
		last--;
	if (!starts(last, end, "make_"))
		return bracket;
	for (const char *at = bracket + 1; at < end; at++) {
		depth += *at == '<';
		if (depth == 0 && (*at == ',' || *at == '>'))
			return at;
		depth -= *at == '>';
	}
	return NULL;
}

void function_name_bare(struct strbuf *out, const char *function)
{
	size_t length;

	if (is_too_long(out, function))
		return;
	const char *name = qualified_name(function, &length), *derived = derived_arguments(name, name + length);
	struct strbuf whole;

	strbuf_init(&whole);
	strbuf_add(&whole, name, derived ? (size_t)(derived - name) : length);
	if (derived && (*derived == ',' || *derived == '>'))
		strbuf_putc(&whole, '>');
	if (whole.length)
		add_short(out, (struct piece){whole.data, whole.data + whole.length, 0});
	out->failed |= whole.failed;
	strbuf_release(&whole);
}
