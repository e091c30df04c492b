"""Latency of the exported student on one thread and on all."""

import keras

from mosaickd_tf import models
from mosaickd_tf.benchmarking import latency
from mosaickd_tf.config import EXPORTS


def test_every_file_is_measured_twice_at_any_agreement(monkeypatch):
    monkeypatch.setattr(latency, "FORMATS", ("tflite_float32", "tflite_int8"))
    student = models.build_classifier("wrn10_1", num_classes=3, input_shape=(8, 8, 3))
    float32, int8 = latency.latencies(student)
    assert (float32["path"], int8["path"]) == ("student_float32.tflite", "student_int8.tflite")
    for entry in (float32, int8):
        assert entry["latency_ms"] > 0 and entry["threads"] == 1
        assert entry["latency_ms_all_threads"] > 0
    assert int8["calibration"] == {"random": 8}


def test_a_format_that_cannot_hold_the_student_is_skipped(monkeypatch):
    monkeypatch.setattr(latency, "FORMATS", ("keras", "tflite_int8"))
    student = models.build_classifier("wrn10_1", num_classes=3, input_shape=(8, 8, 3))
    student.get_layer("stem").kernel.assign(0.0 * student.get_layer("stem").kernel)
    for layer in student.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.beta.assign(0.0 * layer.beta)
    paths = [entry["path"] for entry in latency.latencies(student)]
    assert paths == ["student.keras", "serving.keras"]


def test_the_formats_are_those_of_tflite_without_training():
    assert latency.FORMATS == (
        "tflite_float32",
        "tflite_float16",
        "tflite_dynamic",
        "tflite_int8",
        "tflite_int16x8",
    )
    trained = {name for name in EXPORTS if "qat" in name or "pruned" in name or "cluster" in name}
    assert {*latency.FORMATS, *trained} == {x for x in EXPORTS if x.startswith("tflite_")}
