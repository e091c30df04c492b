"""Two runs differ by a bit, a row, a number; not by the clock."""

import json

import numpy as np
import pytest

from tests import finished_runs, tiny


def test_a_bit_is_a_difference(tmp_path):
    model = tiny.classifier()
    model.trainable_variables[-1].assign(np.ones(tiny.NUM_CLASSES))
    for name in ("one", "two"):
        model.save(tmp_path / f"{name}.keras")
    assert finished_runs.weights(tmp_path / "one.keras") == finished_runs.weights(
        tmp_path / "two.keras"
    )
    assert finished_runs.served(tmp_path / "one.keras") == finished_runs.served(
        tmp_path / "two.keras"
    )
    other = tiny.classifier()
    bias = other.trainable_variables[-1]
    bias.assign(np.nextafter(np.ones(bias.shape, "float32"), np.float32(9)))
    other.save(tmp_path / "two.keras")
    assert finished_runs.weights(tmp_path / "one.keras") != finished_runs.weights(
        tmp_path / "two.keras"
    )
    assert finished_runs.served(tmp_path / "one.keras") != finished_runs.served(
        tmp_path / "two.keras"
    )


@pytest.mark.parametrize(
    "row, same",
    [
        ({"round": 1, "loss": 0.5, "images_per_second": 9.0}, True),
        ({"round": 1, "loss": 0.5, "resumed_from": 0}, True),
        ({"round": 1, "loss": 0.50001}, False),
        ({"round": 2, "loss": 0.5}, False),
    ],
)
def test_a_row_is_the_same_whatever_the_clock(tmp_path, row, same):
    for name, content in (("one", {"round": 1, "loss": 0.5}), ("two", row)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.jsonl").write_text(json.dumps(content) + "\n")
    found = finished_runs.differences(tmp_path / "one", tmp_path / "two")
    assert found == ([] if same else ["metrics.jsonl differs"])


def test_a_number_of_the_result_is_a_difference_and_so_is_what_was_left(tmp_path):
    for name, accuracy, seconds in (("one", 0.5, 1.0), ("two", 0.6, 1.0), ("three", 0.5, 2.0)):
        (tmp_path / name).mkdir()
        content = {"student": {"accuracy": accuracy}, "seconds": seconds}
        (tmp_path / name / "result.json").write_text(json.dumps(content))
    one = tmp_path / "one"
    assert finished_runs.differences(one, tmp_path / "three") == []
    assert finished_runs.differences(one, tmp_path / "two") == ["the numbers of result.json differ"]
    (tmp_path / "three" / ".student.partial.keras").touch()
    assert finished_runs.differences(one, tmp_path / "three") == [".student.partial.keras was left"]
