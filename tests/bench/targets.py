# SPDX-License-Identifier: MIT
"""What the figures should be at most.  Nothing fails when one is missed: the tables and the JSON say so."""

PAIRS = [("heapdelta.cpu_ns.share.heaptrack", 1 / 15), ("heapdelta.cpu_ns.share.hook", 1 / 5)]
REAL = [("heapdelta.cpu.share.heaptrack", 1 / 6), ("run.cpu.share.heaptrack", 1 / 6), ("sample-512k.cpu.ratio", 1.03)]
CASES = {
    **{f"pairs-{depth}": PAIRS for depth in (5, 20, 50)},
    "cpython": [("heapdelta.wall.ratio", 2.1)],
    "sqlite3": [("heapdelta.wall.ratio", 1.25)],
}
GROUPS = {"programs": REAL}
# The median over the cases of a group.
GROUP_MEDIANS = {"programs": [("heapdelta.cpu.share.heaptrack", 1 / 10), ("run.cpu.share.heaptrack", 1 / 10)]}


def of(case):
    return GROUPS.get(case.group, []) + CASES.get(case.name, [])
