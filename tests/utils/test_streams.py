"""Standard streams of a process: closed, of ASCII only, without a reader, on a full device."""

import os
import subprocess
import sys

import pytest

from mosaickd_tf.utils import environment

SET_UP = "from mosaickd_tf.utils import streams; streams.set_up(); import os, sys\n"


def run(code, redirections="", **variables):
    """Runs code after `streams.set_up` in a new process, through a shell."""
    command = f'exec "$0" -c "$1" {redirections}'
    return subprocess.run(
        ["bash", "-c", command, sys.executable, SET_UP + code],
        env={**environment.of_child(), **variables},
        capture_output=True,
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams_take_text_and_files_keep_their_own_numbers(tmp_path, closed):
    code = (
        "print('out', flush=True); print('err', file=sys.stderr); assert sys.stdin.read() == ''\n"
        f"file = open({str(tmp_path / 'file')!r}, 'w'); assert file.fileno() > 2\n"
        "os.write(1, b''); os.write(2, b''); file.write(str(file.fileno()))"
    )
    end = run(code, f"</dev/null {closed}")
    assert end.returncode == 0, end.stderr
    assert (tmp_path / "file").read_text().isdigit()


def test_a_descriptor_that_can_only_be_read_counts_as_closed():
    end = run("print('out'); print('err', file=sys.stderr)", "2</dev/null")
    assert (end.returncode, end.stdout) == (0, b"out\n")


def test_characters_that_an_encoding_lacks_are_escaped():
    end = run("print('caf\\u00e9 \\u65e5 \\udcff')", PYTHONIOENCODING="ascii")
    assert (end.returncode, end.stdout) == (0, rb"caf\xe9 \u65e5 \udcff" + b"\n")


def test_without_a_reader_the_work_goes_on():
    code = (
        "r, w = os.pipe(); os.dup2(w, 1); os.close(w); os.close(r)\n"
        "print('lost'); print('lost too', flush=True)\n"
        "print(streams.reader_left(), file=sys.stderr)"
    )
    end = run(code)
    assert (end.returncode, end.stderr) == (0, b"True\n")


def test_a_full_device_is_an_error():
    end = run("print('text', flush=True)", ">/dev/full")
    assert b"No space left on device" in end.stderr


def test_output_goes_out_line_by_line():
    end = run("print('first'); os.write(1, b'second\\n')")
    assert end.stdout == b"first\nsecond\n"
    assert os.linesep == "\n"
