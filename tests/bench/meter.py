# SPDX-License-Identifier: MIT
"""Runs one command under build/tests/bench/meter and says what it and all processes that it started cost.

CPU is user and system time of all processes, wall is start to end of the last one.  A command that fails, or takes longer than LIMIT
seconds, raises Failed with what it said: a number of something that did not work is no number.
"""
import os
import re
import signal
import subprocess
from dataclasses import dataclass

LIMIT = 900


class Failed(Exception):
    """A measurement that could not be made; the text says why."""


@dataclass(frozen=True)
class Cost:
    cpu: float
    wall: float
    rss_kib: int
    ended: float  # CLOCK_MONOTONIC, seconds
    printed: str

    def number(self):
        """The number that the program printed on a line of its own; tracers print other things to the same place."""
        found = re.search(r"^[0-9]+(\.[0-9]+)?$", self.printed, re.MULTILINE)
        if not found:
            raise Failed("the program printed no number")
        return float(found.group())

    def named(self, name):
        """The number of a line NAME=NUMBER."""
        found = re.search(rf"^{name}=([0-9]+)$", self.printed, re.MULTILINE)
        if not found:
            raise Failed(f"the program did not print {name}")
        return int(found.group(1))


class Meter:
    """Starts commands below one directory of scratch files, bound to one core unless told otherwise."""

    def __init__(self, program, scratch, core, env):
        self.program, self.scratch, self.core, self.env = program, scratch, core, env
        self.count, self.running = 0, []

    def start(self, command, variables=None, directory=None, core=None):
        """A running command, to be ended by `finish`; it leads a process group of its own."""
        self.count += 1
        files = {name: os.path.join(self.scratch, f"{name}-{self.count}") for name in ("stdout", "stderr", "cost")}
        with open(files["stdout"], "wb") as out, open(files["stderr"], "wb") as said:
            process = subprocess.Popen(
                [self.program, files["cost"], core or self.core, *(f"{name}={value}" for name, value in (variables or {}).items()), *command],
                env=self.env, cwd=directory or self.scratch, stdin=subprocess.DEVNULL, stdout=out, stderr=said, start_new_session=True,
            )
        process.files = files
        self.running.append(process)
        return process

    def close(self):
        """Ends what is still running: an interrupted benchmark leaves nothing behind."""
        for process in self.running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def finish(self, process, statuses=(0,)):
        """Waits for the end and returns the Cost."""
        try:
            process.wait(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise Failed(f"took longer than {LIMIT} s") from None
        self.running.remove(process)
        printed, said, cost = (end_of(process.files[name]) for name in ("stdout", "stderr", "cost"))
        if process.returncode != 0 or not cost:
            raise Failed(f"the meter failed: {last_line(said)}")
        wall, user, system, rss, status, _, end = cost.split()
        if int(status) not in statuses:
            raise Failed(f"wait status {status}: {last_line(said) or last_line(printed)}")
        return Cost(float(user) + float(system), float(wall), int(rss), float(end), printed)

    def run(self, command, variables=None, directory=None, core=None, statuses=(0,)):
        return self.finish(self.start(command, variables, directory, core), statuses)


def end_of(path):
    """The last 64 KiB of a file, which is removed; nothing if there is none."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - 65536))
            text = file.read().decode("utf-8", "replace")
        os.remove(path)
        return text
    except FileNotFoundError:
        return ""


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""
