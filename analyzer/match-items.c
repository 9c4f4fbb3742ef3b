/* SPDX-License-Identifier: MIT */
/*
 * Comes in: statistics.  Goes out: an item per group or per frame.  Texts become pointers of the snapshots' intern, build ids too, so that
 * passes compare numbers.  A frame without a line is told by its module and symbol: what is shown of it has an offset in it, and offsets
 * are others in every build.
 */
#include "match-items.h"

#include <stdlib.h>
#include <string.h>

#include "strbuf.h"

/* ---- Names ---- */

static struct intern *intern_of(const struct match_items *items)
{
	return items->series[0].places.snapshot->intern;
}

/* What `make` says of a text, worked out once. */
static const char *memo(struct match_items *items, struct pointer_map *map, const char *text, int (*make)(struct strbuf *, const char *))
{
	void **at = pointer_map_at(map, text);
	struct strbuf made;

	if (!at) {
		items->failed = true;
		return NULL;
	}
	if (*at)
		return *at;
	strbuf_init(&made);
	make(&made, text);
	*at = made.failed ? NULL : (void *)intern_add_n(intern_of(items), made.data, made.length);
	items->failed |= !*at;
	strbuf_release(&made);
	return *at;
}

static int put_base(struct strbuf *out, const char *path)
{
	const char *slash = strrchr(path, '/');

	strbuf_puts(out, slash ? slash + 1 : path);
	return 0;
}

/* What stands outside of all angle brackets of the qualified name; "operator<" is as far as it goes. */
static int put_plain_name(struct strbuf *out, const char *function)
{
	size_t length, depth = 0;
	const char *name = qualified_name(function, &length);

	for (size_t i = 0; i < length; i++) {
		depth += name[i] == '<';
		if (!depth)
			strbuf_putc(out, name[i]);
		depth -= name[i] == '>' && depth;
	}
	return 0;
}

/* A symbol is called foo.part.0 or foo.constprop.1 by one compiler's mood and foo by the next. */
static int put_symbol(struct strbuf *out, const char *symbol)
{
	size_t length = strcspn(symbol, ".");

	strbuf_add(out, symbol, length ? length : strlen(symbol));
	return 0;
}

/* ---- Builds ---- */

static bool is_one_process(const struct stats *series, size_t count)
{
	const struct snapshot_info *first = &series[0].places.snapshot->info;

	for (size_t i = 1; i < count; i++) {
		const struct snapshot_info *info = &series[i].places.snapshot->info;
		if (!info->pid || info->pid != first->pid || info->image != first->image || !info->start_realtime_ns ||
		    info->start_realtime_ns != first->start_realtime_ns)
			return false;
	}
	return true;
}

/* As text of the intern, a path as it is and an id as digits; NULL: not known, or out of memory. */
static const char *build_of(struct match_items *items, const struct module *module)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * sizeof(module->build_id)];
	const char *build;

	if (!module->build_id_size)
		return items->one_process && module->path[0] == '/' ? module->path : NULL;
	for (size_t i = 0; i < module->build_id_size; i++) {
		text[2 * i] = digits[module->build_id[i] >> 4];
		text[2 * i + 1] = digits[module->build_id[i] & 15];
	}
	build = intern_add_n(intern_of(items), text, 2 * module->build_id_size);
	items->failed |= !build;
	return build;
}

static bool has(struct match_items *items, struct pointer_map *map, const char *text)
{
	void **at = pointer_map_at(map, text);

	items->failed |= !at;
	return at && *at;
}

static int enter(struct pointer_map *map, const char *text)
{
	void **at = pointer_map_at(map, text);

	if (!at)
		return -1;
	*at = map;
	return 0;
}

static int enter_builds(struct match_items *items, uint32_t number)
{
	const struct snapshot *snapshot = items->series[number].places.snapshot;
	const char **builds = items->module_builds[number] = calloc(snapshot->module_count + 1, sizeof(*builds));

	for (size_t i = 1; builds && i < snapshot->module_count; i++) {
		builds[i] = build_of(items, &snapshot->modules[i]);
		if (builds[i] && enter(&items->builds[number], builds[i]))
			return -1;
	}
	return builds && !items->failed ? 0 : -1;
}

static int enter_functions(struct match_items *items, uint32_t number)
{
	const struct snapshot *snapshot = items->series[number].places.snapshot;

	for (size_t i = 0; i < snapshot->location_count; i++) {
		if (snapshot->locations[i].function && enter(&items->functions[number], snapshot->locations[i].function))
			return -1;
	}
	return 0;
}

static bool has_build(void *data, uint32_t snapshot, const char *build)
{
	struct match_items *items = data;

	return has(items, &items->builds[snapshot], build);
}

static bool has_function(void *data, uint32_t snapshot, const char *name)
{
	struct match_items *items = data;

	if (!items->functions[snapshot].count && enter_functions(items, snapshot))
		items->failed = true;
	return has(items, &items->functions[snapshot], name);
}

struct match_context match_items_context(struct match_items *items)
{
	return (struct match_context){has_build, has_function, items};
}

/* ---- The whole ---- */

int match_items_init(struct match_items *items, struct stats *series, size_t count)
{
	*items = (struct match_items){.series = series, .count = count, .one_process = is_one_process(series, count)};
	items->builds = calloc(count, sizeof(*items->builds));
	items->functions = calloc(count, sizeof(*items->functions));
	items->module_builds = calloc(count, sizeof(*items->module_builds));
	if (!items->builds || !items->functions || !items->module_builds)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (enter_builds(items, (uint32_t)i))
			return -1;
	}
	return 0;
}

void match_items_release(struct match_items *items)
{
	for (size_t i = 0; i < items->count; i++) {
		if (items->builds)
			pointer_map_release(&items->builds[i]);
		if (items->functions)
			pointer_map_release(&items->functions[i]);
		if (items->module_builds)
			free(items->module_builds[i]);
	}
	free(items->builds);
	free(items->functions);
	free(items->module_builds);
	pointer_map_release(&items->names);
	pointer_map_release(&items->bases);
	*items = (struct match_items){0};
}

static bool has_all_builds(struct match_items *items, uint32_t of, uint32_t in)
{
	const struct snapshot *snapshot = items->series[of].places.snapshot;

	for (size_t i = 0; i < snapshot->address_count; i++) {
		uint32_t module = snapshot->addresses[i].module;
		const char *build;
		if (module == HDS_MODULE_NONE || module >= snapshot->module_count || (i && module == snapshot->addresses[i - 1].module))
			continue;
		build = items->module_builds[of][module];
		if (!build || !has_build(items, in, build))
			return false;
	}
	return true;
}

static bool same_root(const struct stats *a, const struct stats *b)
{
	const char *one = a->places.attribution.source_root, *other = b->places.attribution.source_root;

	return strcmp(one ? one : "", other ? other : "") == 0;
}

bool match_items_same_builds(struct match_items *items)
{
	for (uint32_t i = 1; i < items->count; i++) {
		if (!same_root(&items->series[i - 1], &items->series[i]) || !has_all_builds(items, i - 1, i) ||
		    !has_all_builds(items, i, i - 1))
			return false;
	}
	return true;
}

/* ---- Items of frames ---- */

static const struct module *module_of(const struct snapshot *snapshot, const struct address *address)
{
	bool known = address && address->module != HDS_MODULE_NONE && address->module < snapshot->module_count;

	return known ? &snapshot->modules[address->module] : NULL;
}

/* The program may be called anything: it is the one that is no library. */
static const char *name_of_module(struct match_items *items, const struct module *module)
{
	static const char program[] = "the program";

	return module->flags & HDT_MODULE_MAIN ? program : memo(items, &items->bases, module->path, put_base);
}

static void describe_located(struct match_items *items, struct match_item *item, const struct location *location, const char *shown)
{
	item->file = shown;
	item->base = memo(items, &items->bases, shown, put_base);
	item->path = location->file;
	item->name = location->function;
	item->text = location->text_hash;
	item->statement = location->statement_hash;
	item->line = location->line;
	item->from = location->line;
	if (location->function)
		item->function = memo(items, &items->names, location->function, put_plain_name);
	if (location->function_line && location->function_line <= location->line)
		item->from = location->line - location->function_line;
}

static void describe_symbol(struct match_items *items, struct match_item *item, const struct location *symbol, const struct module *module)
{
	item->file = name_of_module(items, module);
	item->name = item->function = memo(items, &items->names, symbol->function, put_symbol);
	item->from = symbol->symbol_offset < UINT32_MAX ? (uint32_t)symbol->symbol_offset : UINT32_MAX - 1;
}

/* `location` NULL: nothing is known of the address; `address` NULL: there is none. */
static void describe(struct match_items *items, struct match_item *item, const struct address *address, const struct location *location,
		     const char *shown)
{
	const struct snapshot *snapshot = items->series[item->snapshot].places.snapshot;
	const struct module *module = module_of(snapshot, address);

	if (module)
		item->build = items->module_builds[item->snapshot][module - snapshot->modules];
	if (location && location->file)
		describe_located(items, item, location, shown);
	else if (location && location->function && module)
		describe_symbol(items, item, location, module);
	else
		item->file = shown;
}

/* ---- Items of groups ---- */

/* Whole files, modules and processes are not told by the line or function that stands for them. */
static void describe_file(struct match_item *item)
{
	if (!item->path)
		return;
	item->name = item->function = item->path = NULL;
	item->text = item->statement = 0;
	item->line = item->from = 0;
}

static void describe_module(struct match_items *items, struct match_item *item, const struct module *module)
{
	*item = (struct match_item){.key = item->key, .snapshot = item->snapshot, .partner = MATCH_NONE, .sibling = MATCH_NONE};
	if (!module)
		return;
	item->file = name_of_module(items, module);
	item->base = memo(items, &items->bases, module->path, put_base);
}

/* "4711 ./app -x": by the command, then by its program. */
static void describe_process(struct match_items *items, struct match_item *item, const char *process)
{
	const char *command = strchr(process, ' ');
	const char *name = command ? intern_add(intern_of(items), command + 1) : NULL, *program;

	if (!name)
		return;
	program = intern_add_n(intern_of(items), name, strcspn(name, " "));
	item->name = name;
	item->function = program ? memo(items, &items->bases, program, put_base) : NULL;
	items->failed |= !program;
}

static int describe_group(struct match_items *items, struct match_item *item, const struct group *group, struct frames *shown)
{
	struct stats *stats = &items->series[item->snapshot];
	const struct snapshot *snapshot = stats->places.snapshot;
	const struct address *address = group->frame.node ? snapshot_address_of(snapshot, group->frame.node) : NULL;
	const struct location *location = NULL;

	if (stats_frames(stats, group, shown))
		return -1;
	if (stats->places.key == KEY_PROCESS) {
		describe_process(items, item, shown->list[0].file);
		return 0;
	}
	if (address && address->location_count)
		location = &snapshot->locations[address->first_location + group->frame.index];
	describe(items, item, address, location, shown->list[0].file);
	if (stats->places.key == KEY_FILENAME)
		describe_file(item);
	else if (stats->places.key == KEY_MODULE)
		describe_module(items, item, module_of(snapshot, address));
	return 0;
}

struct match_item *match_items_of_groups(struct match_items *items, uint32_t snapshot)
{
	struct stats *stats = &items->series[snapshot];
	struct match_item *list = calloc(stats->count + 1, sizeof(*list));
	struct frames shown;
	int result = list ? 0 : -1;

	frames_init(&shown);
	for (size_t i = 0; result == 0 && i < stats->count; i++) {
		list[i] = (struct match_item){
			.key = stats->groups[i].key, .snapshot = snapshot, .partner = MATCH_NONE, .sibling = MATCH_NONE};
		result = describe_group(items, &list[i], &stats->groups[i], &shown);
	}
	frames_release(&shown);
	if (result == 0 && !items->failed)
		return list;
	free(list);
	return NULL;
}

/* ---- Items of all frames ---- */

/* The file of a place as it is shown; NULL: out of memory. */
static const char *shown_file(struct stats *stats, const struct address *address, const struct location *location)
{
	struct frame frame = {.file = location && location->file ? location->file : address->label, .line = location ? location->line : 0};

	return places_show(&stats->places, &frame) ? NULL : frame.file;
}

static int describe_place(struct match_items *items, struct match_item *item, size_t index)
{
	struct stats *stats = &items->series[item->snapshot];
	const struct snapshot *snapshot = stats->places.snapshot;
	const struct address *address = &snapshot->addresses[stats->places.list[index].address];
	const struct location *location = index < snapshot->location_count ? &snapshot->locations[index] : NULL;
	const char *shown = shown_file(stats, address, location);

	if (shown)
		describe(items, item, address, location, shown);
	return shown && !items->failed ? 0 : -1;
}

struct match_item *match_items_of_frames(struct match_items *items, uint32_t snapshot, size_t *count)
{
	struct stats *stats = &items->series[snapshot];
	size_t places = stats->places.room - 1, frames = keys_frames(stats->keys);
	struct match_item *list = calloc(places + 1, sizeof(*list));
	bool *seen = calloc(frames + 1, sizeof(*seen));
	int result = list && seen ? 0 : -1;

	*count = 0;
	for (size_t i = 0; result == 0 && i < places; i++) {
		const struct place *place = &stats->places.list[i];
		if (!place->known || seen[place->key])
			continue;
		seen[place->key] = true;
		list[*count] = (struct match_item){.key = place->key, .snapshot = snapshot, .partner = MATCH_NONE, .sibling = MATCH_NONE};
		result = describe_place(items, &list[(*count)++], i);
	}
	free(seen);
	if (result == 0)
		return list;
	free(list);
	return NULL;
}
