/* SPDX-License-Identifier: MIT */
/*
 * Comes in: a source file.  Goes out: a hash per line, of the statement that the line is a part of.  This is no parser: it knows comments,
 * literals, brackets and the words that stand before a statement, and that is enough to find the ends of statements in C, C++, Rust and
 * their kin.  Where it is wrong it is wrong in the same way for every layout of the same text.
 */
#include "source-statements.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	DEEPEST = 64,     /* braces inside each other; deeper ones are part of the text */
	LINE_PIECES = 4,  /* of one line: the first ones */
	WORD_LENGTH = 10, /* of the longest word looked for, and one more */
	LITERAL_MAX = 12, /* of a character: '\U0001f600' */
};

/* A part of the text that ends with ';', '{', '}' or as the head of a statement ("if(…)"). */
struct piece {
	uint64_t hash;
	bool ends; /* with ';' */
};

struct line {
	uint32_t pieces[LINE_PIECES]; /* number + 1; 0: none */
};

/* A piece at work. */
struct open_piece {
	uint32_t number;        /* + 1; 0: nothing of it has come */
	unsigned depth;         /* of parentheses and square brackets */
	char word[WORD_LENGTH]; /* its beginning, as far as it is a word */
	size_t word_length;
	bool in_word; /* the word may go on */
};

struct scanner {
	const char *at, *end;
	struct piece *pieces;
	size_t piece_count, piece_room;
	struct line *lines;
	size_t line, line_count;
	size_t touched_line; /* where the piece that was touched last is noted already */
	uint32_t touched;
	struct open_piece now;
	struct open_piece outer[DEEPEST];
	size_t outer_count, deeper;
	bool failed;
};

/* ---- Pieces ---- */

static void begin_piece(struct scanner *scanner)
{
	if (scanner->piece_count == scanner->piece_room) {
		size_t room = scanner->piece_room ? 2 * scanner->piece_room : 256;
		struct piece *pieces = reallocarray(scanner->pieces, room, sizeof(*pieces));
		scanner->failed |= !pieces;
		if (!pieces)
			return;
		scanner->pieces = pieces;
		scanner->piece_room = room;
	}
	scanner->pieces[scanner->piece_count++] = (struct piece){.hash = UINT64_C(0xcbf29ce484222325)};
	scanner->now.number = (uint32_t)scanner->piece_count;
	scanner->now.in_word = true;
}

static void touch_line(struct scanner *scanner, uint32_t number)
{
	uint32_t *pieces = scanner->line < scanner->line_count ? scanner->lines[scanner->line].pieces : NULL;

	if (scanner->touched == number && scanner->touched_line == scanner->line)
		return;
	scanner->touched = number;
	scanner->touched_line = scanner->line;
	for (size_t i = 0; pieces && i < LINE_PIECES && pieces[i] != number; i++) {
		if (pieces[i])
			continue;
		pieces[i] = number;
		break;
	}
}

static bool is_of_word(char character)
{
	return isalnum((unsigned char)character) || character == '_';
}

/* A word that is too long for those that count loses its end, and is none of them. */
static void add_to_word(struct open_piece *piece, char character)
{
	piece->in_word = is_of_word(character) && piece->word_length < WORD_LENGTH - 1;
	if (piece->in_word)
		piece->word[piece->word_length++] = character;
}

static void add(struct scanner *scanner, char character)
{
	struct piece *piece;

	if (!scanner->now.number)
		begin_piece(scanner);
	if (scanner->failed)
		return;
	piece = &scanner->pieces[scanner->now.number - 1];
	piece->hash = (piece->hash ^ (unsigned char)character) * UINT64_C(0x100000001b3);
	touch_line(scanner, scanner->now.number);
	if (scanner->now.in_word)
		add_to_word(&scanner->now, character);
}

static void end_piece(struct scanner *scanner, bool ends)
{
	if (scanner->now.number)
		scanner->pieces[scanner->now.number - 1].ends = ends;
	scanner->now = (struct open_piece){0};
}

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++) {
		if (strcmp(word, *words) == 0)
			return true;
	}
	return false;
}

/* "if(…)", "else": what follows is a statement of its own, whether it stands in braces or not. */
static void end_head(struct scanner *scanner, bool closed)
{
	static const char *const with_condition[] = {"if", "for", "while", "switch", "catch", NULL};
	static const char *const alone[] = {"else", "do", "try", NULL};

	if (scanner->now.number && scanner->now.depth == 0 && is_one_of(scanner->now.word, closed ? with_condition : alone))
		end_piece(scanner, false);
}

/* ---- Brackets ---- */

static void open_brace(struct scanner *scanner)
{
	if (scanner->outer_count == DEEPEST) {
		scanner->deeper++;
		return;
	}
	/* Inside of parentheses it is a part of a statement that goes on behind its end. */
	if (scanner->now.depth == 0)
		end_piece(scanner, false);
	scanner->outer[scanner->outer_count++] = scanner->now;
	scanner->now = (struct open_piece){0};
}

static void close_brace(struct scanner *scanner)
{
	if (scanner->deeper) {
		scanner->deeper--;
		return;
	}
	end_piece(scanner, false);
	if (scanner->outer_count)
		scanner->now = scanner->outer[--scanner->outer_count];
}

static void take_code(struct scanner *scanner, char character)
{
	switch (character) {
	case '{':
		open_brace(scanner);
		return;
	case '}':
		close_brace(scanner);
		return;
	case '(':
	case '[':
		scanner->now.depth++;
		break;
	case ')':
	case ']':
		scanner->now.depth -= scanner->now.depth > 0;
		break;
	case ';':
		if (scanner->now.depth == 0) {
			end_piece(scanner, true);
			return;
		}
		break;
	default:
		break;
	}
	add(scanner, character);
	if (character == ')')
		end_head(scanner, true);
}

/* ---- Text ---- */

static char peek(const struct scanner *scanner, size_t ahead)
{
	return (size_t)(scanner->end - scanner->at) > ahead ? scanner->at[ahead] : '\0';
}

static void take_newline(struct scanner *scanner)
{
	scanner->line++;
	scanner->at++;
}

static void skip_line_comment(struct scanner *scanner)
{
	while (scanner->at < scanner->end && *scanner->at != '\n')
		scanner->at++;
}

static void skip_comment(struct scanner *scanner)
{
	for (scanner->at += 2; scanner->at < scanner->end; scanner->at++) {
		scanner->line += *scanner->at == '\n';
		if (*scanner->at == '*' && peek(scanner, 1) == '/') {
			scanner->at += 2;
			return;
		}
	}
}

/* Without its quotes, because a formatter may break it into two. */
static void take_string(struct scanner *scanner)
{
	for (scanner->at++; scanner->at < scanner->end && *scanner->at != '"' && *scanner->at != '\n'; scanner->at++) {
		if (*scanner->at == '\\' && peek(scanner, 1) == '\n') {
			scanner->line++;
			scanner->at++;
			continue;
		}
		if (!isspace((unsigned char)*scanner->at))
			add(scanner, *scanner->at);
		if (*scanner->at == '\\' && peek(scanner, 1)) {
			add(scanner, peek(scanner, 1));
			scanner->at++;
		}
	}
	scanner->at += scanner->at < scanner->end && *scanner->at == '"';
}

/* Length of a character in quotes; 0: it is a Rust lifetime or a digit separator. */
static size_t character_length(const struct scanner *scanner)
{
	bool escaped = peek(scanner, 1) == '\\';
	size_t length = escaped ? 3 : 2;

	while (escaped && length < LITERAL_MAX && peek(scanner, length) && peek(scanner, length) != '\'')
		length++;
	return peek(scanner, length) == '\'' && !memchr(scanner->at, '\n', length) ? length + 1 : 0;
}

static void take_character(struct scanner *scanner)
{
	size_t length = character_length(scanner);

	if (length == 0)
		length = 1;
	for (; length > 0; length--)
		add(scanner, *scanner->at++);
}

/* A directive is a piece of its own, with all the lines that it is continued on. */
static void take_directive(struct scanner *scanner)
{
	struct open_piece outer = scanner->now;

	scanner->now = (struct open_piece){0};
	for (; scanner->at < scanner->end && *scanner->at != '\n'; scanner->at++) {
		if (*scanner->at == '\\' && peek(scanner, 1) == '\n') {
			scanner->at++;
			scanner->line++;
		} else if (!isspace((unsigned char)*scanner->at)) {
			add(scanner, *scanner->at);
		}
	}
	end_piece(scanner, true);
	scanner->now = outer;
}

static bool starts_line(const char *text, const char *at)
{
	while (at > text && (at[-1] == ' ' || at[-1] == '\t'))
		at--;
	return at == text || at[-1] == '\n';
}

static void take(struct scanner *scanner, const char *text)
{
	char character = *scanner->at;

	if (!is_of_word(character))
		end_head(scanner, false);
	if (character == '\n') {
		take_newline(scanner);
	} else if (isspace((unsigned char)character)) {
		scanner->now.in_word = false;
		scanner->at++;
	} else if (character == '/' && peek(scanner, 1) == '/') {
		skip_line_comment(scanner);
	} else if (character == '/' && peek(scanner, 1) == '*') {
		skip_comment(scanner);
	} else if (character == '"') {
		take_string(scanner);
	} else if (character == '\'') {
		take_character(scanner);
	} else if (character == '#' && starts_line(text, scanner->at)) {
		take_directive(scanner);
	} else {
		take_code(scanner, character);
		scanner->at++;
	}
}

/* ---- Lines ---- */

/* Of several pieces, the first one that is a statement: what stands before it is its head. */
static uint64_t hash_of(const struct scanner *scanner, const struct line *line)
{
	uint32_t chosen = line->pieces[0];

	for (size_t i = LINE_PIECES; i-- > 0;) {
		if (line->pieces[i] && scanner->pieces[line->pieces[i] - 1].ends)
			chosen = line->pieces[i];
	}
	if (!chosen)
		return 0;
	return scanner->pieces[chosen - 1].hash ? scanner->pieces[chosen - 1].hash : 1;
}

int source_statements(const char *text, size_t size, uint64_t *hashes, size_t count)
{
	struct scanner scanner = {.at = text, .end = text + size, .line_count = count};

	scanner.lines = calloc(count + 1, sizeof(*scanner.lines));
	scanner.failed = !scanner.lines;
	memset(hashes, 0, count * sizeof(*hashes));
	while (!scanner.failed && scanner.at < scanner.end)
		take(&scanner, text);
	for (size_t i = 0; !scanner.failed && i < count; i++)
		hashes[i] = hash_of(&scanner, &scanner.lines[i]);
	free(scanner.lines);
	free(scanner.pieces);
	return scanner.failed ? -1 : 0;
}
