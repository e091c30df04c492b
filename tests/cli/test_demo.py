"""`bin/demo`: wrong requests, and that Ctrl-C ends it in order."""

import contextlib
import http.client
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

import pytest

from mosaickd_tf import demo as library
from mosaickd_tf.cli import demo
from tests.cli import call
from tests.demo import write_packages, write_run
from tests.report import result
from tests.report import write_run as write_bare_run

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    write_run(folder)
    return folder


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Stands for what npm brings."""
    folder = write_packages(tmp_path / "packages")
    monkeypatch.setattr(library, "runtime", lambda cache_dir: folder)


@pytest.mark.parametrize(
    "words, expected",
    [
        ([], "--workdir is needed"),
        (["--workdir={}/no run"], "result.json"),
        (["--workdir={}/run"], "bin/export writes them"),
        (["--workdir={}/run", "--port=65536"], "Expected at most 65535. Received: port=65536"),
        (["--workdir={}/run", "--port=any"], "Expected an integer. Received: --port=any"),
    ],
    ids=str,
)
def test_a_wrong_request_is_one_line(capsys, tmp_path, packages, words, expected):
    write_bare_run(tmp_path / "run", result())
    assert call(demo, *(word.replace("{}", str(tmp_path)) for word in words)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("bin/demo: ")
    assert expected in line


def test_a_port_that_is_taken_is_told(capsys, run, packages):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert call(demo, f"--workdir={run}", f"--port={port}") == 2
    assert f"--port={port} (Address already in use)" in capsys.readouterr().err


def test_without_npm_the_command_says_what_to_install(capsys, run, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert call(demo, f"--workdir={run}", f"--cache_dir={tmp_path / 'cache'}") == 2
    assert "apt-get install npm" in capsys.readouterr().err


@contextlib.contextmanager
def killed_after(process):
    """Stops the server when a test fails."""
    try:
        yield
    finally:
        process.kill()


@pytest.mark.slow
def test_it_serves_until_ctrl_c_without_npm_when_the_cache_has_what_it_needs(run, tmp_path):
    lock = library.packages.lock_name()
    write_packages(tmp_path / "cache" / lock / "node_modules")
    words = [f"--workdir={run}", f"--cache_dir={tmp_path / 'cache'}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "mosaickd_tf.cli.demo", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": str(tmp_path)},
        # Where the tests run in the background, Ctrl-C is ignored, and so it would be by a child.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    with process, killed_after(process):
        said = process.stdout.readline()
        port = int(re.fullmatch(r"The page is http://127\.0\.0\.1:(\d+)/ \(.*\)\n", said).group(1))
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/models/student_float32.tflite")
        there = (run / "export" / "student_float32.tflite").read_bytes()
        assert connection.getresponse().read() == there
        connection.close()
        process.send_signal(signal.SIGINT)
        rest, err = process.communicate(timeout=60)
    assert (process.returncode, rest, err) == (0, "stopped\n", "")
