# SPDX-License-Identifier: MIT
"""Prints what was measured: one table per group, one row per case as soon as it is there."""

ABSENT = "-"


def number(value, digits=1):
    return ABSENT if value is None else f"{value:.{digits}f}"


def plus(value):
    return ABSENT if value is None else f"{value:+.1f}"


def times(value):
    return ABSENT if value is None else f"{value:.2f}x"


def part(value):
    """A share as 1/N; more than all of it as a percentage."""
    if value is None:
        return ABSENT
    if value <= 0:
        return "none"
    return f"1/{1 / value:.1f}" if value < 1 else f"{value:.0%}"


def millions(value):
    return ABSENT if value is None else f"{value / 1e6:.2f} M"


def figure(name, shown):
    return lambda result: shown(result.figure(name))


def targets(result):
    """met, or each target that is missed, with its limit."""
    missed = [f"{t['figure']} {t['value']:.3g} > {t['limit']:.3g}" for t in result.targets if not t["met"]]
    if not result.targets:
        return ""
    return "MISSED " + "; ".join(missed) if missed else f"met ({len(result.targets)})"


def per_allocation(result):
    """Nanoseconds of CPU that an allocation costs more, by our own count of allocations."""
    added, seen = result.figure("heapdelta.cpu.added"), result.figure("heapdelta.seen.median")
    return ABSENT if added is None or not seen else f"{added / seen * 1e9:.0f}"


LOOP = [
    ("native|CPU ns", 9, figure("native.cpu_ns.median", number)),
    ("heapdelta|+CPU ns", 11, figure("heapdelta.cpu_ns.added", plus)),
    ("|+wall ns", 9, figure("heapdelta.wall_ns.added", plus)),
    ("heaptrack|+CPU ns", 11, figure("heaptrack.cpu_ns.added", plus)),
    ("|+wall ns", 9, figure("heaptrack.wall_ns.added", plus)),
    ("hook|+CPU ns", 9, figure("hook.cpu_ns.added", plus)),
    ("heapdelta's CPU, of|heaptrack", 20, figure("heapdelta.cpu_ns.share.heaptrack", part)),
    ("|hook", 8, figure("heapdelta.cpu_ns.share.hook", part)),
]
PROGRAM = [
    ("native|CPU s", 8, figure("native.cpu.median", lambda v: number(v, 2))),
    ("|allocs", 9, figure("heapdelta.seen.median", millions)),
    ("heapdelta|CPU", 10, figure("heapdelta.cpu.ratio", times)),
    ("|wall", 7, figure("heapdelta.wall.ratio", times)),
    ("|ns/alloc", 9, per_allocation),
    ("run|CPU", 7, figure("run.cpu.ratio", times)),
    ("heaptrack|CPU", 10, figure("heaptrack.cpu.ratio", times)),
    ("|wall", 8, figure("heaptrack.wall.ratio", times)),
    ("of heaptrack's|heapdelta", 15, figure("heapdelta.cpu.share.heaptrack", part)),
    ("CPU|run", 8, figure("run.cpu.share.heaptrack", part)),
    ("sampled, CPU|512 KiB", 13, figure("sample-512k.cpu.ratio", times)),
    ("|64 KiB", 7, figure("sample-64k.cpu.ratio", times)),
]
COLUMNS = {"pairs": LOOP, "programs": PROGRAM}
TITLES = {
    "pairs": "Pairs of malloc and free of 64 bytes at some depth of calls; -fp: compiled with frame pointers",
    "programs": "Real programs, start to end; redis: the server's CPU, its client's wall",
}


def header(group):
    print(f"\n{TITLES[group]}")
    for line in (0, 1):
        print(f"{'':20}" + "".join(f"{text.split('|')[line]:>{width}}" for text, width, _ in COLUMNS[group]), flush=True)


def row(result):
    print(f"{result.name:20}" + "".join(f"{value(result):>{width}}" for _, width, value in COLUMNS[result.group]) + f"  {targets(result)}", flush=True)


def summary(results):
    for name, group in results.groups.items():
        for target in group["targets"]:
            print(f"{name}: median {target['figure']} {part(target['value'])}, target {part(target['limit'])}: {'met' if target['met'] else 'MISSED'}")
    for skipped in results.skipped:
        print(f"skipped: {skipped['case']}{' under ' + skipped['tracer'] if skipped['tracer'] else ''}: {skipped['reason']}")
    judged = [target["met"] for case in results.cases for target in case.targets]
    print(f"{sum(judged)} of {len(judged)} targets met")
