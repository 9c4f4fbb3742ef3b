# SPDX-License-Identifier: MIT
"""One run of the benchmark: its settings, its scratch directory, and commands under tracers.

Settings come from the environment, as make passes them: BENCH (names or groups, all without it), ROUNDS, CORE, QUICK (a twentieth of every
size, one round), BUILD, OUT (the JSON file).
"""
import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass

import tracers
from meter import Meter

HERE = os.path.dirname(os.path.abspath(__file__))


@dataclass
class Running:
    tracer: object
    place: str
    process: object


class Bench:
    def __init__(self, environ):
        self.build = os.path.abspath(environ.get("BUILD") or "build")
        self.quick = environ.get("QUICK", "0") not in ("", "0")
        self.rounds = int(environ.get("ROUNDS") or (1 if self.quick else 5))
        self.core = environ.get("CORE") or str(max(os.sched_getaffinity(0)))
        self.picked = environ.get("BENCH", "").split()
        self.out = environ.get("OUT") or f"{self.build}/bench.json"
        self.scratch = tempfile.mkdtemp(prefix="heapdelta-bench.")
        # Where trace files lie by default; in a directory of ours, so that a run that is killed leaves nothing that is swept by others.
        shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else self.scratch
        self.traces = tempfile.mkdtemp(prefix="heapdelta-bench.", dir=shared)
        self.meter = Meter(self.program("meter"), self.scratch, self.core, plain_environment(environ, self.scratch))

    def close(self):
        self.meter.close()
        shutil.rmtree(self.scratch, ignore_errors=True)
        shutil.rmtree(self.traces, ignore_errors=True)

    def program(self, name):
        return f"{self.build}/tests/bench/{name}"

    def source(self, name):
        return os.path.join(HERE, name)

    def scaled(self, size):
        return max(1, size // 20) if self.quick else size

    def heapdelta(self):
        return tracers.Heapdelta(self.build, self.traces)

    def begin(self, tracer, command, variables=None, core=None):
        place = tempfile.mkdtemp(dir=self.scratch)
        environment = {**(variables or {}), **tracer.environment(place)}
        return Running(tracer, place, self.meter.start(tracer.command(command, place), environment, core=core))

    def end(self, running, least=None):
        """(cost, number of allocations that the tracer has on record); it must have LEAST, None: it is not asked."""
        with self.ended(running) as cost:
            return cost, None if least is None else running.tracer.seen(running.place, least)

    @contextlib.contextmanager
    def ended(self, running, statuses=(0,)):
        """Waits for the end; what the tracer left in running.place lives as long as the context."""
        try:
            yield self.meter.finish(running.process, statuses)
        finally:
            shutil.rmtree(running.place, ignore_errors=True)

    def traced(self, tracer, command, variables=None, core=None, least=None):
        return self.end(self.begin(tracer, command, variables, core), least)


def plain_environment(environ, home):
    """What every command sees: nothing of the caller's that changes what it does."""
    kept = {name: environ[name] for name in ("PATH", "TMPDIR") if name in environ}
    return {**kept, "LC_ALL": "C.UTF-8", "HOME": home, "PYTHONHASHSEED": "0", "GIT_CONFIG_NOSYSTEM": "1", "GIT_PAGER": "cat"}
