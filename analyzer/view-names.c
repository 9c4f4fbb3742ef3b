/* SPDX-License-Identifier: MIT */
/*
 * Names as people are shown them.  What a line has called to allocate for it: "via xmalloc", "via std::vector<int>::resize 400 KiB,
 * std::make_shared<Slot> 72.0 KiB, …"; sizes are shown where one name does not stand for the whole line; in a comparison they would be mistaken
 * for differences.  And a frame without a line, whose symbol may be a screen wide.
 */
#include <string.h>

#include "function-name.h"
#include "size-text.h"
#include "view-data.h"

enum { SHOWN = 2, MERGED = 16 /* names that are told apart; what comes after them is smaller */ };

/* Functions that look the same to people are one. */
struct names {
	const char *text[MERGED];
	wide size[MERGED];
	size_t count;
	bool more;
};

/* NULL: out of memory. */
static const char *name_of(const struct view *view, const char *function)
{
	struct strbuf text;

	if (view->options.full_names)
		return function;
	strbuf_init(&text);
	function_name_bare(&text, function);
	const char *name = text.failed ? NULL : intern_add(view->snapshots[0].intern, text.data);
	strbuf_release(&text);
	return name;
}

static void add_name(struct names *names, const char *text, wide size)
{
	size_t at = 0;

	while (at < names->count && names->text[at] != text)
		at++;
	if (at == MERGED) {
		names->more = true;
		return;
	}
	if (at == names->count) {
		names->text[at] = text;
		names->size[at] = 0;
		names->count++;
	}
	/* A name that grows overtakes those before it. */
	size += names->size[at];
	for (; at > 0 && names->size[at - 1] < size; at--) {
		names->text[at] = names->text[at - 1];
		names->size[at] = names->size[at - 1];
	}
	names->text[at] = text;
	names->size[at] = size;
}

static void put_names(struct strbuf *out, const struct names *names, bool sizes, size_t limit)
{
	char text[SIZE_TEXT_MAX];

	strbuf_puts(out, "via ");
	for (size_t i = 0; i < names->count && i < limit; i++) {
		strbuf_printf(out, "%s%s", i ? ", " : "", names->text[i]);
		if (sizes)
			strbuf_printf(out, " %s", size_text(text, (double)names->size[i], false));
	}
	if (names->count > limit || names->more)
		strbuf_puts(out, ", …");
}

void view_via(struct strbuf *out, const struct view *view, const struct stats *stats, const struct group *group)
{
	const struct via *vias;
	size_t count = stats_vias(stats, group, &vias);
	struct names names = {.count = 0};

	for (size_t i = 0; i < count && !names.more; i++) {
		const char *name = name_of(view, vias[i].function);
		if (!name) {
			out->failed = true;
			return;
		}
		add_name(&names, name, vias[i].size);
	}
	if (names.count)
		put_names(out, &names, !view_is_diff(view) && (names.count > 1 || names.size[0] != group->size),
			  view->options.full_names ? MERGED : SHOWN);
}

/* ---- Frames without a line ---- */

const char *view_file(const struct view *view, const struct frame *frame)
{
	const char *name = frame->line || !frame->function || view->options.full_names ? NULL : strstr(frame->file, frame->function);
	size_t length = name ? strlen(frame->function) : 0;
	struct strbuf text;

	if (!name || !render_is_prose((enum render_format)view->options.format) || name == frame->file || name[-1] != '(' ||
	    name[length] != '+')
		return frame->file;
	strbuf_init(&text);
	strbuf_add(&text, frame->file, (size_t)(name - frame->file));
	function_name_bare(&text, frame->function);
	strbuf_puts(&text, name + length);
	const char *file = text.failed ? NULL : intern_add(view->snapshots[0].intern, text.data);
	strbuf_release(&text);
	return file ? file : frame->file;
}
