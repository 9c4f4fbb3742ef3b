# SPDX-License-Identifier: MIT
"""What is measured: loops, real programs, a server.  A case knows its command and what one measurement of it says.

A case has a name, a group (the name of its table), the tracers that it is measured with, and `measure(bench, tracer, first)`, which returns
quantities: `cpu` seconds of all processes, `wall` seconds from start to end of the last, and, in loops, `cpu_ns` and `wall_ns` per event.
`first` asks for the number of allocations, too, `seen`: the tracer's own, so it also proves that the tracer traced.
"""
import os
import shutil
import subprocess
import time

import inputs
from meter import Failed

REAL = ("native", "heapdelta", "run", "sample-512k", "sample-64k", "heaptrack")


class Case:
    group, tracers, limits = "", (), ()

    def __init__(self, name):
        self.name = name

    def subjects(self, at_hand):
        """What is compared here, by name: tracers that are at hand."""
        return {name: at_hand[name] for name in self.tracers if name in at_hand}

    def prepare(self, bench):
        """Makes the inputs; raises Failed if this case cannot be measured here."""


class Loop(Case):
    """One of our C programs that repeats one event.

    Costs are per event and marginal: those of a tenth of the events are taken off, with all that a tracer does once, early or late.
    """

    tracers = ("native", "heapdelta", "sample-512k", "heaptrack", "hook")

    def __init__(self, name, group, program, arguments, events, core=None):
        super().__init__(name)
        self.group, self.program, self.arguments, self.events, self.core = group, program, arguments, events, core

    def command(self, bench, events):
        return [bench.program(self.program), *(str(events) if argument == "N" else argument for argument in self.arguments)]

    def measure(self, bench, tracer, first):
        many = bench.scaled(self.events)
        few = many // 10
        start, _ = bench.traced(tracer, self.command(bench, few), core=self.core)
        cost, seen = bench.traced(tracer, self.command(bench, many), core=self.core, least=many if first else None)
        return {
            "cpu": cost.cpu, "wall": cost.wall, "rss_kib": cost.rss_kib, "seen": seen,
            "cpu_ns": (cost.cpu - start.cpu) / (many - few) * 1e9,
            "wall_ns": (cost.number() * many - start.number() * few) / (many - few),
        }


class Program(Case):
    """A real program from start to end."""

    group, tracers = "programs", REAL

    def __init__(self, name, command, variables=None, package=None):
        super().__init__(name)
        self.make_command, self.variables, self.package = command, variables or {}, package

    def prepare(self, bench):
        self.command = self.make_command(bench)
        if not self.command[0] or not shutil.which(self.command[0]):
            raise Failed(f"{self.command[0] or self.name} is not installed")

    def measure(self, bench, tracer, first):
        cost, seen = bench.traced(tracer, self.command, self.variables, least=1 if first else None)
        return {"cpu": cost.cpu, "wall": cost.wall, "rss_kib": cost.rss_kib, "seen": seen}


class Redis(Case):
    """redis-server under redis-benchmark, which runs untraced and on another core; the CPU is the server's alone, the wall the client's."""

    group, tracers = "programs", REAL

    def prepare(self, bench):
        for program in ("redis-server", "redis-benchmark", "redis-cli"):
            if not shutil.which(program):
                raise Failed(f"{program} is not installed")
        self.socket = os.path.join(bench.scratch, "redis")

    def client(self, *command):
        return subprocess.run(command[:1] + ("-s", self.socket) + command[1:], capture_output=True, text=True, check=False)

    def load(self, bench):
        begin = time.monotonic()
        for tests, requests in (("set,get,lpush,hset,zadd", 100_000), ("lrange_100", 10_000)):
            options = ["-q", "-t", tests, "-n", str(bench.scaled(requests)), "-d", "64", "-r", "50000", "-P", "16"]
            done = self.client("redis-benchmark", *options)
            if done.returncode:
                raise Failed(f"redis-benchmark: {done.stderr.strip()}")
        return time.monotonic() - begin

    def measure(self, bench, tracer, first):
        command = ["redis-server", "--port", "0", "--unixsocket", self.socket, "--save", "", "--appendonly", "no", "--dir", bench.scratch]
        running = bench.begin(tracer, command)
        try:
            while self.client("redis-cli", "ping").stdout.strip() != "PONG":
                if running.process.poll() is not None:
                    break
                time.sleep(0.02)
            wall = self.load(bench)
        finally:
            self.client("redis-cli", "shutdown", "nosave")
            cost, seen = bench.end(running, least=1 if first else None)
        return {"cpu": cost.cpu, "wall": wall, "rss_kib": cost.rss_kib, "seen": seen}


def loops():
    """The tightest loops there are for a tracer, and those that change the stack from one event to the next."""
    for depth in (5, 20, 50):
        yield Loop(f"pairs-{depth}", "pairs", "pairs", [str(depth), "N"], 2_000_000)
    for depth in (5, 20, 50):
        yield Loop(f"pairs-fp-{depth}", "pairs", "pairs-fp", [str(depth), "N"], 2_000_000)
    for sites in (2, 8, 64):
        yield Loop(f"sites-{sites}", "stacks", "sites", [str(sites), "1", "N"], 1_000_000)
    yield Loop("depths-8", "stacks", "sites", ["1", "8", "N"], 1_000_000)
    yield Loop("pairs-500", "stacks", "pairs", ["500", "N"], 200_000)
    yield Loop("recursion-500", "stacks", "recursion", ["500", "N"], 200_000)
    yield Loop("live-5M", "stacks", "live", ["1000", "small", "free", "N"], 5_000_000)


def threads():
    for count in (1, 2, 4, 8):
        yield Loop(f"threads-{count}", "threads", "threads", [str(count), "N"], 2_000_000, core="-")
    yield Loop("churn", "churn", "churn", ["4", "N"], 20_000)


def programs():
    c_file = lambda bench: inputs.c_source(bench.scratch, bench.scaled(40))  # noqa: E731
    yield Program("cpython", lambda b: ["/usr/bin/python3", "-S", b.source("programs/json-loop.py"), str(b.scaled(60))], {"PYTHONMALLOC": "malloc"})
    yield Program("sqlite3", lambda b: ["/usr/bin/sqlite3", ":memory:", ".read " + inputs.sql(b.scratch, b.source("programs/queries.sql"), b.scaled(200_000))])
    yield Program("gcc", lambda b: [compiler_proper(), "-O2", "-quiet", c_file(b), "-o", "/dev/null"])
    yield Program("clang", lambda b: ["clang", "-O2", "-c", c_file(b), "-o", "/dev/null"])
    yield Program("git-log", lambda b: ["git", "--git-dir", inputs.repository(b.scratch, b.scaled(1500)), "log", "-p", "--no-color"])
    yield Program("perl", lambda b: ["/usr/bin/perl", b.source("programs/words.pl"), str(b.scaled(80))])
    yield Program("xmllint", lambda b: ["xmllint", "--noout", inputs.xml(b.scratch, b.scaled(20))])
    yield Redis("redis")


def compiler_proper():
    """gcc's cc1: the driver would only start it."""
    found = subprocess.run(["gcc", "-print-prog-name=cc1"], capture_output=True, text=True, check=False)
    return found.stdout.strip()
