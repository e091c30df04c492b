"""Files checked in a subprocess: a fault that ends it does not end this process."""

import io
import pathlib
import zipfile

import h5py
import numpy as np
import pytest

from mosaickd_tf.errors import RequestError
from mosaickd_tf.vetting import check_worker, subprocess_check
from tests.vetting.bad_hdf5 import NOT_STORED


def archive(path, build, **options):
    """Writes a zip with a model.weights.h5 that `build` fills."""
    packed = io.BytesIO()
    with h5py.File(packed, "w") as file:
        build(file)
    with zipfile.ZipFile(path, "w") as new:
        new.writestr("model.weights.h5", packed.getvalue())
    return path


def empty(file):
    pass


def refusal(path):
    with pytest.raises(RequestError) as caught:
        subprocess_check.examine_weights(path)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert "Expected" in message and repr(str(path)) in message
    return message


def test_complete_weights_are_accepted(tmp_path):
    def build(file):
        file.create_dataset("layers/dense/vars/0", data=np.ones((3, 2)))

    subprocess_check.examine_weights(archive(tmp_path / "1.keras", build))


@pytest.mark.parametrize("build", NOT_STORED, ids=lambda build: build.__name__.strip("_"))
def test_weights_that_are_not_in_the_file_are_refused(tmp_path, build):
    assert NOT_STORED[build] in refusal(archive(tmp_path / "1.keras", build))


def test_a_file_that_crashes_its_reader_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(
        subprocess_check, "_WORKER", ["-c", "import os, signal; os.kill(os.getpid(), 11)"]
    )
    assert "its reader crashed, SIGSEGV" in refusal(archive(tmp_path / "1.keras", empty))


def test_a_file_that_exceeds_the_time_limit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess_check, "_WORKER", ["-c", "while True: pass"])
    monkeypatch.setattr(subprocess_check, "SECONDS", 0.2)
    assert "more than 0.2 seconds" in refusal(archive(tmp_path / "2.keras", empty))


def test_a_reader_that_prints_nothing_has_failed(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess_check, "_WORKER", ["-c", "raise SystemExit(1)"])
    assert "its reader failed" in refusal(archive(tmp_path / "3.keras", empty))


def test_memory_is_limited(tmp_path):
    """Sets the limit in a subprocess, so that this process keeps its own."""
    words = (
        "import sys; from mosaickd_tf.vetting import check_worker as worker; "
        "worker.MEMORY['weights'] = 2**28; worker._CHECKS['weights'] = lambda path: bytes(2**29); "
        "worker.main('weights', sys.argv[2])"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess_check, "_WORKER", ["-P", "-c", words])
        assert "bytes of memory" in refusal(archive(tmp_path / "4.keras", empty))


def test_a_file_is_checked_once_while_its_content_is_the_same(tmp_path, monkeypatch):
    path = archive(tmp_path / "5.keras", lambda file: file.create_group("once"))
    subprocess_check.examine_weights(path)
    monkeypatch.setattr(
        subprocess_check.subprocess, "run", lambda *_, **__: pytest.fail("checked again")
    )
    subprocess_check.examine_weights(path)


def test_a_missing_tflite_file_is_refused(tmp_path):
    with pytest.raises(RequestError, match="No such file.*none.tflite"):
        subprocess_check.examine_tflite(tmp_path / "none.tflite")


def test_the_worker_prints_the_fault(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(check_worker.resource, "setrlimit", lambda *_: None)
    whole = archive(tmp_path / "1.keras", lambda file: file.create_group("g"))
    check_worker.main("weights", str(whole))
    (tmp_path / "2.keras").write_bytes(b"no zip")
    check_worker.main("weights", str(tmp_path / "2.keras"))
    assert capsys.readouterr().out == "ok\nFile is not a zip file\n"
    assert pathlib.Path(check_worker.__file__).name == "check_worker.py"
