/* SPDX-License-Identifier: MIT */
/*
 * The table of formats and what several of them need: numbers and cells as text, escaping for terminals, colours.
 */
#include "render.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "size-text.h"

static const struct renderer {
	const char *name;
	bool prose;
	render_function *render;
} renderers[RENDER_COUNT] = {
	[RENDER_TEXT] = {"text", true, render_text},
	[RENDER_LINES] = {"lines", false, render_lines},
	[RENDER_JSON] = {"json", false, render_json},
	[RENDER_CSV] = {"csv", false, render_csv},
	[RENDER_MARKDOWN] = {"markdown", true, render_markdown},
	[RENDER_TRACEBACK] = {"traceback", false, render_traceback},
};

const char *const render_names[] = {"text", "lines", "json", "csv", "markdown", "traceback", NULL};
const char *const render_color_names[] = {"auto", "always", "never", NULL};

bool render_is_prose(enum render_format format)
{
	return renderers[format].prose;
}

int render(const struct report *report, const struct render_options *options, FILE *out, struct error *error)
{
	return renderers[options->format].render(report, options, out, error);
}

bool render_wants_color(int choice, FILE *out)
{
	const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");

	if (choice != 0)
		return choice == 1;
	return isatty(fileno(out)) && !(no_color && *no_color) && terminal && strcmp(terminal, "dumb") != 0;
}

size_t render_terminal_width(FILE *out)
{
	struct winsize size;

	return isatty(fileno(out)) && ioctl(fileno(out), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

bool render_wants_ascii(void)
{
	/* Asked of the environment alone: nothing else here depends on the locale. */
	locale_t locale = newlocale(LC_CTYPE_MASK, "", 0);
	bool ascii = locale && strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") != 0;

	if (locale)
		freelocale(locale);
	return ascii;
}

char *render_integer(char buffer[CELL_TEXT_MAX], report_integer value, bool sign)
{
	char digits[48];
	size_t count = 0, used = 0;
	unsigned __int128 rest = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;

	do {
		digits[count++] = (char)('0' + (int)(rest % 10));
		rest /= 10;
	} while (rest);
	if (value < 0)
		buffer[used++] = '-';
	else if (sign)
		buffer[used++] = '+';
	while (count)
		buffer[used++] = digits[--count];
	buffer[used] = '\0';
	return buffer;
}

static const char *render_bytes(char buffer[CELL_TEXT_MAX], const struct cell *cell, bool sign)
{
	char error[SIZE_TEXT_MAX];

	size_text(buffer, (double)cell->integer, sign);
	if (cell->error)
		snprintf(buffer + strlen(buffer), CELL_TEXT_MAX - strlen(buffer), " ± %s", size_text(error, (double)cell->error, false));
	return buffer;
}

const char *render_cell(char buffer[CELL_TEXT_MAX], const struct cell *cell)
{
	switch (cell->kind) {
	case CELL_TEXT:
		return cell->text;
	case CELL_NUMBER:
	case CELL_COUNT:
		return render_integer(buffer, cell->integer, false);
	case CELL_COUNT_DELTA:
		return render_integer(buffer, cell->integer, true);
	case CELL_BYTES:
		return render_bytes(buffer, cell, false);
	case CELL_BYTES_DELTA:
		return render_bytes(buffer, cell, true);
	case CELL_AVERAGE:
		return size_text(buffer, cell->real, false);
	case CELL_FLAG:
		return cell->integer ? "yes" : "no";
	default:
		return "";
	}
}

/* A long series is read by its ends. */
enum { SERIES_MAX = 7, SERIES_FIRST = 2, SERIES_LAST = 3 };

void render_series(struct strbuf *out, const struct cell *cell)
{
	struct cell one = {.kind = cell->kind == CELL_BYTES_SERIES ? CELL_BYTES : CELL_COUNT};
	char buffer[CELL_TEXT_MAX];

	for (size_t i = 0; i < cell->count; i++) {
		if (cell->count > SERIES_MAX && i == SERIES_FIRST) {
			i = cell->count - SERIES_LAST;
			strbuf_puts(out, " → …");
		}
		one.integer = cell->integers[i];
		strbuf_printf(out, "%s%s", i ? " → " : "", render_cell(buffer, &one));
	}
}

static bool is_delta(const struct cell *cell)
{
	return cell->kind == CELL_BYTES_DELTA || cell->kind == CELL_COUNT_DELTA;
}

void render_cells(struct strbuf *out, const struct report_table *table, const struct cell *cells, unsigned place)
{
	char buffer[CELL_TEXT_MAX];
	bool first = true;

	for (size_t i = 0; i < table->column_count; i++) {
		const struct report_column *column = &table->columns[i];
		struct cell cell = cells[i];
		if (!(column->places & place) || cell.kind == CELL_NONE)
			continue;
		if (place == IN_LINES)
			cell.error = 0; /* tracemalloc's format has no place for it */
		if (is_delta(&cell)) {
			strbuf_printf(out, " (%s)", render_cell(buffer, &cell));
			continue;
		}
		strbuf_printf(out, "%s%s=", first ? "" : ", ", column->label ? column->label : column->name);
		if (cell.kind == CELL_BYTES_SERIES || cell.kind == CELL_COUNT_SERIES)
			render_series(out, &cell);
		else
			strbuf_puts(out, render_cell(buffer, &cell));
		first = false;
	}
}

size_t render_utf8_length(const char *text)
{
	const unsigned char *byte = (const unsigned char *)text;
	size_t length = byte[0] < 0x80 ? 1 : byte[0] < 0xc2 ? 0 : byte[0] < 0xe0 ? 2 : byte[0] < 0xf0 ? 3 : byte[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < length; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
	}
	/* Overlong forms, surrogates, beyond U+10FFFF. */
	if (length == 3 && ((byte[0] == 0xe0 && byte[1] < 0xa0) || (byte[0] == 0xed && byte[1] > 0x9f)))
		return 0;
	if (length == 4 && ((byte[0] == 0xf0 && byte[1] < 0x90) || (byte[0] == 0xf4 && byte[1] > 0x8f)))
		return 0;
	return length;
}

static bool is_control(const unsigned char *text)
{
	return text[0] < 0x20 || text[0] == 0x7f || (text[0] == 0xc2 && text[1] >= 0x80 && text[1] < 0xa0);
}

void render_escape(struct strbuf *out, const char *text)
{
	while (*text) {
		size_t length = is_control((const unsigned char *)text) ? 0 : render_utf8_length(text);
		if (length)
			strbuf_add(out, text, length);
		else if (*text == '\n')
			strbuf_puts(out, "\\n");
		else if (*text == '\t')
			strbuf_puts(out, "\\t");
		else
			strbuf_printf(out, "\\x%02x", (unsigned char)*text);
		text += length ? length : 1;
	}
}

/* Where `columns` more columns of text begin or, if the text has fewer, its end. */
static const char *skip_columns(const char *text, size_t columns)
{
	for (; *text; text++) {
		if (((unsigned char)*text & 0xc0) != 0x80 && columns-- == 0)
			break;
	}
	return text;
}

void render_shorten(struct strbuf *out, const char *text, size_t width)
{
	size_t columns = render_width(text), head = width / 3;

	if (columns <= width || width == 0) {
		strbuf_puts(out, text);
		return;
	}
	strbuf_add(out, text, (size_t)(skip_columns(text, head) - text));
	strbuf_puts(out, "…");
	strbuf_puts(out, skip_columns(text, columns - (width - 1 - head)));
}

size_t render_rows(const struct report_table *table)
{
	return table->shown_max && table->shown_max < table->row_count ? table->shown_max : table->row_count;
}

size_t render_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}
