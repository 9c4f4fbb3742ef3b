# SPDX-License-Identifier: MIT
"""What a tracer holds in memory, and what it costs to begin and to end."""
import os

from meter import Failed
from workloads import Case


class Memory(Case):
    """Bytes per live block: by the tables' own account, and by what the process has more in memory than untraced.

    Of heaptrack this is the hook alone; it keeps its table of live blocks in another process, which is not counted.
    """

    group, tracers = "memory", ("native", "heapdelta", "hook")

    def __init__(self, name, blocks, sizes):
        super().__init__(name)
        self.blocks, self.sizes = blocks, sizes

    def measure(self, bench, tracer, first):
        blocks = bench.scaled(self.blocks)
        running = bench.begin(tracer, [bench.program("live"), "1000", self.sizes, "free", str(blocks)])
        with bench.ended(running) as cost:
            seen = tracer.seen(running.place, blocks) if first else None
            tables = tracer.tables(running.place)
        self.limits = [("heapdelta.bytes_tables.median", max(40, 0.004 * cost.named("bytes") / blocks))]
        return {"bytes_rss": cost.named("rss_kib") * 1024 / blocks, "bytes_tables": tables and tables / blocks, "seen": seen}


class Tables(Case):
    """KiB of tables of a program with some threads, after few events."""

    group, tracers = "tables", ("heapdelta",)

    def __init__(self, name, command, limit):
        super().__init__(name)
        self.command, self.limits = command, [("heapdelta.kib_tables.median", limit)]

    def measure(self, bench, tracer, first):
        running = bench.begin(tracer, self.command(bench))
        with bench.ended(running):
            tracer.seen(running.place, 0)
            return {"kib_tables": tracer.tables(running.place) / 1024}


class Start(Case):
    """/bin/true from start to end, one after the other: each traced as the child of a traced program."""

    group, tracers = "start", ("native", "heapdelta", "run")
    limits = [("heapdelta.ms_wall.added", 0.45), ("run.ms_wall.added", 0.45)]

    def measure(self, bench, tracer, first):
        command = [bench.program("spawn"), bench.core, str(bench.scaled(200)), "/bin/true"]
        cost, _ = bench.traced(tracer, command, core="-", least=0 if first else None)
        return {"ms_wall": cost.number() / 1e3}


class StartCommand(Case):
    """A tracer's whole command around /bin/true, with what it does before and after: `heapdelta run`, `heaptrack`."""

    group, tracers = "start", ("native", "run", "heaptrack")

    def measure(self, bench, tracer, first):
        place = os.path.join(bench.scratch, "start")
        os.makedirs(place, exist_ok=True)
        command = [bench.program("spawn"), bench.core, str(bench.scaled(20)), *tracer.command(["/bin/true"], place)]
        cost = bench.meter.run(command, tracer.environment(place))
        return {"ms_wall": cost.number() / 1e3}


class Exit(Case):
    """From the end of main to the end of the last process, with much still live: the snapshot, for a tracer that writes one."""

    group, tracers = "exit", ("native", "heapdelta", "run", "heaptrack")

    def __init__(self, name, blocks, program, *arguments):
        super().__init__(name)
        self.blocks, self.program, self.arguments = blocks, program, arguments

    def measure(self, bench, tracer, first):
        blocks = bench.scaled(self.blocks)
        cost, seen = bench.traced(tracer, [bench.program(self.program), *self.arguments, str(blocks)], least=blocks if first else None)
        return {"ms_exit": (cost.ended - cost.number()) * 1e3, "cpu": cost.cpu, "seen": seen}


def footprint():
    for blocks, text in ((100_000, "100k"), (1_000_000, "1M"), (5_000_000, "5M")):
        for sizes in ("small", "mixed"):
            yield Memory(f"memory-{text}-{sizes}", blocks, sizes)
    yield Memory("memory-100k-large", 100_000, "large")
    yield Tables("tables-true", lambda bench: ["/bin/true"], 128)
    yield Tables("tables-64-threads", lambda bench: [bench.program("threads"), "64", "64000"], 128 + 64 * 64)
    yield Start("true")
    yield StartCommand("true-whole-command")
    yield Exit("exit-1M-blocks", 1_000_000, "live", "1000", "small", "leave")
    yield Exit("exit-100k-stacks", 100_000, "stacks")
