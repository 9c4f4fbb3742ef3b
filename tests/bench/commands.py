# SPDX-License-Identifier: MIT
"""What heapdelta's own commands cost: a snapshot of a running process, a comparison, and symbols beside other tools for the same addresses."""
import json
import os
import shlex
import shutil
import subprocess
import time

import inputs
import tracers
from meter import Failed
from workloads import Case


class Command(Case):
    """Not tracers are compared here but commands, by name: {name: function(bench) -> command}."""

    group = "commands"

    def commands(self):
        raise NotImplementedError

    def subjects(self, at_hand):
        return self.commands()

    def measure(self, bench, command, first):
        arguments = command(bench)
        if not shutil.which(arguments[0]):
            raise Failed(f"{arguments[0]} is not installed")
        cost = bench.meter.run(arguments)
        return {"wall": cost.wall, "cpu": cost.cpu, "rss_kib": cost.rss_kib}


class Snapshot(Command):
    """`heapdelta snapshot --no-symbols PID` of a process with a million live blocks."""

    limits = [("heapdelta.wall.median", 0.1)]

    def commands(self):
        return {"heapdelta": None}

    def measure(self, bench, command, first):
        blocks, place = bench.scaled(1_000_000), os.path.join(bench.scratch, "snapshot.hds")
        tracer = bench.heapdelta()
        running = bench.begin(tracer, [bench.program("live"), "1000", "mixed", "wait", str(blocks)])
        pid = wait_for_number(running.process)
        try:
            cost = bench.meter.run([tracer.program, "snapshot", "-q", "--no-symbols", "-o", place, pid])
        finally:
            os.kill(int(pid), 15)
            with bench.ended(running, statuses=(15,)):
                pass
        if tracer.info_of(place)["totals"]["live_blocks"] < blocks:
            raise Failed("the snapshot misses blocks")
        return {"wall": cost.wall, "cpu": cost.cpu, "rss_kib": cost.rss_kib}


def wait_for_number(process):
    """The first line of what a program under the meter prints."""
    for _ in range(6000):
        with open(process.files["stdout"], encoding="ascii") as file:
            line = file.readline()
        if line.endswith("\n"):
            return line.strip()
        if process.poll() is not None:
            break
        time.sleep(0.01)
    raise Failed("the traced program did not get ready")


class Diff(Command):
    """`heapdelta diff` of two symbolised snapshots with 100 000 stacks of 30 frames."""

    limits = [("heapdelta.wall.median", 1), ("heapdelta.rss_per_file.median", 3)]

    def commands(self):
        return {"heapdelta": lambda bench: [bench.heapdelta().program, "diff", *self.files]}

    def prepare(self, bench):
        done = subprocess.run([bench.program("make-snapshots"), bench.scratch, str(bench.scaled(100_000))], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"make-snapshots: {done.stderr.strip()}")
        self.files = [os.path.join(bench.scratch, name) for name in ("old.hds", "new.hds")]

    def measure(self, bench, command, first):
        cost = super().measure(bench, command, first)
        return {**cost, "rss_per_file": cost["rss_kib"] * 1024 / sum(map(os.path.getsize, self.files))}


class Symbols(Command):
    """Function, file, line and inlined calls of 50 000 addresses of a program with debug information.

    heapdelta reads its raw snapshot of a run of the program and prints every stack by its lines; heaptrack's interpreter reads what its hook
    recorded of the same run; llvm-symbolizer and addr2line get the bare addresses.  `without-symbols` is heapdelta's reading and printing alone.
    Before anything is timed, lines are compared.
    """

    limits = [("heapdelta.cpu.ratio-to.heaptrack_interpret", 1), ("heapdelta.cpu.ratio-to.llvm-symbolizer", 1)]

    def commands(self):
        return {
            "heapdelta": lambda bench: shell("{} stats -k traceback -n 0 --attribute raw --format csv {}", bench.heapdelta().program, self.raw),
            "without-symbols": lambda bench: shell("{} stats --no-symbols -k traceback -n 0 --attribute raw --format csv {}", bench.heapdelta().program, self.raw),
            "llvm-symbolizer": lambda bench: shell("{} --inlines --obj={} <{}", "llvm-symbolizer", self.program, self.addresses),
            "addr2line": lambda bench: shell("{} -f -i -C -e {} <{}", "addr2line", self.program, self.addresses),
            "heaptrack_interpret": lambda bench: shell("{} <{}", tracers.heaptrack_file("heaptrack_interpret") or "heaptrack_interpret", self.hooked),
        }

    def prepare(self, bench):
        heapdelta, sites = bench.heapdelta(), bench.scaled(50_000)
        self.program = inputs.many_sites(f"{bench.build}/tests/bench", sites)
        self.raw, self.addresses, self.hooked = (os.path.join(bench.scratch, name) for name in ("sites.hds", "sites.addresses", "sites.heaptrack"))
        bench.meter.run([self.program], {**heapdelta.environment(bench.scratch), "HEAPDELTA_OUTPUT": self.raw})
        hook = tracers.heaptrack_file("libheaptrack_preload.so")
        if hook:
            bench.meter.run([self.program], {"LD_PRELOAD": hook, "DUMP_HEAPTRACK_OUTPUT": self.hooked})
        calls, lines = self.call_sites(heapdelta)
        if len(set(calls)) < sites:
            raise Failed(f"{len(set(calls))} addresses in place of {sites}")
        inputs.write(self.addresses, "".join(f"{call:#x}\n" for call in calls))
        self.compare_lines(lines)

    def call_sites(self, heapdelta):
        """The innermost address of each stack inside the program (of the call, not behind it) and heapdelta's FILE:LINE of it."""
        raw, named = exported(heapdelta, self.raw, "--no-symbols"), exported(heapdelta, self.raw)
        name = os.path.basename(self.program) + "+0x"
        found = [(int(trace["frames"][0][0][len(name):], 16) - 1, "{}:{}".format(*with_lines["frames"][0][:2]))
                 for trace, with_lines in zip(raw, named) if trace["frames"][0][0].startswith(name)]
        return [call for call, _ in found], [line for _, line in found]

    def compare_lines(self, lines):
        if not shutil.which("llvm-symbolizer"):
            return
        with open(self.addresses, encoding="ascii") as addresses:
            done = subprocess.run(["llvm-symbolizer", "--inlines", f"--obj={self.program}"], stdin=addresses, capture_output=True, text=True, check=True)
        theirs = [answer.splitlines()[1].rsplit(":", 1)[0] for answer in done.stdout.strip().split("\n\n")]
        same = sum(a == b for a, b in zip(lines, theirs))
        if len(theirs) != len(lines) or same < 0.99 * len(lines):
            raise Failed(f"llvm-symbolizer says the same line for {same} of {len(lines)} addresses only")


def exported(heapdelta, snapshot, *options):
    done = subprocess.run([heapdelta.program, "export", "--format", "json", *options, snapshot], capture_output=True, check=True)
    return json.loads(done.stdout)["traces"]


def shell(text, *paths):
    """A command line with quoted paths whose output goes nowhere."""
    return ["/bin/sh", "-c", "exec " + text.format(*map(shlex.quote, paths)) + " >/dev/null"]


def commands():
    yield Snapshot("snapshot-1M-blocks")
    yield Diff("diff-100k-stacks")
    yield Symbols("symbols-50k")
