# SPDX-License-Identifier: MIT
"""Prints what was measured: one table per group, one row per case as soon as it is there."""

ABSENT = "-"


def number(value, digits=1):
    return ABSENT if value is None else f"{value:.{digits}f}"


def plus(value, digits=1):
    return ABSENT if value is None else f"{value:+.{digits}f}"


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
    ("|sampled", 9, figure("sample-512k.cpu_ns.added", plus)),
    ("heaptrack|+CPU ns", 11, figure("heaptrack.cpu_ns.added", plus)),
    ("|+wall ns", 9, figure("heaptrack.wall_ns.added", plus)),
    ("hook|+CPU ns", 9, figure("hook.cpu_ns.added", plus)),
    ("of heaptrack's|CPU", 15, figure("heapdelta.cpu_ns.share.heaptrack", part)),
    ("|wall", 8, figure("heapdelta.wall_ns.share.heaptrack", part)),
    ("of hook's|CPU", 10, figure("heapdelta.cpu_ns.share.hook", part)),
]
THREADS = [
    ("native|CPU ns", 9, figure("native.cpu_ns.median", number)),
    ("|wall ns", 9, figure("native.wall_ns.median", number)),
    ("heapdelta|+CPU ns", 11, figure("heapdelta.cpu_ns.added", plus)),
    ("|wall ns", 9, figure("heapdelta.wall_ns.median", number)),
    ("heaptrack|+CPU ns", 11, figure("heaptrack.cpu_ns.added", plus)),
    ("|wall ns", 9, figure("heaptrack.wall_ns.median", number)),
    ("hook|+CPU ns", 9, figure("hook.cpu_ns.added", plus)),
    ("of heaptrack's|CPU", 15, figure("heapdelta.cpu_ns.share.heaptrack", part)),
    ("of hook's|CPU", 10, figure("heapdelta.cpu_ns.share.hook", part)),
]
PROGRAM = [
    ("native|CPU s", 8, figure("native.cpu.median", lambda v: number(v, 2))),
    ("|allocs", 9, figure("heapdelta.seen.median", millions)),
    ("heapdelta|CPU", 10, figure("heapdelta.cpu.ratio", times)),
    ("|wall", 7, figure("heapdelta.wall.ratio", times)),
    ("|ns/alloc", 9, per_allocation),
    ("run|CPU", 7, figure("run.cpu.ratio", times)),
    ("|wall", 7, figure("run.wall.ratio", times)),
    ("heaptrack|CPU", 10, figure("heaptrack.cpu.ratio", times)),
    ("|wall", 8, figure("heaptrack.wall.ratio", times)),
    ("of heaptrack's|heapdelta", 15, figure("heapdelta.cpu.share.heaptrack", part)),
    ("CPU|run", 8, figure("run.cpu.share.heaptrack", part)),
    ("sampled, CPU|512 KiB", 13, figure("sample-512k.cpu.ratio", times)),
    ("|64 KiB", 7, figure("sample-64k.cpu.ratio", times)),
]
MEMORY = [
    ("heapdelta|tables", 11, figure("heapdelta.bytes_tables.median", number)),
    ("|RSS", 9, figure("heapdelta.bytes_rss.added", plus)),
    ("hook|RSS", 11, figure("hook.bytes_rss.added", plus)),
]
KIB = [("heapdelta|KiB", 11, figure("heapdelta.kib_tables.median", number))]


def milliseconds(quantity):
    """Native, and what each tracer adds."""
    first = [("native|ms", 9, figure(f"native.{quantity}.median", lambda v: number(v, 2)))]
    return first + [(f"{tracer}|+ms", 11, figure(f"{tracer}.{quantity}.added", lambda v: plus(v, 2))) for tracer in ("heapdelta", "run", "heaptrack")]


# Group: what the table is about, its columns.
GROUPS = {
    "pairs": ("Pairs of malloc and free of 64 bytes at some depth of calls, per pair; -fp: compiled with frame pointers; sampled: every 512 KiB", LOOP),
    "stacks": ("The same with a stack that changes: sites or depths take turns; 500 deep (of which heaptrack keeps 64); 5 M live blocks of 1000 sites", LOOP),
    "threads": ("N threads that free each other's blocks, on all cores, per pair: CPU of all threads, wall of all together", THREADS),
    "churn": ("Threads that live for four pairs, per thread", LOOP),
    "programs": ("Real programs, start to end; redis: the server's CPU, its client's wall", PROGRAM),
    "memory": ("Bytes per live block of 1000 sites: tables, and RSS above the untraced program's (hook: without heaptrack's interpreter)", MEMORY),
    "tables": ("Tables after a program with few events", KIB),
    "start": ("/bin/true, start to end: one of many children of a traced program; the whole command", milliseconds("ms_wall")),
    "exit": ("From the end of main to the end of all processes, much still live", milliseconds("ms_exit")),
}
COMMANDS = "Commands: seconds and peak memory"


def header(group):
    title, columns = GROUPS.get(group, (COMMANDS, []))
    print(f"\n{title}")
    for line in (0, 1) if columns else ():
        print(f"{'':20}" + "".join(f"{text.split('|')[line]:>{width}}" for text, width, _ in columns), flush=True)


def row(result):
    if result.group not in GROUPS:
        command_rows(result)
        return
    columns = GROUPS[result.group][1]
    print(f"{result.name:20}" + "".join(f"{value(result):>{width}}" for _, width, value in columns) + f"  {targets(result)}", flush=True)


def command_rows(result):
    for number_, subject in enumerate(result.rounds):
        wall, cpu, rss = (result.median(subject, quantity) for quantity in ("wall", "cpu", "rss_kib"))
        said = f"  {targets(result)}" if number_ == 0 else ""
        print(f"{result.name:20}{subject:>20}  wall {wall:8.3f} s  CPU {cpu:8.3f} s  peak {rss / 1024:8.1f} MiB{said}", flush=True)


def summary(results):
    print()
    for name, group in results.groups.items():
        for target in group["targets"]:
            print(f"{name}: {target['figure']} {target['value']:.3g}, target {target['limit']:.3g}: {'met' if target['met'] else 'MISSED'}")
    for skipped in results.skipped:
        print(f"skipped: {skipped['case']}{' under ' + skipped['tracer'] if skipped['tracer'] else ''}: {skipped['reason']}")
    judged = [target["met"] for case in results.cases for target in case.targets]
    judged += [target["met"] for group in results.groups.values() for target in group["targets"]]
    print(f"{sum(judged)} of {len(judged)} targets met")
