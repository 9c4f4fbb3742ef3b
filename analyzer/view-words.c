/* SPDX-License-Identifier: MIT */
/*
 * The house's phrases in one place, so that run, info, stats and diff say the same thing in the same words.  Comes in: numbers of a
 * snapshot; goes out: text without control characters of ours.  No state.
 */
#include "view-words.h"

#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "estimate.h"
#include "size-text.h"

void words_duration(struct strbuf *out, uint64_t nanoseconds)
{
	uint64_t seconds = nanoseconds / 1000000000, milliseconds = nanoseconds / 1000000;

	if (seconds < 1)
		strbuf_printf(out, "%" PRIu64 " ms", milliseconds);
	else if (seconds < 10)
		strbuf_printf(out, "%" PRIu64 ".%" PRIu64 " s", seconds, milliseconds / 100 % 10);
	else if (seconds < 60)
		strbuf_printf(out, "%" PRIu64 " s", seconds);
	else if (seconds < 3600)
		strbuf_printf(out, "%" PRIu64 " min %" PRIu64 " s", seconds / 60, seconds % 60);
	else if (seconds < 86400)
		strbuf_printf(out, "%" PRIu64 " h %" PRIu64 " min", seconds / 3600, seconds / 60 % 60);
	else
		strbuf_printf(out, "%" PRIu64 " d %" PRIu64 " h", seconds / 86400, seconds / 3600 % 24);
}

void words_round_duration(struct strbuf *out, uint64_t nanoseconds)
{
	static const struct {
		uint64_t seconds;
		const char *name;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	const uint64_t second = 1000000000;

	for (size_t i = nanoseconds ? 0 : 3; i < sizeof(units) / sizeof(units[0]); i++) {
		if (nanoseconds % (units[i].seconds * second))
			continue;
		strbuf_printf(out, "%" PRIu64 " %s", nanoseconds / second / units[i].seconds, units[i].name);
		return;
	}
	words_duration(out, nanoseconds);
}

void words_moment(struct strbuf *out, uint64_t realtime_ns, bool dated)
{
	time_t seconds = (time_t)(realtime_ns / 1000000000);
	struct tm parts;

	if (!localtime_r(&seconds, &parts))
		return;
	if (dated)
		strbuf_printf(out, "%04d-%02d-%02d ", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
	strbuf_printf(out, "%02d:%02d:%02d", parts.tm_hour, parts.tm_min, parts.tm_sec);
}

long words_day(uint64_t realtime_ns)
{
	time_t seconds = (time_t)(realtime_ns / 1000000000);
	struct tm parts;

	return localtime_r(&seconds, &parts) ? parts.tm_year * 366L + parts.tm_yday : 0;
}

void words_moment_utc(struct strbuf *out, uint64_t realtime_ns)
{
	time_t seconds = (time_t)(realtime_ns / 1000000000);
	struct tm parts;

	if (gmtime_r(&seconds, &parts))
		strbuf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
			      parts.tm_min, parts.tm_sec);
}

void words_bytes(struct strbuf *out, double bytes)
{
	char text[SIZE_TEXT_MAX];

	strbuf_puts(out, size_text(text, bytes, false));
}

void words_estimate(struct strbuf *out, double bytes, int64_t error, bool sign)
{
	char text[SIZE_TEXT_MAX];

	strbuf_puts(out, size_text(text, bytes, sign));
	if (error)
		strbuf_printf(out, " ± %s", size_text(text, (double)error, false));
}

void words_sampled(struct strbuf *out, uint64_t distance)
{
	strbuf_puts(out, "sampled every ");
	words_bytes(out, (double)distance);
}

/* Of 3 distances, 1 part in e³ is missed: 5 in 100. */
void words_sampling(struct strbuf *out, uint64_t distance)
{
	words_sampled(out, distance);
	strbuf_puts(out, ": sizes and counts are estimates, ± holds in 95 of 100 runs; what holds less than ");
	words_bytes(out, 3.0 * (double)distance);
	strbuf_puts(out, " may be missing");
}

void words_count(struct strbuf *out, uint64_t count, const char *one, const char *many)
{
	strbuf_printf(out, "%" PRIu64 " %s", count, count == 1 ? one : many);
}

int64_t words_live_error(const struct snapshot *snapshot)
{
	double variance = 0;

	for (size_t i = 0; i < snapshot->stack_count; i++)
		variance += (double)snapshot->stacks[i].variance;
	return estimate_error(variance);
}

void words_live(struct strbuf *out, const struct snapshot *snapshot)
{
	words_estimate(out, (double)snapshot->info.live_bytes, words_live_error(snapshot), false);
	strbuf_puts(out, " live in ");
	words_count(out, snapshot->info.live_blocks, "block", "blocks");
}

static const struct {
	const char *name, *one, *many;
} losses[HDT_LOSS_COUNT] = {
	[HDT_LOSS_BLOCK] = {"block", "allocation not recorded", "allocations not recorded"},
	[HDT_LOSS_STACK] = {"stack", "block without its stack", "blocks without their stacks"},
	[HDT_LOSS_TOTALS] = {"totals", "event missing from the totals", "events missing from the totals"},
	[HDT_LOSS_THREAD] = {"thread", "thread without counters of its own", "threads without counters of their own"},
	[HDT_LOSS_MISSED_FREE] = {"missed_free", "free not seen", "frees not seen"},
	[HDT_LOSS_FLUSH] = {"flush", "total cut off by the process's end", "totals cut off by the process's end"},
	[HDT_LOSS_BEFORE_START] = {"before_start", "event before the start", "events before the start"},
};

const char *words_loss_name(unsigned loss)
{
	return loss < HDT_LOSS_COUNT ? losses[loss].name : "other";
}

void words_loss(struct strbuf *out, unsigned loss, uint64_t count)
{
	if (loss < HDT_LOSS_COUNT)
		words_count(out, count, losses[loss].one, losses[loss].many);
	else
		words_count(out, count, "event of an unknown kind", "events of an unknown kind");
}

void words_lost(struct strbuf *out, const struct snapshot *snapshot)
{
	bool any = false;

	for (unsigned i = 0; i < HDT_LOSS_ROOM; i++) {
		if (!snapshot->info.lost[i])
			continue;
		if (any)
			strbuf_puts(out, ", ");
		words_loss(out, i, snapshot->info.lost[i]);
		any = true;
	}
	if (!any)
		strbuf_puts(out, "nothing");
}

void words_state(struct strbuf *out, const struct snapshot_info *info)
{
	int status = (int)info->exit_status;

	if (info->has_exit && WIFSIGNALED(status))
		strbuf_printf(out, "killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (info->has_exit && WIFEXITED(status))
		strbuf_printf(out, "exited with status %d", WEXITSTATUS(status));
	else if (info->state == HDS_STATE_EXITED)
		strbuf_puts(out, "exited");
	else if (info->state == HDS_STATE_KILLED)
		strbuf_puts(out, "killed");
	else if (info->state == HDS_STATE_EXEC)
		strbuf_puts(out, "replaced by exec");
	else
		strbuf_puts(out, "running");
}

const char *words_recording(const struct snapshot_info *info)
{
	return info->recording == HDS_RECORDING_ON ? "on" : info->recording == HDS_RECORDING_STOPPED ? "stopped" : "off";
}

void words_build_id(struct strbuf *out, const struct module *module, size_t digits)
{
	for (size_t i = 0; i < module->build_id_size && (digits == 0 || 2 * i < digits); i++)
		strbuf_printf(out, "%02x", module->build_id[i]);
}

const struct module *words_main_module(const struct snapshot *snapshot)
{
	for (size_t i = 1; i < snapshot->module_count; i++) {
		if (snapshot->modules[i].flags & HDT_MODULE_MAIN)
			return &snapshot->modules[i];
	}
	return NULL;
}

void words_cut(struct strbuf *out, const char *text, size_t width)
{
	size_t length = 0, columns = 0;

	for (; text[length]; length++) {
		if (((unsigned char)text[length] & 0xc0) != 0x80 && columns++ == width)
			break;
	}
	strbuf_add(out, text, length);
	if (text[length])
		strbuf_puts(out, "…");
}
