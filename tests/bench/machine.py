# SPDX-License-Identifier: MIT
"""Where the figures come from: the machine, and the version of everything that is measured or measured with."""
import os
import platform
import re
import subprocess

COMMANDS = {
    "heaptrack": ["heaptrack", "--version"], "gcc": ["gcc", "--version"], "clang": ["clang", "--version"], "git": ["git", "--version"],
    "python3": ["/usr/bin/python3", "--version"], "sqlite3": ["sqlite3", "--version"], "perl": ["perl", "-e", "print $^V"],
    "redis-server": ["redis-server", "--version"], "xmllint": ["xmllint", "--version"], "llvm-symbolizer": ["llvm-symbolizer", "--version"],
    "addr2line": ["addr2line", "--version"], "zstd": ["zstd", "--version"],
}


def first_line(command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    except OSError:
        return None
    return next((line.strip() for line in done.stdout.splitlines() if re.search(r"\d", line)), None)


def load():
    return list(os.getloadavg())


def describe():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        cpu = re.search(r"model name\s*:\s*(.*)", file.read())
    with open("/proc/meminfo", encoding="ascii") as file:
        memory = int(re.search(r"MemTotal:\s*(\d+)", file.read()).group(1))
    return {
        "cpu": cpu.group(1) if cpu else platform.machine(), "cores": os.cpu_count(), "memory_kib": memory,
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}", "load": {"before": load()},
    }


def versions(build):
    found = {"heapdelta": first_line([f"{build}/heapdelta", "--version"]), "glibc": " ".join(platform.libc_ver())}
    commit = first_line(["git", "-c", "safe.directory=*", "-C", os.path.dirname(os.path.abspath(__file__)), "describe", "--always", "--dirty"])
    return {**found, "commit": commit, **{name: first_line(command) for name, command in COMMANDS.items()}}
