"""The start of a process and its memory, as another process sees them."""

import subprocess
import sys
import time

from mosaickd_tf.utils import process

HOG = (
    "from mosaickd_tf.utils import process as p; {} print(p.peak_bytes(), p.seconds_since_start())"
)


def told_by_a_child(statement):
    """What a new process tells of itself after a statement."""
    code = HOG.format(statement)
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    peak, seconds = said.stdout.split()
    return int(peak), float(seconds)


def test_the_start_of_a_process_is_before_its_first_line():
    began = time.monotonic()
    _, seconds = told_by_a_child("")
    around = time.monotonic() - began
    # The kernel counts in hundredths of a second.
    assert 0.3 * around < seconds < around + 0.02


def test_memory_counts_though_it_was_given_back():
    kept = told_by_a_child("")[0]
    given_back = told_by_a_child("a = bytes(range(256)) * 2**18; del a;")[0]
    assert abs(given_back - kept - 2**26) < 2**23


def test_the_memory_of_the_process_that_started_it_does_not_count():
    hog = bytes(range(256)) * 2**19
    assert told_by_a_child("")[0] < len(hog) < process.peak_bytes()
