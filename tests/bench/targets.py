# SPDX-License-Identifier: MIT
"""What the figures should be at most.  Nothing fails when one is missed: the tables and the JSON say so."""

import statistics

from results import judged

PAIRS = [("heapdelta.cpu_ns.share.heaptrack", 1 / 15), ("heapdelta.cpu_ns.share.hook", 1 / 5)]
REAL = [("heapdelta.cpu.share.heaptrack", 1 / 6), ("run.cpu.share.heaptrack", 1 / 6), ("sample-512k.cpu.ratio", 1.03)]
CASES = {
    **{f"pairs-{depth}": PAIRS for depth in (5, 20, 50)},
    "cpython": [("heapdelta.wall.ratio", 2.1)],
    "sqlite3": [("heapdelta.wall.ratio", 1.25)],
}
GROUPS = {"programs": REAL}


def of(case):
    return GROUPS.get(case.group, []) + CASES.get(case.name, [])


def median_of_programs(cases):
    """The median over the real programs: of heaptrack's added CPU, a tenth."""
    for figure in ("heapdelta.cpu.share.heaptrack", "run.cpu.share.heaptrack"):
        values = [case.figure(figure) for case in cases if case.group == "programs"]
        values = [value for value in values if value is not None]
        if values:
            yield "programs", judged(f"median of {figure}", 1 / 10, statistics.median(values))


def threads_against_one(cases):
    """CPU added per pair by eight threads against one, and how throughput grows with two threads: as much as untraced, or nearly."""
    by_name = {case.name: case for case in cases}
    one, two, eight = (by_name.get(f"threads-{count}") for count in (1, 2, 8))
    if one and eight and one.figure("heapdelta.cpu_ns.added"):
        value = eight.figure("heapdelta.cpu_ns.added") / one.figure("heapdelta.cpu_ns.added")
        yield "threads", judged("CPU added per pair, 8 threads / 1", 1.2, value)
    if one and two:
        native, traced = (one.median(tracer, "wall_ns") / two.median(tracer, "wall_ns") for tracer in ("native", "heapdelta"))
        yield "threads", judged("growth of throughput from 1 to 2 threads, native / traced", 1.1, native / traced)


def of_groups(cases):
    return [*median_of_programs(cases), *threads_against_one(cases)]
