"""What the system tells of this process, without TensorFlow."""

import pathlib
import time


def seconds_since_start():
    """Seconds since this process was started, the time before Python's first line with it."""
    fields = pathlib.Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    started = int(fields[19]) / 100  # in ticks since the machine's start, USER_HZ is 100
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def peak_bytes():
    """The most memory that this process had at any time, in bytes.

    Not `ru_maxrss`, which starts at what the process had that started this one.
    """
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    peak = next(line for line in lines if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * 1024
