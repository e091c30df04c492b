"""Metrics of a training: their file, their curves, their line in the log."""

import json
import logging

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.plugins.histogram import metadata as histogram
from tensorboard.plugins.image import metadata as image

from mosaickd_tf.training.metrics_log import (
    MetricsLog,
    current_names,
    format_metrics,
    read_rows,
)


def summaries(folder):
    """Step and value of all that TensorBoard would show, but the rounds."""
    (path,) = (folder / "tensorboard").iterdir()
    events = [Event.FromString(raw.numpy()) for raw in tf.data.TFRecordDataset(str(path))]
    return [
        (event.step, value)
        for event in events
        for value in event.summary.value
        if value.tag != "round"
    ]


def test_rows_follow_those_of_the_restored_checkpoint(tmp_path):
    log = MetricsLog(tmp_path)
    for step in range(5):
        log.write({"round": step, "try": 1})
    saved = log.rows[:3]
    (tmp_path / "metrics.jsonl").write_bytes(b"\xff not a row")  # whatever became of the file
    log = MetricsLog(tmp_path, saved)
    assert read_rows(tmp_path / "metrics.jsonl") == saved
    log.write({"round": 3, "try": 2})
    rows = read_rows(tmp_path / "metrics.jsonl")
    assert [(row["round"], row["try"]) for row in rows] == [(0, 1), (1, 1), (2, 1), (3, 2)]
    assert log.rows == rows


def test_without_a_checkpoint_the_file_starts_anew(tmp_path):
    MetricsLog(tmp_path).write({"round": 0, "try": 1})
    MetricsLog(tmp_path).write({"round": 0, "try": 2})
    assert read_rows(tmp_path / "metrics.jsonl") == [{"round": 0, "try": 2}]


def test_rows_are_replaced(tmp_path):
    log = MetricsLog(tmp_path)
    for step in range(3):
        log.write({"round": step})
    log.replace_rows(log.rows[:1])
    log.write({"round": 1, "try": 2})
    assert read_rows(tmp_path / "metrics.jsonl") == [{"round": 0}, {"round": 1, "try": 2}]


def test_the_curves_are_in_tensorboard(tmp_path):
    log = MetricsLog(tmp_path)
    log.write({"round": 0, "accuracy": 0.25, "ood_agreement": None})
    log.write({"round": 3, "accuracy": 0.5, "ood_agreement": None})
    points = [
        (step, value.tag, float(tf.make_ndarray(value.tensor)))
        for step, value in summaries(tmp_path)
    ]
    assert points == [(0, "accuracy", 0.25), (3, "accuracy", 0.5)]


def test_counts_are_bars_of_a_histogram_one_a_class(tmp_path):
    MetricsLog(tmp_path).write({"round": 2}, {"classes": [5, 0, 3]})
    assert read_rows(tmp_path / "metrics.jsonl") == [{"round": 2, "classes": [5, 0, 3]}]
    ((step, value),) = summaries(tmp_path)
    assert (step, value.tag, value.metadata.plugin_data.plugin_name) == (
        2,
        "classes",
        histogram.PLUGIN_NAME,
    )
    assert tf.make_ndarray(value.tensor).tolist() == [[-0.5, 0.5, 5], [0.5, 1.5, 0], [1.5, 2.5, 3]]


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_goes_to_tensorboard_alone(tmp_path, channels):
    sheet = np.random.default_rng(0).integers(0, 256, (4, 6, channels), np.uint8)
    MetricsLog(tmp_path).write({"round": 1}, {"sheet": sheet})
    assert read_rows(tmp_path / "metrics.jsonl") == [{"round": 1}]
    ((_, value),) = summaries(tmp_path)
    assert value.metadata.plugin_data.plugin_name == image.PLUGIN_NAME
    image_shown = tf.io.decode_png(tf.make_ndarray(value.tensor)[2])
    np.testing.assert_array_equal(image_shown, sheet)


def test_the_log_has_the_row_and_not_what_is_observed_besides(tmp_path, caplog):
    with caplog.at_level(logging.INFO, "mosaickd_tf"):
        MetricsLog(tmp_path, name="mosaic").write(
            {"round": 30, "distillation_loss": 0.12345, "validation_accuracy": None},
            {"gradient_norm_student": 1.0},
        )
    assert caplog.messages == ["mosaic round    30  kd 0.123"]


def test_a_term_without_a_short_name_has_its_own():
    assert format_metrics({"round": 1, "my_own_loss": 2.0}) == "my_own_loss 2"


def test_a_number_that_is_not_finite_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError):
        MetricsLog(tmp_path).write({"round": 0, "loss": float("nan")})
    assert read_rows(tmp_path / "metrics.jsonl") == []


OLD = {"round": 3, "student_variety": 0.5, "agreement_at_hand": 0.25, "distillation_loss": 1.0}
NEW = {"round": 3, "prediction_diversity": 0.5, "unlabeled_agreement": 0.25}


def test_rows_of_version_0_1_0_are_read_with_the_names_of_this_one(tmp_path):
    (tmp_path / "metrics.jsonl").write_text(json.dumps(OLD) + "\n" + json.dumps(NEW) + "\n")
    first, second = read_rows(tmp_path / "metrics.jsonl")
    assert first == NEW | {"distillation_loss": 1.0}
    assert second == current_names(second) == NEW
