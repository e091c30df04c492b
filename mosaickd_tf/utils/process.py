"""Age and peak memory of this process, without TensorFlow."""

import pathlib
import time


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
