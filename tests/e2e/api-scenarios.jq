# SPDX-License-Identifier: MIT
# Recorder scenarios of the tracemalloc vectors → what api-scenarios.sh feeds, and what it must get.

# Deliberate differences from the interpreter's raw allocator, by scenario and step.
#   realloc-zero 1: CPython makes one byte of realloc(p, 0) and keeps the block; glibc frees it and returns NULL, so nothing lives.
def differences: {"realloc-zero 1": {"null": true, "live": []}};

def scenario($id): .recorder_scenarios[] | select(.id == $id);
def site: "\(.site[0]):\(.site[1])";
def expected($id): .steps | to_entries[] | .value.expect + (differences["\($id) \(.key)"] // {}) + {n: .key, op: .value.op};

def command:
	if .op == "malloc" then "malloc \(.id) \(.size) \(site)"
	elif .op == "calloc" then "calloc \(.id) \(.nmemb) \(.size) \(site)"
	elif .op == "realloc" then "realloc \(.ptr // "-") \(.id) \(.size) \(site)"
	elif .op == "free" then "free \(.id)"
	elif .op == "track" then "track \(.domain) \(.ptr) \(.size) \(site)"
	elif .op == "untrack" then "untrack \(.domain) \(.ptr)"
	elif .op == "start" then "start \(.nframe)"
	else .op end;

def live: sort_by(.id) | map("\(.id):\(.traced):\(if .traced then site else "" end),") | add // "";

# What the player says after a step.
def answer:
	"\(.n) \(.op)"
	+ (if has("null") then " null=\(.null)" else "" end)
	+ (if has("ret") then " ret=\(.ret)" else "" end)
	+ " tracing=\(.tracing) limit=\(.limit) cur=\(.cur_MiB) peak=\(.peak_MiB) live=\(.live | live)"
	+ " snapshot=\(if .tracing then "written" else "none" end)";

# Every block in the snapshot taken after a step.
def blocks:
	.n as $n | select(.tracing)
	| [(.live[] | select(.traced) | "\($n): 0 \(.size) \(site)"), (.domain_traces[] | "\($n): \(.domain) \(.size) \(site)")]
	| sort[];

# The same of an exported snapshot.
def exported($n):
	[.traces[] | select((.count // 1) > 0) | "\($n): \(.domain // 0) \(.size) \(.frames[0][0] | split("/")[-1]):\(.frames[0][1])"] | sort[];
