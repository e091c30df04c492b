"""Age and memory of this process, without TensorFlow."""

import os
import pathlib
import resource
import time

_CGROUP_LIMITS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)


def seconds_since_start():
    """Returns the seconds since this process started, including Python's own start."""
    fields = pathlib.Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    started = int(fields[19]) / 100  # in ticks since boot, USER_HZ is 100
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def peak_bytes():
    """Returns the peak resident memory of this process in bytes.

    Not `ru_maxrss`, which starts at the value of the parent process.
    """
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    peak = next(line for line in lines if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * 1024


def memory_limit():
    """Returns the bytes of memory that this process may use: of the machine, or a limit below."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    limits += filter(None, map(_number_in, _CGROUP_LIMITS))
    limits += [
        soft
        for soft, _ in map(resource.getrlimit, (resource.RLIMIT_AS, resource.RLIMIT_DATA))
        if soft != resource.RLIM_INFINITY
    ]
    return min(limits)


def _number_in(path):
    """Returns the number in a file, or None where there is no such file or another word."""
    try:
        return int(pathlib.Path(path).read_text())
    except (OSError, ValueError):
        return None
