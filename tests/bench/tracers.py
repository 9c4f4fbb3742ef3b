# SPDX-License-Identifier: MIT
"""The tracers that are compared: what each puts around a command, and what proves afterwards that it traced.

    native     nothing
    heapdelta  the library alone, by LD_PRELOAD: records, and writes a raw snapshot at exit
    run        `heapdelta run`: the same, and the snapshot gets its symbols: what heaptrack's pipeline does
    heaptrack  `heaptrack`: hook, interpreter, compressor
    hook       heaptrack's hook alone, its output to /dev/null
    sample-N   heapdelta, sampling every N bytes on average

`seen` returns how many allocations the tracer has on record and raises Failed if it has none, or lost some.
"""
import glob
import json
import os
import subprocess

from meter import Failed


class Tracer:
    """A program as it is: every other tracer changes some of this."""

    name = "native"
    exact = False  # `seen` counts every allocation

    def environment(self, place):
        return {}

    def command(self, command, place):
        return command

    def seen(self, place):
        return 0


class Heapdelta(Tracer):
    name, exact = "heapdelta", True

    def __init__(self, build, traces):
        self.library, self.program, self.traces = f"{build}/libheapdelta.so", f"{build}/heapdelta", traces

    def environment(self, place):
        return {"LD_PRELOAD": self.library, "HEAPDELTA_OUTPUT": f"{place}/%p.hds", "HEAPDELTA_DIR": self.traces}

    def info(self, place):
        """`heapdelta info` of the snapshot with the most allocations that lies in PLACE."""
        files = glob.glob(f"{place}/*.hds")
        if not files:
            raise Failed("heapdelta left no snapshot")
        answers = [subprocess.run([self.program, "info", "--format", "json", file], capture_output=True, check=True).stdout for file in files]
        return max(map(json.loads, answers), key=lambda answer: answer["totals"]["total_blocks"])

    def seen(self, place):
        totals = self.info(place)["totals"]
        if totals["lost_events"] or not totals["total_blocks"]:
            raise Failed(f"heapdelta recorded {totals['total_blocks']} allocations and lost {totals['lost_events']} events")
        return totals["total_blocks"]


class Run(Heapdelta):
    name = "run"

    def environment(self, place):
        return {"HEAPDELTA_DIR": self.traces}

    def command(self, command, place):
        return [self.program, "run", "-q", "--no-follow", "-o", f"{place}/run.hds", "--", *command]


class Sampling(Heapdelta):
    exact = False

    def __init__(self, build, traces, size, name):
        super().__init__(build, traces)
        self.size, self.name = size, name

    def environment(self, place):
        return {**super().environment(place), "HEAPDELTA_SAMPLE": str(self.size)}

    def usable(self, scratch):
        """Does this library know how to sample?  Older ones ignore the variable."""
        env = {"PATH": os.environ["PATH"], **self.environment(scratch)}
        subprocess.run(["/bin/ls", "/"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        try:
            return self.info(scratch)["recording"]["sample_bytes"] == self.size
        except Failed:
            return False
        finally:
            for file in glob.glob(f"{scratch}/*.hds"):
                os.remove(file)

    def seen(self, place):
        answer = self.info(place)
        if answer["recording"]["sample_bytes"] != self.size:
            raise Failed("this libheapdelta.so does not sample")
        if answer["totals"]["lost_events"]:
            raise Failed(f"heapdelta lost {answer['totals']['lost_events']} events")
        return answer["totals"]["total_blocks"]


class Heaptrack(Tracer):
    name, exact = "heaptrack", True

    def command(self, command, place):
        return ["heaptrack", "-o", f"{place}/heaptrack", *command]

    def seen(self, place):
        for file, cat in ((f"{place}/heaptrack.zst", "zstdcat"), (f"{place}/heaptrack.gz", "zcat")):
            if os.path.exists(file):
                return count_allocations([cat, file])
        raise Failed("heaptrack left no file")


class Hook(Tracer):
    """Nothing is left to look at: `usable` tries once whether the hook writes when it has a file."""

    name = "hook"

    def __init__(self):
        listed = subprocess.run(["dpkg", "-L", "libheaptrack"], capture_output=True, text=True, check=False).stdout.split()
        self.library = next((path for path in listed if path.endswith("/libheaptrack_preload.so")), None)

    def environment(self, place):
        return {"LD_PRELOAD": self.library, "DUMP_HEAPTRACK_OUTPUT": "/dev/null"}

    def usable(self, scratch):
        file = os.path.join(scratch, "hook")
        env = {"LD_PRELOAD": self.library or "", "DUMP_HEAPTRACK_OUTPUT": file}
        subprocess.run(["/bin/ls", "/"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        return os.path.exists(file) and count_allocations(["cat", file]) > 0


def count_allocations(command):
    """Lines of heaptrack's file that begin with "+": one per allocation."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as cat:
        counted = subprocess.run(["grep", "-c", "^+"], stdin=cat.stdout, capture_output=True, text=True, check=False, env={"LC_ALL": "C"})
    if int(counted.stdout or 0) == 0:
        raise Failed("heaptrack recorded no allocation")
    return int(counted.stdout)


def available(build, traces, scratch):
    """Tracers by name, and why the others cannot be had."""
    found, missing = [Tracer(), Heapdelta(build, traces), Run(build, traces)], {}
    for tracer in (Sampling(build, traces, 512 << 10, "sample-512k"), Sampling(build, traces, 64 << 10, "sample-64k")):
        if tracer.usable(scratch):
            found.append(tracer)
        else:
            missing[tracer.name] = "this libheapdelta.so does not sample"
    hook = Hook()
    if hook.usable(scratch):
        found += [Heaptrack(), hook]
    else:
        missing["heaptrack"] = missing["hook"] = "heaptrack is not installed, or its hook records nothing here"
    return {tracer.name: tracer for tracer in found}, missing
