# SPDX-License-Identifier: MIT
"""The tracers that are compared: what each puts around a command, and what proves afterwards that it traced.

    native     nothing
    heapdelta  the library alone, by LD_PRELOAD: records, and writes a raw snapshot at exit
    run        `heapdelta run`: the same, and the snapshot gets its symbols: what heaptrack's pipeline does
    heaptrack  `heaptrack`: hook, interpreter, compressor
    hook       heaptrack's hook alone, its output to /dev/null
    sample-N   heapdelta, sampling every N bytes on average

`seen` returns how many allocations the tracer has on record and raises Failed if it has less than there were at least, or lost some.
"""
import glob
import json
import os
import subprocess

from meter import Failed


class Tracer:
    """A program as it is: every other tracer changes some of this."""

    name = "native"

    def environment(self, place):
        return {}

    def command(self, command, place):
        return command

    def seen(self, place, least=1):
        return None

    def tables(self, place):
        """Bytes of the tracer's tables by its own account, or None."""
        return None


class Heapdelta(Tracer):
    name = "heapdelta"

    def __init__(self, build, traces):
        self.library, self.program, self.traces = f"{build}/libheapdelta.so", f"{build}/heapdelta", traces

    def environment(self, place):
        return {"LD_PRELOAD": self.library, "HEAPDELTA_OUTPUT": f"{place}/%p.hds", "HEAPDELTA_DIR": self.traces}

    def info(self, place):
        """`heapdelta info` of the snapshot with the most allocations that lies in PLACE."""
        files = glob.glob(f"{place}/*.hds")
        if not files:
            raise Failed("heapdelta left no snapshot")
        return max(map(self.info_of, files), key=lambda answer: answer["totals"]["total_blocks"])

    def info_of(self, file):
        return json.loads(subprocess.run([self.program, "info", "--format", "json", file], capture_output=True, check=True).stdout)

    def tables(self, place):
        return self.info(place)["recording"]["trace_bytes"]

    def seen(self, place, least=1):
        totals = self.info(place)["totals"]
        if totals["lost_events"]:
            raise Failed(f"heapdelta lost {totals['lost_events']} events")
        return enough(self, totals["total_blocks"], least)


class Run(Heapdelta):
    name = "run"

    def environment(self, place):
        return {"HEAPDELTA_DIR": self.traces}

    def command(self, command, place):
        return [self.program, "run", "-q", "-o", f"{place}/run.hds", "--", *command]


class Sampling(Heapdelta):
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

    def seen(self, place, least=1):
        """What the samples stand for may be less than there was; a loss is a loss."""
        return super().seen(place, 0)


class Heaptrack(Tracer):
    name = "heaptrack"

    def command(self, command, place):
        return ["heaptrack", "-o", f"{place}/heaptrack", *command]

    def seen(self, place, least=1):
        for file, cat in ((f"{place}/heaptrack.zst", "zstdcat"), (f"{place}/heaptrack.gz", "zcat")):
            if os.path.exists(file):
                return enough(self, count_allocations([cat, file]), least)
        raise Failed("heaptrack left no file")


class Hook(Tracer):
    """Nothing is left to look at: `usable` tries once whether the hook writes when it has a file."""

    name = "hook"

    def __init__(self):
        self.library = heaptrack_file("libheaptrack_preload.so")

    def environment(self, place):
        return {"LD_PRELOAD": self.library, "DUMP_HEAPTRACK_OUTPUT": "/dev/null"}

    def usable(self, scratch):
        file = os.path.join(scratch, "hook")
        if not self.library:
            return False
        env = {"LD_PRELOAD": self.library, "DUMP_HEAPTRACK_OUTPUT": file}
        subprocess.run(["/bin/ls", "/"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        return os.path.exists(file) and count_allocations(["cat", file]) > 0


def heaptrack_file(name):
    """Where Debian has put a file of heaptrack's, or None."""
    try:
        listed = subprocess.run(["dpkg", "-L", "libheaptrack"], capture_output=True, text=True, check=False).stdout.split()
    except FileNotFoundError:
        return None
    return next((path for path in listed if os.path.basename(path) == name), None)


def count_allocations(command):
    """Lines of heaptrack's file that begin with "+": one per allocation."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as cat:
        counted = subprocess.run(["grep", "-c", "^+"], stdin=cat.stdout, capture_output=True, text=True, check=False, env={"LC_ALL": "C"})
    return int(counted.stdout or 0)


def enough(tracer, found, least):
    if found < least:
        raise Failed(f"{tracer.name} has {found} allocations on record, of at least {least}")
    return found


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
