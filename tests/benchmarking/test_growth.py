"""Growth of a round: each point is a command with one option varied."""

import json
import subprocess

import pytest

from mosaickd_tf.benchmarking import growth
from mosaickd_tf.config import BenchmarkConfig
from mosaickd_tf.errors import RunError

CONFIG = BenchmarkConfig(teacher="wrn10_1", student="wrn10_1", batch_size=4, growth="somewhere")


def flags(command):
    return dict(word.removeprefix("--").split("=", 1) for word in command if "=" in word)


@pytest.fixture
def commands(monkeypatch):
    """Records the commands; each writes a round of one second."""
    recorded = []

    def run(command, **_):
        options = flags(command)
        recorded.append(options)
        numbers = {name: int(options[name]) for name in growth.SWEEPS}
        point = {
            "asked": {"method": "mosaic", "teacher": "a", "student": "b"} | numbers,
            "precision": "float32",
            "seconds_per_round": 1.0,
            "peak_bytes": 10**9,
            "versions": {"machine": {"gpus": [], "processor": "a processor", "cores": 2}},
        }
        with open(options["json"], "w") as file:
            json.dump(point, file)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(growth.subprocess, "run", run)
    return recorded


def test_one_option_is_varied_at_a_time(commands, tmp_path):
    page = growth.measure_growth(CONFIG, tmp_path)
    points = [tuple(int(options[name]) for name in growth.SWEEPS) for options in commands]
    assert points == [
        *((batch, 32, 100) for batch in (16, 64, 128, 256)),
        *((4, side, 100) for side in (32, 64, 128)),
        *((4, 32, classes) for classes in (10, 100, 1000)),
    ]
    assert all(each["teacher"] == "wrn10_1" and "growth" not in each for each in commands)
    saved = json.loads((tmp_path / "growth.json").read_text())
    assert [len(points) for points in saved.values()] == [4, 3, 3]
    assert page.read_text().startswith("<!DOCTYPE html>")


def test_a_failed_point_raises_with_the_reason(monkeypatch, tmp_path):
    failed = subprocess.CompletedProcess([], 3, "", "bin/benchmark: no room\n")
    monkeypatch.setattr(growth.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(RunError, match="batch_size=16.*no room"):
        growth.measure_growth(CONFIG, tmp_path)
    assert not (tmp_path / "growth.json").exists()
