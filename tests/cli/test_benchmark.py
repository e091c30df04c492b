"""`bin/benchmark` in this process: the table, the file of numbers, wrong requests."""

import json

import pytest

from mosaickd_tf.cli import benchmark
from tests.cli import call

pytestmark = pytest.mark.usefixtures("eagerly")

SMALL = [
    "--teacher=wrn10_1",
    "--student=wrn10_1",
    "--num_classes=3",
    "--image_size=8",
    "--batch_size=2",
    "--student_steps_per_round=1",
    "--rounds=2",
    "--precision=float32",
]


@pytest.mark.slow
def test_the_numbers_are_printed_and_written(tmp_path, capsys):
    path = tmp_path / "out" / "round.json"
    assert call(benchmark, *SMALL, "--method=kd", f"--json={path}") == 0
    out, err = capsys.readouterr()
    assert err == ""
    numbers = json.loads(path.read_text())
    assert numbers["asked"]["method"] == "kd"
    assert f"{numbers['seconds_per_round']:.3f}" in out
    assert "kd, wrn10_1 to wrn10_1" in out
    for name in ("images_per_second", "peak_bytes", "first_round_seconds"):
        assert numbers[name] > 0
    assert numbers["precision"] == "float32"


@pytest.mark.parametrize(
    "wrong, named",
    [
        ("--teacher=wrn41_2", "wrn41_2"),
        ("--rounds=0", "rounds"),
        ("--batch_size=1", "batch_size"),
        ("--precision=float8", "precision"),
        ("--image_size=7", "image_size"),
    ],
)
def test_a_wrong_request_is_one_line(capsys, wrong, named):
    assert call(benchmark, *SMALL, wrong) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1 and named in err


def test_the_page_of_growth_is_named(capsys, monkeypatch):
    from mosaickd_tf import benchmarking

    monkeypatch.setattr(benchmarking, "measure_growth", lambda config, folder: f"{folder}/page")
    assert call(benchmark, "--growth=there") == 0
    assert capsys.readouterr().out == "wrote there/page\n"
