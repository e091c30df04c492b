"""A disk that is full at a checkpoint, at an export, at the report: nothing is lost by it."""

import pathlib
import subprocess

import pytest

from mosaickd_tf.cli import distill, export, report
from tests import tiny
from tests.cli import call

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("eagerly")]


@pytest.fixture
def disk(tmp_path):
    """A disk of its own, and a function that gives it another size."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def size(kib):
        options = f"size={kib}k" if not folder.is_mount() else f"remount,size={kib}k"
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)],
            check=True,
            capture_output=True,
        )

    try:
        size(300)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root may mount a small disk")
    yield folder, size
    subprocess.run(["umount", str(folder)], check=True)


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def fill(folder, spare=8192):
    """Takes all room but some."""
    with (folder / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
        file.truncate(max(0, file.tell() - spare))


def refused(capsys, code):
    out, err = capsys.readouterr()
    assert code == 3, err
    (line,) = err.splitlines()
    assert "No space left on the disk. Files written before are intact" in line


def test_whatever_meets_a_full_disk_ends_with_3_and_goes_on_when_there_is_room(
    disk, tmp_path, capsys
):
    folder, size = disk
    teacher = tmp_path / "teacher.keras"
    tiny.wide_resnet(input_shape=(8, 8, 1)).save(teacher)
    run = [
        *("--target_dataset=embedded:digits", "--ood_dataset=embedded:photos", "--ood_fit=crops"),
        *("--ood_crops_per_picture=8", "--image_size=8", "--channels=1", "--method=kd"),
        *(f"--teacher={teacher}", f"--student={teacher}", "--batch_size=4", "--rounds=2"),
        "--student_steps_per_round=1",
        *(
            "--precision=float32",
            "--exports=keras",
            "--patch_size=4",
            f"--workdir={folder / 'run'}",
        ),
    ]
    refused(capsys, call(distill, *run))
    left = {
        path.name for path in (folder / "run").rglob("*") if path.name.startswith((".", "step"))
    }
    assert left == set()  # half of nothing, and no lock

    size(20_000)
    assert call(distill, *run) == 0
    capsys.readouterr()
    before = contents(folder / "run")
    assert pathlib.Path("report.html") in before
    fill(folder)
    for command, words in ((export, ["--exports=keras"]), (report, [])):
        refused(capsys, call(command, *words, f"--workdir={folder / 'run'}"))
        assert contents(folder / "run") == before
