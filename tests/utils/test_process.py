"""Age and peak memory of a process, compared with measurements from outside."""

import subprocess
import sys
import time

from mosaickd_tf.utils import process

SCRIPT = (
    "from mosaickd_tf.utils import process as p; {} print(p.peak_bytes(), p.seconds_since_start())"
)


def run_in_subprocess(statement):
    """Returns peak memory and age of a new process after a statement."""
    code = SCRIPT.format(statement)
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    peak, seconds = finished.stdout.split()
    return int(peak), float(seconds)


def test_the_age_of_a_process_includes_python_s_start():
    began = time.monotonic()
    _, seconds = run_in_subprocess("")
    around = time.monotonic() - began
    # The kernel counts in hundredths of a second.
    assert 0.3 * around < seconds < around + 0.02


def test_released_memory_counts():
    baseline = run_in_subprocess("")[0]
    released = run_in_subprocess("a = bytes(range(256)) * 2**18; del a;")[0]
    assert abs(released - baseline - 2**26) < 2**23


def test_the_memory_of_the_parent_process_does_not_count():
    block = bytes(range(256)) * 2**19
    assert run_in_subprocess("")[0] < len(block) < process.peak_bytes()
