# SPDX-License-Identifier: MIT
"""From rounds to figures, and the JSON file.  Tracers are compared within a round, the median over the rounds is the figure.

The file is one object:

    format, version    "heapdelta-bench", 1
    time, seconds      when it began (UTC), how long it took
    machine            cpu, cores, memory_kib, kernel; load before and after: the three averages of /proc/loadavg
    versions           heapdelta, commit, and of everything measured or measured with: name → text
    settings           rounds, core, quick, picked
    cases              in the order measured, each
        name, group    as in the tables
        rounds         tracer → list of one object of quantities per round
        medians        tracer → quantity → median over the rounds
        figures        "TRACER.QUANTITY.added", ".ratio" (both against native) and ".share.PEER" (added, of what PEER
                       adds), ".ratio-to.PEER" → median of the rounds'; ".median" → the median itself
        targets        list of {figure, limit, value, met}: met means value ≤ limit
    groups             name → {targets} of what is said about a group as a whole
    skipped            list of {case, tracer, reason}; tracer null: the whole case

Quantities: cpu, wall and what ends in _s in seconds; cpu_ns, wall_ns per further event; rss_kib the greatest process's; seen: allocations that the
tracer has on record; bytes_… per block; ms_…, us_… as they say.  CPU is user + system of all processes that the command started.
"""
import json
import statistics
import time


def median(values):
    return statistics.median(values) if values else None


class CaseResult:
    """The rounds of one case and what follows from them."""

    def __init__(self, name, group):
        self.name, self.group, self.rounds, self.targets = name, group, {}, []

    def add(self, tracer, quantities):
        self.rounds.setdefault(tracer, []).append(quantities)

    def drop(self, tracer):
        self.rounds.pop(tracer, None)

    def values(self, tracer, quantity):
        return [one[quantity] for one in self.rounds.get(tracer, []) if one.get(quantity) is not None]

    def median(self, tracer, quantity):
        return median(self.values(tracer, quantity))

    def medians(self):
        return {tracer: {q: self.median(tracer, q) for q in rounds[0] if self.values(tracer, q)} for tracer, rounds in self.rounds.items()}

    def paired(self, combine, quantity, *tracers):
        """Median over the rounds of COMBINE of the tracers' values in one round; None if one of them was not measured or it has no value."""
        columns = [self.values(tracer, quantity) for tracer in tracers]
        found = [combine(*row) for row in zip(*columns)] if all(columns) else []
        return median([value for value in found if value is not None])

    def added(self, tracer, quantity):
        return self.paired(lambda native, traced: traced - native, quantity, "native", tracer)

    def ratio(self, tracer, quantity):
        return self.paired(lambda native, traced: traced / native if native > 0 else None, quantity, "native", tracer)

    def share(self, tracer, quantity, peer):
        def part(native, traced, other):
            return (traced - native) / (other - native) if other > native else None

        return self.paired(part, quantity, "native", tracer, peer)

    def ratio_to(self, subject, quantity, peer):
        return self.paired(lambda other, own: own / other if other > 0 else None, quantity, peer, subject)

    def figure(self, name):
        """A figure by its name: heapdelta.cpu.ratio, heapdelta.cpu_ns.share.heaptrack, heapdelta.bytes_rss.median."""
        tracer, quantity, what, *peer = name.split(".")
        return {"added": self.added, "ratio": self.ratio, "share": self.share, "ratio-to": self.ratio_to, "median": self.median}[what](
            tracer, quantity, *peer
        )

    def figures(self):
        names = [f"{t}.{q}" for t, rounds in self.rounds.items() if t != "native" for q in rounds[0] if q != "seen"]
        found = {f"{name}.{what}": self.figure(f"{name}.{what}") for name in names for what in ("added", "ratio")}
        found |= {f"{name}.share.{peer}": self.figure(f"{name}.share.{peer}") for name in names for peer in ("heaptrack", "hook") if not name.startswith(peer)}
        found |= {target["figure"]: target["value"] for target in self.targets}
        return {name: value for name, value in found.items() if value is not None}

    def judge(self, limits):
        self.targets = [judged(name, limit, self.figure(name)) for name, limit in limits if self.figure(name) is not None]

    def as_json(self):
        return {
            "name": self.name, "group": self.group, "rounds": self.rounds, "medians": self.medians(), "figures": self.figures(), "targets": self.targets,
        }


def judged(name, limit, value):
    return {"figure": name, "limit": limit, "value": value, "met": value <= limit}


class Results:
    def __init__(self, machine, versions, settings):
        self.began = time.time()
        self.head = {"machine": machine, "versions": versions, "settings": settings}
        self.cases, self.groups, self.skipped = [], {}, []

    def skip(self, case, tracer, reason):
        self.skipped.append({"case": case, "tracer": tracer, "reason": str(reason)})

    def write(self, path, load):
        self.head["machine"]["load"]["after"] = load
        answer = {
            "format": "heapdelta-bench", "version": 1, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.began)),
            "seconds": round(time.time() - self.began), **self.head, "cases": [case.as_json() for case in self.cases],
            "groups": self.groups, "skipped": self.skipped,
        }
        with open(path, "w", encoding="utf-8") as file:
            json.dump(answer, file, indent=1)
            file.write("\n")
